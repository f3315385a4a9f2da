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

#include "utils/builtins.h"


#define LINES_MAX 10
#define NESTED_MAX 4
#define NESTED_LEVELS 3
#define VALUE_SHOWN 80
#define NAME_SHOWN 128
#define LEAVE_OUT "; it is optional, so it may be left out"

/* no further error is told beyond that many bytes */
#define TEXT_MAX 8000

typedef struct Feedback
{
	StringInfoData out;
	const char *whole;			/* what the document is called */
	bool		advises;		/* its writer is told how to write it */
	JbItem		args;
	const char *keys_shown;		/* path of the object whose known keys were listed last */
} Feedback;

/* An error of the list. */
typedef struct Told
{
	char	   *path;
	char	   *keyword;
	char	   *message;
	JbItem		params;
} Told;

static void append_lines(Feedback *f, const JbItem *errors, int level, int max);

/* A string member of an object as a C string, or NULL. */
static char *
member_text(const JbItem *object, const char *key)
{
	JbItem		value;

	if (!object_find_cstring(jb_container(object), key, &value) || !JBE_ISSTRING(value.entry))
		return NULL;
	return pnstrdup(value.data, value.len);
}

static Told
read_error(const JbItem *error)
{
	Told		told = {member_text(error, "path"), member_text(error, "keyword"), member_text(error, "message")};

	object_find_cstring(jb_container(error), "params", &told.params);
	return told;
}

static bool
find_param(const Told *error, const char *key, JbItem *value)
{
	return object_find_cstring(jb_container(&error->params), key, value);
}

/* what an error says was left out after it */
static int64
omitted_after(const Told *error)
{
	JbItem		value;

	if (!find_param(error, "omitted", &value))
		return 0;
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(jb_numeric(&value))));
}

