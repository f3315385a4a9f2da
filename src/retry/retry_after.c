/*
 * retry_after.c
 *	  Reading a Retry-After header: RFC 9110 section 10.2.3, plus what servers
 *	  really send.
 *
 *	  120                               seconds
 *	  1.5                               seconds with a fraction
 *	  Sun, 06 Nov 1994 08:49:37 GMT     HTTP-date, preferred form
 *	  Sunday, 06-Nov-94 08:49:37 GMT    HTTP-date, RFC 850 form
 *	  Sun Nov  6 08:49:37 1994          HTTP-date, asctime form
 *	  1500 ms, retry-after-ms: 1500     milliseconds
 *
 * Dates are parsed by hand: the header is in English and in GMT whatever the
 * session's DateStyle, TimeZone and locale say.  Anything else (negative, NaN,
 * an exponent, trailing bytes) is no header at all.  Pure: memory and locks
 * none, raises no ERROR.
 */
#include "retry/backoff.h"

#define USEC			INT64CONST(1000000)
#define DAY_SECONDS		INT64CONST(86400)

/* a longer wait is as good as this one, and sums with it do not overflow */
#define MAX_WAIT		(INT64CONST(100000000000) * USEC)

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

static bool parse_number(const char **p, int64 unit, int64 *us);
static bool parse_date(const char *p, int64 now_unix, int64 *unix_us);

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

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
		if (lower((*p)[i]) != word[i])
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
	for (; n < max && is_digit(**p); n++)
		*value = *value * 10 + (*(*p)++ - '0');
	return n >= min && !is_digit(**p);
}

bool
retry_after_parse(const char *header, int64 now_unix, int64 *wait)
{
	const char *p = header;
	int64		unit = USEC;
	int64		at;
	int64		us;

	if (header == NULL)
		return false;
	skip_blanks(&p);
	if (take_word(&p, "retry-after-ms:", 15))
		unit = 1000;
	else
		(void) take_word(&p, "retry-after:", 12);
	skip_blanks(&p);

	if (is_digit(*p))
	{
		const char *number = p;

		if (!parse_number(&p, unit, &us))
			return false;
		skip_blanks(&p);
		if (unit == USEC && take_word(&p, "ms", 2))
		{
			(void) parse_number(&number, 1000, &us);
			skip_blanks(&p);
		}
		if (*p != '\0')
			return false;
		*wait = us;
		return true;
	}

	if (unit != USEC || !parse_date(p, now_unix, &at))
		return false;
	*wait = at > now_unix ? at - now_unix : 0;
	return true;
}

/*
 * Digits with an optional fraction, rounded up to a microsecond: never earlier
 * than asked.  Saturates.
 */
static bool
parse_number(const char **p, int64 unit, int64 *us)
{
	int64		scale = unit;
	bool		rest = false;

	*us = 0;
	for (; is_digit(**p); (*p)++)
		*us = *us > MAX_WAIT / 10 ? MAX_WAIT : Min(*us * 10 + (**p - '0') * unit, MAX_WAIT);
	if (**p != '.')
		return true;
	(*p)++;
	if (!is_digit(**p))
		return false;
	for (; is_digit(**p); (*p)++)
	{
		scale /= 10;
		*us += (**p - '0') * scale;
		rest = rest || (scale == 0 && **p != '0');
	}
	if (rest)
		(*us)++;
	return true;
}

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
	*unix_us = (days_from_civil(d.year, d.month, d.day) * DAY_SECONDS +
				d.hour * 3600 + d.minute * 60 + d.second) * USEC;
	return true;
}
