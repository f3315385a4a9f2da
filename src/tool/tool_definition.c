/*
 * tool_definition.c
 *	  One definition of a tool taken apart, in the shape of any provider.
 *
 * A definition is recognised by its shape, or must have the format that was
 * asked for.  Shapes that serializers make by mistake (null for what is not set,
 * an empty list for an empty object) are forgiven and noted.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "tool/tool_definition.h"

#include "catalog/pg_type.h"
#include "core/row.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

static const char *const format_names[] = {
	"openai_chat", "openai_responses", "anthropic", "mcp", "gemini", "bedrock", "auto"
};

/* what MCP says of a tool beside name, description and schema, and is kept */
static const char *const meta_keys[] = {"title", "annotations", "outputSchema", "_meta", NULL};

ToolFormat
tool_format_or_raise(const char *name, bool with_auto)
{
	for (int i = 0; name != NULL && i < TOOL_FORMAT_AUTO + with_auto; i++)
		if (strcmp(name, format_names[i]) == 0)
			return (ToolFormat) i;
	agc_refuse_word("format", name, with_auto ?
					"The formats are auto, openai_chat, openai_responses, anthropic, mcp, gemini and bedrock." :
					"The formats are openai_chat, openai_responses, anthropic, mcp, gemini and bedrock.");
}

void
tool_definition_refuse(const Definition *d, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 d->name == NULL ? errmsg("not a tool definition at \"%s\" of tools", d->at) :
			 errmsg("cannot import tool %s at \"%s\" of tools", agc_quoted_name(d->name), d->at),
			 errdetail("%s", detail),
			 errhint("format => 'openai_chat', 'openai_responses', 'anthropic', 'mcp', 'gemini' or 'bedrock' says what it should be; the default recognises each.")));
}

/* Absent and null are the same. */
static bool
member(const JbItem *object, const char *key, JbItem *value)
{
	return object_find_cstring(jb_container(object), key, value) && !JBE_ISNULL(value->entry);
}

static bool
has(const JbItem *object, const char *key)
{
	JbItem		value;

	return object_find_cstring(jb_container(object), key, &value);
}

static bool
member_is(const JbItem *object, const char *key, const char *text)
{
	JbItem		value;

	return member(object, key, &value) && text_is(&value, text);
}

static bool
is_empty_array(const JbItem *item)
{
	return item_is_array(item) && JsonContainerSize(jb_container(item)) == 0;
}

/* ----- what it is ---------------------------------------------------------------- */

char *
tool_definition_hosted(const JbItem *item, ToolFormat format)
{
	/* Gemini's and Bedrock's stand under a key of their own */
	static const char *const keys[] = {
		"googleSearch", "google_search", "googleSearchRetrieval", "google_search_retrieval", "codeExecution",
		"code_execution", "urlContext", "url_context", "computerUse", "computer_use", "googleMaps", "google_maps",
		"fileSearch", "file_search", "enterpriseWebSearch", "enterprise_web_search", "retrieval", "systemTool", "cachePoint"
	};
	JbItem		type;
	JbItem		name;

	if (format == TOOL_FORMAT_MCP || has(item, "inputSchema") || has(item, "input_schema") || has(item, "toolSpec"))
		return NULL;
	if (member(item, "type", &type) && JBE_ISSTRING(type.entry) && !text_is(&type, "function") && !text_is(&type, "custom"))
	{
		if (member(item, "name", &name) && JBE_ISSTRING(name.entry))
			type = name;
		return pnstrdup(type.data, type.len);
	}
	for (int i = 0; i < lengthof(keys); i++)
		if (has(item, keys[i]) && !has(item, "name"))
			return pstrdup(keys[i]);
	return NULL;
}

static ToolFormat
recognise(const Definition *d, const JbItem *item, bool declaration)
{
	JbItem		value;

	if (declaration)
		return TOOL_FORMAT_GEMINI;
	if (member(item, "toolSpec", &value))
		return TOOL_FORMAT_BEDROCK;
	if (member(item, "function", &value))
		return TOOL_FORMAT_OPENAI_CHAT;
	if (has(item, "inputSchema"))
		return TOOL_FORMAT_MCP;
	if (has(item, "input_schema"))
		return TOOL_FORMAT_ANTHROPIC;
	if (member_is(item, "type", "function"))
		return TOOL_FORMAT_OPENAI_RESPONSES;
	if (member(item, "type", &value))
		tool_definition_refuse(d, "It is a tool of the provider's own or of free text: it has no schema to judge arguments by.");
	if (member(item, "name", &value) &&
		(member(item, "parameters", &value) || member(item, "parametersJsonSchema", &value) ||
		 member(item, "parameters_json_schema", &value)))
		return TOOL_FORMAT_GEMINI;
	tool_definition_refuse(d, "It has the shape of no known format.");
}

