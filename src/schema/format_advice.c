/*
 * format_advice.c
 *	  What a format looks like, and what a text lacks to be of it.
 *
 * "Must be a valid date-time" has sent models into loops: they had sent one, only
 * without a time zone.  What a text lacks is found by trying the cure: a text
 * that is valid after the change lacked just that.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "schema/format_advice.h"

#include <ctype.h>

#include "core/core.h"
#include "text/format.h"

/* longer texts are not a slip of the pen */
#define TEXT_MAX 200

/* In this order: cut, insert or put over digits, put before, put behind, put T for the first blank. */
typedef struct Cure
{
	const char *format;
	bool		blank_to_t;
	int			insert_at;		/* < 0: from the end */
	const char *insert;			/* NULL: nothing */
	const char *before;
	const char *behind;
	int			cut_to;			/* 0: not cut */
	const char *lack;
	bool		over;			/* insert stands for as many digits of the text */
	bool		trim;			/* first of all, drop the blanks around it */
} Cure;

#define NO_DATE "there is no such date"
#define NO_TIME "there is no such time of day"
#define TWO_DIGITS "month, day and hour have two digits, as in \"03\""
#define HALF_OFFSET "the minutes of the offset are missing, as in \"+02:00\""
#define BLANKS "no blanks may stand around it"

static const Cure cures[] = {
	{"date-time", false, 0, NULL, "", "Z", 0, "the time zone is missing (\"Z\", or an offset such as \"+02:00\")"},
	{"date-time", false, 0, NULL, "", ":00Z", 0, "the seconds and the time zone are missing"},
	{"date-time", false, 0, NULL, "", "T00:00:00Z", 0, "the time and the time zone are missing"},
	{"date-time", true, 0, NULL, "", "", 0, "\"T\" must stand between date and time, not a blank"},
	{"date-time", true, 0, NULL, "", "Z", 0, "\"T\" must stand between date and time, and the time zone is missing"},
	{"date-time", true, 0, NULL, "", ":00Z", 0, "\"T\" must stand between date and time, and the seconds and the time zone are missing"},
	{"date-time", false, 16, ":00", "", "", 0, "the seconds are missing"},
	{"date-time", false, -2, ":", "", "", 0, "the time zone needs a colon, as in \"+02:00\""},
	{"date-time", false, 0, NULL, "", ":00", 0, HALF_OFFSET},
	{"date-time", false, 0, NULL, "", "-01T00:00:00Z", 0, "the day, the time and the time zone are missing"},
	{"date-time", false, 0, NULL, "2026-01-31T", "", 0, "the date is missing"},
	{"date-time", false, 0, NULL, "2026-01-31", "", 0, "the date is missing"},
	{"date-time", false, 0, NULL, "2026-01-31T", "Z", 0, "the date and the time zone are missing"},
	{"date-time", false, 0, NULL, "2026-01-31T", ":00Z", 0, "the date, the seconds and the time zone are missing"},
	{"date-time", false, 5, "0", "", "", 0, TWO_DIGITS},
	{"date-time", false, 8, "0", "", "", 0, TWO_DIGITS},
	{"date-time", false, 11, "0", "", "", 0, TWO_DIGITS},
	{"date-time", false, 5, "01-01", "", "", 0, NO_DATE, .over = true},
	{"date-time", false, 11, "00:00:00", "", "", 0, NO_TIME, .over = true},
	{"date-time", false, 0, NULL, "", "", 0, BLANKS, .trim = true},
	{"date-time", false, 0, NULL, "", "Z", 19, "behind the seconds stands a fraction such as \".5\" or none, then \"Z\" or an offset such as \"+02:00\", no more"},
	{"time", false, 0, NULL, "", "Z", 0, "the time zone is missing (\"Z\", or an offset such as \"+02:00\")"},
	{"time", false, 0, NULL, "", ":00Z", 0, "the seconds and the time zone are missing"},
	{"time", false, 5, ":00", "", "", 0, "the seconds are missing"},
	{"time", false, 0, NULL, "", ":00", 0, HALF_OFFSET},
	{"time", false, 0, "00:00:00", "", "", 0, NO_TIME, .over = true},
	{"date", false, 0, NULL, "", "", 0, BLANKS, .trim = true},
	{"date", false, 0, NULL, "", "-01", 0, "the day is missing"},
	{"date", false, 0, NULL, "", "-01-01", 0, "the month and the day are missing"},
	{"date", false, 5, "0", "", "", 0, TWO_DIGITS},
	{"date", false, 8, "0", "", "", 0, TWO_DIGITS},
	{"date", false, 5, "01-01", "", "", 0, NO_DATE, .over = true},
	{"date", false, 0, NULL, "", "", 10, "the date stands alone, without a time"},
	{"uri", false, 0, NULL, "https://", "", 0, "the scheme is missing, such as \"https://\""},
	{"uri", false, 0, NULL, "https://host", "", 0, "scheme and host are missing: it must be absolute"},
	{"iri", false, 0, NULL, "https://", "", 0, "the scheme is missing, such as \"https://\""},
	{"duration", false, 0, NULL, "P", "", 0, "\"P\" must stand before it"},
	{"duration", false, 0, NULL, "PT", "", 0, "\"PT\" must stand before it"},
	{"json-pointer", false, 0, NULL, "/", "", 0, "\"/\" must stand before it"},
};

