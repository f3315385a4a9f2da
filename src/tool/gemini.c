/*
 * gemini.c
 *	  Gemini's `parameters`, a subset of OpenAPI 3.0's schema, and JSON Schema.
 *
 * Differences: types in upper case, `nullable` beside `type`, bounds of sizes
 * as strings (int64 in protobuf's JSON), Python's names with underscores, and
 * Vertex's `ref` and `defs`.  What a Gemini schema says beyond JSON Schema
 * (propertyOrdering, example, format "enum") is an annotation and is kept.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  Errors: 54001 on nesting deeper
 * than the stack allows.
 */
#include "tool/provider.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/formatting.h"

#define DEFS_GEMINI "#/defs/"
#define DEFS_JSON "#/$defs/"

/* How a member of Gemini's schema becomes one of JSON Schema. */
typedef enum MemberShape
{
	MEMBER_COPY,				/* an annotation or a value: copied */
	MEMBER_SIZE,				/* a count, perhaps as a string */
	MEMBER_TYPE,
	MEMBER_NULLABLE,
	MEMBER_ENUM,
	MEMBER_SCHEMA,
	MEMBER_SCHEMAS,				/* anyOf */
	MEMBER_MAP,
	MEMBER_REF
} MemberShape;

typedef struct Member
{
	const char *name;			/* as Gemini writes it */
	const char *other;			/* another spelling of it; NULL: none */
	const char *json;			/* JSON Schema's; NULL: never written for Gemini */
	MemberShape shape;
} Member;

static const Member members[] = {
	{"additionalProperties", "additional_properties", NULL, MEMBER_SCHEMA},
	{"anyOf", "any_of", "anyOf", MEMBER_SCHEMAS},
	{"default", NULL, "default", MEMBER_COPY},
	{"defs", NULL, NULL, MEMBER_MAP},
	{"description", NULL, "description", MEMBER_COPY},
	{"enum", NULL, "enum", MEMBER_ENUM},
	{"example", NULL, "example", MEMBER_COPY},
	{"format", NULL, "format", MEMBER_COPY},
	{"items", NULL, "items", MEMBER_SCHEMA},
	{"maxItems", "max_items", "maxItems", MEMBER_SIZE},
	{"maxLength", "max_length", "maxLength", MEMBER_SIZE},
	{"maxProperties", "max_properties", "maxProperties", MEMBER_SIZE},
	{"maximum", NULL, "maximum", MEMBER_COPY},
	{"minItems", "min_items", "minItems", MEMBER_SIZE},
	{"minLength", "min_length", "minLength", MEMBER_SIZE},
	{"minProperties", "min_properties", "minProperties", MEMBER_SIZE},
	{"minimum", NULL, "minimum", MEMBER_COPY},
	{"nullable", NULL, NULL, MEMBER_NULLABLE},
	{"pattern", NULL, "pattern", MEMBER_COPY},
	{"properties", NULL, "properties", MEMBER_MAP},
	{"propertyOrdering", "property_ordering", "propertyOrdering", MEMBER_COPY},
	{"ref", NULL, NULL, MEMBER_REF},
	{"required", NULL, "required", MEMBER_COPY},
	{"title", NULL, "title", MEMBER_COPY},
	{"type", NULL, "type", MEMBER_TYPE},
};

static JsonbValue *push_json(JsonbParseState **state, const JbItem *schema, JsonbIteratorToken where);
static JsonbValue *push_gemini(JsonbParseState **state, const JbItem *schema, JsonbIteratorToken where, bool *exact);

static const Member *
member_find(const JbItem *key)
{
	for (int i = 0; i < lengthof(members); i++)
		if (key_compare(key->data, key->len, members[i].name, strlen(members[i].name)) == 0 ||
			(members[i].other != NULL &&
			 key_compare(key->data, key->len, members[i].other, strlen(members[i].other)) == 0))
			return &members[i];
	return NULL;
}

/* ----- to JSON Schema ---------------------------------------------------------- */

static void
push_null(JsonbParseState **state)
{
	JsonbValue	null = {.type = jbvNull};

	pushJsonbValue(state, WJB_ELEM, &null);
}