/* required: a definition without it is none */
static void
find_schema(Definition *d, const JbItem *holder, const char *key, bool required)
{
	d->has_schema = member(holder, key, &d->schema);
	if (required && !has(holder, key))
		tool_definition_refuse(d, psprintf("\"%s\" is missing.", key));
	if (!d->has_schema && required)
		forgive(&d->forgiven, psprintf("%s/%s", d->at, d->schema_key), "is null");
}

static void
take_apart_bedrock(Definition *d, const JbItem *item)
{
	JbItem		holder;

	d->schema_key = "toolSpec/inputSchema/json";
	if (!member(item, "toolSpec", &d->body) || !item_is_object(&d->body))
		tool_definition_refuse(d, "\"toolSpec\" must be an object.");
	if (!has(&d->body, "inputSchema"))
		tool_definition_refuse(d, "\"inputSchema\" is missing.");
	if (!member(&d->body, "inputSchema", &holder))
		forgive(&d->forgiven, psprintf("%s/toolSpec/inputSchema", d->at), "is null");
	else if (!item_is_object(&holder))
		tool_definition_refuse(d, "\"inputSchema\" must be an object with the schema in \"json\".");
	else
		find_schema(d, &holder, "json", true);
}

static void
take_apart_gemini(Definition *d, const JbItem *item)
{
	JbItem		other;

	d->schema_key = "parametersJsonSchema";
	find_schema(d, item, d->schema_key, false);
	if (!d->has_schema)
	{
		d->schema_key = "parameters_json_schema";
		find_schema(d, item, d->schema_key, false);
	}
	if (d->has_schema && member(item, "parameters", &other))
		tool_definition_refuse(d, "\"parameters\" and \"parametersJsonSchema\" exclude each other.");
	if (!d->has_schema)
	{
		d->schema_key = "parameters";
		find_schema(d, item, d->schema_key, false);
		d->gemini_schema = true;
	}
}

static void
take_apart(Definition *d, const JbItem *item)
{
	JbItem		type;

	d->body = *item;
	switch (d->format)
	{
		case TOOL_FORMAT_OPENAI_CHAT:
			d->schema_key = "function/parameters";
			if (!member_is(item, "type", "function") || !member(item, "function", &d->body) || !item_is_object(&d->body))
				tool_definition_refuse(d, "\"type\" must be \"function\", and \"function\" an object.");
			find_schema(d, &d->body, "parameters", false);
			break;
		case TOOL_FORMAT_OPENAI_RESPONSES:
			d->schema_key = "parameters";
			if (!member_is(item, "type", "function"))
				tool_definition_refuse(d, "\"type\" must be \"function\".");
			find_schema(d, item, d->schema_key, false);
			break;
		case TOOL_FORMAT_ANTHROPIC:
			d->schema_key = "input_schema";
			if (member(item, "type", &type) && !text_is(&type, "custom"))
				tool_definition_refuse(d, "\"type\" must be \"custom\" or absent.");
			find_schema(d, item, d->schema_key, true);
			break;
		case TOOL_FORMAT_MCP:
			d->schema_key = "inputSchema";
			find_schema(d, item, d->schema_key, true);
			break;
		case TOOL_FORMAT_BEDROCK:
			take_apart_bedrock(d, item);
			break;
		default:
			take_apart_gemini(d, item);
	}
}

/* ----- what it says ---------------------------------------------------------------- */

static char *
definition_text(const Definition *d, const char *key)
{
	JbItem		value;

	if (!member(&d->body, key, &value))
		return NULL;
	if (!JBE_ISSTRING(value.entry))
		tool_definition_refuse(d, psprintf("\"%s\" must be a string.", key));
	return pnstrdup(value.data, value.len);
}

/* What it seems to be called, for what is said of it before that is known. */
static char *
likely_name(const JbItem *item)
{
	static const char *const inside[] = {"function", "toolSpec"};
	JbItem		holder = *item;
	JbItem		name;

	for (int i = 0; i < lengthof(inside); i++)
		if (member(item, inside[i], &name) && item_is_object(&name))
			holder = name;
	if (!member(&holder, "name", &name) || !JBE_ISSTRING(name.entry))
		return NULL;
	return pnstrdup(name.data, name.len);
}

