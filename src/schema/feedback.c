/*
 * feedback.c
 *	  Errors in words, for the model that made the call.
 *
 * One line per error: where, what is wrong, what was got, what is allowed.  What
 * was got is the model's own text.  It is shown as JSON, escaped and cut short,
 * so that it can neither fill a log nor look like instructions from us.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "schema/schema.h"


#define LINES_MAX 10
#define NESTED_MAX 4
#define NESTED_LEVELS 3
#define VALUE_SHOWN 80

typedef struct Feedback
{
	StringInfoData out;
	JbItem		args;
	const char *keys_shown;		/* path of the object whose known keys were listed last */
} Feedback;

static void append_error(Feedback *f, const JbItem *error, int level);
static void append_lines(Feedback *f, const JbItem *errors, int level, int max);

char *
schema_feedback(const char *subject, Jsonb *args, Jsonb *errors)
{
	Feedback	f = {.args = jb_root(args)};
	JbItem		list;

	initStringInfo(&f.out);
	if (errors == NULL)
		return f.out.data;
	list = jb_root(errors);
	appendStringInfo(&f.out, "Tool %s rejected the arguments:\n", agc_quoted_name(subject));
	append_lines(&f, &list, 0, LINES_MAX);
	appendStringInfo(&f.out, "Call %s again with corrected arguments that match its input schema.", agc_quoted_name(subject));
	return f.out.data;
}

static void
append_lines(Feedback *f, const JbItem *errors, int level, int max)
{
	uint32		n = JsonContainerSize(jb_container(errors));
	JbCursor	cursor = jb_first(jb_container(errors));

	for (uint32 i = 0; i < n && i < (uint32) max; i++)
	{
		JbItem		error = jb_next(&cursor);

		append_error(f, &error, level);
	}
	if (n > (uint32) max)
		appendStringInfo(&f->out, "%*s- and %u more.\n", level * 2, "", n - max);
}

/* A string member of an object as a C string, or NULL. */
static char *
member_text(const JbItem *object, const char *key)
{
	JbItem		value;

	if (!object_find_cstring(jb_container(object), key, &value) || !JBE_ISSTRING(value.entry))
		return NULL;
	return pnstrdup(value.data, value.len);
}

static bool
list_has(const JbItem *params, const char *key, const char *word)
{
	JbItem		list;
	JbCursor	cursor;

	if (!object_find_cstring(jb_container(params), key, &list) || !item_is_array(&list))
		return false;
	cursor = jb_first(jb_container(&list));
	for (uint32 i = 0; i < JsonContainerSize(jb_container(&list)); i++)
	{
		JbItem		item = jb_next(&cursor);

		if (JBE_ISSTRING(item.entry) && key_compare(item.data, item.len, word, strlen(word)) == 0)
			return true;
	}
	return false;
}

/* A document was given as a string where the document itself was wanted. */
static const char *
stringified(const JbItem *params, const JbItem *got)
{
	uint32		i = 0;

	if (!JBE_ISSTRING(got->entry))
		return NULL;
	while (i < got->len && (got->data[i] == ' ' || got->data[i] == '\n' || got->data[i] == '\t'))
		i++;
	if (i == got->len)
		return NULL;
	if (got->data[i] == '{' && list_has(params, "expected", "object"))
		return "send a JSON object, not a string containing JSON";
	if (got->data[i] == '[' && list_has(params, "expected", "array"))
		return "send a JSON array, not a string containing JSON";
	return NULL;
}

/* Lists the known keys of an object that has unknown ones, once per object. */
static void
append_allowed_keys(Feedback *f, const char *path, const JbItem *params)
{
	StringInfo	out = &f->out;
	char	   *parent = pnstrdup(path, strrchr(path, '/') - path);
	JbItem		list;
	JbItem		more;
	JbCursor	cursor;
	uint32		n;

	if (!object_find_cstring(jb_container(params), "allowed", &list) || !item_is_array(&list) ||
		(f->keys_shown != NULL && strcmp(f->keys_shown, parent) == 0))
		return;
	f->keys_shown = parent;
	n = JsonContainerSize(jb_container(&list));
	cursor = jb_first(jb_container(&list));
	appendStringInfoString(out, n == 0 ? "; no property is allowed" : "; allowed are ");
	for (uint32 i = 0; i < n; i++)
	{
		JbItem		item = jb_next(&cursor);

		appendStringInfo(out, "%s%s", i > 0 ? ", " : "", json_excerpt(&item, VALUE_SHOWN));
	}
	if (object_find_cstring(jb_container(params), "more", &more))
		appendStringInfo(out, " and %s more", json_excerpt(&more, VALUE_SHOWN));
}

static void
append_error(Feedback *f, const JbItem *error, int level)
{
	StringInfo	out = &f->out;
	char	   *path = member_text(error, "path");
	char	   *keyword = member_text(error, "keyword");
	char	   *message = member_text(error, "message");
	bool		about_key = strcmp(keyword, "required") == 0 || strncmp(keyword, "depend", 6) == 0;
	bool		unknown_key = strcmp(keyword, "additionalProperties") == 0 ||
		strcmp(keyword, "unevaluatedProperties") == 0;
	const char *advice = NULL;
	const char *nearest;
	JbItem		params;
	JbItem		nested;
	JbItem		got;

	object_find_cstring(jb_container(error), "params", &params);
	nearest = member_text(&params, "nearest");
	appendStringInfo(out, "%*s- %s: ", level * 2, "", path[0] ? path_excerpt(path) : "arguments");
	if (object_find_cstring(jb_container(&params), "errors", &nested) && level < NESTED_LEVELS)
	{
		object_find_cstring(jb_container(&params), "alternatives", &got);
		appendStringInfo(out, "fits none of %s alternatives; of the nearest:\n", json_excerpt(&got, VALUE_SHOWN));
		append_lines(f, &nested, level + 1, NESTED_MAX);
		return;
	}
	appendStringInfoString(out, message);
	if (pointer_find(&f->args, path, &got) && !about_key && !unknown_key)
	{
		advice = stringified(&params, &got);
		appendStringInfo(out, "; got %s", json_excerpt(&got, VALUE_SHOWN));
	}
	if (advice != NULL)
		appendStringInfo(out, "; %s", advice);
	if (nearest != NULL)
	{
		JbItem		name = {JENTRY_ISSTRING, nearest, strlen(nearest)};

		appendStringInfo(out, "; nearest is %s", json_excerpt(&name, VALUE_SHOWN));
	}
	if (unknown_key)
		append_allowed_keys(f, path, &params);
	appendStringInfoString(out, ".\n");
}
