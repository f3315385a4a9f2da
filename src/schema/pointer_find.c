/*
 * pointer_find.c
 *	  JSON Pointer (RFC 6901) in documents: finding, replacing.
 *
 * Memory: results in CurrentMemoryContext.  Locks: none.  Errors: 54001 on
 * nesting deeper than the stack allows.
 */
#include "schema/json.h"

#include "miscadmin.h"

static void push_edited(JsonbParseState **state, JsonbValue **result, const JbItem *item,
						const char *rest, const Jsonb *value);
static void push_item(JsonbParseState **state, JsonbValue **result, const JbItem *item,
					  JsonbIteratorToken where);

bool
pointer_find(const JbItem *root, const char *pointer, JbItem *item)
{
	const char *rest = pointer[0] ? pointer : NULL;

	*item = *root;
	while (rest != NULL)
	{
		char	   *token = pointer_next(&rest);
		uint32		index;
		bool		found;

		if (item_is_object(item))
			found = object_find_cstring(jb_container(item), token, item);
		else
			found = item_is_array(item) && pointer_index(token, &index) &&
				array_get(jb_container(item), index, item);
		pfree(token);
		if (!found)
			return false;
	}
	return true;
}

/* A key that is not there yet is added; "value" NULL removes a member. */
Jsonb *
pointer_set(const Jsonb *document, const char *pointer, const Jsonb *value)
{
	JsonbParseState *state = NULL;
	JsonbValue *result = NULL;
	JbItem		root = jb_root(document);

	if (pointer[0] == '\0')
		return unconstify(Jsonb *, value != NULL ? value : document);
	if (!JBE_ISCONTAINER(root.entry))
		return unconstify(Jsonb *, document);
	push_edited(&state, &result, &root, pointer, value);
	return JsonbValueToJsonb(result);
}

/*
 * Rebuild the containers on the way; everything beside it is copied whole.
 */
static void
push_edited(JsonbParseState **state, JsonbValue **result, const JbItem *item,
			const char *rest, const Jsonb *value)
{
	const JsonbContainer *c = jb_container(item);
	bool		object = JsonContainerIsObject(c);
	uint32		n = JsonContainerSize(c);
	char	   *token = pointer_next(&rest);
	uint32		wanted = 0;
	bool		indexed = pointer_index(token, &wanted);
	bool		found = false;
	JbCursor	keys = jb_first(c);
	JbCursor	values = object ? jb_first_value(c) : jb_first(c);
	JbItem		fresh = {0};

	check_stack_depth();
	if (value != NULL)
		fresh = jb_root(value);
	pushJsonbValue(state, object ? WJB_BEGIN_OBJECT : WJB_BEGIN_ARRAY, NULL);
	for (uint32 i = 0; i < n; i++)
	{
		JbItem		child = jb_next(&values);
		bool		hit;

		if (object)
		{
			JbItem		key = jb_next(&keys);

			hit = key_compare(key.data, key.len, token, strlen(token)) == 0;
			if (hit && rest == NULL && value == NULL)
			{
				found = true;
				continue;
			}
			push_item(state, result, &key, WJB_KEY);
		}
		else
			hit = indexed && i == wanted;

		found = found || hit;
		if (hit && rest != NULL && JBE_ISCONTAINER(child.entry))
			push_edited(state, result, &child, rest, value);
		else if (hit && rest == NULL)
			push_item(state, result, value != NULL ? &fresh : &child, object ? WJB_VALUE : WJB_ELEM);
		else
			push_item(state, result, &child, object ? WJB_VALUE : WJB_ELEM);
	}
	if (object && !found && rest == NULL && value != NULL)
	{
		agc_push_text(state, WJB_KEY, token);
		push_item(state, result, &fresh, WJB_VALUE);
	}
	*result = pushJsonbValue(state, object ? WJB_END_OBJECT : WJB_END_ARRAY, NULL);
}

static void
push_item(JsonbParseState **state, JsonbValue **result, const JbItem *item, JsonbIteratorToken where)
{
	JsonbValue	value;

	item_to_value(item, &value);
	*result = pushJsonbValue(state, where, &value);
}
