/*
 * output.c
 *	  The output formats of the JSON Schema specification: flag and basic.
 *
 * A unit of "basic" says which keyword spoke about which place of the
 * instance.  keywordLocation is the way that was taken through the schema,
 * with the references followed on it; absoluteKeywordLocation is where the
 * keyword stands.  For an invalid instance the units are its errors, those of
 * every alternative of anyOf and oneOf included.  For a valid one they are the
 * keywords that were applied, with an annotation where the keyword is one.
 *
 * The walker of eval.c keeps the chain of references on the C stack; locations
 * are rendered only here.
 *
 * Memory: everything in CurrentMemoryContext.  Locks: none.  On ERROR: nothing
 * to undo.
 */
#include "schema/compiler.h"
#include "schema/eval.h"

#include "miscadmin.h"

/* more keywords than that have nothing to say that anybody reads */
#define UNITS_MAX 10000

struct OutputUnits
{
	JsonbParseState *state;
	int			count;
};

/* ----- locations ------------------------------------------------------------ */

/* The part of a path below an outer one; all of it where it lies elsewhere. */
static const char *
below(const SchemaPath *path, const SchemaPath *outer)
{
	const char *text = schema_path_text(path, NULL);
	const char *prefix = schema_path_text(outer, NULL);
	Size		len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : text;
}

static void
append_route(StringInfo out, const EvalHop *hop, const SchemaPath *path)
{
	if (hop == NULL)
	{
		appendStringInfoString(out, schema_path_text(path, NULL));
		return;
	}
	check_stack_depth();
	append_route(out, hop->outer, hop->from->path);
	pointer_append_key(out, hop->keyword, strlen(hop->keyword));
	appendStringInfoString(out, below(path, hop->target->path));
}

/* A JSON Pointer as the fragment of a URI (RFC 6901, section 6). */
static void
append_fragment(StringInfo out, const char *pointer)
{
	for (; *pointer != '\0'; pointer++)
	{
		unsigned char c = *pointer;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			strchr("-._~!$&'()*+,;=:@/?", c) != NULL)
			appendStringInfoChar(out, c);
		else
			appendStringInfo(out, "%%%02X", c);
	}
}

/* keyword may be NULL: the schema itself */
void
output_locate(const EvalContext *ctx, const SchemaNode *node, const char *keyword,
			  char **keyword_location, char **absolute_location)
{
	StringInfoData route;
	StringInfoData pointer;
	StringInfoData absolute;

	initStringInfo(&route);
	append_route(&route, ctx->hop, node->path);
	initStringInfo(&pointer);
	appendStringInfoString(&pointer, below(node->path, node->resource->path));
	if (keyword != NULL)
	{
		pointer_append_key(&route, keyword, strlen(keyword));
		pointer_append_key(&pointer, keyword, strlen(keyword));
	}
	initStringInfo(&absolute);
	appendStringInfo(&absolute, "%s#", node->resource->base == NULL ? "" : node->resource->base);
	append_fragment(&absolute, pointer.data);
	*keyword_location = route.data;
	*absolute_location = absolute.data;
}

/* ----- units ------------------------------------------------------------------ */

static void
push_text(JsonbParseState **state, JsonbIteratorToken token, const char *text)
{
	JsonbValue	value = {.type = jbvString};

	value.val.string.val = unconstify(char *, text);
	value.val.string.len = strlen(text);
	pushJsonbValue(state, token, &value);
}

static void
push_member(JsonbParseState **state, const char *key, const char *text)
{
	push_text(state, WJB_KEY, key);
	push_text(state, WJB_VALUE, text);
}

static void
push_valid(JsonbParseState **state, bool valid)
{
	JsonbValue	value = {.type = jbvBool};

	value.val.boolean = valid;
	push_text(state, WJB_KEY, "valid");
	pushJsonbValue(state, WJB_VALUE, &value);
}

/* The caller adds what the unit says, and ends it. */
static void
begin_unit(struct OutputUnits *units, bool valid, const char *keyword_location, const char *absolute_location,
		   const char *instance_location)
{
	JsonbParseState **state = &units->state;

	if (++units->count > UNITS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				 errmsg("output has more than %d units", UNITS_MAX),
				 errhint("Ask for the output \"flag\".")));
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	push_valid(state, valid);
	push_member(state, "keywordLocation", keyword_location);
	push_member(state, "absoluteKeywordLocation", absolute_location);
	push_member(state, "instanceLocation", instance_location);
}

