/*
 * eval_errors.c
 *	  What is wrong with an instance, as data: {path, keyword, schema_path,
 *	  message, params}.
 *
 * Messages and params go into logs and DETAILs.  So they say what the schema
 * allows, never what the instance holds.  Names of keys are shown, cut short;
 * feedback.c adds excerpts of values for the model that wrote them.
 *
 * Memory: everything in CurrentMemoryContext.  Locks: none.  On ERROR: nothing
 * to undo.
 */
#include "schema/eval_errors.h"

#include "schema/describe.h"
#include "schema/error_params.h"
#include "schema/facts.h"
#include "schema/format_advice.h"

#define PATTERN_SHOWN 200

/* what all errors of one document may say, those of branches included */
#define ERROR_BYTES_MAX (4 * 1024 * 1024)

/* what recording an error costs, in node visits */
#define ERROR_STEPS 64

EvalErrors *
errors_new(int limit)
{
	EvalErrors *errors = palloc0(sizeof(EvalErrors));

	errors->limit = limit;
	return errors;
}

/*
 * The caller has seen that there is room: !error_full().  An error of a name
 * speaks of the name, since its path leads to a value, which may be right.
 */
EvalError *
error_add(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const char *keyword, char *message)
{
	EvalErrors *errors = ctx->errors;
	EvalError  *error;

	ctx->errors_left--;
	if (errors->count == errors->size)
	{
		errors->size = errors->size == 0 ? 4 : errors->size * 2;
		errors->items = errors->items == NULL ? palloc(errors->size * sizeof(EvalError)) :
			repalloc(errors->items, errors->size * sizeof(EvalError));
	}
	error = &errors->items[errors->count++];
	memset(error, 0, sizeof(*error));
	error->path = eval_path_text(at);
	error->depth = at->depth;
	error->keyword = keyword;
	error->node = node;
	error->schema_path = schema_path_text(node->path, node->never ? NULL : keyword);
	if (ctx->naming != NULL)
	{
		error->name = pnstrdup(ctx->naming->key, ctx->naming->len);
		message = psprintf("the name %s %s", agc_quoted_bytes(ctx->naming->key, ctx->naming->len, GIVEN_SHOWN), message);
	}
	error->message = message;
	ctx->fuel -= ERROR_STEPS;
	ctx->error_bytes += strlen(error->path) + strlen(error->schema_path) + strlen(message);
	if (ctx->locate)
		eval_locate(ctx, node, node->never ? NULL : keyword, &error->keyword_location, &error->absolute_location);
	return error;
}

/* Whether there is no room for one more error, which is then only counted. */
bool
error_full(EvalContext *ctx)
{
	if (ctx->errors->count < ctx->errors->limit && ctx->errors_left > 0 && ctx->error_bytes <= ERROR_BYTES_MAX)
		return false;
	ctx->errors->omitted++;
	return true;
}

void
error_set_params(EvalContext *ctx, EvalError *error, Params *params)
{
	error->params = params_end(params);
	ctx->error_bytes += VARSIZE(error->params);
}

/*
 * Errors since "first" are of a name.  What was said of it must not make anyone
 * repair the value; until here it tells the alternatives of the name apart.
 */
void
error_end_name(EvalContext *ctx, int first)
{
	ctx->naming = NULL;
	for (int i = first; i < ctx->errors->count; i++)
	{
		EvalError  *error = &ctx->errors->items[i];

		error->expected = 0;
		error->value_list = error->one_value = error->branch_chosen = false;
		error->branch = NULL;
	}
}

/* ----- one function per error ----------------------------------------------- */

void
error_false(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at)
{
	if (!error_full(ctx))
		error_add(ctx, node, at, "false", pstrdup("must not be given"));
}

const char *
item_type_name(const JbItem *item)
{
	int			type = item_type(item);

	for (int i = 0; i < NTYPES; i++)
		if (type == 1 << i)
			return type_names[i];
	return "null";
}

void
error_type(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const JbItem *item)
{
	EvalError  *error;
	Params		params;
	const char *got = item_type_name(item);

	if (error_full(ctx))
		return;
	error = error_add(ctx, node, at, "type",
					  psprintf("must be %s, not %s", ctx->explain ? schema_description(node) : type_list(node->types), got));
	error->expected = node->types;
	params = params_begin();
	params_types(&params, "expected", node->types);
	params_string(&params, "got", got, strlen(got));
	error_set_params(ctx, error, &params);
}

