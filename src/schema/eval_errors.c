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

#include "miscadmin.h"
#include "utils/builtins.h"

/* how many allowed values or known keys an error lists */
#define LIST_MAX 20
#define KEY_SHOWN 64
#define PATTERN_SHOWN 200

/* what all errors of one document may say, those of branches included */
#define ERROR_BYTES_MAX (4 * 1024 * 1024)

/* what recording an error costs, in node visits */
#define ERROR_STEPS 64

/* how many names are compared in search of the nearest */
#define NEAREST_LOOKED_AT 1000

typedef struct Params
{
	JsonbParseState *state;
} Params;

EvalErrors *
errors_new(int limit)
{
	EvalErrors *errors = palloc0(sizeof(EvalErrors));

	errors->limit = limit;
	return errors;
}

/* The caller has seen that there is room: !full(). */
static EvalError *
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
	error->schema_path = schema_path_text(node->path, node->never ? NULL : keyword);
	error->message = message;
	ctx->fuel -= ERROR_STEPS;
	ctx->error_bytes += strlen(error->path) + strlen(error->schema_path) + strlen(message);
	if (ctx->locate)
		eval_locate(ctx, node, node->never ? NULL : keyword, &error->keyword_location, &error->absolute_location);
	return error;
}

static inline bool
full(const EvalContext *ctx)
{
	return ctx->errors->count >= ctx->errors->limit || ctx->errors_left <= 0 || ctx->error_bytes > ERROR_BYTES_MAX;
}

/* ----- params ------------------------------------------------------------- */

static Params
params_begin(void)
{
	Params		params = {NULL};

	pushJsonbValue(&params.state, WJB_BEGIN_OBJECT, NULL);
	return params;
}

static void
params_key(Params *params, const char *key)
{
	JsonbValue	value = {.type = jbvString};

	value.val.string.val = unconstify(char *, key);
	value.val.string.len = strlen(key);
	pushJsonbValue(&params->state, WJB_KEY, &value);
}

static void
params_string(Params *params, const char *key, const char *text, uint32 len)
{
	JsonbValue	value = {.type = jbvString};

	params_key(params, key);
	value.val.string.val = unconstify(char *, text);
	value.val.string.len = len;
	pushJsonbValue(&params->state, WJB_VALUE, &value);
}

static void
params_numeric(Params *params, const char *key, Numeric num)
{
	JsonbValue	value = {.type = jbvNumeric};

	params_key(params, key);
	value.val.numeric = num;
	pushJsonbValue(&params->state, WJB_VALUE, &value);
}

static void
params_int(Params *params, const char *key, int64 n)
{
	params_numeric(params, key, int64_to_numeric(n));
}

static void
params_item(Params *params, const char *key, const JbItem *item)
{
	JsonbValue	value;

	params_key(params, key);
	item_to_value(item, &value);
	pushJsonbValue(&params->state, WJB_VALUE, &value);
}

static Jsonb *
params_end(Params *params)
{
	return JsonbValueToJsonb(pushJsonbValue(&params->state, WJB_END_OBJECT, NULL));
}

static void
set_params(EvalContext *ctx, EvalError *error, Params *params)
{
	error->params = params_end(params);
	ctx->error_bytes += VARSIZE(error->params);
}

/* the names of a type mask as an array */
static void
params_types(Params *params, const char *key, uint8 types)
{
	params_key(params, key);
	pushJsonbValue(&params->state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < NTYPES; i++)
		if (types & (1 << i))
		{
			JsonbValue	value = {.type = jbvString};

			value.val.string.val = unconstify(char *, type_names[i]);
			value.val.string.len = strlen(type_names[i]);
			pushJsonbValue(&params->state, WJB_ELEM, &value);
		}
	pushJsonbValue(&params->state, WJB_END_ARRAY, NULL);
}

/* "integer or null" */
char *
type_list(uint8 types)
{
	StringInfoData out;
	int			left = 0;

	initStringInfo(&out);
	for (int i = 0; i < NTYPES; i++)
		left += (types >> i) & 1;
	for (int i = 0; i < NTYPES; i++)
		if (types & (1 << i))
		{
			if (out.len > 0)
				appendStringInfoString(&out, left == 1 ? " or " : ", ");
			appendStringInfoString(&out, type_names[i]);
			left--;
		}
	return out.data;
}

