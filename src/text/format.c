/*
 * format.c
 *	  The formats of JSON Schema as small parsers: dates and times (RFC 3339,
 *	  ISO 8601 durations), network names and addresses, URIs (RFC 3986, 3987,
 *	  6570), JSON Pointers (RFC 6901), UUIDs.
 *
 * Every parser reads a text in UTF-8 with a cursor and must end at its end.
 *
 * Memory: none.  Locks: none.  Errors: none.
 */
#include "text/format.h"

#include <string.h>

#include "text/idna.h"

typedef struct Cursor
{
	const char *p;
	const char *end;
} Cursor;

static bool
is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

static bool
is_alpha(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}

static bool
is_hex(char ch)
{
	return is_digit(ch) || (ch >= 'a' && ch <= 'f') || (ch >= 'A' && ch <= 'F');
}

static bool
one_of(char ch, const char *set)
{
	return ch != '\0' && strchr(set, ch) != NULL;
}

static bool
take(Cursor *c, char ch)
{
	if (c->p < c->end && *c->p == ch)
	{
		c->p++;
		return true;
	}
	return false;
}

/* exactly n digits */
static bool
take_number(Cursor *c, int n, int *value)
{
	*value = 0;
	if (c->end - c->p < n)
		return false;
	for (int i = 0; i < n; i++, c->p++)
	{
		if (!is_digit(*c->p))
			return false;
		*value = *value * 10 + (*c->p - '0');
	}
	return true;
}

/* ----- dates and times ------------------------------------------------------ */

static bool
parse_date(Cursor *c)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int			year;
	int			month;
	int			day;
	bool		leap;

	if (!take_number(c, 4, &year) || !take(c, '-') || !take_number(c, 2, &month) ||
		!take(c, '-') || !take_number(c, 2, &day) || month < 1 || month > 12 || day < 1)
		return false;
	leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return day <= days[month - 1] + (month == 2 && leap);
}

/* A leap second occurs only in the last minute of a day in UTC. */
static bool
parse_time(Cursor *c)
{
	int			hour;
	int			minute;
	int			second;
	int			offset_hour = 0;
	int			offset_minute = 0;
	int			sign = 0;
	int			utc;

	if (!take_number(c, 2, &hour) || !take(c, ':') || !take_number(c, 2, &minute) ||
		!take(c, ':') || !take_number(c, 2, &second) || hour > 23 || minute > 59 || second > 60)
		return false;
	if (take(c, '.'))
	{
		const char *start = c->p;

		while (c->p < c->end && is_digit(*c->p))
			c->p++;
		if (c->p == start)
			return false;
	}
	if (take(c, '+'))
		sign = 1;
	else if (take(c, '-'))
		sign = -1;
	else if (!take(c, 'Z') && !take(c, 'z'))
		return false;
	if (sign != 0 && (!take_number(c, 2, &offset_hour) || !take(c, ':') ||
					  !take_number(c, 2, &offset_minute) || offset_hour > 23 || offset_minute > 59))
		return false;
	utc = hour * 60 + minute - sign * (offset_hour * 60 + offset_minute);
	return second < 60 || (utc + 1440) % 1440 == 1439;
}

static bool
check_date(Cursor *c)
{
	return parse_date(c);
}

static bool
check_time(Cursor *c)
{
	return parse_time(c);
}

static bool
check_date_time(Cursor *c)
{
	return parse_date(c) && (take(c, 'T') || take(c, 't')) && parse_time(c);
}

/*
 * Units of a duration in order; each follows only the one right before it
 * (RFC 3339 appendix A).  How many were read; -1: malformed.
 */
static int
parse_units(Cursor *c, const char *units)
{
	int			count = 0;
	const char *next = units;

	while (c->p < c->end && is_digit(*c->p))
	{
		const char *found;

		while (c->p < c->end && is_digit(*c->p))
			c->p++;
		if (c->p == c->end || !one_of(*c->p, units))
			return -1;
		found = strchr(units, *c->p++);
		if (found < next || (count > 0 && found != next))
			return -1;
		next = found + 1;
		count++;
	}
	return count;
}

static bool
check_duration(Cursor *c)
{
	const char *start;
	int			dates;

	if (!take(c, 'P'))
		return false;
	start = c->p;
	while (c->p < c->end && is_digit(*c->p))
		c->p++;
	if (c->p > start && take(c, 'W'))
		return true;
	c->p = start;
	dates = parse_units(c, "YMD");
	if (dates < 0)
		return false;
	if (take(c, 'T'))
		return parse_units(c, "HMS") > 0;
	return dates > 0;
}

