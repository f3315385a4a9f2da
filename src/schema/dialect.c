/*
 * dialect.c
 *	  Which dialect a schema is written in, and the small one of agentvet.
 *
 * agentvet's dialect has one key per parameter, a shape or only its type:
 *	  {"query": {"type": "string", "min_length": 1}, "top_k": "integer?"}
 * It is translated into JSON Schema, so that there is one evaluator.  A schema
 * that consists of unknown words is refused: it would allow anything.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  Errors: 54001 beyond
 * agentcore.max_depth, 22023 for an unknown name, the rest in *problem.
 */
#include "schema/compiler.h"

#define DIALECT_HINT "The dialects are auto, draft4, draft6, draft7, 2019-09, 2020-12 and agentvet."

static const char *const dialect_names[] = {
	"draft4", "draft6", "draft7", "2019-09", "2020-12", "agentvet", "auto"
};

static void push_params(JsonbParseState **state, const JbItem *params, bool additional,
						const SchemaPath *path, uint32 depth, SchemaProblem *problem);
static void push_param(JsonbParseState **state, const JbItem *param, bool additional,
					   const SchemaPath *path, uint32 depth, SchemaProblem *problem);

bool
dialect_parse(const char *name, SchemaDialect *dialect)
{
	for (int i = 0; i < lengthof(dialect_names); i++)
		if (strcmp(name, dialect_names[i]) == 0)
		{
			*dialect = (SchemaDialect) i;
			return true;
		}
	return false;
}

SchemaDialect
dialect_or_raise(const char *name)
{
	SchemaDialect dialect;

	if (name == NULL || !dialect_parse(name, &dialect))
		agc_refuse_word("dialect", name, DIALECT_HINT);
	return dialect;
}

const char *
dialect_name(SchemaDialect dialect)
{
	return dialect_names[dialect];
}

bool
dialect_of_uri(const char *uri, uint32 len, SchemaDialect *dialect)
{
	static const char *const uris[] = {
		"json-schema.org/draft-04/schema", "json-schema.org/draft-06/schema",
		"json-schema.org/draft-07/schema", "json-schema.org/draft/2019-09/schema",
		"json-schema.org/draft/2020-12/schema"
	};

	if (len > 0 && uri[len - 1] == '#')
		len--;
	for (int i = 0; i < 2; i++)
	{
		const char *scheme = i == 0 ? "http://" : "https://";

		if (len > strlen(scheme) && memcmp(uri, scheme, strlen(scheme)) == 0)
		{
			uri += strlen(scheme);
			len -= strlen(scheme);
			break;
		}
	}
	for (int i = 0; i < lengthof(uris); i++)
		if (strlen(uris[i]) == len && memcmp(uris[i], uri, len) == 0)
		{
			*dialect = (SchemaDialect) i;
			return true;
		}
	return false;
}

static bool
refuse(SchemaProblem *problem, const char *message, const char *keyword, const SchemaPath *path)
{
	if (problem->message == NULL)
	{
		problem->message = message;
		problem->keyword = keyword;
		problem->path = schema_path_text(path, keyword);
		if (keyword == NULL)
			problem->hint = DIALECT_HINT;
		else if (strcmp(keyword, "$schema") == 0)
			problem->hint = "It names draft 4, 6, 7, 2019-09, 2020-12, or a metaschema registered with agentcore.json_schema_set().";
	}
	return false;
}

/*
 * The length of a type's name that says all of a parameter, as in agentvet's
 * shape(): "number", or "number?" for an optional one.  0: the text is none.
 */
static uint32
shorthand_type(const JbItem *item, bool *optional)
{
	static const char *const types[] = {"string", "number", "integer", "boolean", "array", "object", "null"};
	uint32		len = item->len;

	if (!JBE_ISSTRING(item->entry))
		return 0;
	*optional = len > 0 && item->data[len - 1] == '?';
	len -= *optional;
	for (int i = 0; i < lengthof(types); i++)
		if (key_compare(item->data, len, types[i], strlen(types[i])) == 0)
			return len;
	return 0;
}

/* {"type": "string", ...}: what a parameter looks like */
static bool
looks_like_param(const JbItem *item)
{
	JbItem		type;

	return item_is_object(item) && object_find_cstring(jb_container(item), "type", &type) &&
		(JBE_ISSTRING(type.entry) || item_is_array(&type));
}

/* So does "number?", but for "type": "object", which is JSON Schema. */
static bool
member_looks_like_param(const JbItem *key, const JbItem *value)
{
	bool		optional;

	if (shorthand_type(value, &optional) > 0)
		return optional || key_compare(key->data, key->len, "type", 4) != 0;
	return looks_like_param(value);
}

static bool
known_in_any_dialect(const JbItem *key)
{
	for (int i = DIALECT_DRAFT4; i <= DIALECT_2020_12; i++)
		if (keyword_find(key->data, key->len, (SchemaDialect) i) != NULL)
			return true;
	return false;
}