/* A function without parameters accepts no arguments. */
static Jsonb *
no_parameters(void)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	put_string(&state, "type", "object");
	put_key(&state, "properties");
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* The schema as the registry keeps it. */
static Jsonb *
read_schema(Definition *d)
{
	if (d->has_schema && is_empty_array(&d->schema))
	{
		forgive(&d->forgiven, psprintf("%s/%s", d->at, d->schema_key), "is []");
		d->has_schema = false;
	}
	if (!d->has_schema)
		return no_parameters();
	if (!item_is_object(&d->schema))
		tool_definition_refuse(d, psprintf("\"%s\" must be an object.", d->schema_key));
	return forgive_schema(&d->forgiven, psprintf("%s/%s", d->at, d->schema_key),
						  d->gemini_schema ? gemini_to_schema(&d->schema) : item_to_jsonb(&d->schema));
}

/* Whether a member is kept in meta; of another type it would be of no use. */
static bool
is_meta(const JbItem *key, const JbItem *value)
{
	if (text_is(key, "title"))
		return JBE_ISSTRING(value->entry);
	for (int i = 1; meta_keys[i] != NULL; i++)
		if (text_is(key, meta_keys[i]))
			return item_is_object(value);
	return false;
}

const char *
tool_meta_problem(const Jsonb *meta)
{
	JbItem		root = jb_root(meta);
	JbCursor	keys;
	JbCursor	values;

	if (!item_is_object(&root))
		return "It is no object.";
	keys = jb_first(jb_container(&root));
	values = jb_first_value(jb_container(&root));
	for (uint32 i = 0; i < JsonContainerSize(jb_container(&root)); i++)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);

		if (!is_meta(&key, &value))
			return psprintf("Its member %s is unknown, or of another type.", agc_quoted_bytes(key.data, key.len, AGC_NAME_SHOWN));
	}
	return NULL;
}

char *
tool_origin_argument(FunctionCallInfo fcinfo, int n)
{
	char	   *origin = agc_opt_text(fcinfo, n);
	char	   *wrong;

	if (origin == NULL || origin[0] == '\0')
		return origin;
	wrong = agc_name_problem(cstring_to_text(origin), "origin");
	if (wrong != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s", wrong)));
	return origin;
}

/* Divides the members of an object: what is read elsewhere, what meta takes (NULL: nothing), and the rest. */
static void
sort_members(const JbItem *object, const char *const *known, JsonbParseState **meta, int *nmeta, ArrayBuildState **ignored)
{
	JbCursor	keys = jb_first(jb_container(object));
	JbCursor	values = jb_first_value(jb_container(object));

	for (uint32 i = 0; i < JsonContainerSize(jb_container(object)); i++)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);
		bool		taken = JBE_ISNULL(value.entry);

		for (int k = 0; !taken && known[k] != NULL; k++)
			taken = key_compare(key.data, key.len, known[k], strlen(known[k])) == 0;
		if (!taken && meta != NULL && is_meta(&key, &value))
		{
			put_text(meta, WJB_KEY, key.data, key.len);
			put_item(meta, WJB_VALUE, &value);
			(*nmeta)++;
		}
		else if (!taken)
			*ignored = accumArrayResult(*ignored, PointerGetDatum(cstring_to_text_with_len(key.data, key.len)),
										false, TEXTOID, CurrentMemoryContext);
	}
}

/* Of MCP's; what is no object is none. */
static void
read_output_schema(Definition *d)
{
	JbItem		schema;

	if (d->format == TOOL_FORMAT_MCP && member(&d->body, "outputSchema", &schema) && item_is_object(&schema))
		d->output_schema = forgive_schema(&d->forgiven, psprintf("%s/outputSchema", d->at), item_to_jsonb(&schema));
}

void
tool_definition_keep_output(Definition *d, const char *what)
{
	JsonbParseState *state = NULL;
	JbItem		schema = jb_root(d->output_schema);

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	put_members(&state, d->meta);
	put_key(&state, "outputSchema");
	put_item(&state, WJB_VALUE, &schema);
	d->meta = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
	d->output_schema = NULL;
	forgive(&d->forgiven, psprintf("%s/outputSchema", d->at), what);
}

