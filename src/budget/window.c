/*
 * window.c
 *	  When windows begin and end.
 *
 * Fixed windows are equal spans counted from the anchor; without one, from
 * Monday 2000-01-03 00:00 UTC, so that hours, days and weeks begin where
 * people expect them.  Calendar windows are whole days or months counted from
 * the anchor's local date and time in the budget's own time zone; without an
 * anchor from that Monday (days) or 2000-01-01 (months), local midnight.  The
 * session's time zone plays no part.
 *
 * Sliding windows move on by sub-buckets of a 24th of the span; window_bounds()
 * answers with the current one.
 *
 * Memory: static, the last answers on calendars; time zones belong to PostgreSQL's
 * cache and are never freed.
 * Locks: none.  Errors: 22023 for a window that cannot be.
 */
#include "budget/window.h"

#include "datatype/timestamp.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"

/* How many calendar windows this session remembers the bounds of. */
#define KNOWN_BOUNDS	8

/* 2000-01-01 is the zero of PostgreSQL's clock, and was a Saturday. */
#define FIRST_MONDAY	(2 * USECS_PER_DAY)

static const char *const kind_names[] = {"lifetime", "fixed", "calendar", "sliding"};

static void define_span(Window *window, const Interval *period);
static int64 calendar_guess(const Window *window, Timestamp base, Timestamp local);
static TimestampTz calendar_start(const Window *window, Timestamp base, int64 k);
static Timestamp local_time(TimestampTz at, pg_tz *tz);
static TimestampTz instant(Timestamp local, pg_tz *tz);

const char *
window_kind_name(WindowKind kind)
{
	return kind_names[kind];
}

static WindowKind
derive_kind(const char *kind, const Interval *period)
{
	if (kind == NULL)
	{
		if (period == NULL)
			return WINDOW_LIFETIME;
		return period->time == 0 && (period->month == 0 || period->day == 0) ?
			WINDOW_CALENDAR : WINDOW_FIXED;
	}
	for (int i = 0; i < lengthof(kind_names); i++)
		if (strcmp(kind, kind_names[i]) == 0)
			return (WindowKind) i;
	agc_refuse_word("kind of budget", kind, "The kinds are fixed, sliding, calendar and lifetime.");
}

void
window_define(Window *window, const char *kind, const Interval *period,
			  const char *tz, bool has_anchor, TimestampTz anchor)
{
	memset(window, 0, sizeof(*window));
	window->kind = derive_kind(kind, period);
	window->has_anchor = has_anchor;
	window->anchor = anchor;
	if (has_anchor && TIMESTAMP_NOT_FINITE(anchor))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("anchor must be finite")));
	window->tz = pg_tzset(tz);
	if (window->tz == NULL || !pg_tz_acceptable(window->tz))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown time zone \"%s\"", tz),
				 errhint("The view pg_timezone_names lists them.")));
	if ((window->kind == WINDOW_LIFETIME) != (period == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 period == NULL ?
					 errmsg("a budget of kind \"%s\" needs a period", kind_names[window->kind]) :
					 errmsg("a budget of kind \"lifetime\" has no period")));
	if (period != NULL)
		define_span(window, period);
}

static void
define_span(Window *window, const Interval *period)
{
	window->span = agc_interval_us(period, "period");
	if (window->span == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("period must be longer than zero")));
	if (window->span > INT64CONST(100) * 366 * USECS_PER_DAY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("period is out of range"),
				 errdetail("At most 100 years are allowed."),
				 errhint("Leave period out for a budget that never resets.")));
	if ((window->kind == WINDOW_FIXED || window->kind == WINDOW_SLIDING) && period->month != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("months are not of equal length"),
				 errhint("Use kind calendar, or a period in days.")));
	if (window->kind == WINDOW_CALENDAR)
	{
		if (period->time != 0 || (period->month != 0) == (period->day != 0) ||
			period->month < 0 || period->day < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a calendar period is a whole number of days, weeks, months or years"),
					 errhint("Use kind fixed for other spans.")));
		window->months = period->month;
		window->days = period->day;
	}
}

bool
window_same(const Window *a, const Window *b)
{
	return a->kind == b->kind && a->span == b->span && a->months == b->months &&
		a->days == b->days && a->tz == b->tz && a->has_anchor == b->has_anchor &&
		(!a->has_anchor || a->anchor == b->anchor);
}

