/*
 * import.c
 *	  tool_import(): tool definitions of providers and MCP servers into the
 *	  registry.
 *
 * A document is an array of definitions, one definition, or an API's request or
 * response that holds them.  tool_definition.c takes each apart, origin.c writes it.
 * A definition that cannot be used, or is not this import's to write, is a row
 * that says why; with strict it raises, so that all or nothing is imported.
 *
 * What looks at a definition may run into a limit far down, so it runs in a
 * subtransaction of its own, which writes nothing.
 *
 * Memory: a context per definition.  Locks: row locks of the statements.  On
 * ERROR: the statement's rows are undone.
 */
#include "tool/tool.h"

#include "access/xact.h"
#include "core/row.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tool/origin.h"
#include "tool/tool_schema.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

/* request > toolConfig > tools > functionDeclarations > declaration, with room for an array each */
#define WRAPPERS_MAX 7

typedef struct Import
{
	ImportRules rules;
	const char *prefix;
	ToolFormat	format;
	HTAB	   *names;			/* imported so far */
	StringInfoData path;		/* JSON Pointer of what is being read */
	ReturnSetInfo *result;
} Import;

/* One definition on its way into the registry. */
typedef struct Candidate
{
	Import	   *import;
	const JbItem *item;
	bool		declaration;	/* it stands among Gemini's functionDeclarations */
	Definition	definition;
	char	   *name;			/* with the prefix; NULL: not known yet */
} Candidate;

static void import_value(Import *import, const JbItem *value, bool declarations, int depth);

/* ----- looking at a definition ---------------------------------------------------- */

static void
candidate_context(void *arg)
{
	const Candidate *c = arg;

	errcontext("tool definition at \"%s\" of tools", c->import->path.data);
}

static char *
full_name(Candidate *c)
{
	const Definition *d = &c->definition;
	char	   *name;
	char	   *wrong;

	if (d->name == NULL)
		tool_definition_refuse(d, "\"name\" is missing.");
	if (d->name[0] == '\0')
		tool_definition_refuse(d, "\"name\" is empty.");
	name = psprintf("%s%s", c->import->prefix, d->name);
	wrong = agc_name_problem(cstring_to_text(name), "with the prefix, \"name\"");
	if (wrong != NULL)
		tool_definition_refuse(d, psprintf("It cannot be called so: %s.", wrong));
	return name;
}

static void
require_schema(const Definition *d, const char *tenant)
{
	SchemaDialect dialect;
	SchemaProblem problem = {0};
	ToolSchemas schemas = {d->input_schema, NULL, DIALECT_AUTO, false, tenant};

	if (dialect_detect(d->input_schema, true, &dialect, &problem) && dialect == DIALECT_AGENTVET)
		tool_definition_refuse(d, "Its schema has no keyword of JSON Schema.");
	if (tool_schemas_usable(&schemas, &problem))
		return;
	tool_definition_refuse(d, psprintf("At \"%s/%s%s\": %s%s.%s", d->at, d->schema_key, problem.path == NULL ? "" : agc_shown(problem.path, 500),
								  problem.keyword == NULL ? "" : psprintf("\"%s\" ", problem.keyword), problem.message,
								  problem.hint == NULL ? "" : psprintf(" %s", problem.hint)));
}

/* A server that describes its results wrongly can be called all the same: they are not judged. */
static void
look_at_output(Definition *d, const char *tenant)
{
	SchemaDialect dialect;
	SchemaProblem problem = {0};
	ToolSchemas schemas = {d->input_schema, d->output_schema, DIALECT_AUTO, false, tenant};

	if (d->output_schema == NULL)
		return;
	if (dialect_detect(d->output_schema, true, &dialect, &problem) && dialect == DIALECT_AGENTVET)
		tool_definition_keep_output(d, "has no keyword of JSON Schema, so results are not judged by it");
	else if (!tool_schemas_usable(&schemas, &problem))
		tool_definition_keep_output(d, psprintf("cannot be used, so results are not judged by it (at \"%s\": %s%s)",
												problem.path == NULL ? "" : agc_shown(problem.path, 500),
												problem.keyword == NULL ? "" : psprintf("\"%s\" ", problem.keyword), problem.message));
}