/* A key as a message shows it: escaped and cut. */
static char *
key_shown(const char *key, uint32 len)
{
	JbItem		item = {JENTRY_ISSTRING, key, len};

	return json_excerpt(&item, KEY_SHOWN);
}

/* ----- one function per error ----------------------------------------------- */

void
error_false(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at)
{
	if (!full(ctx))
		error_add(ctx, node, at, "false", pstrdup("must not be given"));
}

static const char *
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

	if (full(ctx))
		return;
	error = error_add(ctx, node, at, "type",
					  psprintf("must be %s, not %s", type_list(node->types), got));
	error->expected = node->types;
	params = params_begin();
	params_types(&params, "expected", node->types);
	params_string(&params, "got", got, strlen(got));
	set_params(ctx, error, &params);
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

	if (full(ctx))
		return;
	error = error_add(ctx, node, at, keyword,
					  psprintf("must have at %s %u %s%s, not %u", at_most ? "most" : "least", limit, unit,
							   limit == 1 ? "" : "s", got));
	params = params_begin();
	params_int(&params, "limit", limit);
	params_int(&params, "got", got);
	set_params(ctx, error, &params);
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

	if (full(ctx))
		return;
	for (int i = 0; i < lengthof(words); i++)
		if (strcmp(words[i][0], keyword) == 0)
			word = words[i][1];
	error = error_add(ctx, node, at, keyword, psprintf("must be %s %s", word, number_text(limit)));
	params = params_begin();
	params_numeric(&params, "limit", limit->num);
	set_params(ctx, error, &params);
}

void
error_pattern(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at)
{
	const char *source;
	EvalError  *error;
	Params		params;

	if (full(ctx))
		return;
	source = pattern_source(node->string->pattern);
	error = error_add(ctx, node, at, "pattern", psprintf("must match the pattern %s", agc_shown(source, PATTERN_SHOWN)));
	params = params_begin();
	params_string(&params, "pattern", source, strlen(source));
	set_params(ctx, error, &params);
}

void
error_format(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at)
{
	const char *format = node->string->format;
	EvalError  *error;
	Params		params;

	if (full(ctx))
		return;
	error = error_add(ctx, node, at, "format", psprintf("must be a valid %s", format));
	params = params_begin();
	params_string(&params, "format", format, strlen(format));
	set_params(ctx, error, &params);
}

void
error_required(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const Property *missing)
{
	EvalError  *error;
	Params		params;
	char	   *type = NULL;

	if (full(ctx))
		return;
	if (missing->node != NULL && missing->node->types != TYPE_ANY)
		type = type_list(missing->node->types);
	error = error_add(ctx, node, at, "required",
					  type == NULL ?
						  psprintf("required property %s is missing", key_shown(missing->key, missing->len)) :
						  psprintf("required property %s (%s) is missing", key_shown(missing->key, missing->len), type));
	params = params_begin();
	params_string(&params, "property", missing->key, missing->len);
	if (type != NULL)
		params_types(&params, "expected", missing->node->types);
	set_params(ctx, error, &params);
}

void
error_dependency(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at,
				 const Dependency *dependency, const JbItem *missing)
{
	EvalError  *error;
	Params		params;

	if (full(ctx))
		return;
	error = error_add(ctx, node, at, dependency->keyword,
					  psprintf("property %s is required where %s is given",
							   key_shown(missing->data, missing->len),
							   key_shown(dependency->key, dependency->len)));
	params = params_begin();
	params_string(&params, "property", missing->data, missing->len);
	params_string(&params, "given", dependency->key, dependency->len);
	set_params(ctx, error, &params);
}

