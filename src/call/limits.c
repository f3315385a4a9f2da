/*
 * limits.c
 *	  Runs what may be too much of what a model sent.
 *
 * A model must not be able to raise an ERROR, so a limit that judging runs into
 * is a refusal.  There is no subtransaction, which every call would pay for.
 *
 * Memory: CurrentMemoryContext.  Locks: none, and none of the work's.  On
 * ERROR: one that is no limit goes on.
 */
#include "call/limits.h"

#include "call/refuse.h"

static bool
is_limit(int sqlstate)
{
	return sqlstate == ERRCODE_STATEMENT_TOO_COMPLEX || sqlstate == ERRCODE_PROGRAM_LIMIT_EXCEEDED;
}

ErrorData *
limit_met(Gate *gate, void (*work) (Gate *gate, void *arg), void *arg)
{
	MemoryContext cxt = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;

	(void) schema_limit_path(); /* one that somebody else caught */
	PG_TRY();
	{
		work(gate, arg);
	}
	PG_CATCH();
	{
		if (!is_limit(geterrcode()))
			PG_RE_THROW();
		MemoryContextSwitchTo(cxt);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	return error;
}

bool
within_limits(Gate *gate, void (*work) (Gate *gate, void *arg), void *arg)
{
	ErrorData  *error = limit_met(gate, work, arg);

	if (error != NULL)
		refuse_limit(gate, schema_limit_path(), error->message);
	return error == NULL;
}
