/*
 * excerpt.c
 *	  Showing what somebody else wrote: as JSON, escaped and cut short.
 *
 * Errors and feedback quote values, keys and places of an instance, which a
 * model wrote and perhaps somebody who wants to be believed by one.  An
 * excerpt stays on its line, ends where it says and shows every character
 * that it holds: besides what JSON escapes, characters that end a line, turn
 * the direction of the text or show as nothing are written as \u escapes.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "validate/program.h"

#include "mb/pg_wchar.h"
#include "utils/json.h"

#define PATH_SHOWN 200

/* Characters that nobody sees and somebody reads. */
static bool
is_unseen(pg_wchar c)
{
	static const struct
	{
		pg_wchar	first;
		pg_wchar	last;
	}			ranges[] = {
		{0x7F, 0x9F}, {0xAD, 0xAD}, {0x61C, 0x61C}, {0x180E, 0x180E}, {0x200B, 0x200F}, {0x2028, 0x202E},
		{0x2060, 0x206F}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE01EF}
	};

	for (int i = 0; i < lengthof(ranges); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

/* JSON text in which every character can be seen */
static void
append_visible(StringInfo out, const char *json)
{
	if (GetDatabaseEncoding() != PG_UTF8)
	{
		appendStringInfoString(out, json);
		return;
	}
	while (*json != '\0')
	{
		int			len = pg_utf_mblen((const unsigned char *) json);
		pg_wchar	c = utf8_to_unicode((const unsigned char *) json);

		if (!is_unseen(c))
			appendBinaryStringInfo(out, json, len);
		else if (c < 0x10000)
			appendStringInfo(out, "\\u%04x", c);
		else
			appendStringInfo(out, "\\u%04x\\u%04x", 0xD800 + ((c - 0x10000) >> 10), 0xDC00 + (c & 0x3FF));
		json += len;
	}
}

/* A string as JSON, cut at a character boundary; the dots stand inside the quotes. */
static char *
string_excerpt(const char *data, uint32 len, int limit)
{
	StringInfoData json;
	StringInfoData out;
	bool		cut = len > limit;

	initStringInfo(&json);
	initStringInfo(&out);
	escape_json(&json, pnstrdup(data, cut ? pg_mbcliplen(data, len, limit) : len));
	append_visible(&out, json.data);
	if (cut)
	{
		out.data[--out.len] = '\0';
		appendStringInfoString(&out, "...\"");
	}
	return out.data;
}

/* A value as JSON text on one line, of about "limit" bytes at most. */
char *
json_excerpt(const JbItem *item, int limit)
{
	StringInfoData json;
	StringInfoData out;
	bool		cut;
	Jsonb	   *jb;

	if (JBE_ISSTRING(item->entry))
		return string_excerpt(item->data, item->len, limit);
	if (item_is_array(item) && item->len > limit * 64)
		return pstrdup("[...]");
	if (item_is_object(item) && item->len > limit * 64)
		return pstrdup("{...}");
	jb = item_to_jsonb(item);
	initStringInfo(&json);
	initStringInfo(&out);
	JsonbToCString(&json, &jb->root, VARSIZE(jb));
	cut = json.len > limit;
	if (cut)
		json.data[pg_mbcliplen(json.data, json.len, limit)] = '\0';
	append_visible(&out, json.data);
	if (cut)
		appendStringInfoString(&out, "...");
	return out.data;
}

/* Text that stands without quotes: a JSON Pointer, a pattern. */
char *
text_excerpt(const char *text, int limit)
{
	char	   *quoted = string_excerpt(text, strlen(text), limit);
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

/* a path of an instance, in a message */
char *
path_excerpt(const char *path)
{
	return text_excerpt(path, PATH_SHOWN);
}
