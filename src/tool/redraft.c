/*
 * redraft.c
 *	  A schema of draft 4, 6, 7 or 2019-09 as one of 2020-12.
 *
 * Lists of items become prefixItems, additionalItems become items, the booleans
 * of draft 4 exclusiveMinimum and exclusiveMaximum, dependencies are divided, and
 * what stands beside a $ref up to draft 7, where it counts for nothing, goes.
 * What has no form of the same meaning, or would get a meaning that it has not
 * had, gives no schema.  The result says nothing that the schema does not, but
 * one thing: 1.0 is an integer of 2020-12, and none of draft 4.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  Errors: 54001 on nesting deeper
 * than the stack allows.
 */
#include "tool/provider_rules.h"

#include "miscadmin.h"

typedef struct Redraft
{
	JsonbParseState *state;
	SchemaDialect dialect;
	bool		failed;			/* there is no form of the same meaning */
} Redraft;

/* What a keyword of an older draft becomes. */
typedef enum Fate
{
	FATE_KEEP,
	FATE_SCHEMA,				/* a schema, or an array of them */
	FATE_MAP,					/* an object of schemas */
	FATE_FAIL,
	FATE_DROP,
	FATE_ITEMS,
	FATE_DEPENDENCIES,
	FATE_EXCLUSIVE,
	FATE_LIMIT,					/* what the boolean of draft 4 makes exclusive */
	FATE_REF,
	FATE_ID
} Fate;

/* since: the first draft that knows the keyword; in an older one it said nothing, and now it would */
static const struct
{
	const char *keyword;
	Fate		fate;
	SchemaDialect since;
}			fates[] = {
	{"$anchor", FATE_KEEP, DIALECT_2019_09}, {"$defs", FATE_MAP, DIALECT_DRAFT4}, {"$dynamicAnchor", FATE_FAIL, DIALECT_2020_12},
	{"$dynamicRef", FATE_FAIL, DIALECT_2020_12}, {"$id", FATE_ID, DIALECT_DRAFT6}, {"$recursiveAnchor", FATE_FAIL, DIALECT_DRAFT4},
	{"$recursiveRef", FATE_FAIL, DIALECT_DRAFT4}, {"$ref", FATE_REF, DIALECT_DRAFT4}, {"$schema", FATE_DROP, DIALECT_DRAFT4},
	{"$vocabulary", FATE_FAIL, DIALECT_DRAFT4}, {"additionalItems", FATE_DROP, DIALECT_DRAFT4},
	{"additionalProperties", FATE_SCHEMA, DIALECT_DRAFT4}, {"allOf", FATE_SCHEMA, DIALECT_DRAFT4}, {"anyOf", FATE_SCHEMA, DIALECT_DRAFT4},
	{"const", FATE_KEEP, DIALECT_DRAFT6}, {"contains", FATE_SCHEMA, DIALECT_DRAFT6}, {"definitions", FATE_MAP, DIALECT_DRAFT4},
	{"dependencies", FATE_DEPENDENCIES, DIALECT_DRAFT4}, {"dependentRequired", FATE_KEEP, DIALECT_2019_09},
	{"dependentSchemas", FATE_MAP, DIALECT_2019_09}, {"else", FATE_SCHEMA, DIALECT_DRAFT7}, {"exclusiveMaximum", FATE_EXCLUSIVE, DIALECT_DRAFT4},
	{"exclusiveMinimum", FATE_EXCLUSIVE, DIALECT_DRAFT4}, {"id", FATE_ID, DIALECT_DRAFT4}, {"if", FATE_SCHEMA, DIALECT_DRAFT7},
	{"items", FATE_ITEMS, DIALECT_DRAFT4}, {"maxContains", FATE_KEEP, DIALECT_2019_09}, {"maximum", FATE_LIMIT, DIALECT_DRAFT4},
	{"minContains", FATE_KEEP, DIALECT_2019_09}, {"minimum", FATE_LIMIT, DIALECT_DRAFT4}, {"not", FATE_SCHEMA, DIALECT_DRAFT4},
	{"oneOf", FATE_SCHEMA, DIALECT_DRAFT4}, {"patternProperties", FATE_MAP, DIALECT_DRAFT4}, {"prefixItems", FATE_FAIL, DIALECT_2020_12},
	{"properties", FATE_MAP, DIALECT_DRAFT4}, {"propertyNames", FATE_SCHEMA, DIALECT_DRAFT6}, {"then", FATE_SCHEMA, DIALECT_DRAFT7},
	/* contains evaluates elements since 2020-12 */
	{"unevaluatedItems", FATE_FAIL, DIALECT_2019_09}, {"unevaluatedProperties", FATE_SCHEMA, DIALECT_2019_09},
};

static JsonbValue *push_schema(Redraft *r, const JbItem *schema, JsonbIteratorToken where);

