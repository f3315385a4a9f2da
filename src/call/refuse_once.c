/*
 * refuse_once.c
 *	  Refusals of calls that do not run again, in their words.
 *
 * What ran once is no policy: audit mode does not look away.  Members are named,
 * their values are not.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "call/refuse.h"

/* members that a refusal names */
#define MAX_DIFFERING	8

void
refuse_without_scope(Gate *gate, const char *reason)
{
	bool		is_task = strcmp(reason, REASON_TASK_REQUIRED) == 0;

	gate_refuse(gate, reason, psprintf("once: no %s", is_task ? "task" : "subject"),
				psprintf("%s may be called %s only. Continue without it, or tell the user.", agc_quoted_name(gate->tool_name),
						 is_task ? "within a task" : "for a known subject"));
}

/* Names of members, as many as a reader takes in. */
static char *
list_names(List *names)
{
	StringInfoData out;
	ListCell   *cell;

	initStringInfo(&out);
	foreach(cell, names)
	{
		if (foreach_current_index(cell) == MAX_DIFFERING)
		{
			appendStringInfoString(&out, " and others");
			break;
		}
		appendStringInfo(&out, "%s%s", out.len > 0 ? ", " : "", agc_shown(lfirst(cell), AGC_NAME_SHOWN));
	}
	return out.data;
}

/* The result is not shown: it is of another call. */
void
refuse_done_before(Gate *gate, const OnceCall *call, List *differs)
{
	const char *scope = call->tool->once_scope;
	char	   *names = list_names(differs);

	gate_refuse(gate, REASON_ALREADY_DONE, psprintf("once: done before with another %s", names),
				psprintf("%s has already done this%s, with another %s. Do not do it again; tell the user if it has to be done otherwise.",
						 agc_quoted_name(gate->tool_name), strcmp(scope, "task") == 0 ? " in this task" : strcmp(scope, "subject") == 0 ? " for this subject" : "",
						 names));
}

void
refuse_runs_already(Gate *gate, const pg_uuid_t *id, int64 open_for)
{
	gate_hold(gate, REASON_IN_PROGRESS, psprintf("once: call %s is under way", hex_uuid(id)), Min(open_for, GATE_POLL_US));
}

void
refuse_once_unknown(Gate *gate, const pg_uuid_t *id)
{
	gate_refuse(gate, REASON_OUTCOME_UNKNOWN,
				psprintf("once: call %s ended without an answer", hex_uuid(id)),
				pstrdup("This was started before and nobody knows whether it took effect. Do not repeat it; check its effect first or ask the user."));
}

void
refuse_contended_once(Gate *gate)
{
	gate_hold(gate, REASON_CONTENTION, pstrdup("once: another transaction begins the same call"), USECS_PER_SEC / 10);
}
