/*
 * problem.c
 *	  Why a schema is refused.
 *
 * Memory: messages in CurrentMemoryContext.  Locks: none.  Errors: 22023 with
 * the problem found, 54001 for a schema nested beyond agentcore.max_depth.
 */
#include "schema/compiler.h"

#include "miscadmin.h"

/* The first problem wins: what follows it is often its consequence. */
void
schema_problem(SchemaCompiler *c, const SchemaPath *path, const char *keyword, const char *fmt,...)
{
	StringInfoData message;
	int			needed;
	int			save_errno = errno;

	if (c->problem->message != NULL)
		return;
	initStringInfo(&message);
	for (;;)
	{
		va_list		args;

		errno = save_errno;
		va_start(args, fmt);
		needed = appendStringInfoVA(&message, fmt, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&message, needed);
	}
	c->problem->message = message.data;
	c->problem->keyword = keyword;
	c->problem->path = schema_path_text(path, keyword);
}

void
schema_problem_raise(const SchemaProblem *problem, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 problem->keyword != NULL ?
				 errmsg("invalid %s: \"%s\" %s", what, problem->keyword, problem->message) :
				 errmsg("invalid %s: %s", what, problem->message),
			 problem->path != NULL && problem->path[0] != '\0' ?
				 errdetail("At \"%s\" of the schema.", agc_shown(problem->path, 500)) : errdetail("At the schema's root."),
			 problem->hint != NULL ? errhint("%s", problem->hint) : 0));
}

void
check_schema_depth(uint32 depth)
{
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (depth > (uint32) agc_max_depth)
		ereport(ERROR,
				(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				 errmsg("schema is nested too deeply"),
				 errdetail("agentcore.max_depth is %d.", agc_max_depth)));
}