static bool
is_unknown_key(const char *keyword)
{
	return strcmp(keyword, "additionalProperties") == 0 || strcmp(keyword, "unevaluatedProperties") == 0;
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

static void
append_list(StringInfo out, const char *words, const JbItem *list)
{
	JbCursor	cursor = jb_first(jb_container(list));

	appendStringInfoString(out, words);
	for (uint32 i = 0; i < JsonContainerSize(jb_container(list)); i++)
	{
		JbItem		item = jb_next(&cursor);

		appendStringInfoString(out, i > 0 ? ", " : "");
		appendStringInfoString(out, json_excerpt(&item, NAME_SHOWN));
	}
}

/* Lists the known keys of an object that has unknown ones, once per object. */
static void
append_allowed_keys(Feedback *f, const Told *error)
{
	StringInfo	out = &f->out;
	char	   *parent = pnstrdup(error->path, strrchr(error->path, '/') - error->path);
	JbItem		value;
	uint32		n;

	if (!find_param(error, "allowed", &value) || !item_is_array(&value) ||
		(f->keys_shown != NULL && strcmp(f->keys_shown, parent) == 0))
		return;
	f->keys_shown = parent;
	n = JsonContainerSize(jb_container(&value));
	if (n > 0)
		append_list(out, find_param(error, "incomplete", &(JbItem){0}) ? "; among those allowed are " : "; allowed are ",
					&value);
	if (find_param(error, "more", &value))
		appendStringInfo(out, " and %s more", json_excerpt(&value, VALUE_SHOWN));
	if (find_param(error, "patterns", &value))
		append_list(out, n > 0 ? ", and names that match " : "; allowed are names that match ", &value);
	else if (n == 0)
		appendStringInfoString(out, "; no property is allowed");
}

/* What was given, unless the error is about something else than the value there. */
static const char *
append_given(Feedback *f, const Told *error)
{
	JbItem		property;
	JbItem		got;

	if (find_param(error, "name", &got) || !pointer_find(&f->args, error->path, &got))
		return NULL;
	/* the member that tells alternatives apart, rather than all of the object */
	if (find_param(error, "discriminator", &property) &&
		(!item_is_object(&got) || !find_param(error, "property", &property) ||
		 !object_find(jb_container(&got), property.data, property.len, &got)))
		return NULL;
	appendStringInfoString(&f->out, "; got ");
	appendStringInfoString(&f->out, json_excerpt(&got, VALUE_SHOWN));
	return stringified(&error->params, &got);
}

/* Whether the error is about a member of the object at its path, or about a name. */
static bool
is_about_key(const char *keyword)
{
	return strcmp(keyword, "required") == 0 || strncmp(keyword, "depend", 6) == 0;
}

/* The errors of the nearest alternative of a choice. */
static bool
append_nested(Feedback *f, const Told *error, int level)
{
	JbItem		nested;
	JbItem		count;

	if (level >= NESTED_LEVELS || !find_param(error, "errors", &nested))
		return false;
	find_param(error, "alternatives", &count);
	appendStringInfo(&f->out, "fits none of %s alternatives%s; of the nearest:\n", json_excerpt(&count, VALUE_SHOWN),
					 f->advises && find_param(error, "optional", &count) ? LEAVE_OUT : "");
	append_lines(f, &nested, level + 1, NESTED_MAX);
	return true;
}

static void
append_error(Feedback *f, const Told *error, int level)
{
	StringInfo	out = &f->out;
	bool		unknown_key = is_unknown_key(error->keyword);
	const char *advice = NULL;
	JbItem		value;

	appendStringInfoSpaces(out, level * 2);
	appendStringInfoString(out, "- ");
	appendStringInfoString(out, error->path[0] != '\0' ? path_excerpt(error->path) : f->whole);
	appendStringInfoString(out, ": ");
	if (append_nested(f, error, level))
		return;
	appendStringInfoString(out, error->message);
	if (!is_about_key(error->keyword) && !unknown_key && strcmp(error->keyword, "limit") != 0)
		advice = append_given(f, error);
	if (f->advises && advice != NULL)
		appendStringInfo(out, "; %s", advice);
	if (find_param(error, "nearest", &value) && JBE_ISSTRING(value.entry))
		appendStringInfo(out, "; nearest is %s", json_excerpt(&value, NAME_SHOWN));
	if (unknown_key)
		append_allowed_keys(f, error);
	if (f->advises && find_param(error, "optional", &value))
		appendStringInfoString(out, LEAVE_OUT);
	appendStringInfoString(out, ".\n");
}

/* Several schemas refuse one property: the first error has said what all of them allow. */
static bool
was_told(const Told *list, uint32 n, const Told *error)
{
	if (!is_unknown_key(error->keyword))
		return false;
	for (uint32 i = 0; i < n; i++)
		if (is_unknown_key(list[i].keyword) && strcmp(list[i].path, error->path) == 0)
			return true;
	return false;
}

static void
append_lines(Feedback *f, const JbItem *errors, int level, int max)
{
	uint32		n = JsonContainerSize(jb_container(errors));
	JbCursor	cursor = jb_first(jb_container(errors));
	Told	   *list = palloc(sizeof(Told) * (n + 1));
	int			shown = 0;
	int64		omitted = 0;

	for (uint32 i = 0; i < n; i++)
	{
		JbItem		error = jb_next(&cursor);

		list[i] = read_error(&error);
		if (was_told(list, i, &list[i]))
			continue;
		if (shown < max && f->out.len < TEXT_MAX)
		{
			append_error(f, &list[i], level);
			shown++;
		}
		else
			omitted++;
	}
	if (n > 0)
		omitted += omitted_after(&list[n - 1]);
	if (omitted > 0)
		appendStringInfo(&f->out, "%*s- and " INT64_FORMAT " more.\n", level * 2, "", omitted);
}

char *
schema_feedback(const char *subject, Jsonb *args, Jsonb *errors)
{
	Feedback	f = {.whole = "arguments", .advises = true, .args = jb_root(args)};
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

char *
schema_told(const char *whole, Jsonb *document, Jsonb *errors)
{
	Feedback	f = {.whole = whole, .args = jb_root(document)};
	JbItem		list = jb_root(errors);

	initStringInfo(&f.out);
	append_lines(&f, &list, 0, LINES_MAX);
	return f.out.data;
}