static Fate
fate_of(Redraft *r, const JbItem *key)
{
	for (int i = 0; i < lengthof(fates); i++)
		if (text_is(key, fates[i].keyword))
		{
			if (fates[i].since > r->dialect)
				return FATE_FAIL;
			/* "id" is a word like any other since draft 6 */
			return text_is(key, "id") && r->dialect > DIALECT_DRAFT4 ? FATE_KEEP : fates[i].fate;
		}
	return FATE_KEEP;
}

static void
push_children(Redraft *r, const JbItem *value)
{
	bool		object = item_is_object(value);
	JbCursor	keys = jb_first(jb_container(value));
	JbCursor	values = object ? jb_first_value(jb_container(value)) : keys;

	pushJsonbValue(&r->state, object ? WJB_BEGIN_OBJECT : WJB_BEGIN_ARRAY, NULL);
	for (uint32 i = 0; i < JsonContainerSize(jb_container(value)); i++)
	{
		JbItem		key = object ? jb_next(&keys) : (JbItem) {0};
		JbItem		child = jb_next(&values);

		if (object)
			put_text(&r->state, WJB_KEY, key.data, key.len);
		push_schema(r, &child, object ? WJB_VALUE : WJB_ELEM);
	}
	pushJsonbValue(&r->state, object ? WJB_END_OBJECT : WJB_END_ARRAY, NULL);
}

static void
push_member(Redraft *r, const JbItem *key, const JbItem *value, bool map)
{
	put_text(&r->state, WJB_KEY, key->data, key->len);
	if (item_is_array(value) || (map && item_is_object(value)))
		push_children(r, value);
	else
		push_schema(r, value, WJB_VALUE);
}

static void
push_items(Redraft *r, const JbItem *schema, const JbItem *key, const JbItem *items)
{
	JbItem		rest;

	if (!item_is_array(items))
	{
		push_member(r, key, items, false);
		return;
	}
	r->failed |= JsonContainerSize(jb_container(items)) == 0;
	put_key(&r->state, "prefixItems");
	push_children(r, items);
	if (object_find_cstring(jb_container(schema), "additionalItems", &rest))
		push_member(r, key, &rest, false);
}

/* Those that are lists of names, or those that are schemas. */
static void
push_dependencies(Redraft *r, const JbItem *dependencies, bool lists)
{
	JbCursor	keys = jb_first(jb_container(dependencies));
	JbCursor	values = jb_first_value(jb_container(dependencies));
	bool		begun = false;

	for (uint32 i = 0; i < JsonContainerSize(jb_container(dependencies)); i++)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);

		if (item_is_array(&value) != lists)
			continue;
		if (!begun)
		{
			put_key(&r->state, lists ? "dependentRequired" : "dependentSchemas");
			pushJsonbValue(&r->state, WJB_BEGIN_OBJECT, NULL);
		}
		begun = true;
		put_text(&r->state, WJB_KEY, key.data, key.len);
		if (lists)
			put_item(&r->state, WJB_VALUE, &value);
		else
			push_schema(r, &value, WJB_VALUE);
	}
	if (begun)
		pushJsonbValue(&r->state, WJB_END_OBJECT, NULL);
}

/* A boolean makes the limit exclusive, which then has no member of its own. */
static void
push_exclusive(Redraft *r, const JbItem *schema, const JbItem *key, const JbItem *value)
{
	JbItem		limit;
	bool		flag = JBE_ISBOOL(value->entry);

	if (flag && (JBE_ISBOOL_FALSE(value->entry) ||
				 !object_find_cstring(jb_container(schema), text_is(key, "exclusiveMinimum") ? "minimum" : "maximum", &limit)))
		return;
	put_text(&r->state, WJB_KEY, key->data, key->len);
	put_item(&r->state, WJB_VALUE, flag ? &limit : value);
}

static bool
is_exclusive(const JbItem *schema, const JbItem *key)
{
	JbItem		flag;

	return object_find_cstring(jb_container(schema), text_is(key, "minimum") ? "exclusiveMinimum" : "exclusiveMaximum", &flag) &&
		JBE_ISBOOL_TRUE(flag.entry);
}

/* A reference that finds the same schema in the new one: not through what is another keyword there. */
static bool
stays_found(const JbItem *ref)
{
	static const char *const from[] = {"#/definitions/", "#/$defs/", "#/properties/"};
	static const char *const through[] = {"/items/", "/additionalItems", "/dependencies"};
	char	   *pointer;
	bool		good = false;

	if (!JBE_ISSTRING(ref->entry))
		return false;
	pointer = pnstrdup(ref->data, ref->len);
	for (int i = 0; i < lengthof(from); i++)
		good |= strncmp(pointer, from[i], strlen(from[i])) == 0;
	for (int i = 0; i < lengthof(through); i++)
		good &= strstr(pointer, through[i]) == NULL;
	return good || strcmp(pointer, "#") == 0;
}