/* Raises unless the definition can be used. */
static void
read_candidate(Candidate *c)
{
	ErrorContextCallback context = {error_context_stack, candidate_context, c};
	Import	   *import = c->import;
	bool		again;

	error_context_stack = &context;
	tool_definition_read(&c->definition, pstrdup(import->path.data), c->item, import->format, c->declaration);
	c->name = full_name(c);
	hash_search(import->names, c->name, HASH_ENTER, &again);
	if (again)
		tool_definition_refuse(&c->definition, "Its name occurs twice.");
	require_schema(&c->definition, import->rules.tenant);
	look_at_output(&c->definition, import->rules.tenant);
	error_context_stack = context.previous;
}

static char *
problem_of(const Candidate *c, const ErrorData *error)
{
	if (error->sqlerrcode == ERRCODE_INVALID_PARAMETER_VALUE)
		return psprintf("%s: %s", error->message, error->detail == NULL ? "" : error->detail);
	return psprintf("cannot import tool %s at \"%s\" of tools: %s.%s%s", agc_quoted_name(c->definition.name == NULL ? "" : c->definition.name),
					c->import->path.data, error->message, error->detail == NULL ? "" : " ", error->detail == NULL ? "" : error->detail);
}

/* The same, but what raises for the definition's sake is returned in words; NULL: it can be used. */
static char *
try_candidate(Candidate *c)
{
	MemoryContext cxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	char	   *volatile problem = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		read_candidate(c);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		int			code = geterrcode();

		if (code != ERRCODE_INVALID_PARAMETER_VALUE && code != ERRCODE_STATEMENT_TOO_COMPLEX && code != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
			PG_RE_THROW();
		MemoryContextSwitchTo(cxt);
		problem = problem_of(c, CopyErrorData());
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
	CurrentResourceOwner = owner;
	return problem;
}

/* ----- one row -------------------------------------------------------------------- */

static void
store_row(Import *import, const char *name, ToolAction action, Datum ignored, Datum guessed, const char *problem)
{
	static const char *const actions[] = {"created", "changed", "unchanged", "held", "refused"};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, name);
	agc_put_text(&row, actions[action]);
	agc_put_datum(&row, ignored, ignored == (Datum) 0);
	agc_put_datum(&row, guessed, guessed == (Datum) 0);
	agc_put_text(&row, problem);
	agc_row_store(import->result, &row);
}

/* What the tool would be called; NULL: nobody knows. */
static char *
likely_name(const Candidate *c)
{
	if (c->name != NULL || c->definition.name == NULL || c->definition.name[0] == '\0')
		return c->name;
	return psprintf("%s%s", c->import->prefix, c->definition.name);
}

static void
import_candidate(Candidate *c)
{
	Import	   *import = c->import;
	Definition *d = &c->definition;
	char	   *problem = NULL;
	ImportResult result;

	if (import->rules.strict)
		read_candidate(c);
	else
		problem = try_candidate(c);
	if (problem != NULL)
	{
		store_row(import, likely_name(c), TOOL_REFUSED, (Datum) 0, (Datum) 0, problem);
		return;
	}
	result = origin_import(&import->rules, c->name, d);
	store_row(import, c->name, result.action, d->ignored, result.guessed, result.problem != NULL ? result.problem : forgiven_in_words(&d->forgiven));
}

