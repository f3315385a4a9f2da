/*
 * rewrite.c
 *	  A schema of the same meaning, without forms that providers refuse.
 *
 * An array without "items" gets "items": {}, an object at the root without
 * "properties" gets "properties": {}, and a combination at the root whose
 * branches only require names becomes "required".  Nothing is narrowed and
 * nothing is dropped; what has no other form stays, for lint to refuse.
 *
 * "items": {} makes the elements evaluated, so nothing gets it in a schema with
 * unevaluatedItems.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  Errors: 54001 on nesting deeper
 * than the stack allows.
 */
#include "tool/provider_rules.h"

#include "miscadmin.h"

/* What a keyword holds. */
typedef enum Holds
{
	HOLDS_SCHEMA,				/* or an array of schemas */
	HOLDS_MAP
} Holds;

static const struct
{
	const char *keyword;
	Holds		holds;
}			holders[] = {
	{"$defs", HOLDS_MAP}, {"additionalItems", HOLDS_SCHEMA}, {"additionalProperties", HOLDS_SCHEMA},
	{"allOf", HOLDS_SCHEMA}, {"anyOf", HOLDS_SCHEMA}, {"contains", HOLDS_SCHEMA}, {"definitions", HOLDS_MAP},
	{"dependentSchemas", HOLDS_MAP}, {"else", HOLDS_SCHEMA}, {"if", HOLDS_SCHEMA}, {"items", HOLDS_SCHEMA},
	{"not", HOLDS_SCHEMA}, {"oneOf", HOLDS_SCHEMA}, {"patternProperties", HOLDS_MAP},
	{"prefixItems", HOLDS_SCHEMA}, {"properties", HOLDS_MAP}, {"propertyNames", HOLDS_SCHEMA},
	{"then", HOLDS_SCHEMA}, {"unevaluatedItems", HOLDS_SCHEMA}, {"unevaluatedProperties", HOLDS_SCHEMA},
};

static JsonbValue *push_rewritten(JsonbParseState **state, const JbItem *schema, JsonbIteratorToken where,
								  bool with_items, List *required);

bool
schema_type_names(const JbItem *type, const char *name)
{
	JbItem		one;

	for (uint32 i = 0; item_is_array(type) && array_get(jb_container(type), i, &one); i++)
		if (text_is(&one, name))
			return true;
	return text_is(type, name);
}

