/*
 * import.c
 *	  tool_import(): tool definitions of providers and MCP servers into the
 *	  registry.
 *
 * A document is an array of definitions, one definition, or an API's request or
 * response that holds them.  Each definition is recognised by its shape, or must
 * have the format that was asked for.  The first bad one raises, so an import is
 * all or nothing.
 *
 * Memory: CurrentMemoryContext.  Locks: row locks of the statements.  On
 * ERROR: the statement's rows are undone.
 */
#include "tool/tool.h"

#include "catalog/pg_type.h"
#include "core/row.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tool/provider.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

/* request > tools > functionDeclarations > declaration, with room for an array each */
#define WRAPPERS_MAX 6

static const char *const format_names[] = {
	"openai_chat", "openai_responses", "anthropic", "mcp", "gemini", "auto"
};

typedef struct Import
{
	const char *tenant;
	const char *prefix;
	ToolFormat	format;
	HTAB	   *names;			/* imported so far */
	StringInfoData path;		/* JSON Pointer of what is being read */
	ReturnSetInfo *result;
} Import;

/* One definition taken apart; the schema may be absent. */
typedef struct Definition
{
	ToolFormat	format;
	JbItem		body;			/* the object with name and description */
	const char *schema_key;
	bool		gemini_schema;	/* in OpenAPI's subset */
	JbItem		schema;
	bool		has_schema;
} Definition;

static void import_value(Import *import, const JbItem *value, bool declarations, int depth);

ToolFormat
tool_format_or_raise(const char *name, bool with_auto)
{
	for (int i = 0; name != NULL && i < TOOL_FORMAT_AUTO + with_auto; i++)
		if (strcmp(name, format_names[i]) == 0)
			return (ToolFormat) i;
	agc_refuse_word("format", name, with_auto ?
					"The formats are auto, openai_chat, openai_responses, anthropic, mcp and gemini." :
					"The formats are openai_chat, openai_responses, anthropic, mcp and gemini.");
}

pg_noreturn static void
bad_definition(const Import *import, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("not a tool definition at \"%s\" of tools", import->path.data),
			 errdetail("%s", detail),
			 errhint("format => 'openai_chat', 'openai_responses', 'anthropic', 'mcp' or 'gemini' says what it should be; the default recognises each.")));
}

/* Absent and null are the same. */
static bool
member(const JbItem *object, const char *key, JbItem *value)
{
	return object_find_cstring(jb_container(object), key, value) && !JBE_ISNULL(value->entry);
}

static bool
member_is(const JbItem *object, const char *key, const char *text)
{
	JbItem		value;

	return member(object, key, &value) && text_is(&value, text);
}

/* ----- what it is ---------------------------------------------------------------- */

static ToolFormat
recognise(Import *import, const JbItem *item, bool declaration)
{
	JbItem		value;

	if (declaration)
		return TOOL_FORMAT_GEMINI;
	if (member(item, "function", &value))
		return TOOL_FORMAT_OPENAI_CHAT;
	if (member(item, "inputSchema", &value))
		return TOOL_FORMAT_MCP;
	if (member(item, "input_schema", &value))
		return TOOL_FORMAT_ANTHROPIC;
	if (member_is(item, "type", "function"))
		return TOOL_FORMAT_OPENAI_RESPONSES;
	if (member(item, "type", &value))
		bad_definition(import, "It is a tool of the provider's own or of free text: it has no schema to judge arguments by.");
	if (member(item, "name", &value) &&
		(member(item, "parameters", &value) || member(item, "parametersJsonSchema", &value) ||
		 member(item, "parameters_json_schema", &value)))
		return TOOL_FORMAT_GEMINI;
	bad_definition(import, "It has the shape of no known format.");
}

static void
find_schema(Definition *d, const char *key)
{
	d->schema_key = key;
	d->has_schema = member(&d->body, key, &d->schema);
}

