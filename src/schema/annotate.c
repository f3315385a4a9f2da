/*
 * annotate.c
 *	  The units of the output format "basic", and those of a valid instance: what
 *	  each keyword that was applied has to say.
 *
 * Memory: everything in CurrentMemoryContext.  Locks: none.  On ERROR: nothing
 * to undo.
 */
#include "schema/annotate.h"

#include "schema/vocabulary.h"

/* beyond that many, nobody would read them */
#define UNITS_MAX 10000

void
output_push_text(JsonbParseState **state, JsonbIteratorToken token, const char *text)
{
	JsonbValue	value = {.type = jbvString};

	value.val.string.val = unconstify(char *, text);
	value.val.string.len = strlen(text);
	pushJsonbValue(state, token, &value);
}

void
output_push_member(JsonbParseState **state, const char *key, const char *text)
{
	output_push_text(state, WJB_KEY, key);
	output_push_text(state, WJB_VALUE, text);
}

void
output_push_valid(JsonbParseState **state, bool valid)
{
	JsonbValue	value = {.type = jbvBool};

	value.val.boolean = valid;
	output_push_text(state, WJB_KEY, "valid");
	pushJsonbValue(state, WJB_VALUE, &value);
}

/* The caller adds what the unit says, and ends it. */
void
output_begin_unit(OutputUnits *units, bool valid, const char *keyword_location, const char *absolute_location,
				  const char *instance_location)
{
	JsonbParseState **state = &units->state;

	if (++units->count > UNITS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				 errmsg("output has more than %d units", UNITS_MAX),
				 errhint("Ask for the output \"flag\".")));
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	output_push_valid(state, valid);
	output_push_member(state, "keywordLocation", keyword_location);
	output_push_member(state, "absoluteKeywordLocation", absolute_location);
	output_push_member(state, "instanceLocation", instance_location);
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
	eval_locate(ctx, node, name, &keyword_location, &absolute_location);
	output_begin_unit(ctx->units, true, keyword_location, absolute_location, eval_path_text(at));
	if (speech != SPEECH_APPLIED)
	{
		JsonbValue	value;

		output_push_text(&ctx->units->state, WJB_KEY, "annotation");
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