static void
import_definition(Import *import, const JbItem *item, bool declaration)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "agentcore imported tool", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	Candidate	candidate = {.import = import, .item = item, .declaration = declaration};
	char	   *hosted = NULL;

	if (item_is_object(item) && !declaration)
		hosted = tool_definition_hosted(item, import->format);
	if (hosted != NULL)
		store_row(import, hosted, TOOL_REFUSED, (Datum) 0, (Datum) 0,
				  psprintf("forgiven: %s at \"%s\" of tools is a tool of the provider's own: it has no schema to judge arguments by",
						   agc_quoted_name(hosted), import->path.data));
	else
		import_candidate(&candidate);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
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
		if (item_is_object(&item))
			import_value(import, &item, declarations, depth);
		else
			import_definition(import, &item, declarations);
		import->path.data[import->path.len = len] = '\0';
	}
}

/* What a document is wrapped in: {"tools": [...]}, also inside a JSON-RPC response's "result". */
static const char *
wrapper_of(const JbItem *value, JbItem *inner)
{
	static const char *const wrappers[] = {"tools", "result", "toolConfig", "functionDeclarations", "function_declarations"};
	JbItem		name;

	if (!item_is_object(value) || object_find_cstring(jb_container(value), "name", &name))
		return NULL;
	for (int i = 0; i < lengthof(wrappers); i++)
		if (object_find_cstring(jb_container(value), wrappers[i], inner) && JBE_ISCONTAINER(inner->entry))
			return wrappers[i];
	return NULL;
}

/* An array of definitions; what wraps them; or a definition. */
static void
import_value(Import *import, const JbItem *value, bool declarations, int depth)
{
	const char *wrapper;
	JbItem		inner;

	CHECK_FOR_INTERRUPTS();
	wrapper = declarations || depth > WRAPPERS_MAX ? NULL : wrapper_of(value, &inner);
	if (item_is_array(value) && depth <= WRAPPERS_MAX)
		import_array(import, value, declarations, depth + 1);
	else if (wrapper != NULL)
		import_member(import, &inner, wrapper, strncmp(wrapper, "function", 8) == 0, depth + 1);
	else
		import_definition(import, value, declarations);
}

static OnChange
on_change_argument(FunctionCallInfo fcinfo, int n)
{
	static const char *const words[] = {"replace", "hold", "refuse"};
	char	   *word = agc_opt_text(fcinfo, n);

	for (int i = 0; word != NULL && i < lengthof(words); i++)
		if (strcmp(word, words[i]) == 0)
			return (OnChange) i;
	agc_refuse_word("on_change", word, "The words are replace, hold and refuse.");
}

/*
 * tool_import(tools, format, prefix, origin, adopt, on_change, strict, tenant)
 * -> setof (name, action, ignored, guessed, problem)
 */
AGC_FUNCTION(tool_import)
{
	HASHCTL		ctl = {.keysize = AGC_MAX_NAME + 1, .entrysize = AGC_MAX_NAME + 1, .hcxt = CurrentMemoryContext};
	Jsonb	   *tools = agc_arg_jsonb(fcinfo, 0, "tools");
	char	   *format = agc_opt_text(fcinfo, 1);
	char	   *prefix = agc_opt_text(fcinfo, 2);
	char	   *origin = tool_origin_argument(fcinfo, 3);
	Import		import = {.prefix = prefix == NULL ? "" : prefix};
	JbItem		root = jb_root(tools);

	import.rules.origin = origin == NULL ? import.prefix : origin;
	import.rules.adopt = agc_arg_bool(fcinfo, 4, "adopt");
	import.rules.on_change = on_change_argument(fcinfo, 5);
	import.rules.strict = agc_arg_bool(fcinfo, 6, "strict");
	import.rules.tenant = agc_arg_tenant(fcinfo, 7);
	agc_enter(import.rules.tenant, AGC_ADMIN);
	import.format = tool_format_or_raise(format, true);
	if (!JBE_ISCONTAINER(root.entry))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("tools must be a JSON array or object")));
	import.names = hash_create("agentcore imported tools", 64, &ctl, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	initStringInfo(&import.path);
	InitMaterializedSRF(fcinfo, 0);
	import.result = (ReturnSetInfo *) fcinfo->resultinfo;
	import_value(&import, &root, false, 0);
	return (Datum) 0;
}