/*
 * $schema decides; without it known keywords; without those the shape.  For a
 * tool, a schema that can be read both ways is refused: {"items": {"type":
 * "array"}} as JSON Schema would allow every object.
 */
bool
dialect_detect(const Jsonb *schema, bool for_tool, SchemaDialect *dialect, SchemaProblem *problem)
{
	JbItem		root = jb_root(schema);
	JbItem		declared;
	uint32		known = 0;
	uint32		params = 0;
	uint32		n;
	JbCursor	keys;
	JbCursor	values;

	*dialect = DIALECT_2020_12;
	if (!item_is_object(&root))
		return true;
	if (object_find_cstring(jb_container(&root), "$schema", &declared))
		return (JBE_ISSTRING(declared.entry) && dialect_of_uri(declared.data, declared.len, dialect)) ||
			refuse(problem, "names a dialect that is not supported", "$schema", NULL);

	n = JsonContainerSize(jb_container(&root));
	keys = jb_first(jb_container(&root));
	values = jb_first_value(jb_container(&root));
	for (uint32 i = 0; i < n; i++)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);

		known += known_in_any_dialect(&key);
		params += member_looks_like_param(&key, &value);
	}
	if (n == 0 || (known > 0 && params < n))
		return true;
	if (params == n && known > 0 && (for_tool || known < n))
		return refuse(problem, "the dialect is ambiguous: it reads as JSON Schema and as agentvet; name the dialect", NULL, NULL);
	if (params == n && known == 0)
		*dialect = DIALECT_AGENTVET;
	else if (known == 0)
		return refuse(problem, "it has no keyword of JSON Schema and is not agentvet's dialect either, so it would allow anything", NULL, NULL);
	return true;
}

/* ----- agentvet ------------------------------------------------------------ */

Jsonb *
dialect_translate_agentvet(const Jsonb *schema, bool additional, SchemaProblem *problem)
{
	JsonbParseState *state = NULL;
	JbItem		root = jb_root(schema);
	JsonbValue *result;

	if (!item_is_object(&root))
	{
		refuse(problem, "a schema in agentvet's dialect is an object", NULL, NULL);
		return NULL;
	}
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_params(&state, &root, additional, NULL, 0, problem);
	result = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return problem->message == NULL ? JsonbValueToJsonb(result) : NULL;
}

static void
push_member(JsonbParseState **state, const char *key, const JbItem *item)
{
	JsonbValue	value;

	agc_push_text(state, WJB_KEY, key);
	item_to_value(item, &value);
	pushJsonbValue(state, WJB_VALUE, &value);
}

/* Required unless the parameter says otherwise. */
static bool
param_required(const JbItem *param)
{
	JbItem		value;
	bool		optional;

	if (!item_is_object(param))
		return shorthand_type(param, &optional) > 0 && !optional;
	if (object_find_cstring(jb_container(param), "default", &value))
		return false;
	if (object_find_cstring(jb_container(param), "type", &value) && shorthand_type(&value, &optional) > 0 && optional)
		return false;
	return !object_find_cstring(jb_container(param), "optional", &value) || !JBE_ISBOOL_TRUE(value.entry);
}

/* Puts type, properties, required and additionalProperties into an open object. */
static void
push_params(JsonbParseState **state, const JbItem *params, bool additional,
			const SchemaPath *path, uint32 depth, SchemaProblem *problem)
{
	uint32		n = JsonContainerSize(jb_container(params));
	JbCursor	keys = jb_first(jb_container(params));
	JbCursor	values = jb_first_value(jb_container(params));
	JsonbValue	closed = {.type = jbvBool};

	check_schema_depth(depth);
	agc_push_text(state, WJB_KEY, "type");
	agc_push_text(state, WJB_VALUE, "object");
	agc_push_text(state, WJB_KEY, "properties");
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (uint32 i = 0; i < n; i++)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);

		agc_push_bytes(state, WJB_KEY, key.data, key.len);
		pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
		push_param(state, &value, additional, schema_path_key(path, key.data, key.len), depth + 1, problem);
		pushJsonbValue(state, WJB_END_OBJECT, NULL);
	}
	pushJsonbValue(state, WJB_END_OBJECT, NULL);

	agc_push_text(state, WJB_KEY, "required");
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	keys = jb_first(jb_container(params));
	values = jb_first_value(jb_container(params));
	for (uint32 i = 0; i < n; i++)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);

		if (param_required(&value))
			agc_push_bytes(state, WJB_ELEM, key.data, key.len);
	}
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
	agc_push_text(state, WJB_KEY, "additionalProperties");
	closed.val.boolean = additional;
	pushJsonbValue(state, WJB_VALUE, &closed);
}

typedef enum ParamType
{
	PARAM_ANY, PARAM_STRING, PARAM_NUMBER, PARAM_ARRAY, PARAM_OBJECT
} ParamType;

