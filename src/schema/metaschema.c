/*
 * metaschema.c
 *	  Checking a schema against its metaschema.
 *
 * The compiler refuses what it cannot honour.  A metaschema knows more, such as
 * that `examples` is an array.  It is asked where a schema is handed over to be
 * kept or judged (tool_set, json_schema_set, jsonschema_is_valid), not where one
 * is only used.
 *
 * Memory: a dialect's compiled metaschema stays with the session, in
 * CacheMemoryContext: 128 to 256 kB for each of the five.  Locks: none.  On ERROR:
 * the half-built program goes with the caller's context.
 */
#include "schema/documents.h"
#include "schema/eval.h"

#include "utils/memutils.h"

/* of this session, by dialect */
static struct
{
	SchemaProgram *program;		/* NULL: not needed yet */
	Size		bytes;
	int64		hits;			/* uses without a compilation */
} compiled[DIALECT_2020_12 + 1];

static const SchemaProgram *
metaschema_of(SchemaDialect dialect)
{
	MemoryContext cxt;
	MemoryContext old;
	SchemaProgram *program;
	SchemaProblem problem;

	if (compiled[dialect].program != NULL)
	{
		compiled[dialect].hits++;
		return compiled[dialect].program;
	}
	cxt = AllocSetContextCreate(CurrentMemoryContext, "agentcore metaschema", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(cxt);
	program = schema_compile(published_metaschema(dialect), &(SchemaOptions){.dialect = dialect}, &problem);
	MemoryContextSwitchTo(old);
	if (program == NULL)
		elog(ERROR, "the metaschema of %s does not compile: %s at \"%s\"", dialect_name(dialect), problem.message, problem.path);
	MemoryContextSetParent(cxt, CacheMemoryContext);
	compiled[dialect].program = program;
	compiled[dialect].bytes = MemoryContextMemAllocated(cxt, true);
	return program;
}

Size
metaschema_bytes(SchemaDialect dialect, int64 *hits)
{
	*hits = compiled[dialect].hits;
	return compiled[dialect].bytes;
}

/* One that a tenant has registered, for one check. */
static const SchemaProgram *
metaschema_registered(const char *uri, SchemaDialect dialect, const char *tenant, SchemaProblem *problem)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	agc_push_text(&state, WJB_KEY, "$ref");
	agc_push_text(&state, WJB_VALUE, uri);
	return schema_compile(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)),
						  &(SchemaOptions){.dialect = dialect, .tenant = tenant}, problem);
}

/*
 * Whether the schema that the program was compiled from satisfies its metaschema.
 * A document in more than one dialect is judged by the compiler alone, because a
 * metaschema knows only its own dialect.
 */
bool
metaschema_check(const SchemaProgram *program, const char *tenant, SchemaProblem *problem)
{
	const SchemaProgram *metaschema;
	EvalErrors *errors;

	memset(problem, 0, sizeof(*problem));
	if (program->dialect > DIALECT_2020_12 || program->mixed)
		return true;
	if (program->metaschema == NULL)
		errors = schema_errors_of_schema(metaschema_of(program->dialect), program->schema);
	else
	{
		metaschema = metaschema_registered(program->metaschema, program->dialect, tenant, problem);
		if (metaschema == NULL)
			return false;
		errors = schema_errors(metaschema, program->schema, 1);
	}
	if (errors == NULL || errors->count == 0)
		return true;
	problem->message = psprintf("it breaks the rules of its metaschema: %s", errors->items[0].message);
	problem->path = errors->items[0].path;
	return false;
}