/* Only the root's, and only one without a fragment: others change what references mean. */
static void
push_id(Redraft *r, const JbItem *value, bool root)
{
	if (!root || !JBE_ISSTRING(value->entry) || memchr(value->data, '#', value->len) != NULL)
	{
		r->failed = true;
		return;
	}
	put_key(&r->state, "$id");
	put_item(&r->state, WJB_VALUE, value);
}

static void
push_keyword(Redraft *r, const JbItem *schema, const JbItem *key, const JbItem *value, bool root)
{
	Fate		fate = fate_of(r, key);

	switch (fate)
	{
		case FATE_KEEP:
		case FATE_REF:
			r->failed |= fate == FATE_REF && !stays_found(value);
			put_text(&r->state, WJB_KEY, key->data, key->len);
			put_item(&r->state, WJB_VALUE, value);
			break;
		case FATE_SCHEMA:
		case FATE_MAP:
			push_member(r, key, value, fate == FATE_MAP);
			break;
		case FATE_FAIL:
			r->failed = true;
			break;
		case FATE_DROP:
			r->failed |= text_is(key, "$schema") && !root;
			break;
		case FATE_ITEMS:
			push_items(r, schema, key, value);
			break;
		case FATE_DEPENDENCIES:
			r->failed |= r->dialect > DIALECT_DRAFT7 || !item_is_object(value);
			for (int lists = 0; lists < 2 && !r->failed; lists++)
				push_dependencies(r, value, lists == 1);
			break;
		case FATE_EXCLUSIVE:
			push_exclusive(r, schema, key, value);
			break;
		case FATE_LIMIT:
			if (!is_exclusive(schema, key))
			{
				put_text(&r->state, WJB_KEY, key->data, key->len);
				put_item(&r->state, WJB_VALUE, value);
			}
			break;
		case FATE_ID:
			push_id(r, value, root);
			break;
	}
}

/* Up to draft 7 a reference stands alone. */
static bool
counts_beside_ref(const JbItem *key)
{
	static const char *const words[] = {"$ref", "definitions", "$defs", "title", "description", "$comment"};

	for (int i = 0; i < lengthof(words); i++)
		if (text_is(key, words[i]))
			return true;
	return false;
}

static JsonbValue *
push_schema(Redraft *r, const JbItem *schema, JsonbIteratorToken where)
{
	JbItem		ref;
	JbCursor	keys;
	JbCursor	values;
	bool		alone;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (!item_is_object(schema))
	{
		put_item(&r->state, where, schema);
		return NULL;
	}
	alone = r->dialect <= DIALECT_DRAFT7 && object_find_cstring(jb_container(schema), "$ref", &ref) && JBE_ISSTRING(ref.entry);
	keys = jb_first(jb_container(schema));
	values = jb_first_value(jb_container(schema));
	pushJsonbValue(&r->state, WJB_BEGIN_OBJECT, NULL);
	for (uint32 i = 0; i < JsonContainerSize(jb_container(schema)); i++)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);

		if (!alone || counts_beside_ref(&key))
			push_keyword(r, schema, &key, &value, where == WJB_DONE);
	}
	return pushJsonbValue(&r->state, WJB_END_OBJECT, NULL);
}

Jsonb *
schema_redraft(const Jsonb *schema, SchemaDialect dialect)
{
	Redraft		r = {.dialect = dialect};
	JbItem		root = jb_root(schema);
	JsonbValue *result;

	if (dialect >= DIALECT_2020_12 || !item_is_object(&root))
		return NULL;
	result = push_schema(&r, &root, WJB_DONE);
	return r.failed ? NULL : JsonbValueToJsonb(result);
}

const char *
schema_older_form(const JbItem *schema, SchemaDialect dialect)
{
	JbItem		value;
	JbCursor	keys;

	if (dialect >= DIALECT_2020_12 || !item_is_object(schema))
		return NULL;
	if (dialect <= DIALECT_DRAFT7 && object_find_cstring(jb_container(schema), "dependencies", &value))
		return "dependencies";
	if (dialect == DIALECT_2019_09 && object_find_cstring(jb_container(schema), "$recursiveRef", &value))
		return "$recursiveRef";
	if (dialect > DIALECT_DRAFT7 || !object_find_cstring(jb_container(schema), "$ref", &value) || !JBE_ISSTRING(value.entry))
		return NULL;
	keys = jb_first(jb_container(schema));
	for (uint32 i = 0; i < JsonContainerSize(jb_container(schema)); i++)
	{
		JbItem		key = jb_next(&keys);

		if (!counts_beside_ref(&key) && !text_is(&key, "$schema") && !text_is(&key, "default") && !text_is(&key, "examples"))
			return "$ref";
	}
	return NULL;
}