/* ----- addresses and names --------------------------------------------------- */

static bool
parse_ipv4(Cursor *c)
{
	for (int i = 0; i < 4; i++)
	{
		int			value = 0;
		int			n = 0;

		if (i > 0 && !take(c, '.'))
			return false;
		for (; c->p < c->end && is_digit(*c->p) && n < 3; n++)
		{
			if (n > 0 && value == 0)
				return false;
			value = value * 10 + (*c->p++ - '0');
		}
		if (n == 0 || value > 255)
			return false;
	}
	return true;
}

static bool
parse_ipv6(Cursor *c)
{
	int			groups = 0;
	bool		gap = false;

	if (c->end - c->p >= 2 && c->p[0] == ':' && c->p[1] == ':')
	{
		gap = true;
		c->p += 2;
	}
	while (c->p < c->end && groups < 8 && is_hex(*c->p))
	{
		const char *start = c->p;

		while (c->p < c->end && is_hex(*c->p) && c->p - start < 4)
			c->p++;
		if (c->p < c->end && *c->p == '.')
		{
			c->p = start;
			if (!parse_ipv4(c))
				return false;
			groups += 2;
			break;
		}
		groups++;
		if (c->p == c->end || *c->p != ':')
			break;
		c->p++;
		if (take(c, ':'))
		{
			if (gap)
				return false;
			gap = true;
		}
		else if (c->p == c->end || !is_hex(*c->p))
			return false;
	}
	return gap ? groups < 8 : groups == 8;
}

static bool
check_ipv4(Cursor *c)
{
	return parse_ipv4(c);
}

static bool
check_ipv6(Cursor *c)
{
	return parse_ipv6(c);
}

/* kinds of host names: RFC 1123; RFC 5890, as given or after normalising */
typedef enum HostKind
{
	HOST_ASCII,
	HOST_COMPOSED,
	HOST_ANY_FORM
} HostKind;

#define HOSTNAME_MAX 253
#define LABEL_MAX 63

/* the ideographic full stops that IDNA 2003 knew, in three widths */
static int
dot_length(const Cursor *c, HostKind kind)
{
	if (c->p < c->end && *c->p == '.')
		return 1;
	if (kind != HOST_ASCII && c->end - c->p >= 3 &&
		(memcmp(c->p, "\xe3\x80\x82", 3) == 0 || memcmp(c->p, "\xef\xbc\x8e", 3) == 0 ||
		 memcmp(c->p, "\xef\xbd\xa1", 3) == 0))
		return 3;
	return 0;
}

/*
 * Labels of letters, digits and inner hyphens.  Hyphens in the third and
 * fourth place mark an encoded label.  A name outside ASCII, or with encoded
 * labels, is judged by idna.c, lengths included.
 */
static bool
parse_hostname(Cursor *c, HostKind kind)
{
	const char *start = c->p;
	bool		plain = true;

	for (;;)
	{
		const char *label = c->p;
		size_t		len;
		bool		ascii = true;

		while (c->p < c->end && dot_length(c, kind) == 0 &&
			   (is_alpha(*c->p) || is_digit(*c->p) || *c->p == '-' || (kind != HOST_ASCII && (*c->p & 0x80))))
			if (*c->p++ & 0x80)
				ascii = false;
		len = c->p - label;
		if (len == 0 || label[0] == '-' || label[len - 1] == '-' || (ascii && len > LABEL_MAX))
			return false;
		if (len >= 4 && label[2] == '-' && label[3] == '-')
		{
			if ((label[0] | 0x20) != 'x' || (label[1] | 0x20) != 'n' || len == 4)
				return false;
			plain = false;
		}
		plain = plain && ascii;
		if (dot_length(c, kind) == 0)
			break;
		c->p += dot_length(c, kind);
	}
	if (plain)
		return c->p - start <= HOSTNAME_MAX;
	return idna_valid(start, c->p - start, kind != HOST_ANY_FORM);
}

static bool
check_hostname(Cursor *c)
{
	return parse_hostname(c, HOST_ASCII);
}

static bool
check_idn_hostname(Cursor *c)
{
	return parse_hostname(c, HOST_COMPOSED);
}

