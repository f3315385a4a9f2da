/*
 * tool_schema.c
 *	  The schemas of a tool: compiled as a tool's are, and found usable.
 *
 * Memory: a program in CurrentMemoryContext, what is only looked at in a context
 * of its own.  Locks: none.  On ERROR: nothing to undo.
 */
#include "tool/tool_schema.h"

#include "catalog/pg_type.h"
#include "tool/guess.h"
#include "tool/tool_words.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

SchemaProgram *
tool_compile_schema(const Jsonb *schema, SchemaDialect dialect, bool additional, const char *tenant,
					SchemaProblem *problem)
{
	SchemaOptions options = {
		.dialect = dialect, .for_tool = true, .additional = additional, .assert_format = true, .tenant = tenant
	};

	return schema_compile(schema, &options, problem);
}

void
tool_check_compiled_size(MemoryContext cxt)
{
	Size		size = MemoryContextMemAllocated(cxt, true);

	if (size > (Size) agc_compiled_cache_size * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("schema is too large"),
				 errdetail("Compiled it takes %zu kB; agentcore.compiled_cache_size is %d kB.",
						   size / 1024, agc_compiled_cache_size),
				 errhint("Leave out what does not judge arguments, or have an administrator of the server raise the setting.")));
}

/* NULL and *problem where a tool cannot have it. */
static SchemaProgram *
usable_program(const Jsonb *schema, const ToolSchemas *of, SchemaProblem *problem)
{
	SchemaProgram *program = tool_compile_schema(schema, of->dialect, of->additional, of->tenant, problem);

	return program == NULL || !metaschema_check(program, of->tenant, problem) ? NULL : program;
}

bool
tool_schemas_usable(const ToolSchemas *schemas, SchemaProblem *problem)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "agentcore schema check", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	SchemaProgram *input = usable_program(schemas->input, schemas, problem);
	bool		usable = input != NULL;

	if (usable && schemas->additional && input->dialect != DIALECT_AGENTVET)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("additional is for agentvet's dialect only"),
				 errdetail("This schema is written in %s.", dialect_name(input->dialect)),
				 errhint("In JSON Schema say \"additionalProperties\" in the schema.")));
	if (usable && schemas->output != NULL)
		usable = usable_program(schemas->output, schemas, problem) != NULL;
	MemoryContextSwitchTo(old);
	if (!usable)
		return false;			/* the problem is in the context, which goes with the caller's */
	tool_check_compiled_size(cxt);
	MemoryContextDelete(cxt);
	return true;
}

bool
tool_pointer_among(const char *pointer, char **list, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(pointer, list[i]) == 0)
			return true;
	return false;
}

Datum
tool_guessed_column(const Jsonb *schema, SchemaDialect dialect, bool additional, Datum skip, const char *tenant)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "agentcore url guess", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	SchemaProblem problem;
	SchemaProgram *program = tool_compile_schema(schema, dialect, additional, tenant, &problem);
	UrlGuesses *guesses = program == NULL ? NULL : tool_guess_urls(program);
	Datum		column = (Datum) 0;
	ArrayBuildState *elems;
	int			nskip = 0;
	char	  **skipped = skip == (Datum) 0 ? NULL : tool_texts(skip, &nskip, "url_skip");

	MemoryContextSwitchTo(old);
	elems = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	for (int i = 0; guesses != NULL && i < guesses->count; i++)
		if (!tool_pointer_among(guesses->pointer[i], skipped, nskip))
			elems = accumArrayResult(elems, CStringGetTextDatum(guesses->pointer[i]), false, TEXTOID, CurrentMemoryContext);
	if (guesses != NULL)
		column = makeArrayResult(elems, CurrentMemoryContext);
	MemoryContextDelete(cxt);
	return column;
}