static const struct
{
	const char *format;
	const char *example;
}			examples[] = {
	{"date", "2026-01-31"},
	{"time", "14:30:00Z"},
	{"date-time", "2026-01-31T14:30:00Z"},
	{"duration", "P1DT12H"},
	{"email", "name@example.com"},
	{"idn-email", "name@example.com"},
	{"hostname", "www.example.com"},
	{"idn-hostname", "www.example.com"},
	{"ipv4", "192.0.2.1"},
	{"ipv6", "2001:db8::1"},
	{"uri", "https://example.com/path"},
	{"uri-reference", "/path?query"},
	{"iri", "https://example.com/path"},
	{"iri-reference", "/path?query"},
	{"uri-template", "https://example.com/{id}"},
	{"uuid", "123e4567-e89b-12d3-a456-426614174000"},
	{"json-pointer", "/a/0"},
	{"relative-json-pointer", "1/a"},
	{"regex", "^[a-z]+$"},
};

const char *
format_example(const char *format)
{
	for (int i = 0; i < lengthof(examples); i++)
		if (strcmp(examples[i].format, format) == 0)
			return examples[i].example;
	return NULL;
}

/* The text with what is to be inserted, or put over its digits. */
static void
append_changed(StringInfo out, const Cure *cure, const char *text, int len)
{
	int			at = cure->insert_at < 0 ? len + cure->insert_at : cure->insert_at;
	int			from = out->len + at;

	if (cure->insert == NULL || at < 0 || at > len)
		appendBinaryStringInfo(out, text, len);
	else if (!cure->over)
	{
		appendBinaryStringInfo(out, text, at);
		appendStringInfoString(out, cure->insert);
		appendBinaryStringInfo(out, text + at, len - at);
	}
	else
	{
		appendBinaryStringInfo(out, text, len);
		for (int i = 0; cure->insert[i] != '\0' && from + i < out->len; i++)
			if (isdigit((unsigned char) cure->insert[i]) && isdigit((unsigned char) out->data[from + i]))
				out->data[from + i] = cure->insert[i];
	}
}

static bool
cured(const Cure *cure, const char *text, uint32 len)
{
	StringInfoData out;
	char	   *blank;

	initStringInfo(&out);
	for (; cure->trim && len > 0 && text[0] == ' '; len--)
		text++;
	while (cure->trim && len > 0 && text[len - 1] == ' ')
		len--;
	appendStringInfoString(&out, cure->before);
	append_changed(&out, cure, text, cure->cut_to > 0 ? Min((int) len, cure->cut_to) : (int) len);
	appendStringInfoString(&out, cure->behind);
	blank = cure->blank_to_t ? memchr(out.data, ' ', out.len) : NULL;
	if (blank != NULL)
		*blank = 'T';
	return format_check(format_find(cure->format), out.data, out.len);
}

const char *
format_lack(const char *format, const char *text, uint32 len)
{
	if (len == 0 || len > TEXT_MAX)
		return NULL;
	for (int i = 0; i < lengthof(cures); i++)
		if (strcmp(cures[i].format, format) == 0 && cured(&cures[i], text, len))
			return cures[i].lack;
	return NULL;
}