/* "at" is the unknown key itself; the error lists the known ones and names the nearest */
void
error_unknown_key(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at,
				  const char *keyword)
{
	EvalError  *error;
	Params		params;
	AgcNearest	nearest = {.limit = 1};
	uint32		shown = 0;

	if (full(ctx))
		return;
	nearest.wanted = pnstrdup(at->key, at->len);
	error = error_add(ctx, node, at, keyword, psprintf("property %s is not allowed", key_shown(at->key, at->len)));
	params = params_begin();
	params_string(&params, "property", at->key, at->len);
	params_key(&params, "allowed");
	pushJsonbValue(&params.state, WJB_BEGIN_ARRAY, NULL);
	for (uint32 i = 0; i < node->object->nproperties; i++)
	{
		const Property *property = &node->object->properties[i];
		JsonbValue	value = {.type = jbvString};

		if (property->node == NULL || property->node->never)
			continue;
		if (i < NEAREST_LOOKED_AT)
			agc_nearest_add(&nearest, pnstrdup(property->key, property->len));
		if (shown++ >= LIST_MAX)
			continue;
		value.val.string.val = unconstify(char *, property->key);
		value.val.string.len = property->len;
		pushJsonbValue(&params.state, WJB_ELEM, &value);
	}
	pushJsonbValue(&params.state, WJB_END_ARRAY, NULL);
	if (shown > LIST_MAX)
		params_int(&params, "more", shown - LIST_MAX);
	if (nearest.count > 0)
		params_string(&params, "nearest", nearest.name[0], strlen(nearest.name[0]));
	set_params(ctx, error, &params);
}

void
error_extra_item(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const char *keyword)
{
	if (!full(ctx))
		error_add(ctx, node, at, keyword, psprintf("no element is allowed at index %u", at->index));
}

void
error_unique(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, uint32 first, uint32 second)
{
	EvalError  *error;
	Params		params;

	if (full(ctx))
		return;
	error = error_add(ctx, node, at, "uniqueItems",
					  psprintf("must have unique elements, but %u and %u are equal", first, second));
	params = params_begin();
	params_int(&params, "first", first);
	params_int(&params, "second", second);
	set_params(ctx, error, &params);
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

	if (full(ctx))
		return;
	initStringInfo(&message);
	appendStringInfoString(&message, list ? "must be one of " : "must be ");
	params = params_begin();
	if (list)
	{
		JbCursor	cursor = jb_first(jb_container(allowed));
		uint32		n = JsonContainerSize(jb_container(allowed));

		params_key(&params, "allowed");
		pushJsonbValue(&params.state, WJB_BEGIN_ARRAY, NULL);
		for (uint32 i = 0; i < n && i < LIST_MAX; i++)
		{
			JbItem		one = jb_next(&cursor);
			JsonbValue	value;

			item_to_value(&one, &value);
			pushJsonbValue(&params.state, WJB_ELEM, &value);
			appendStringInfo(&message, "%s%s", i > 0 ? ", " : "", json_excerpt(&one, KEY_SHOWN));
		}
		pushJsonbValue(&params.state, WJB_END_ARRAY, NULL);
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
		appendStringInfoString(&message, json_excerpt(allowed, KEY_SHOWN));
	}
	error = error_add(ctx, node, at, keyword, message.data);
	error->value_list = true;
	error->one_value = !list || JsonContainerSize(jb_container(allowed)) == 1;
	set_params(ctx, error, &params);
}

/* A wrong type of the value itself, or a constant that tells branches apart. */
static bool
says_another_branch(const EvalError *error, int depth)
{
	if (error->depth == depth && (error->expected != 0 || strcmp(error->keyword, "false") == 0))
		return true;
	return error->depth <= depth + 1 && error->one_value;
}

static bool
branch_ruled_out(const EvalErrors *branch, int depth)
{
	for (int i = 0; i < branch->count; i++)
		if (says_another_branch(&branch->items[i], depth))
			return true;
	return false;
}

/*
 * How far a branch is from what was meant.  The strongest sign of the wrong
 * branch is a wrong type of the value itself, the next a wrong constant just
 * below it.
 */