/* RFC 5321: dot-atom or quoted string, "@", host name or address literal */
static bool
parse_email(Cursor *c, bool international)
{
	const char *start = c->p;

	if (take(c, '"'))
	{
		while (c->p < c->end && *c->p != '"')
		{
			if (*c->p == '\\' && ++c->p == c->end)
				return false;
			if ((unsigned char) *c->p < 0x20 || *c->p == 0x7f || (!international && (*c->p & 0x80)))
				return false;
			c->p++;
		}
		if (!take(c, '"'))
			return false;
	}
	else
	{
		const char *atom = c->p;

		for (; c->p < c->end && *c->p != '@'; c->p++)
		{
			if (*c->p == '.')
			{
				if (c->p == atom)
					return false;
				atom = c->p + 1;
			}
			else if (!is_alpha(*c->p) && !is_digit(*c->p) && !one_of(*c->p, "!#$%&'*+-/=?^_`{|}~") &&
					 !(international && (*c->p & 0x80)))
				return false;
		}
		if (c->p == atom)
			return false;
	}
	if (c->p - start > 64 || !take(c, '@'))
		return false;
	if (take(c, '['))
	{
		bool		good;

		if (c->end - c->p > 5 && memcmp(c->p, "IPv6:", 5) == 0)
		{
			c->p += 5;
			good = parse_ipv6(c);
		}
		else
			good = parse_ipv4(c);
		return good && take(c, ']');
	}
	return parse_hostname(c, international ? HOST_ANY_FORM : HOST_ASCII);
}

static bool
check_email(Cursor *c)
{
	return parse_email(c, false);
}

static bool
check_idn_email(Cursor *c)
{
	return parse_email(c, true);
}

static bool
check_uuid(Cursor *c)
{
	for (int i = 0; i < 36; i++)
	{
		bool		hyphen = i == 8 || i == 13 || i == 18 || i == 23;

		if (c->p == c->end || (hyphen ? *c->p != '-' : !is_hex(*c->p)))
			return false;
		c->p++;
	}
	return true;
}

/* ----- URIs ------------------------------------------------------------------- */

/* unreserved, percent-encoded, sub-delimiters, and what "more" adds */
static bool
take_uri_char(Cursor *c, const char *more, bool international)
{
	if (c->p == c->end)
		return false;
	if (*c->p == '%')
	{
		if (c->end - c->p < 3 || !is_hex(c->p[1]) || !is_hex(c->p[2]))
			return false;
		c->p += 3;
		return true;
	}
	if (!is_alpha(*c->p) && !is_digit(*c->p) && !one_of(*c->p, "-._~!$&'()*+,;=") && !one_of(*c->p, more) &&
		!(international && (*c->p & 0x80)))
		return false;
	c->p++;
	return true;
}

static bool
parse_authority(Cursor *c, bool international)
{
	const char *at = NULL;

	for (const char *p = c->p; p < c->end && !one_of(*p, "/?#"); p++)
		if (*p == '@')
			at = p;
	while (at != NULL && c->p < at)
		if (!take_uri_char(c, ":", international))
			return false;
	if (at != NULL)
		c->p = at + 1;
	if (take(c, '['))
	{
		if (c->p < c->end && (*c->p | 0x20) == 'v')
		{
			/* IPvFuture */
			for (c->p++; c->p < c->end && is_hex(*c->p); c->p++)
				;
			if (!take(c, '.'))
				return false;
			while (take_uri_char(c, ":", false))
				;
		}
		else if (!parse_ipv6(c))
			return false;
		if (!take(c, ']'))
			return false;
	}
	else
		while (take_uri_char(c, "", international))
			;
	if (take(c, ':'))
		while (c->p < c->end && is_digit(*c->p))
			c->p++;
	return c->p == c->end || one_of(*c->p, "/?#");
}

