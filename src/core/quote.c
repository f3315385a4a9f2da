/*
 * quote.c
 *	  Showing what somebody else wrote: escaped, on one line and cut short.
 *
 * Feedback, details and errors name tools, budgets, patterns, values and the
 * error texts of other systems.  A model reads them, and what it reads may
 * have been written to be believed by one.  A quotation stays on its line,
 * ends where it says and shows every character that it holds: besides what JSON
 * escapes, characters that end a line, turn the direction of the text, start a
 * terminal's commands or show as nothing are written as \u escapes.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "core/core.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "utils/json.h"

/*
 * Characters that nobody sees and somebody reads: controls, Unicode's default
 * ignorable code points and its line and paragraph separators.
 */
bool
agc_is_unseen(pg_wchar c)
{
	static const struct
	{
		pg_wchar	first;
		pg_wchar	last;
	}			ranges[] = {
		{0x00, 0x1F}, {0x7F, 0x9F}, {0xAD, 0xAD}, {0x34F, 0x34F}, {0x61C, 0x61C}, {0x115F, 0x1160},
		{0x17B4, 0x17B5}, {0x180B, 0x180F}, {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},
		{0x2800, 0x2800}, {0x3164, 0x3164}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0},
		{0xFFF0, 0xFFFB}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF}
	};

	for (int i = 0; i < lengthof(ranges); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

/* A character of another encoding; what has no counterpart in Unicode is plain. */
static pg_wchar
to_unicode(const char *text, int len)
{
	unsigned char utf8[16];
	Oid			conversion = FindDefaultConversionProc(GetDatabaseEncoding(), PG_UTF8);

	if (!OidIsValid(conversion) ||
		pg_do_encoding_conversion_buf(conversion, GetDatabaseEncoding(), PG_UTF8,
									  (unsigned char *) unconstify(char *, text), len,
									  utf8, sizeof(utf8), true) < len)
		return '?';
	return utf8_to_unicode(utf8);
}

/*
 * The character at "text", and its bytes there.  Where the database knows no
 * encoding, a byte that belongs to no UTF-8 counts as a control character.
 */
pg_wchar
agc_character(const char *text, int *len)
{
	const unsigned char *bytes = (const unsigned char *) text;

	if (GetDatabaseEncoding() == PG_SQL_ASCII)
	{
		*len = strnlen(text, pg_utf_mblen(bytes));
		if (pg_utf8_islegal(bytes, *len))
			return utf8_to_unicode(bytes);
		*len = 1;
		return 0x80;
	}
	*len = strnlen(text, pg_mblen(text));
	return GetDatabaseEncoding() == PG_UTF8 ? utf8_to_unicode(bytes) : to_unicode(text, *len);
}

static void
append_escaped(StringInfo out, pg_wchar c)
{
	if (c < 0x10000)
		appendStringInfo(out, "\\u%04x", c);
	else
		appendStringInfo(out, "\\u%04x\\u%04x", 0xD800 + ((c - 0x10000) >> 10), 0xDC00 + (c & 0x3FF));
}

/* How many printable characters of ASCII a text begins with: nearly all of it, nearly always. */
static Size
plain_length(const char *text)
{
	Size		len = 0;

	while (text[len] >= ' ' && text[len] <= '~')
		len++;
	return len;
}

void
agc_append_visible(StringInfo out, const char *text)
{
	while (*text != '\0')
	{
		int			len = (int) plain_length(text);
		pg_wchar	c;

		if (len > 0)
		{
			appendBinaryStringInfo(out, text, len);
			text += len;
			continue;
		}
		len = 1;
		c = IS_HIGHBIT_SET(*text) ? agc_character(text, &len) : (unsigned char) *text;
		if (agc_is_unseen(c))
			append_escaped(out, c);
		else
			appendBinaryStringInfo(out, text, len);
		text += len;
	}
}

/* Whether a text needs no escape at all. */
static bool
is_plain(const char *data, Size len)
{
	for (Size i = 0; i < len; i++)
		if (data[i] < ' ' || data[i] > '~' || data[i] == '"' || data[i] == '\\')
			return false;
	return true;
}

char *
agc_quoted_bytes(const char *data, Size len, int limit)
{
	StringInfoData json;
	StringInfoData out;
	bool		cut = len > (Size) limit;

	initStringInfo(&out);
	if (!cut && is_plain(data, len))
	{
		appendStringInfoChar(&out, '"');
		appendBinaryStringInfo(&out, data, (int) len);
		appendStringInfoChar(&out, '"');
		return out.data;
	}
	initStringInfo(&json);
	escape_json(&json, pnstrdup(data, cut ? (Size) pg_mbcliplen(data, (int) len, limit) : len));
	agc_append_visible(&out, json.data);
	if (cut)
	{
		out.data[--out.len] = '\0';
		appendStringInfoString(&out, "...\"");
	}
	pfree(json.data);
	return out.data;
}

char *
agc_quoted(const char *text, int limit)
{
	return agc_quoted_bytes(text, strlen(text), limit);
}

char *
agc_quoted_name(const char *name)
{
	return agc_quoted(name, AGC_NAME_SHOWN);
}

char *
agc_shown(const char *text, int limit)
{
	char	   *quoted = agc_quoted(text, limit);
	char	   *out = quoted + 1;
	char	   *to = out;

	out[strlen(out) - 1] = '\0';
	/* without quotes around it, neither a quote nor a backslash needs an escape */
	for (const char *from = out; *from != '\0'; *to++ = *from++)
		if (from[0] == '\\' && (from[1] == '\\' || from[1] == '"'))
			from++;
	*to = '\0';
	return out;
}