/* What a matching element is, or what members there may be. */
static const char *
counted(const EvalContext *ctx, const SchemaNode *node, const char *keyword, const char *unit)
{
	if (!ctx->explain)
		return "";
	if (strcmp(unit, "matching element") == 0)
		return psprintf("; it matches if it is %s", schema_description(node->array->contains));
	if (strcmp(keyword, "minProperties") == 0 && node->object->nproperties > 0)
		return psprintf("; known are %s", schema_description(node));
	return "";
}

void
error_count(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at,
			const char *keyword, uint32 limit, uint32 got)
{
	EvalError  *error;
	Params		params;
	bool		at_most = strncmp(keyword, "max", 3) == 0;
	const char *unit = strstr(keyword, "Length") ? "character" :
		strstr(keyword, "Items") ? "element" :
		strstr(keyword, "Properties") ? "member" : "matching element";

	if (error_full(ctx))
		return;
	error = error_add(ctx, node, at, keyword,
					  psprintf("must have at %s %u %s%s, not %u%s", at_most ? "most" : "least", limit, unit,
							   limit == 1 ? "" : "s", got, counted(ctx, node, keyword, unit)));
	params = params_begin();
	params_int(&params, "limit", limit);
	params_int(&params, "got", got);
	error_set_params(ctx, error, &params);
}

void
error_number(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at,
			 const char *keyword, const Number *limit)
{
	static const char *const words[][2] = {
		{"minimum", "at least"}, {"maximum", "at most"}, {"exclusiveMinimum", "greater than"},
		{"exclusiveMaximum", "less than"}, {"multipleOf", "a multiple of"}
	};
	EvalError  *error;
	Params		params;
	const char *word = "";

	if (error_full(ctx))
		return;
	for (int i = 0; i < lengthof(words); i++)
		if (strcmp(words[i][0], keyword) == 0)
			word = words[i][1];
	error = error_add(ctx, node, at, keyword, psprintf("must be %s %s", word, number_text(limit)));
	params = params_begin();
	params_numeric(&params, "limit", limit->num);
	error_set_params(ctx, error, &params);
}

void
error_pattern(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at)
{
	const char *source;
	EvalError  *error;
	Params		params;

	if (error_full(ctx))
		return;
	source = pattern_source(node->string->pattern);
	error = error_add(ctx, node, at, "pattern", psprintf("must match the pattern %s", agc_shown(source, PATTERN_SHOWN)));
	params = params_begin();
	params_string(&params, "pattern", source, strlen(source));
	error_set_params(ctx, error, &params);
}

void
error_format(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const JbItem *item)
{
	const char *format = node->string->format;
	const char *example = format_example(format);
	const char *lack = format_lack(format, item->data, item->len);
	EvalError  *error;
	Params		params;

	if (error_full(ctx))
		return;
	error = error_add(ctx, node, at, "format", psprintf("must be a valid %s%s%s", format, example == NULL ? "" : psprintf(", such as \"%s\"", example),
							   lack == NULL ? "" : psprintf("; %s", lack)));
	params = params_begin();
	params_string(&params, "format", format, strlen(format));
	if (example != NULL)
		params_string(&params, "example", example, strlen(example));
	error_set_params(ctx, error, &params);
}

/* most: how many elements are allowed; PG_UINT32_MAX: it is not known */
void
error_extra_item(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const char *keyword, uint32 most)
{
	if (error_full(ctx))
		return;
	error_add(ctx, node, at, keyword,
			  psprintf("no element is allowed at index %u%s", at->index,
					   most == PG_UINT32_MAX ? "" : psprintf("; there may be at most %u", most)));
}

void
error_unique(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, uint32 first, uint32 second)
{
	EvalError  *error;
	Params		params;

	if (error_full(ctx))
		return;
	error = error_add(ctx, node, at, "uniqueItems",
					  psprintf("must have unique elements, but %u and %u are equal", first, second));
	params = params_begin();
	params_int(&params, "first", first);
	params_int(&params, "second", second);
	error_set_params(ctx, error, &params);
}