static bool
parse_uri(Cursor *c, bool absolute, bool international)
{
	const char *colon = c->p;
	bool		scheme;

	while (colon < c->end && (is_alpha(*colon) || is_digit(*colon) || one_of(*colon, "+-.")))
		colon++;
	scheme = colon < c->end && *colon == ':' && colon > c->p && is_alpha(*c->p);
	if (absolute && !scheme)
		return false;
	if (scheme)
		c->p = colon + 1;
	if (c->end - c->p >= 2 && c->p[0] == '/' && c->p[1] == '/')
	{
		c->p += 2;
		if (!parse_authority(c, international))
			return false;
	}
	else if (!scheme)
	{
		/* the first segment of a relative reference has no colon */
		while (take_uri_char(c, "@", international))
			;
		if (c->p < c->end && *c->p == ':')
			return false;
	}
	while (take_uri_char(c, ":@/", international))
		;
	if (take(c, '?'))
		while (take_uri_char(c, ":@/?", international))
			;
	if (take(c, '#'))
		while (take_uri_char(c, ":@/?", international))
			;
	return true;
}

static bool
check_uri(Cursor *c)
{
	return parse_uri(c, true, false);
}

static bool
check_uri_reference(Cursor *c)
{
	return parse_uri(c, false, false);
}

static bool
check_iri(Cursor *c)
{
	return parse_uri(c, true, true);
}

static bool
check_iri_reference(Cursor *c)
{
	return parse_uri(c, false, true);
}

/* RFC 6570: literals, and {op var[:n][*], ...} */
static bool
parse_expression(Cursor *c)
{
	if (c->p < c->end && one_of(*c->p, "+#./;?&=,!@|"))
		c->p++;
	do
	{
		const char *start;

		do
		{
			start = c->p;
			while (c->p < c->end && (is_alpha(*c->p) || is_digit(*c->p) || *c->p == '_' ||
									 (*c->p == '%' && c->end - c->p >= 3 && is_hex(c->p[1]) && is_hex(c->p[2]))))
				c->p += *c->p == '%' ? 3 : 1;
			if (c->p == start)
				return false;
		} while (take(c, '.'));
		if (take(c, ':'))
		{
			start = c->p;
			while (c->p < c->end && is_digit(*c->p))
				c->p++;
			if (c->p == start || *start == '0' || c->p - start > 4)
				return false;
		}
		else
			(void) take(c, '*');
	} while (take(c, ','));
	return take(c, '}');
}

static bool
check_uri_template(Cursor *c)
{
	while (c->p < c->end)
	{
		unsigned char ch = *c->p;

		if (ch == '{')
		{
			c->p++;
			if (!parse_expression(c))
				return false;
			continue;
		}
		if (ch <= 0x20 || ch == 0x7f || one_of(ch, "\"<>\\^`|}") ||
			(ch == '%' && (c->end - c->p < 3 || !is_hex(c->p[1]) || !is_hex(c->p[2]))))
			return false;
		c->p++;
	}
	return true;
}

/* ----- JSON Pointer ------------------------------------------------------------ */

static bool
check_json_pointer(Cursor *c)
{
	if (c->p < c->end && *c->p != '/')
		return false;
	for (; c->p < c->end; c->p++)
		if (*c->p == '~' && (c->end - c->p < 2 || (c->p[1] != '0' && c->p[1] != '1')))
			return false;
	return true;
}

static bool
check_relative_json_pointer(Cursor *c)
{
	const char *start = c->p;

	while (c->p < c->end && is_digit(*c->p))
		c->p++;
	if (c->p == start || (*start == '0' && c->p - start > 1))
		return false;
	return take(c, '#') || check_json_pointer(c);
}

static const struct
{
	const char *name;
	bool		(*check) (Cursor *c);
}			formats[] = {
	{"regex", NULL},
	{"date", check_date},
	{"time", check_time},
	{"date-time", check_date_time},
	{"duration", check_duration},
	{"email", check_email},
	{"idn-email", check_idn_email},
	{"hostname", check_hostname},
	{"idn-hostname", check_idn_hostname},
	{"ipv4", check_ipv4},
	{"ipv6", check_ipv6},
	{"uri", check_uri},
	{"uri-reference", check_uri_reference},
	{"iri", check_iri},
	{"iri-reference", check_iri_reference},
	{"uri-template", check_uri_template},
	{"uuid", check_uuid},
	{"json-pointer", check_json_pointer},
	{"relative-json-pointer", check_relative_json_pointer},
};

int
format_find(const char *name)
{
	for (int i = 0; i < (int) (sizeof(formats) / sizeof(formats[0])); i++)
		if (strcmp(formats[i].name, name) == 0)
			return i;
	return -1;
}

bool
format_check(int id, const char *s, size_t len)
{
	Cursor		c = {s, s + len};

	return formats[id].check(&c) && c.p == c.end;
}