static int
branch_score(const EvalErrors *branch, int depth)
{
	int			score = branch->count;

	for (int i = 0; i < branch->count; i++)
	{
		const EvalError *error = &branch->items[i];

		if (error->depth == depth && (error->expected != 0 || strcmp(error->keyword, "false") == 0))
			score += 1000000;
		else if (error->depth <= depth + 1 && error->one_value)
			score += 10000;
		else if (error->depth <= depth + 1 && error->value_list)
			score += 100;
	}
	return score;
}

/* The types that a branch would accept, if the value's type is its only problem. */
static uint8
branch_types(const EvalErrors *branch, int depth)
{
	if (branch->count == 1 && branch->items[0].depth == depth)
		return branch->items[0].expected;
	return 0;
}

/*
 * No alternative fits.  If all of them want another type, the error says just
 * that; otherwise it keeps the errors of the nearest one.
 */
void
error_branches(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const char *keyword,
			   EvalErrors **branches, uint32 nbranches, const JbItem *item)
{
	uint8		types = 0;
	uint32		typed = 0;
	uint32		ruled_out = 0;
	uint32		best = 0;
	EvalError  *error;
	Params		params = params_begin();

	for (uint32 i = 0; i < nbranches; i++)
	{
		uint8		wants = branch_types(branches[i], at->depth);

		types |= wants;
		typed += wants != 0;
		ruled_out += branch_ruled_out(branches[i], at->depth);
		if (branch_score(branches[i], at->depth) < branch_score(branches[best], at->depth))
			best = i;
	}
	if (typed == nbranches)
	{
		const char *got = item_type_name(item);

		error = error_add(ctx, node, at, keyword, psprintf("must be %s, not %s", type_list(types), got));
		error->expected = types;
		params_types(&params, "expected", types);
		params_string(&params, "got", got, strlen(got));
	}
	else if (branches[best]->count == 0)
	{
		error = error_add(ctx, node, at, keyword, psprintf("matches none of %u alternatives", nbranches));
		params_int(&params, "alternatives", nbranches);
	}
	else
	{
		JsonbValue	value = {.type = jbvBinary};
		Jsonb	   *nested = errors_to_jsonb(branches[best]);
		const EvalError *first = &branches[best]->items[0];

		error = error_add(ctx, node, at, keyword,
						  psprintf("matches none of %u alternatives; of the nearest, \"%s\" %s",
								   nbranches, path_excerpt(first->path), first->message));
		error->branch = branches[best];
		error->branch_chosen = ruled_out == nbranches - 1 && !branch_ruled_out(branches[best], at->depth);
		params_int(&params, "alternatives", nbranches);
		params_int(&params, "nearest", best);
		params_key(&params, "errors");
		value.val.binary.data = &nested->root;
		value.val.binary.len = VARSIZE_ANY_EXHDR(nested);
		pushJsonbValue(&params.state, WJB_VALUE, &value);
	}
	set_params(ctx, error, &params);
	if (ctx->locate)
	{
		error->branches = branches;
		error->nbranches = nbranches;
	}
}

void
error_many(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, uint32 first, uint32 second)
{
	EvalError  *error;
	Params		params;

	if (full(ctx))
		return;
	error = error_add(ctx, node, at, "oneOf",
					  psprintf("matches alternatives %u and %u; exactly one is allowed", first + 1, second + 1));
	params = params_begin();
	params_int(&params, "first", first);
	params_int(&params, "second", second);
	set_params(ctx, error, &params);
}

void
error_not(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at)
{
	if (!full(ctx))
		error_add(ctx, node, at, "not", pstrdup("matches a schema that is excluded"));
}

/* ----- rendering ------------------------------------------------------------ */

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
		if (error->params != NULL)
		{
			JbItem		item = jb_root(error->params);

			params_item(&params, "params", &item);
		}
		else
		{
			params_key(&params, "params");
			pushJsonbValue(&params.state, WJB_BEGIN_OBJECT, NULL);
			pushJsonbValue(&params.state, WJB_END_OBJECT, NULL);
		}
		object = params_end(&params);
		value.val.binary.data = &object->root;
		value.val.binary.len = VARSIZE_ANY_EXHDR(object);
		pushJsonbValue(&state, WJB_ELEM, &value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}
