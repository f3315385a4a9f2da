/*
 * tool_schema.h
 *	  The schemas of a tool: compiled as a tool's are, and found usable.
 */
#ifndef AGENTCORE_TOOL_TOOL_SCHEMA_H
#define AGENTCORE_TOOL_TOOL_SCHEMA_H

#include "tool/tool.h"

/* NULL and *problem where it is not usable; exceeding a limit raises */
extern SchemaProgram *tool_compile_schema(const Jsonb *schema, SchemaDialect dialect, bool additional, const char *tenant,
										  SchemaProblem *problem);

/* Every session that uses the tool keeps its programs, so they must fit the cache: 54000. */
extern void tool_check_compiled_size(MemoryContext cxt);

/* The schemas of one tool, which are read in one dialect. */
typedef struct ToolSchemas
{
	const Jsonb *input;
	const Jsonb *output;		/* NULL: none */
	SchemaDialect dialect;
	bool		additional;
	const char *tenant;
} ToolSchemas;

/* Whether a tool can have them; false and *problem of the first that it cannot have, and exceeding a limit raises. */
extern bool tool_schemas_usable(const ToolSchemas *schemas, SchemaProblem *problem);

/* The column "guessed" of such a schema; 0: it does not compile. */
extern Datum tool_guessed_column(const Jsonb *schema, SchemaDialect dialect, bool additional, Datum skip, const char *tenant);

/* whether a pointer is one of a list */
extern bool tool_pointer_among(const char *pointer, char **list, int n);

/* tool.c: whether tenants share a tool's answers by that cache_scope */
extern bool tool_scope_shared(const char *scope);

#endif							/* AGENTCORE_TOOL_TOOL_SCHEMA_H */