/* The allowed string nearest to what was given, or NULL. */
static char *
nearest_allowed(const AnyRules *any, const JbItem *item)
{
	AgcNearest	nearest = {.limit = 1};

	if (!JBE_ISSTRING(item->entry) || item->len == 0)
		return NULL;
	nearest.wanted = pnstrdup(item->data, item->len);
	for (uint32 i = 0; i < any->nstrings && i < NEAREST_LOOKED_AT; i++)
		agc_nearest_add(&nearest, pnstrdup(any->strings[i].data, any->strings[i].len));
	return nearest.count > 0 ? nearest.name[0] : NULL;
}

/* enum and const: what is allowed */
void
error_value(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const char *keyword,
			const JbItem *item)
{
	char	   *nearest;
	bool		list = strcmp(keyword, "enum") == 0;
	const JbItem *allowed = list ? &node->any->enumeration : &node->any->constant;
	StringInfoData message;
	EvalError  *error;
	Params		params;

	if (error_full(ctx))
		return;
	initStringInfo(&message);
	if (list && JsonContainerSize(jb_container(allowed)) == 0)
		appendStringInfoString(&message, "no value is allowed, because \"enum\" is empty");
	else
		appendStringInfoString(&message, list ? "must be one of " : "must be ");
	params = params_begin();
	if (list)
	{
		JbCursor	cursor = jb_first(jb_container(allowed));
		uint32		n = JsonContainerSize(jb_container(allowed));

		params_begin_list(&params, "allowed");
		for (uint32 i = 0; i < n && i < LIST_MAX; i++)
		{
			JbItem		one = jb_next(&cursor);

			params_element(&params, &one);
			appendStringInfo(&message, "%s%s", i > 0 ? ", " : "", json_excerpt(&one, VALUE_SHOWN));
		}
		params_end_list(&params);
		nearest = nearest_allowed(node->any, item);
		if (nearest != NULL)
			params_string(&params, "nearest", nearest, strlen(nearest));
		if (n > LIST_MAX)
		{
			params_int(&params, "more", n - LIST_MAX);
			appendStringInfo(&message, " and %u more", n - LIST_MAX);
		}
	}
	else
	{
		params_item(&params, "allowed", allowed);
		appendStringInfoString(&message, json_excerpt(allowed, VALUE_SHOWN));
	}
	error = error_add(ctx, node, at, keyword, message.data);
	error->value_list = true;
	error->one_value = !list || JsonContainerSize(jb_container(allowed)) == 1;
	error_set_params(ctx, error, &params);
}

/* ----- rendering ------------------------------------------------------------ */

static void
push_params(Params *params, const EvalError *error, int64 omitted)
{
	if (error->params != NULL && error->name == NULL && !error->optional && omitted == 0)
	{
		JbItem		item = jb_root(error->params);

		params_item(params, "params", &item);
		return;
	}
	params_key(params, "params");
	pushJsonbValue(&params->state, WJB_BEGIN_OBJECT, NULL);
	if (error->params != NULL)
		params_copy(params, error->params);
	if (error->name != NULL)
		params_string(params, "name", error->name, strlen(error->name));
	if (error->optional)
		params_true(params, "optional");
	if (omitted > 0)
		params_int(params, "omitted", omitted);
	pushJsonbValue(&params->state, WJB_END_OBJECT, NULL);
}

/* The last error says how many more there are. */
Jsonb *
errors_to_jsonb(const EvalErrors *errors)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < errors->count; i++)
	{
		const EvalError *error = &errors->items[i];
		Params		params = params_begin();
		JsonbValue	value = {.type = jbvBinary};
		Jsonb	   *object;

		params_string(&params, "path", error->path, strlen(error->path));
		params_string(&params, "keyword", error->keyword, strlen(error->keyword));
		params_string(&params, "schema_path", error->schema_path, strlen(error->schema_path));
		params_string(&params, "message", error->message, strlen(error->message));
		push_params(&params, error, i == errors->count - 1 ? errors->omitted : 0);
		object = params_end(&params);
		value.val.binary.data = &object->root;
		value.val.binary.len = VARSIZE_ANY_EXHDR(object);
		pushJsonbValue(&state, WJB_ELEM, &value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}