static void
append_errors(struct OutputUnits *units, const EvalErrors *errors)
{
	check_stack_depth();
	for (int i = 0; i < errors->count; i++)
	{
		const EvalError *error = &errors->items[i];

		begin_unit(units, false, error->keyword_location, error->absolute_location, error->path);
		push_member(&units->state, "error", error->message);
		pushJsonbValue(&units->state, WJB_END_OBJECT, NULL);
		for (uint32 j = 0; j < error->nbranches; j++)
			append_errors(units, error->branches[j]);
	}
}

typedef enum Speech
{
	SPEECH_NONE,				/* an identifier, a definition, a comment */
	SPEECH_APPLIED,				/* an assertion or an applicator that holds */
	SPEECH_ANNOTATION,
	SPEECH_OF_STRINGS			/* an annotation of strings only */
} Speech;

/* What a keyword has to say about an instance that it holds for. */
static Speech
keyword_speech(const Keyword *keyword)
{
	static const char *const silent[] = {
		"$anchor", "$comment", "$defs", "$dynamicAnchor", "$id", "$recursiveAnchor", "$schema", "$vocabulary",
		"definitions", "id"
	};
	static const char *const annotations[] = {
		"default", "deprecated", "description", "examples", "readOnly", "title", "writeOnly"
	};
	static const char *const of_strings[] = {"contentEncoding", "contentMediaType", "contentSchema", "format"};

	if (keyword == NULL)
		return SPEECH_ANNOTATION;
	for (int i = 0; i < lengthof(silent); i++)
		if (strcmp(silent[i], keyword->name) == 0)
			return SPEECH_NONE;
	for (int i = 0; i < lengthof(annotations); i++)
		if (strcmp(annotations[i], keyword->name) == 0)
			return SPEECH_ANNOTATION;
	for (int i = 0; i < lengthof(of_strings); i++)
		if (strcmp(of_strings[i], keyword->name) == 0)
			return SPEECH_OF_STRINGS;
	return SPEECH_APPLIED;
}

static void
annotate_keyword(EvalContext *ctx, const SchemaNode *node, const JbItem *item, const EvalFrame *at,
				 const JbItem *key, const JbItem *said)
{
	const char *name = pnstrdup(key->data, key->len);
	Speech		speech = keyword_speech(keyword_find(key->data, key->len, node->resource->dialect));
	char	   *keyword_location;
	char	   *absolute_location;

	if (speech == SPEECH_NONE || (speech == SPEECH_OF_STRINGS && !JBE_ISSTRING(item->entry)))
		return;
	output_locate(ctx, node, name, &keyword_location, &absolute_location);
	begin_unit(ctx->units, true, keyword_location, absolute_location, eval_path_text(at));
	if (speech != SPEECH_APPLIED)
	{
		JsonbValue	value;

		push_text(&ctx->units->state, WJB_KEY, "annotation");
		item_to_value(said, &value);
		pushJsonbValue(&ctx->units->state, WJB_VALUE, &value);
	}
	pushJsonbValue(&ctx->units->state, WJB_END_OBJECT, NULL);
}

/* A unit for each keyword of a schema that holds. */
void
output_annotate(EvalContext *ctx, const SchemaNode *node, const JbItem *item, const EvalFrame *at)
{
	JbItem		ref = {JENTRY_ISSTRING, "$ref", 4};
	JbItem		value;
	JbCursor	keys;
	JbCursor	values;

	if (!item_is_object(&node->source))
		return;
	/* up to draft 7, nothing beside a $ref counts */
	if (node->resource->dialect <= DIALECT_DRAFT7 &&
		object_find(jb_container(&node->source), ref.data, ref.len, &value))
	{
		annotate_keyword(ctx, node, item, at, &ref, &value);
		return;
	}
	keys = jb_first(jb_container(&node->source));
	values = jb_first_value(jb_container(&node->source));
	for (uint32 i = 0; i < JsonContainerSize(jb_container(&node->source)); i++)
	{
		JbItem		key = jb_next(&keys);

		value = jb_next(&values);
		annotate_keyword(ctx, node, item, at, &key, &value);
	}
}

/* ----- the whole --------------------------------------------------------------- */

Jsonb *
schema_output(const SchemaProgram *program, const Jsonb *instance, bool basic)
{
	struct OutputUnits units = {0};
	JsonbParseState **state = &units.state;
	bool		valid = schema_valid(program, instance);

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	push_valid(state, valid);
	if (basic)
	{
		push_member(state, "keywordLocation", "");
		push_member(state, "instanceLocation", "");
		push_text(state, WJB_KEY, valid ? "annotations" : "errors");
		pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
		if (valid)
			schema_annotate(program, instance, &units);
		else
			append_errors(&units, schema_located_errors(program, instance, agc_max_errors));
		pushJsonbValue(state, WJB_END_ARRAY, NULL);
	}
	return JsonbValueToJsonb(pushJsonbValue(state, WJB_END_OBJECT, NULL));
}