static void
push_type(JsonbParseState **state, const JbItem *type, bool nullable)
{
	char	   *name;

	if (!JBE_ISSTRING(type->entry))
	{
		put_key(state, "type");
		put_item(state, WJB_VALUE, type);
		return;
	}
	name = asc_tolower(type->data, type->len);
	if (strcmp(name, "type_unspecified") == 0)
		return;
	put_key(state, "type");
	if (!nullable || strcmp(name, "null") == 0)
	{
		put_text(state, WJB_VALUE, name, strlen(name));
		return;
	}
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	put_text(state, WJB_ELEM, name, strlen(name));
	put_text(state, WJB_ELEM, "null", 4);
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* "5" becomes 5; any other string stays for the compiler to refuse */
static void
push_size(JsonbParseState **state, const JbItem *value)
{
	JsonbValue	number = {.type = jbvNumeric};
	bool		digits = JBE_ISSTRING(value->entry) && value->len > 0 && value->len < 20;

	for (uint32 i = 0; digits && i < value->len; i++)
		digits = value->data[i] >= '0' && value->data[i] <= '9';
	if (!digits)
	{
		put_item(state, WJB_VALUE, value);
		return;
	}
	number.val.numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(pnstrdup(value->data, value->len)),
															 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	pushJsonbValue(state, WJB_VALUE, &number);
}

/* The elements of an array, followed by null if it is allowed and not among them. */
static void
push_enum(JsonbParseState **state, const JbItem *values, bool nullable)
{
	JbCursor	cursor = jb_first(jb_container(values));

	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (uint32 i = 0; i < JsonContainerSize(jb_container(values)); i++)
	{
		JbItem		value = jb_next(&cursor);

		nullable = nullable && !JBE_ISNULL(value.entry);
		put_item(state, WJB_ELEM, &value);
	}
	if (nullable)
		push_null(state);
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

static void
push_any_of(JsonbParseState **state, const JbItem *values, bool nullable)
{
	JbCursor	cursor = jb_first(jb_container(values));

	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (uint32 i = 0; i < JsonContainerSize(jb_container(values)); i++)
	{
		JbItem		value = jb_next(&cursor);

		push_json(state, &value, WJB_ELEM);
	}
	if (nullable)
	{
		pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
		put_string(state, "type", "null");
		pushJsonbValue(state, WJB_END_OBJECT, NULL);
	}
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

static void
push_map(JsonbParseState **state, const JbItem *map)
{
	JbCursor	keys = jb_first(jb_container(map));
	JbCursor	values = jb_first_value(jb_container(map));

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (uint32 i = 0; i < JsonContainerSize(jb_container(map)); i++)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);

		put_text(state, WJB_KEY, key.data, key.len);
		push_json(state, &value, WJB_VALUE);
	}
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static void
push_ref(JsonbParseState **state, const JbItem *ref)
{
	char	   *text;

	put_key(state, "$ref");
	if (!JBE_ISSTRING(ref->entry))
	{
		put_item(state, WJB_VALUE, ref);
		return;
	}
	text = pnstrdup(ref->data, ref->len);
	if (strncmp(text, DEFS_GEMINI, strlen(DEFS_GEMINI)) == 0)
		text = psprintf("%s%s", DEFS_JSON, text + strlen(DEFS_GEMINI));
	put_text(state, WJB_VALUE, text, strlen(text));
}

static void
push_json_member(JsonbParseState **state, const JbItem *key, const JbItem *value, const Member *member,
				 bool nullable, bool typed)
{
	bool		array = item_is_array(value);

	if (member == NULL)
	{
		put_text(state, WJB_KEY, key->data, key->len);
		put_item(state, WJB_VALUE, value);
		return;
	}
	if (member->shape == MEMBER_NULLABLE)
		return;
	if (member->shape == MEMBER_TYPE)
		push_type(state, value, nullable);
	else if (member->shape == MEMBER_REF)
		push_ref(state, value);
	else
	{
		put_key(state, strcmp(member->name, "defs") == 0 ? "$defs" : member->name);
		if (member->shape == MEMBER_SIZE)
			push_size(state, value);
		else if (member->shape == MEMBER_ENUM && array)
			push_enum(state, value, nullable);
		else if (member->shape == MEMBER_SCHEMA)
			push_json(state, value, WJB_VALUE);
		else if (member->shape == MEMBER_SCHEMAS && array)
			push_any_of(state, value, nullable && !typed);
		else if (member->shape == MEMBER_MAP && item_is_object(value))
			push_map(state, value);
		else
			put_item(state, WJB_VALUE, value);
	}
}

/* "where" is WJB_ELEM or WJB_VALUE, for a value that is not an object. */
static JsonbValue *
push_json(JsonbParseState **state, const JbItem *schema, JsonbIteratorToken where)
{
	JbItem		value;
	bool		nullable;
	bool		typed;
	JbCursor	keys;
	JbCursor	values;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (!item_is_object(schema))
	{
		put_item(state, where, schema);
		return NULL;
	}
	nullable = object_find_cstring(jb_container(schema), "nullable", &value) && JBE_ISBOOL_TRUE(value.entry);
	typed = object_find_cstring(jb_container(schema), "type", &value) && !text_is(&value, "TYPE_UNSPECIFIED");
	keys = jb_first(jb_container(schema));
	values = jb_first_value(jb_container(schema));
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (uint32 i = 0; i < JsonContainerSize(jb_container(schema)); i++)
	{
		JbItem		key = jb_next(&keys);

		value = jb_next(&values);
		push_json_member(state, &key, &value, member_find(&key), nullable, typed);
	}
	return pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

Jsonb *
gemini_to_schema(const JbItem *parameters)
{
	JsonbParseState *state = NULL;

	return JsonbValueToJsonb(push_json(&state, parameters, WJB_VALUE));
}

/* ----- from JSON Schema ---------------------------------------------------------- */

static void
push_upper(JsonbParseState **state, const JbItem *type)
{
	char	   *name = asc_toupper(type->data, type->len);

	put_key(state, "type");
	put_text(state, WJB_VALUE, name, strlen(name));
}

/* A name, or [name, "null"]; false for anything else. */
static bool
push_gemini_type(JsonbParseState **state, const JbItem *type)
{
	JbItem		name = *type;
	JbItem		null;

	if (item_is_array(type))
	{
		if (JsonContainerSize(jb_container(type)) != 2 ||
			!array_get(jb_container(type), 0, &name) || !array_get(jb_container(type), 1, &null) ||
			!text_is(&null, "null"))
			return false;
		put_bool(state, "nullable", true);
	}
	if (!JBE_ISSTRING(name.entry))
		return false;
	push_upper(state, &name);
	return true;
}

/* Strings only; nullable stands for a null among them. */
static bool
push_gemini_enum(JsonbParseState **state, const JbItem *values)
{
	JbCursor	cursor;
	bool		strings = true;

	if (!item_is_array(values))
		return false;
	cursor = jb_first(jb_container(values));
	put_key(state, "enum");
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (uint32 i = 0; i < JsonContainerSize(jb_container(values)); i++)
	{
		JbItem		value = jb_next(&cursor);

		strings &= JBE_ISSTRING(value.entry) || JBE_ISNULL(value.entry);
		if (!JBE_ISNULL(value.entry))
			put_item(state, WJB_ELEM, &value);
	}
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
	return strings;
}

/* The children of a map or of an array of schemas. */
static void
push_gemini_children(JsonbParseState **state, const JbItem *value, bool *exact)
{
	bool		map = item_is_object(value);
	JbCursor	keys = jb_first(jb_container(value));
	JbCursor	values = map ? jb_first_value(jb_container(value)) : keys;

	pushJsonbValue(state, map ? WJB_BEGIN_OBJECT : WJB_BEGIN_ARRAY, NULL);
	for (uint32 i = 0; i < JsonContainerSize(jb_container(value)); i++)
	{
		JbItem		key = jb_next(&keys);
		JbItem		child = map ? jb_next(&values) : key;

		if (map)
			put_text(state, WJB_KEY, key.data, key.len);
		push_gemini(state, &child, map ? WJB_VALUE : WJB_ELEM, exact);
	}
	pushJsonbValue(state, map ? WJB_END_OBJECT : WJB_END_ARRAY, NULL);
}

static void
push_gemini_member(JsonbParseState **state, const Member *member, const JbItem *value, bool *exact)
{
	bool		container = JBE_ISCONTAINER(value->entry);

	if (member->shape == MEMBER_TYPE)
		*exact &= push_gemini_type(state, value);
	else if (member->shape == MEMBER_ENUM)
		*exact &= push_gemini_enum(state, value);
	else
	{
		put_key(state, member->json);
		if (member->shape == MEMBER_SCHEMA)
			push_gemini(state, value, WJB_VALUE, exact);
		else if ((member->shape == MEMBER_SCHEMAS || member->shape == MEMBER_MAP) && container)
			push_gemini_children(state, value, exact);
		else
			put_item(state, WJB_VALUE, value);
	}
}

/* *exact becomes false if the subset cannot say it; the result is then not used. */
static JsonbValue *
push_gemini(JsonbParseState **state, const JbItem *schema, JsonbIteratorToken where, bool *exact)
{
	JbCursor	keys;
	JbCursor	values;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (!item_is_object(schema))
	{
		*exact = false;
		put_item(state, where, schema);
		return NULL;
	}
	keys = jb_first(jb_container(schema));
	values = jb_first_value(jb_container(schema));
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (uint32 i = 0; i < JsonContainerSize(jb_container(schema)) && *exact; i++)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);
		const Member *member = member_find(&key);

		if (member == NULL || member->json == NULL)
			*exact = false;
		else
			push_gemini_member(state, member, &value, exact);
	}
	return pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* ----- what the API takes ---------------------------------------------------------- */

static bool gemini_takes(const JbItem *schema);

/* The names of arguments, which are words. */
static bool
takes_name(const JbItem *name)
{
	bool		good = name->len > 0 && name->len <= 64 && !(name->data[0] >= '0' && name->data[0] <= '9');

	for (uint32 i = 0; i < name->len && good; i++)
		good = name->data[i] != '\0' &&
			strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", name->data[i]) != NULL;
	return good;
}

/* Properties, of which there must be some, and required, which names only those. */
static bool
takes_object(const JsonbContainer *schema)
{
	JbItem		properties;
	JbItem		required;
	JbItem		item;
	JbCursor	keys;
	JbCursor	values;

	if (!object_find_cstring(schema, "properties", &properties) || !item_is_object(&properties) ||
		JsonContainerSize(jb_container(&properties)) == 0)
		return false;
	keys = jb_first(jb_container(&properties));
	values = jb_first_value(jb_container(&properties));
	for (uint32 i = 0; i < JsonContainerSize(jb_container(&properties)); i++)
	{
		JbItem		key = jb_next(&keys);

		item = jb_next(&values);
		if (!takes_name(&key) || !gemini_takes(&item))
			return false;
	}
	if (!object_find_cstring(schema, "required", &required))
		return true;
	for (uint32 i = 0; item_is_array(&required) && array_get(jb_container(&required), i, &item); i++)
		if (!JBE_ISSTRING(item.entry) || !object_find(jb_container(&properties), item.data, item.len, &(JbItem){0}))
			return false;
	return item_is_array(&required);
}

/* Strings that are not empty, and some of them. */
static bool
takes_enum(const JbItem *values, const JbItem *type)
{
	JbItem		value;
	uint32		n = 0;

	while (array_get(jb_container(values), n, &value))
	{
		if (!JBE_ISSTRING(value.entry) || value.len == 0)
			return false;
		n++;
	}
	return n > 0 && text_is(type, "STRING");
}

static bool
takes_format(const JbItem *format, const JbItem *type)
{
	static const struct
	{
		const char *type;
		const char *format;
	}			formats[] = {
		{"STRING", "enum"}, {"STRING", "date-time"}, {"NUMBER", "float"}, {"NUMBER", "double"},
		{"INTEGER", "int32"}, {"INTEGER", "int64"},
	};

	for (int i = 0; i < lengthof(formats); i++)
		if (text_is(type, formats[i].type) && text_is(format, formats[i].format))
			return true;
	return false;
}

/* A choice of schemas stands in place of a type. */
static bool
takes_choice(const JbItem *choice)
{
	JbItem		branch;
	uint32		n = 0;

	for (; item_is_array(choice) && array_get(jb_container(choice), n, &branch); n++)
		if (!gemini_takes(&branch))
			return false;
	return n > 0;
}

/* Whether the API accepts a schema of the subset: the rules parameters_... of provider_rules(). */
static bool
gemini_takes(const JbItem *schema)
{
	const JsonbContainer *object = jb_container(schema);
	JbItem		type;
	JbItem		value;
	bool		chosen;

	check_stack_depth();
	if (!item_is_object(schema))
		return false;
	chosen = object_find_cstring(object, "anyOf", &value);
	if (chosen && !takes_choice(&value))
		return false;
	if (!object_find_cstring(object, "type", &type))
		return chosen;
	if (object_find_cstring(object, "format", &value) && !takes_format(&value, &type))
		return false;
	if (object_find_cstring(object, "enum", &value))
		return item_is_array(&value) && takes_enum(&value, &type);
	if (object_find_cstring(object, "format", &value) && text_is(&value, "enum"))
		return false;
	if (text_is(&type, "ARRAY"))
		return object_find_cstring(object, "items", &value) && gemini_takes(&value);
	return !text_is(&type, "OBJECT") || takes_object(object);
}

/* NULL unless reading the result back gives exactly the same schema, and the API takes it. */
Jsonb *
gemini_from_schema(const Jsonb *schema)
{
	JsonbParseState *state = NULL;
	JbItem		root = jb_root(schema);
	bool		exact = true;
	JsonbValue *pushed;
	Jsonb	   *parameters;
	JbItem		again;

	if (!item_is_object(&root))
		return NULL;
	pushed = push_gemini(&state, &root, WJB_VALUE, &exact);
	if (!exact)
		return NULL;
	parameters = JsonbValueToJsonb(pushed);
	again = jb_root(parameters);
	if (!gemini_takes(&again))
		return NULL;
	again = jb_root(gemini_to_schema(&again));
	return item_compare(&root, &again) == 0 ? parameters : NULL;
}

/* Exactly what import.c reads where a definition has no parameters. */
bool
gemini_has_no_parameters(const Jsonb *schema)
{
	JbItem		root = jb_root(schema);
	JbItem		value;

	return item_is_object(&root) && JsonContainerSize(jb_container(&root)) == 2 &&
		object_find_cstring(jb_container(&root), "type", &value) && text_is(&value, "object") &&
		object_find_cstring(jb_container(&root), "properties", &value) && item_is_object(&value) &&
		JsonContainerSize(jb_container(&value)) == 0;
}