static void
take_apart(Import *import, const JbItem *item, bool declaration, Definition *d)
{
	memset(d, 0, sizeof(*d));
	d->format = import->format == TOOL_FORMAT_AUTO ? recognise(import, item, declaration) : import->format;
	d->body = *item;
	switch (d->format)
	{
		case TOOL_FORMAT_OPENAI_CHAT:
			if (!member_is(item, "type", "function") || !member(item, "function", &d->body) || !item_is_object(&d->body))
				bad_definition(import, "\"type\" must be \"function\", and \"function\" an object.");
			find_schema(d, "parameters");
			break;
		case TOOL_FORMAT_OPENAI_RESPONSES:
			if (!member_is(item, "type", "function"))
				bad_definition(import, "\"type\" must be \"function\".");
			find_schema(d, "parameters");
			break;
		case TOOL_FORMAT_ANTHROPIC:
			if (member(item, "type", &d->schema) && !text_is(&d->schema, "custom"))
				bad_definition(import, "\"type\" must be \"custom\" or absent.");
			find_schema(d, "input_schema");
			if (!d->has_schema)
				bad_definition(import, "\"input_schema\" is missing.");
			break;
		case TOOL_FORMAT_MCP:
			find_schema(d, "inputSchema");
			if (!d->has_schema)
				bad_definition(import, "\"inputSchema\" is missing.");
			break;
		default:
			find_schema(d, "parametersJsonSchema");
			if (!d->has_schema)
				find_schema(d, "parameters_json_schema");
			if (d->has_schema && member(item, "parameters", &d->body))
				bad_definition(import, "\"parameters\" and \"parametersJsonSchema\" exclude each other.");
			if (!d->has_schema)
			{
				find_schema(d, "parameters");
				d->gemini_schema = true;
			}
	}
	if (d->has_schema && !item_is_object(&d->schema))
		bad_definition(import, psprintf("\"%s\" must be an object.", d->schema_key));
}

/* The schema as the registry keeps it; a function without parameters accepts no arguments. */
static Jsonb *
definition_schema(const Definition *d)
{
	JsonbParseState *state = NULL;

	if (d->has_schema)
		return d->gemini_schema ? gemini_to_schema(&d->schema) : item_to_jsonb(&d->schema);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	put_string(&state, "type", "object");
	put_key(&state, "properties");
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static char *
definition_text(Import *import, const Definition *d, const char *key)
{
	JbItem		value;

	if (!member(&d->body, key, &value))
		return NULL;
	if (!JBE_ISSTRING(value.entry))
		bad_definition(import, psprintf("\"%s\" must be a string.", key));
	return pnstrdup(value.data, value.len);
}

/* ----- what is left behind -------------------------------------------------------- */

static void
add_ignored(const JbItem *object, const char *const *kept, ArrayBuildState **ignored)
{
	JbCursor	keys = jb_first(jb_container(object));
	JbCursor	values = jb_first_value(jb_container(object));

	for (uint32 i = 0; i < JsonContainerSize(jb_container(object)); i++)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);
		bool		known = JBE_ISNULL(value.entry);

		for (int k = 0; !known && kept[k] != NULL; k++)
			known = key_compare(key.data, key.len, kept[k], strlen(kept[k])) == 0;
		if (!known)
			*ignored = accumArrayResult(*ignored, PointerGetDatum(cstring_to_text_with_len(key.data, key.len)),
										false, TEXTOID, CurrentMemoryContext);
	}
}

/* The members of a definition that the registry has no place for. */
static Datum
ignored_members(const JbItem *item, const Definition *d)
{
	static const char *const outer[] = {"type", "function", NULL};
	const char *inner[] = {"name", "description", d->schema_key, NULL, NULL};
	ArrayBuildState *ignored = initArrayResult(TEXTOID, CurrentMemoryContext, false);

	if (d->format == TOOL_FORMAT_OPENAI_CHAT)
		add_ignored(item, outer, &ignored);
	else if (d->format == TOOL_FORMAT_OPENAI_RESPONSES || d->format == TOOL_FORMAT_ANTHROPIC)
		inner[3] = "type";
	add_ignored(&d->body, inner, &ignored);
	return makeArrayResult(ignored, CurrentMemoryContext);
}

/* ----- one definition --------------------------------------------------------------- */

static void
definition_context(void *arg)
{
	const Import *import = arg;

	errcontext("tool definition at \"%s\" of tools", import->path.data);
}

static ToolImported
store(Import *import, const char *name, Jsonb *schema, const char *description, Datum *guessed)
{
	ErrorContextCallback context;
	SchemaDialect dialect;
	SchemaProblem problem = {0};
	ToolImported result;

	if (dialect_detect(schema, true, &dialect, &problem) && dialect == DIALECT_AGENTVET)
		bad_definition(import, "Its schema has no keyword of JSON Schema.");
	context.previous = error_context_stack;
	context.callback = definition_context;
	context.arg = import;
	error_context_stack = &context;
	result = tool_import_row(import->tenant, name, schema, description, guessed);
	error_context_stack = context.previous;
	return result;
}

