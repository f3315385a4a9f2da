/*
 * excerpt.c
 *	  Showing parts of an instance: as JSON, escaped and cut short (quote.c).
 *
 * Errors and feedback quote values, keys and places of an instance.  A model
 * wrote them, perhaps on behalf of an attacker who wants another model to believe
 * them.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "schema/schema.h"

#include "mb/pg_wchar.h"

#define PATH_SHOWN 200

/* A value as JSON text on one line, of about "limit" bytes at most. */
char *
json_excerpt(const JbItem *item, int limit)
{
	StringInfoData json;
	StringInfoData out;
	bool		cut;
	Jsonb	   *jb;

	if (JBE_ISSTRING(item->entry))
		return agc_quoted_bytes(item->data, item->len, limit);
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
	agc_append_visible(&out, json.data);
	if (cut)
		appendStringInfoString(&out, "...");
	return out.data;
}

/* A path of an instance, in a message: no quotes stand around it, so it must not open a block of code. */
char *
path_excerpt(const char *path)
{
	StringInfoData out;

	initStringInfo(&out);
	for (const char *at = agc_shown(path, PATH_SHOWN); *at != '\0'; at++)
		if (*at == '`')
			appendStringInfoString(&out, "\\u0060");
		else
			appendStringInfoChar(&out, *at);
	return out.data;
}