static void
put_empty_object(JsonbParseState **state, const char *key)
{
	put_key(state, key);
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* Any value: is unevaluatedItems a key in it? */
static bool
has_unevaluated_items(const JbItem *item)
{
	JbCursor	keys;
	JbCursor	values;
	bool		object = item_is_object(item);

	check_stack_depth();
	if (!JBE_ISCONTAINER(item->entry))
		return false;
	keys = jb_first(jb_container(item));
	values = object ? jb_first_value(jb_container(item)) : keys;
	for (uint32 i = 0; i < JsonContainerSize(jb_container(item)); i++)
	{
		JbItem		key = object ? jb_next(&keys) : (JbItem) {0};
		JbItem		value = jb_next(&values);

		if ((object && text_is(&key, "unevaluatedItems")) || has_unevaluated_items(&value))
			return true;
	}
	return false;
}

/* ----- the root --------------------------------------------------------------- */

static List *
add_names(List *names, const JbItem *array)
{
	JbItem		name;

	for (uint32 i = 0; array_get(jb_container(array), i, &name); i++)
	{
		JbItem	   *copy = palloc(sizeof(JbItem));
		ListCell   *lc;
		bool		known = false;

		foreach(lc, names)
			known |= item_compare(lfirst(lc), &name) == 0;
		*copy = name;
		if (!known)
			names = lappend(names, copy);
	}
	return names;
}

/*
 * The names that a combination requires, if that is all it says: every branch is
 * {"required": [...]}, and all of them hold, or there is only one.
 */
static bool
only_requires(const char *keyword, const JbItem *branches, List **names)
{
	List	   *found = *names;
	JbItem		branch;
	JbItem		required;

	if (!item_is_array(branches) || (strcmp(keyword, "allOf") != 0 && JsonContainerSize(jb_container(branches)) != 1))
		return false;
	for (uint32 i = 0; array_get(jb_container(branches), i, &branch); i++)
	{
		if (!item_is_object(&branch) || JsonContainerSize(jb_container(&branch)) != 1 ||
			!object_find_cstring(jb_container(&branch), "required", &required) || !item_is_array(&required))
			return false;
		found = add_names(found, &required);
	}
	*names = found;
	return true;
}

static bool
is_combination(const JbItem *key)
{
	return text_is(key, "allOf") || text_is(key, "anyOf") || text_is(key, "oneOf");
}

/* All names that the root requires by itself and by combinations; NIL: no combination says only that. */
static List *
required_names(const JbItem *root)
{
	static const char *const keywords[] = {"allOf", "anyOf", "oneOf"};
	List	   *names = NIL;
	JbItem		value;
	bool		merged = false;

	/* up to draft 7, nothing beside a $ref counts */
	if (object_find_cstring(jb_container(root), "$ref", &value))
		return NIL;
	if (object_find_cstring(jb_container(root), "required", &value))
	{
		/* draft 3 and nonsense stay as they are */
		if (!item_is_array(&value))
			return NIL;
		names = add_names(names, &value);
	}
	for (int i = 0; i < lengthof(keywords); i++)
		if (object_find_cstring(jb_container(root), keywords[i], &value))
			merged |= only_requires(keywords[i], &value, &names);
	return merged ? names : NIL;
}

static void
put_required(JsonbParseState **state, List *names)
{
	ListCell   *lc;

	put_key(state, "required");
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	foreach(lc, names)
		put_item(state, WJB_ELEM, lfirst(lc));
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* ----- every schema ------------------------------------------------------------- */

static void
push_children(JsonbParseState **state, const JbItem *value, bool with_items)
{
	bool		object = item_is_object(value);
	JbCursor	keys = jb_first(jb_container(value));
	JbCursor	values = object ? jb_first_value(jb_container(value)) : keys;

	pushJsonbValue(state, object ? WJB_BEGIN_OBJECT : WJB_BEGIN_ARRAY, NULL);
	for (uint32 i = 0; i < JsonContainerSize(jb_container(value)); i++)
	{
		JbItem		key = object ? jb_next(&keys) : (JbItem) {0};
		JbItem		child = jb_next(&values);

		if (object)
			put_text(state, WJB_KEY, key.data, key.len);
		push_rewritten(state, &child, object ? WJB_VALUE : WJB_ELEM, with_items, NIL);
	}
	pushJsonbValue(state, object ? WJB_END_OBJECT : WJB_END_ARRAY, NULL);
}

static void
push_value(JsonbParseState **state, const JbItem *key, const JbItem *value, bool with_items)
{
	for (int i = 0; i < lengthof(holders); i++)
		if (text_is(key, holders[i].keyword))
		{
			if (item_is_array(value) || (holders[i].holds == HOLDS_MAP && item_is_object(value)))
				push_children(state, value, with_items);
			else
				push_rewritten(state, value, WJB_VALUE, with_items, NIL);
			return;
		}
	put_item(state, WJB_VALUE, value);
}

/* required: what the root requires, where combinations only said that. */
static JsonbValue *
push_rewritten(JsonbParseState **state, const JbItem *schema, JsonbIteratorToken where, bool with_items, List *required)
{
	JbItem		value;
	JbCursor	keys;
	JbCursor	values;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (!item_is_object(schema))
	{
		put_item(state, where, schema);
		return NULL;
	}
	keys = jb_first(jb_container(schema));
	values = jb_first_value(jb_container(schema));
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (uint32 i = 0; i < JsonContainerSize(jb_container(schema)); i++)
	{
		JbItem		key = jb_next(&keys);
		List	   *names = NIL;

		value = jb_next(&values);
		if (required != NIL && (text_is(&key, "required") ||
								(is_combination(&key) && only_requires(pnstrdup(key.data, key.len), &value, &names))))
			continue;
		put_text(state, WJB_KEY, key.data, key.len);
		push_value(state, &key, &value, with_items);
	}
	if (required != NIL)
		put_required(state, required);
	if (with_items && object_find_cstring(jb_container(schema), "type", &value) && schema_type_names(&value, "array") &&
		!object_find_cstring(jb_container(schema), "items", &value))
		put_empty_object(state, "items");
	if (where == WJB_DONE && object_find_cstring(jb_container(schema), "type", &value) && text_is(&value, "object") &&
		!object_find_cstring(jb_container(schema), "properties", &value))
		put_empty_object(state, "properties");
	return pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

Jsonb *
schema_rewrite(const Jsonb *schema)
{
	JsonbParseState *state = NULL;
	JbItem		root = jb_root(schema);

	return JsonbValueToJsonb(push_rewritten(&state, &root, WJB_DONE, !has_unevaluated_items(&root), required_names(&root)));
}

/* Whether a root's type says that it can be an object; one that says nothing can. */
static bool
can_be_object(const JbItem *root)
{
	JbItem		type;

	return !object_find_cstring(jb_container(root), "type", &type) || schema_type_names(&type, "object");
}

/* An object's members but one, into an open object. */
static void
put_others(JsonbParseState **state, const JbItem *object, const char *but)
{
	JbCursor	keys = jb_first(jb_container(object));
	JbCursor	values = jb_first_value(jb_container(object));

	for (uint32 i = 0; i < JsonContainerSize(jb_container(object)); i++)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);

		if (text_is(&key, but))
			continue;
		put_text(state, WJB_KEY, key.data, key.len);
		put_item(state, WJB_VALUE, &value);
	}
}

Jsonb *
schema_of_object(const Jsonb *schema)
{
	JsonbParseState *state = NULL;
	JbItem		root = jb_root(schema);
	JbItem		value;

	if (!item_is_object(&root) || !can_be_object(&root))
		return item_to_jsonb(&root);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	put_string(&state, "type", "object");
	put_others(&state, &root, "type");
	if (!object_find_cstring(jb_container(&root), "properties", &value))
		put_empty_object(&state, "properties");
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

Jsonb *
schema_without_dialect(const Jsonb *schema)
{
	JsonbParseState *state = NULL;
	JbItem		root = jb_root(schema);

	if (!item_is_object(&root))
		return item_to_jsonb(&root);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	put_others(&state, &root, "$schema");
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}