static char *
full_name(Import *import, const Definition *d)
{
	char	   *name = definition_text(import, d, "name");
	bool		again;

	if (name == NULL || name[0] == '\0')
		bad_definition(import, "\"name\" is missing.");
	name = psprintf("%s%s", import->prefix, name);
	if (strlen(name) > AGC_MAX_NAME)
		bad_definition(import, psprintf("\"name\" must have at most %d bytes, with the prefix.", AGC_MAX_NAME));
	hash_search(import->names, name, HASH_ENTER, &again);
	if (again)
		bad_definition(import, "Its name occurs twice.");
	return name;
}

static void
import_definition(Import *import, const JbItem *item, bool declaration)
{
	static const char *const actions[] = {"created", "changed", "unchanged"};
	Definition	d;
	AgcRow		row;
	char	   *name;
	char	   *description;
	Datum		guessed;

	take_apart(import, item, declaration, &d);
	name = full_name(import, &d);
	description = definition_text(import, &d, "description");
	agc_row_init(&row);
	agc_put_text(&row, name);
	agc_put_text(&row, actions[store(import, name, definition_schema(&d), description, &guessed)]);
	agc_put(&row, ignored_members(item, &d));
	agc_put_datum(&row, guessed, guessed == (Datum) 0);
	agc_row_store(import->result, &row);
}

/* ----- the document ------------------------------------------------------------------ */

static void
import_member(Import *import, const JbItem *value, const char *key, bool declarations, int depth)
{
	int			len = import->path.len;

	pointer_append_key(&import->path, key, strlen(key));
	import_value(import, value, declarations, depth);
	import->path.data[import->path.len = len] = '\0';
}

static void
import_array(Import *import, const JbItem *array, bool declarations, int depth)
{
	JbCursor	cursor = jb_first(jb_container(array));

	for (uint32 i = 0; i < JsonContainerSize(jb_container(array)); i++)
	{
		JbItem		item = jb_next(&cursor);
		int			len = import->path.len;

		appendStringInfo(&import->path, "/%u", i);
		if (!item_is_object(&item))
			bad_definition(import, "It is no object.");
		import_value(import, &item, declarations, depth);
		import->path.data[import->path.len = len] = '\0';
	}
}

/*
 * An array of definitions; {"tools": [...]}, also inside a JSON-RPC response's
 * "result"; {"functionDeclarations": [...]}; or a definition.
 */
static void
import_value(Import *import, const JbItem *value, bool declarations, int depth)
{
	static const char *const wrappers[] = {"tools", "result", "functionDeclarations", "function_declarations"};
	JbItem		inner;

	CHECK_FOR_INTERRUPTS();
	if (depth > WRAPPERS_MAX)
		bad_definition(import, "It is wrapped too often.");
	if (item_is_array(value))
	{
		import_array(import, value, declarations, depth + 1);
		return;
	}
	if (!item_is_object(value))
		bad_definition(import, "It is no object.");
	for (int i = 0; !declarations && i < lengthof(wrappers); i++)
		if (member(value, wrappers[i], &inner) && JBE_ISCONTAINER(inner.entry) && !member(value, "name", &(JbItem){0}))
		{
			import_member(import, &inner, wrappers[i], i >= 2, depth + 1);
			return;
		}
	import_definition(import, value, declarations);
}

/* tool_import(tools, format, prefix, tenant) -> setof (name, action, ignored, guessed) */
AGC_FUNCTION(tool_import)
{
	HASHCTL		ctl = {.keysize = AGC_MAX_NAME + 1, .entrysize = AGC_MAX_NAME + 1, .hcxt = CurrentMemoryContext};
	Jsonb	   *tools = agc_arg_jsonb(fcinfo, 0, "tools");
	char	   *format = agc_opt_text(fcinfo, 1);
	char	   *prefix = agc_opt_text(fcinfo, 2);
	char	   *tenant = agc_arg_tenant(fcinfo, 3);
	Import		import = {.tenant = tenant, .prefix = prefix == NULL ? "" : prefix};
	JbItem		root = jb_root(tools);

	agc_enter(tenant, AGC_ADMIN);
	import.format = tool_format_or_raise(format, true);
	import.names = hash_create("agentcore imported tools", 64, &ctl, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	initStringInfo(&import.path);
	InitMaterializedSRF(fcinfo, 0);
	import.result = (ReturnSetInfo *) fcinfo->resultinfo;
	import_value(&import, &root, false, 0);
	return (Datum) 0;
}
