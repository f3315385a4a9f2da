/*
 * tool.c
 *	  The tool registry: rows of agentcore.tool compiled.
 *
 * tool_set() compiles the schemas before it writes, so what is in the table was
 * usable when it went in.  A row that came another way (COPY, a restore) and
 * does not compile raises at use: it never lets anything through.
 *
 * Memory: a compiled row in its AgcObject's context.  Locks: AccessShareLock on
 * agentcore.tool while it is read.  On ERROR: nothing was changed.
 */
#include "tool/tool.h"

#include "core/row.h"
#include "miscadmin.h"
#include "tool/guess.h"
#include "tool/tool_schema.h"
#include "tool/tool_words.h"
#include "utils/memutils.h"
#include "utils/rel.h"

static void *compile_tool(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name);
static bool tool_fresh(const void *data, const char *tenant);

static AgcTable tool_table = AGC_TABLE("tool", "tool_pkey");
static const AgcObjectClass tool_class = {"tool", &tool_table, compile_tool, tool_fresh};

AgcObject *
tool_pin(const char *tenant, const char *name)
{
	return agc_object_pin(&tool_class, tenant, name);
}

AgcObject *
tool_try_pin(const char *tenant, const char *name)
{
	return agc_object_try_pin(&tool_class, tenant, name);
}

bool
tool_exists(const char *tenant, const char *name)
{
	return agc_object_exists(&tool_class, tenant, name);
}

bool
tool_scope_shared(const char *scope)
{
	return strcmp(scope, "shared") == 0 || strcmp(scope, "shared_open") == 0;
}

const char *
tool_cache_tenant(const ToolDef *tool, const char *tenant)
{
	return tool_scope_shared(tool->cache_scope) ? "*" : tenant;
}

bool
tool_may_fill(const ToolDef *tool)
{
	return strcmp(tool->cache_scope, "shared") != 0 || agc_level(GetUserId(), "*") >= AGC_AGENT;
}

static void
digest_program(AgcDigest *digest, const SchemaProgram *program)
{
	if (program == NULL)
		return;
	agc_digest_exact(digest, program->schema);
	for (const RegistryUse *use = program->uses; use != NULL; use = use->next)
	{
		agc_digest_field(digest, use->uri, strlen(use->uri));
		agc_digest_field(digest, use->hash, AGC_HASH_LEN);
	}
}

/* The digest of a tool's schemas and the documents that they refer to. */
static void
digest_definition(ToolDef *tool)
{
	AgcDigest  *digest = agc_digest_begin();

	digest_program(digest, tool->program);
	digest_program(digest, tool->output);
	agc_digest_end(digest, tool->definition);
	memcpy(&tool->fingerprint, tool->definition, sizeof(tool->fingerprint));
}

/* A schema in a column of the row; NULL: it has none. */
static SchemaProgram *
compile_column(HeapTuple tuple, TupleDesc desc, const char *column, const char *tenant)
{
	const char *name = agc_col_text(tuple, desc, "name");
	char	   *dialect_text = agc_col_text(tuple, desc, "dialect");
	SchemaDialect dialect;
	SchemaProblem problem;
	SchemaProgram *program;
	bool		isnull;
	Datum		value = agc_col(tuple, desc, column, &isnull);

	if (isnull)
		return NULL;
	if (!dialect_parse(dialect_text, &dialect))
		elog(ERROR, "unknown dialect \"%s\" of tool \"%s\"", dialect_text, name);
	program = tool_compile_schema(DatumGetJsonbP(value), dialect, agc_col_bool(tuple, desc, "additional"), tenant, &problem);
	if (program == NULL)
		schema_problem_raise(&problem, psprintf("%s of tool \"%s\"", strcmp(column, "output_schema") == 0 ? "output schema" : "schema", name));
	return program;
}

