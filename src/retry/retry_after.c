/*
 * retry_after.c
 *	  Reading how long to wait: the value of a Retry-After header (RFC 9110
 *	  section 10.2.3), and what servers really send.
 *
 *	  120, 1.5                          seconds
 *	  1500ms, 5 seconds, 6m0s, 1h 5min  units, also one after the other
 *	  5, 10                             a list: the first
 *	  1764547200, 1764547200000         an epoch in seconds, ms or us that lies ahead
 *	  2026-12-01T00:00:00Z              RFC 3339
 *	  Sun, 06 Nov 1994 08:49:37 GMT     HTTP-date, preferred form
 *	  Sunday, 06-Nov-94 08:49:37 GMT    HTTP-date, RFC 850 form
 *	  Sun Nov  6 08:49:37 1994          HTTP-date, asctime form
 *
 * Dates are parsed by hand: the header is in English and in GMT whatever the
 * session's DateStyle, TimeZone and locale say.  Anything else (negative, NaN,
 * an exponent, trailing bytes) is no value at all.  Pure: memory and locks
 * none, raises no ERROR.
 */
#include "retry/retry_after.h"

#include "retry/words.h"

#define USEC			INT64CONST(1000000)
#define DAY_SECONDS		INT64CONST(86400)

/* no server asks for 30 years: so large a number is a time, not a wait */
#define FIRST_EPOCH		INT64CONST(1000000000)
#define LAST_EPOCH		(FIRST_EPOCH * 100)

#define MAX_NUMBER		INT64CONST(1000000000000000000)

typedef struct DateParts
{
	int			year;
	int			month;			/* 1..12 */
	int			day;
	int			hour;
	int			minute;
	int			second;
} DateParts;

static const char *const day_names[] = {
	"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
};
static const char *const month_names[] = {
	"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"
};

static void
skip_blanks(const char **p)
{
	while (**p == ' ' || **p == '\t')
		(*p)++;
}

/* takes a lower-case word, whatever the case of the text */
static bool
take_word(const char **p, const char *word, int len)
{
	for (int i = 0; i < len; i++)
		if (word_lower((*p)[i]) != word[i])
			return false;
	*p += len;
	return true;
}