/* What is kept beside the schema, and the names of the members that the registry has no place for. */
static void
read_rest(Definition *d, const JbItem *item)
{
	static const char *const chat[] = {"type", "function", NULL};
	static const char *const bedrock[] = {"toolSpec", NULL};
	const char *inner[] = {"name", "description", strrchr(d->schema_key, '/'), NULL, NULL, NULL};
	ArrayBuildState *ignored = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	JsonbParseState *meta = NULL;
	JsonbValue *object;
	int			nmeta = 0;

	inner[2] = inner[2] == NULL ? d->schema_key : d->format == TOOL_FORMAT_BEDROCK ? "inputSchema" : inner[2] + 1;
	if (d->format == TOOL_FORMAT_OPENAI_CHAT || d->format == TOOL_FORMAT_BEDROCK)
		sort_members(item, d->format == TOOL_FORMAT_BEDROCK ? bedrock : chat, NULL, NULL, &ignored);
	else if (d->format == TOOL_FORMAT_OPENAI_RESPONSES || d->format == TOOL_FORMAT_ANTHROPIC)
		inner[3] = "type";
	d->has_meta = d->format == TOOL_FORMAT_MCP;
	if (d->output_schema != NULL)
		inner[3] = "outputSchema";
	pushJsonbValue(&meta, WJB_BEGIN_OBJECT, NULL);
	sort_members(&d->body, inner, d->has_meta ? &meta : NULL, &nmeta, &ignored);
	object = pushJsonbValue(&meta, WJB_END_OBJECT, NULL);
	d->meta = nmeta > 0 ? JsonbValueToJsonb(object) : NULL;
	d->ignored = makeArrayResult(ignored, CurrentMemoryContext);
}

void
tool_definition_read(Definition *d, const char *at, const JbItem *item, ToolFormat format, bool declaration)
{
	memset(d, 0, sizeof(*d));
	d->at = at;
	initStringInfo(&d->forgiven.places);
	if (!item_is_object(item))
		tool_definition_refuse(d, "It is no object.");
	d->name = likely_name(item);
	d->format = format == TOOL_FORMAT_AUTO ? recognise(d, item, declaration) : format;
	take_apart(d, item);
	d->name = definition_text(d, "name");
	d->description = definition_text(d, "description");
	d->input_schema = read_schema(d);
	read_output_schema(d);
	read_rest(d, item);
}

void
put_members(JsonbParseState **state, const Jsonb *object)
{
	JbItem		root = {0};
	JbCursor	keys;
	JbCursor	values;

	if (object != NULL)
		root = jb_root(object);
	if (object == NULL || !item_is_object(&root))
		return;
	keys = jb_first(jb_container(&root));
	values = jb_first_value(jb_container(&root));
	for (uint32 i = 0; i < JsonContainerSize(jb_container(&root)); i++)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);

		put_text(state, WJB_KEY, key.data, key.len);
		put_item(state, WJB_VALUE, &value);
	}
}

/* ----- digest ------------------------------------------------------------------------ */

/*
 * Of the canonical JSON of {"description", "inputSchema", "outputSchema", and the
 * members of meta}, without what is not there, so that it can be computed elsewhere.
 * An output schema counts the same whether it is used or only kept in meta.
 */
char *
tool_definition_digest(const char *description, const Jsonb *input_schema, const Jsonb *meta, const Jsonb *output_schema)
{
	JsonbParseState *state = NULL;
	JbItem		schema = jb_root(input_schema);
	StringInfoData canonical;
	char	   *utf8;
	Datum		digest;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	if (description != NULL)
		put_string(&state, "description", description);
	put_key(&state, "inputSchema");
	put_item(&state, WJB_VALUE, &schema);
	put_members(&state, meta);
	if (output_schema != NULL)
	{
		schema = jb_root(output_schema);
		put_key(&state, "outputSchema");
		put_item(&state, WJB_VALUE, &schema);
	}
	initStringInfo(&canonical);
	agc_canonical_json(&canonical, JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	utf8 = pg_server_to_any(canonical.data, canonical.len, PG_UTF8);
	digest = DirectFunctionCall1(sha256_bytea, PointerGetDatum(cstring_to_text(utf8)));
	return TextDatumGetCString(DirectFunctionCall2(binary_encode, digest, CStringGetTextDatum("hex")));
}

/* tool_digest(definition, format) -> text */
AGC_FUNCTION(tool_digest)
{
	Jsonb	   *definition = agc_arg_jsonb(fcinfo, 0, "definition");
	ToolFormat	format = tool_format_or_raise(agc_opt_text(fcinfo, 1), true);
	JbItem		root = jb_root(definition);
	Definition	d = {.at = ""};

	if (!item_is_object(&root))
		tool_definition_refuse(&d, "It is no object.");
	tool_definition_read(&d, "", &root, format, false);
	PG_RETURN_TEXT_P(cstring_to_text(tool_definition_digest(d.description, d.input_schema, d.meta, d.output_schema)));
}

/* tool_definition_digest(description, input_schema, meta, output_schema) -> text */
AGC_FUNCTION(tool_definition_digest)
{
	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(tool_definition_digest(agc_opt_text(fcinfo, 0), PG_GETARG_JSONB_P(1),
													   PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2),
													   PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3))));
}