static ParamType
param_type(const JbItem *param)
{
	JbItem		type;
	bool		optional;

	if (!object_find_cstring(jb_container(param), "type", &type) || !JBE_ISSTRING(type.entry))
		return PARAM_ANY;
	if (shorthand_type(&type, &optional) > 0)
		type.len -= optional;
	if (key_compare(type.data, type.len, "string", 6) == 0)
		return PARAM_STRING;
	if (key_compare(type.data, type.len, "number", 6) == 0 || key_compare(type.data, type.len, "integer", 7) == 0)
		return PARAM_NUMBER;
	if (key_compare(type.data, type.len, "array", 5) == 0)
		return PARAM_ARRAY;
	return key_compare(type.data, type.len, "object", 6) == 0 ? PARAM_OBJECT : PARAM_ANY;
}

/* agentvet's word, the type it belongs to, JSON Schema's word */
static const struct
{
	const char *word;
	ParamType	type;
	const char *keyword;
}			words[] = {
	{"type", PARAM_ANY, "type"}, {"enum", PARAM_ANY, "enum"}, {"default", PARAM_ANY, "default"},
	{"description", PARAM_ANY, "description"}, {"title", PARAM_ANY, "title"}, {"examples", PARAM_ANY, "examples"},
	{"pattern", PARAM_STRING, "pattern"}, {"format", PARAM_STRING, "format"},
	{"min_length", PARAM_STRING, "minLength"}, {"max_length", PARAM_STRING, "maxLength"},
	{"min_length", PARAM_ARRAY, "minItems"}, {"max_length", PARAM_ARRAY, "maxItems"},
	{"min", PARAM_NUMBER, "minimum"}, {"max", PARAM_NUMBER, "maximum"},
};

static const char *
translate_word(const JbItem *key, ParamType type)
{
	for (int i = 0; i < lengthof(words); i++)
		if (key_compare(key->data, key->len, words[i].word, strlen(words[i].word)) == 0 &&
			(words[i].type == PARAM_ANY || words[i].type == type))
			return words[i].keyword;
	return NULL;
}

static bool
key_is(const JbItem *key, const char *name)
{
	return key_compare(key->data, key->len, name, strlen(name)) == 0;
}

/* A member of JSON Schema's; of "type" without the mark of an optional parameter. */
static void
push_word(JsonbParseState **state, const char *keyword, const JbItem *value)
{
	bool		optional;
	uint32		len = strcmp(keyword, "type") == 0 ? shorthand_type(value, &optional) : 0;

	if (len == 0)
	{
		push_member(state, keyword, value);
		return;
	}
	agc_push_text(state, WJB_KEY, keyword);
	agc_push_bytes(state, WJB_VALUE, value->data, len);
}

/* Puts the members of one parameter into an open object. */
static void
push_param(JsonbParseState **state, const JbItem *param, bool additional,
		   const SchemaPath *path, uint32 depth, SchemaProblem *problem)
{
	ParamType	type;
	bool		optional;
	JbItem		properties;
	JbCursor	keys;
	JbCursor	values;

	if (shorthand_type(param, &optional) > 0)
	{
		push_word(state, "type", param);
		return;
	}
	if (!item_is_object(param))
	{
		refuse(problem, "a parameter must be an object with a \"type\", or a type as \"number\", optional as \"number?\"", NULL, path);
		return;
	}
	check_schema_depth(depth);
	type = param_type(param);
	if (!looks_like_param(param))
		refuse(problem, "a parameter must have a \"type\"", NULL, path);
	keys = jb_first(jb_container(param));
	values = jb_first_value(jb_container(param));
	for (uint32 i = 0; i < JsonContainerSize(jb_container(param)); i++)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);
		const char *keyword = translate_word(&key, type);
		char	   *name = pnstrdup(key.data, key.len);

		if (key_is(&key, "optional"))
		{
			if (!JBE_ISBOOL(value.entry))
				refuse(problem, "must be a boolean", name, path);
		}
		else if (type == PARAM_ARRAY && key_is(&key, "items"))
		{
			agc_push_text(state, WJB_KEY, "items");
			pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
			push_param(state, &value, additional, schema_path_key(path, "items", 5), depth + 1, problem);
			pushJsonbValue(state, WJB_END_OBJECT, NULL);
		}
		else if (type == PARAM_OBJECT && key_is(&key, "properties"))
		{
			if (!item_is_object(&value))
				refuse(problem, "must be an object", name, path);
		}
		else if (keyword == NULL)
			refuse(problem, "is not a word of agentvet's dialect for this type", name, path);
		else if (type != PARAM_OBJECT || strcmp(keyword, "type") != 0 ||
				 !object_find_cstring(jb_container(param), "properties", &properties))
			push_word(state, keyword, &value);
	}
	if (type == PARAM_OBJECT && object_find_cstring(jb_container(param), "properties", &properties) &&
		item_is_object(&properties))
		push_params(state, &properties, additional, schema_path_key(path, "properties", 10), depth + 1, problem);
}