static void *
compile_tool(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name)
{
	ToolDef    *tool = palloc0(sizeof(ToolDef));
	bool		isnull;
	Datum		value;

	tool->name = name;
	tool->description = agc_col_text(tuple, desc, "description");
	tool->enabled = agc_col_bool(tuple, desc, "enabled");
	(void) agc_col(tuple, desc, "pending", &isnull);
	tool->held = !isnull;
	tool->audit = strcmp(agc_col_text(tuple, desc, "mode"), "audit") == 0;
	tool->coerce = agc_col_bool(tuple, desc, "coerce");
	tool->drop_unknown = agc_col_bool(tuple, desc, "drop_unknown");
	tool->idempotent = agc_col_bool(tuple, desc, "idempotent");
	tool->needs_approval = agc_col_bool(tuple, desc, "needs_approval");
	tool->cache_ttl = agc_col_interval(tuple, desc, "cache_ttl", -1);
	tool->cache_soft_ttl = agc_col_interval(tuple, desc, "cache_soft_ttl", -1);
	tool->cache_negative_ttl = agc_col_interval(tuple, desc, "cache_negative_ttl", -1);
	tool->cache_max_size = agc_col_int64(tuple, desc, "cache_max_size", -1);
	tool->cache_scope = agc_col_text(tuple, desc, "cache_scope");
	tool->lease = agc_col_interval(tuple, desc, "lease", -1);
	tool->est_tokens = agc_col_int64(tuple, desc, "est_tokens", -1);
	tool->est_nanousd = agc_col_int64(tuple, desc, "est_nanousd", -1);
	tool->retry_policy = agc_col_text(tuple, desc, "retry_policy");
	tool->target = agc_col_text(tuple, desc, "target");
	tool->http_method = agc_col_text(tuple, desc, "http_method");
	value = agc_col(tuple, desc, "open_world", &isnull);
	tool->closed_world = !isnull && !DatumGetBool(value);
	value = agc_col(tuple, desc, "tags", &isnull);
	if (!isnull)
		tool->tags = tool_texts(value, &tool->ntags, "tags");

	tool->program = compile_column(tuple, desc, "input_schema", tenant);
	tool->output = compile_column(tuple, desc, "output_schema", tenant);
	tool_check_compiled_size(CurrentMemoryContext);
	digest_definition(tool);
	value = agc_col(tuple, desc, "url_args", &isnull);
	if (!isnull)
		tool->url_args = tool_texts(value, &tool->nurl_args, "url_args");
	else
		tool->guesses = tool_guess_urls(tool->program);
	value = agc_col(tuple, desc, "url_skip", &isnull);
	if (!isnull)
		tool->url_skip = tool_texts(value, &tool->nurl_skip, "url_skip");
	tool->error_pointer = agc_col_text(tuple, desc, "error_pointer");
	tool_read_words(tool, tuple, desc);
	for (SchemaNode *node = tool->program->nodes; node != NULL; node = node->next)
		tool->has_urls |= node->url != NULL;
	return tool;
}

static bool
tool_fresh(const void *data, const char *tenant)
{
	const ToolDef *tool = data;

	return registry_fresh(tenant, tool->program->uses) && (tool->output == NULL || registry_fresh(tenant, tool->output->uses));
}

void
tool_each_name(const char *tenant, void (*each) (HeapTuple tuple, TupleDesc desc, void *arg), void *arg)
{
	Relation	rel = agc_table_open(&tool_table, AccessShareLock);

	agc_table_scan(&tool_table, rel, 1, &tenant, each, arg);
	agc_table_close(rel, AccessShareLock);
}

/* ----- tools that a document of the registry serves -------------------------- */

typedef struct DocumentScan
{
	const char *tenant;
	int64		revision;		/* of the document's row */
	char	   *tool;			/* the first that uses it */
} DocumentScan;

static bool
column_uses(const DocumentScan *scan, HeapTuple tuple, TupleDesc desc, const char *column, SchemaDialect dialect)
{
	SchemaProblem problem;
	SchemaProgram *program;
	bool		isnull;
	Datum		value = agc_col(tuple, desc, column, &isnull);

	if (isnull)
		return false;
	program = tool_compile_schema(DatumGetJsonbP(value), dialect, agc_col_bool(tuple, desc, "additional"), scan->tenant, &problem);
	for (const RegistryUse *use = program == NULL ? NULL : program->uses; use != NULL; use = use->next)
		if (use->found && use->revision == scan->revision)
			return true;
	return false;
}

static void
look_for_document(HeapTuple tuple, TupleDesc desc, void *arg)
{
	DocumentScan *scan = arg;
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "agentcore schema check", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	SchemaDialect dialect;
	char	   *tool = NULL;

	CHECK_FOR_INTERRUPTS();
	if (scan->tool == NULL && dialect_parse(agc_col_text(tuple, desc, "dialect"), &dialect) &&
		(column_uses(scan, tuple, desc, "input_schema", dialect) || column_uses(scan, tuple, desc, "output_schema", dialect)))
		tool = agc_col_text(tuple, desc, "name");
	MemoryContextSwitchTo(old);
	if (tool != NULL)
		scan->tool = pstrdup(tool);
	MemoryContextDelete(cxt);
}

/* A DocumentUserFinder: the first tool whose schema needs that version of a document. */
static char *
tool_using_document(const char *tenant, int64 revision)
{
	DocumentScan scan = {tenant, revision, NULL};
	Relation	rel = agc_table_open(&tool_table, AccessShareLock);

	agc_table_scan(&tool_table, rel, 1, &tenant, look_for_document, &scan);
	agc_table_close(rel, AccessShareLock);
	return scan.tool;
}

void
tool_init(void)
{
	registry_add_user_finder("tool", tool_using_document);
}