/* Rounded up: the buckets before the current one cover the span. */
int64
window_sliding_step(const Window *window)
{
	return (window->span + SLIDING_PARTS - 1) / SLIDING_PARTS;
}

static int64
floor_div(int64 a, int64 b)
{
	return a / b - (a % b < 0 ? 1 : 0);
}

static void
calendar_bounds(const Window *window, TimestampTz at, TimestampTz *start, TimestampTz *end)
{
	Timestamp	base;
	int64		k;

	if (window->has_anchor)
		base = local_time(window->anchor, window->tz);
	else
		base = window->months > 0 ? 0 : FIRST_MONDAY;
	k = calendar_guess(window, base, local_time(at, window->tz));
	while ((*start = calendar_start(window, base, k)) > at)
		k--;
	while ((*end = calendar_start(window, base, k + 1)) <= at)
	{
		*start = *end;
		k++;
	}
}

typedef struct Bounds
{
	Window		window;
	TimestampTz start;
	TimestampTz end;
} Bounds;

/*
 * Most questions are about the window of now.  Working it out takes 3,500 instructions
 * and is done for each window of each level: 28,000 of 563,000 of an acquire and a
 * commit at three levels of two windows.
 */
static void
known_calendar_bounds(const Window *window, TimestampTz at, TimestampTz *start, TimestampTz *end)
{
	static Bounds known[KNOWN_BOUNDS];
	static int	next = 0;

	for (int i = 0; i < KNOWN_BOUNDS; i++)
		if (at >= known[i].start && at < known[i].end && window_same(&known[i].window, window))
		{
			*start = known[i].start;
			*end = known[i].end;
			return;
		}
	calendar_bounds(window, at, start, end);
	known[next] = (Bounds){*window, *start, *end};
	next = (next + 1) % KNOWN_BOUNDS;
}

void
window_bounds(const Window *window, TimestampTz at, TimestampTz *start, TimestampTz *end)
{
	TimestampTz origin;
	int64		k;

	switch (window->kind)
	{
		case WINDOW_LIFETIME:
			*start = DT_NOBEGIN;
			*end = DT_NOEND;
			return;
		case WINDOW_FIXED:
			origin = window->has_anchor ? window->anchor : FIRST_MONDAY;
			*start = origin + floor_div(at - origin, window->span) * window->span;
			*end = *start + window->span;
			return;
		case WINDOW_SLIDING:
			k = window_sliding_step(window);
			origin = window->has_anchor ? window->anchor : FIRST_MONDAY;
			*start = origin + floor_div(at - origin, k) * k;
			*end = *start + k;
			return;
		case WINDOW_CALENDAR:
			known_calendar_bounds(window, at, start, end);
			return;
	}
}

/* Off by one at most; window_bounds() corrects it. */
static int64
calendar_guess(const Window *window, Timestamp base, Timestamp local)
{
	struct pg_tm from;
	struct pg_tm to;
	fsec_t		fsec;

	if (window->days > 0)
		return floor_div(local - base, window->days * USECS_PER_DAY);
	if (timestamp2tm(base, NULL, &from, &fsec, NULL, NULL) != 0 ||
		timestamp2tm(local, NULL, &to, &fsec, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return floor_div((to.tm_year - from.tm_year) * MONTHS_PER_YEAR + to.tm_mon - from.tm_mon,
					 window->months);
}

/*
 * Counted from the base every time, so that a budget anchored on the 31st
 * ends on the last day of short months and returns to the 31st.
 */
static TimestampTz
calendar_start(const Window *window, Timestamp base, int64 k)
{
	Interval	distance = {.month = (int32) (k * window->months), .day = (int32) (k * window->days)};
	Datum		local = DirectFunctionCall2(timestamp_pl_interval, TimestampGetDatum(base),
											IntervalPGetDatum(&distance));

	return instant(DatumGetTimestamp(local), window->tz);
}

static Timestamp
local_time(TimestampTz at, pg_tz *tz)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			offset;
	Timestamp	local;

	if (timestamp2tm(at, &offset, &tm, &fsec, NULL, tz) != 0 ||
		tm2timestamp(&tm, fsec, NULL, &local) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return local;
}

/* A local time that daylight saving skips or repeats has one answer, always the same. */
static TimestampTz
instant(Timestamp local, pg_tz *tz)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			offset;
	TimestampTz at;

	if (timestamp2tm(local, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	offset = DetermineTimeZoneOffset(&tm, tz);
	if (tm2timestamp(&tm, fsec, &offset, &at) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return at;
}