static bool
take_char(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

/* between min and max digits */
static bool
take_int(const char **p, int min, int max, int *value)
{
	int			n = 0;

	*value = 0;
	for (; n < max && word_digit(**p); n++)
		*value = *value * 10 + (*(*p)++ - '0');
	return n >= min && !word_digit(**p);
}

/* ----- numbers and units ------------------------------------------------------ */

typedef struct Number
{
	int64		whole;			/* saturates */
	int			nano;			/* the fraction in 1e-9, rounded up */
} Number;

/* in ns, because Go prints such waits too */
static const struct
{
	const char *word;
	int64		ns;
}			units[] = {
	{"milliseconds", 1000000}, {"millisecond", 1000000}, {"millis", 1000000}, {"msecs", 1000000}, {"msec", 1000000},
	{"minutes", 60 * USEC * 1000}, {"minute", 60 * USEC * 1000}, {"mins", 60 * USEC * 1000}, {"min", 60 * USEC * 1000},
	{"seconds", USEC * 1000}, {"second", USEC * 1000}, {"secs", USEC * 1000}, {"sec", USEC * 1000},
	{"hours", 3600 * USEC * 1000}, {"hour", 3600 * USEC * 1000}, {"hrs", 3600 * USEC * 1000}, {"hr", 3600 * USEC * 1000},
	{"days", DAY_SECONDS * USEC * 1000}, {"day", DAY_SECONDS * USEC * 1000},
	{"ns", 1}, {"us", 1000}, {"\302\265s", 1000}, {"\316\274s", 1000}, {"ms", 1000000},
	{"s", USEC * 1000}, {"m", 60 * USEC * 1000}, {"h", 3600 * USEC * 1000}, {"d", DAY_SECONDS * USEC * 1000},
};

/* Digits with an optional fraction; a point at the end of a sentence is none. */
static bool
take_number(const char **p, Number *number)
{
	bool		rest = false;
	int			scale = 100000000;

	*number = (Number)
	{
		0, 0
	};
	if (!word_digit(**p))
		return false;
	for (; word_digit(**p); (*p)++)
		number->whole = number->whole > MAX_NUMBER / 10 - 1 ? MAX_NUMBER : number->whole * 10 + (**p - '0');
	if (**p != '.' || !word_digit((*p)[1]))
		return true;
	for ((*p)++; word_digit(**p); (*p)++, scale /= 10)
	{
		number->nano += (**p - '0') * scale;
		rest = rest || (scale == 0 && **p != '0');
	}
	number->nano += rest;
	return true;
}

static bool
take_unit(const char **p, int64 *ns)
{
	for (int i = 0; i < lengthof(units); i++)
	{
		const char *at = *p;

		if (take_word(&at, units[i].word, strlen(units[i].word)) &&
			!(word_char(*at) && !word_digit(*at)))
		{
			*p = at;
			*ns = units[i].ns;
			return true;
		}
	}
	return false;
}

/* in us, rounded up: never earlier than asked; saturates */
static int64
to_us(const Number *number, int64 ns)
{
	int64		us;

	if (number->whole > RETRY_MAX_WAIT / Max(ns / 1000, 1))
		return RETRY_MAX_WAIT;
	us = ns >= 1000 ? number->whole * (ns / 1000) : (number->whole * ns + 999) / 1000;
	if (ns >= 1000)
	{
		int64		parts = (int64) (number->nano / 1000) * (ns / 1000);

		us += parts / USEC + (parts % USEC * 1000 + (int64) (number->nano % 1000) * (ns / 1000) + 999999999) / 1000000000;
	}
	else
		us += number->nano > 0;
	return Min(us, RETRY_MAX_WAIT);
}

/* An epoch in seconds, ms or us: false where the number is none. */
static bool
read_epoch(const Number *number, int64 *unix_us)
{
	int64		unit = USEC;
	int64		limit = LAST_EPOCH;

	if (number->whole < FIRST_EPOCH)
		return false;
	for (; number->whole >= limit; limit *= 1000, unit /= 1000)
		if (unit == 1)
			return false;
	*unix_us = number->whole * unit + number->nano / (1000000000 / unit);
	return true;
}

static bool
take_plural(const char **p)
{
	const char *at = *p;

	skip_blanks(&at);
	if (take_word(&at, "and ", 4))
		skip_blanks(&at);
	if (!word_digit(*at))
		return false;
	*p = at;
	return true;
}

bool
retry_after_take(const char **p, int64 unit, int64 now_unix, int64 *wait)
{
	const char *at = *p;
	int64		total = 0;
	bool		united = false;

	do
	{
		const char *before = at;
		Number		number;
		int64		ns;

		if (!take_number(&at, &number))
			return false;
		*p = at;
		skip_blanks(&at);
		if (!take_unit(&at, &ns))
		{
			/* "1m 30" is no wait; what follows the minute is not ours */
			if (united)
			{
				*p = before;
				break;
			}
			if (word_char(*at) || *at == '%')
				return false;
			if (unit == USEC && read_epoch(&number, wait))
			{
				*wait -= now_unix;
				return *wait > 0;
			}
			total = to_us(&number, unit * 1000);
			break;
		}
		total = Min(total + to_us(&number, ns), RETRY_MAX_WAIT);
		united = true;
		*p = at;
	} while (take_plural(&at));
	*wait = total;
	return true;
}

/* ----- dates -------------------------------------------------------------------- */

/* The short or the long name of a day; which one decides nothing. */
static bool
take_day_name(const char **p)
{
	for (int i = 0; i < lengthof(day_names); i++)
	{
		const char *name = day_names[i];

		if (take_word(p, name, strlen(name)) || take_word(p, name, 3))
			return true;
	}
	return false;
}

static bool
take_month(const char **p, int *month)
{
	for (int i = 0; i < lengthof(month_names); i++)
		if (take_word(p, month_names[i], 3))
		{
			*month = i + 1;
			return true;
		}
	return false;
}

static bool
take_time(const char **p, DateParts *d)
{
	return take_int(p, 2, 2, &d->hour) && take_char(p, ':') &&
		take_int(p, 2, 2, &d->minute) && take_char(p, ':') &&
		take_int(p, 2, 2, &d->second);
}

static bool
take_zone(const char **p)
{
	skip_blanks(p);
	return take_word(p, "gmt", 3) || take_word(p, "utc", 3);
}

/* days since 1970-01-01 of the proleptic Gregorian calendar */
static int64
days_from_civil(int year, int month, int day)
{
	int			y = month <= 2 ? year - 1 : year;
	int			era = y / 400;
	int			of_era = y - era * 400;
	int			of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return (int64) era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool
is_real_date(const DateParts *d)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		leap = (d->year % 4 == 0 && d->year % 100 != 0) || d->year % 400 == 0;

	/* second 60 is a leap second */
	return d->year >= 1970 && d->day >= 1 &&
		d->day <= lengths[d->month - 1] + (leap && d->month == 2 ? 1 : 0) &&
		d->hour <= 23 && d->minute <= 59 && d->second <= 60;
}

static int64
date_us(const DateParts *d)
{
	return (days_from_civil(d->year, d->month, d->day) * DAY_SECONDS +
			d->hour * 3600 + d->minute * 60 + d->second) * USEC;
}

/* RFC 9110: two digits that seem more than 50 years ahead are in the past. */
static int
full_year(int two_digits, int64 now_unix)
{
	int			now_year = 1970 + (int) (now_unix / USEC / (DAY_SECONDS * 146097 / 400));
	int			year = now_year - now_year % 100 + two_digits;

	return year > now_year + 50 ? year - 100 : year;
}

static bool
parse_date(const char *p, int64 now_unix, int64 *unix_us)
{
	DateParts	d;

	if (!take_day_name(&p))
		return false;
	if (take_char(&p, ','))
	{
		skip_blanks(&p);
		if (!take_int(&p, 1, 2, &d.day))
			return false;
		if (take_char(&p, '-'))
		{
			if (!take_month(&p, &d.month) || !take_char(&p, '-') || !take_int(&p, 2, 2, &d.year))
				return false;
			d.year = full_year(d.year, now_unix);
		}
		else if (!take_char(&p, ' ') || !take_month(&p, &d.month) ||
				 !take_char(&p, ' ') || !take_int(&p, 4, 4, &d.year))
			return false;
		if (!take_char(&p, ' ') || !take_time(&p, &d) || !take_zone(&p))
			return false;
	}
	else
	{
		if (!take_char(&p, ' ') || !take_month(&p, &d.month) || !take_char(&p, ' '))
			return false;
		skip_blanks(&p);
		if (!take_int(&p, 1, 2, &d.day) || !take_char(&p, ' ') || !take_time(&p, &d) ||
			!take_char(&p, ' ') || !take_int(&p, 4, 4, &d.year))
			return false;
	}
	skip_blanks(&p);
	if (*p != '\0' || !is_real_date(&d))
		return false;
	*unix_us = date_us(&d);
	return true;
}

/* ----- the whole --------------------------------------------------------------- */

/* 2026-12-01T00:00:00.5+01:00, 2026-12-01 00:00:00 UTC */
bool
retry_after_take_time(const char **from, int64 *unix_us)
{
	const char *p = *from;
	DateParts	d;
	Number		second = {0, 0};
	int			hours = 0;
	int			minutes = 0;
	int			sign = 0;

	if (!take_int(&p, 4, 4, &d.year) || !take_char(&p, '-') || !take_int(&p, 2, 2, &d.month) ||
		!take_char(&p, '-') || !take_int(&p, 2, 2, &d.day) || !(*p == 'T' || *p == 't' || *p == ' '))
		return false;
	p++;
	if (!take_int(&p, 2, 2, &d.hour) || !take_char(&p, ':') || !take_int(&p, 2, 2, &d.minute) || !take_char(&p, ':') ||
		!word_digit(p[0]) || !word_digit(p[1]) || !take_number(&p, &second))
		return false;
	d.second = second.whole;
	if (*p == '+' || *p == '-')
	{
		sign = *p++ == '+' ? 1 : -1;
		if (!take_int(&p, 2, 2, &hours) || !take_char(&p, ':') || !take_int(&p, 2, 2, &minutes) || hours > 23 || minutes > 59)
			return false;
	}
	else if (*p == 'Z' || *p == 'z')
		p++;
	else if (!take_zone(&p))
		return false;
	if (word_char(*p) || d.month < 1 || d.month > 12 || second.whole > 60 || !is_real_date(&d))
		return false;
	*from = p;
	*unix_us = date_us(&d) + second.nano / 1000 + (second.nano % 1000 > 0) - sign * (hours * 3600 + minutes * 60) * USEC;
	return true;
}

static bool
parse_rfc3339(const char *p, int64 *unix_us)
{
	if (!retry_after_take_time(&p, unix_us))
		return false;
	skip_blanks(&p);
	return *p == '\0';
}

bool
retry_after_parse(const char *value, int64 unit, int64 now_unix, int64 *wait)
{
	const char *p = value;
	int64		at;
	int64		us;

	skip_blanks(&p);
	if (unit == USEC && (parse_rfc3339(p, &at) || parse_date(p, now_unix, &at)))
	{
		*wait = at > now_unix ? Min(at - now_unix, RETRY_MAX_WAIT) : 0;
		return true;
	}
	if (!retry_after_take(&p, unit, now_unix, &us))
		return false;
	skip_blanks(&p);
	if (*p != '\0' && *p != ',')
		return false;
	*wait = us;
	return true;
}
