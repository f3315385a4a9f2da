/*
 * redact.c
 *	  Documents without what a tool's redact points at.
 *
 * What is not as the pointers expect it is redacted as far as it may hold what they
 * mean: the arguments of a refused call need not fit any schema.  A pointer that leads
 * through a scalar hides it (a model may write an object as a string of JSON); one
 * that wants a member of an array hides the array; "*" stands for members of objects
 * too.
 *
 * The mark says nothing of the value, neither its length nor its type.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "record/content.h"

#include "miscadmin.h"
#include "record/pointers.h"

static JsonbValue *redact(JsonbParseState **state, JsonbValue *value, JsonbIteratorToken as, const PointerSet *hidden);

static JsonbValue *
redact_object(JsonbParseState **state, JsonbContainer *object, const PointerSet *hidden)
{
	JsonbIterator *it = JsonbIteratorInit(object);
	JsonbValue	key;
	JsonbValue	value;

	(void) JsonbIteratorNext(&it, &key, true);
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	while (JsonbIteratorNext(&it, &key, true) == WJB_KEY)
	{
		PointerSet	below;

		(void) JsonbIteratorNext(&it, &value, true);
		pointers_step(hidden, key.val.string.val, key.val.string.len, true, &below);
		pushJsonbValue(state, WJB_KEY, &key);
		redact(state, &value, WJB_VALUE, &below);
		pfree(below.rest);
	}
	return pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static JsonbValue *
redact_array(JsonbParseState **state, JsonbContainer *array, const PointerSet *hidden)
{
	JsonbIterator *it = JsonbIteratorInit(array);
	JsonbValue	value;
	int			n = 0;

	(void) JsonbIteratorNext(&it, &value, true);
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	while (JsonbIteratorNext(&it, &value, true) == WJB_ELEM)
	{
		PointerSet	below;

		pointers_step_element(hidden, n++, &below);
		redact(state, &value, WJB_ELEM, &below);
		pfree(below.rest);
	}
	return pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

static bool
is_hidden(const JsonbValue *value, const PointerSet *hidden)
{
	if (hidden->n == 0)
		return false;
	if (value->type != jbvBinary || pointers_end(hidden))
		return true;
	return JsonContainerIsArray(value->val.binary.data) && pointers_want_member(hidden);
}

static JsonbValue *
redact(JsonbParseState **state, JsonbValue *value, JsonbIteratorToken as, const PointerSet *hidden)
{
	check_stack_depth();
	if (is_hidden(value, hidden))
		return agc_push_text(state, as, RECORD_REDACTED);
	if (hidden->n == 0)
		return pushJsonbValue(state, as, value);
	return JsonContainerIsObject(value->val.binary.data) ? redact_object(state, value->val.binary.data, hidden) :
		redact_array(state, value->val.binary.data, hidden);
}

static Jsonb *
mark(void)
{
	JsonbValue	value = {.type = jbvString};

	value.val.string.val = RECORD_REDACTED;
	value.val.string.len = strlen(RECORD_REDACTED);
	return JsonbValueToJsonb(&value);
}

static Jsonb *
redact_document(const ToolDef *tool, Jsonb *document, const char *part, const char *other)
{
	JsonbParseState *state = NULL;
	PointerSet	hidden;

	if (tool == NULL || tool->nredact == 0)
		return document;
	hidden = pointers_of(tool->redact, tool->nredact, part, other);
	if (hidden.n == 0)
		return document;
	if (JB_ROOT_IS_SCALAR(document) || pointers_end(&hidden))
		return mark();
	if (JB_ROOT_IS_OBJECT(document))
		return JsonbValueToJsonb(redact_object(&state, &document->root, &hidden));
	return pointers_want_member(&hidden) ? mark() : JsonbValueToJsonb(redact_array(&state, &document->root, &hidden));
}

Jsonb *
record_redact_args(const ToolDef *tool, Jsonb *args)
{
	return redact_document(tool, args, "/args", "/result");
}

Jsonb *
record_redact_result(const ToolDef *tool, Jsonb *result)
{
	return redact_document(tool, result, "/result", "/args");
}
