/*
 * kept_args.c
 *	  Of arguments what a tool's log_args points at, and nothing else.
 *
 * An element of an array that is not kept is null, which leaves the others in their
 * places.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "record/content.h"

#include "miscadmin.h"
#include "record/pointers.h"

static JsonbValue *keep(JsonbParseState **state, JsonbValue *value, JsonbIteratorToken as, const PointerSet *kept);

static JsonbValue *
keep_object(JsonbParseState **state, JsonbContainer *object, const PointerSet *kept)
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
		pointers_step(kept, key.val.string.val, key.val.string.len, false, &below);
		if (below.n > 0)
		{
			pushJsonbValue(state, WJB_KEY, &key);
			keep(state, &value, WJB_VALUE, &below);
		}
		pfree(below.rest);
	}
	return pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static JsonbValue *
keep_array(JsonbParseState **state, JsonbContainer *array, const PointerSet *kept)
{
	JsonbIterator *it = JsonbIteratorInit(array);
	JsonbValue	none = {.type = jbvNull};
	JsonbValue	value;
	int			n = 0;

	(void) JsonbIteratorNext(&it, &value, true);
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	while (JsonbIteratorNext(&it, &value, true) == WJB_ELEM)
	{
		PointerSet	below;

		pointers_step_element(kept, n++, &below);
		if (below.n > 0)
			keep(state, &value, WJB_ELEM, &below);
		else
			pushJsonbValue(state, WJB_ELEM, &none);
		pfree(below.rest);
	}
	return pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* A scalar that a pointer leads through is kept as what it is not: null. */
static JsonbValue *
keep(JsonbParseState **state, JsonbValue *value, JsonbIteratorToken as, const PointerSet *kept)
{
	JsonbValue	none = {.type = jbvNull};

	check_stack_depth();
	if (pointers_end(kept))
		return pushJsonbValue(state, as, value);
	if (value->type != jbvBinary)
		return pushJsonbValue(state, as, &none);
	return JsonContainerIsObject(value->val.binary.data) ? keep_object(state, value->val.binary.data, kept) :
		keep_array(state, value->val.binary.data, kept);
}

Jsonb *
record_kept_args(const ToolDef *tool, Jsonb *args)
{
	JsonbParseState *state = NULL;
	PointerSet	kept;

	if (args == NULL || !JB_ROOT_IS_OBJECT(args))
		return NULL;
	kept = pointers_of(tool->log_args, tool->nlog_args, "/args", NULL);
	return JsonbValueToJsonb(keep_object(&state, &args->root, &kept));
}
