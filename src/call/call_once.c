/*
 * call_once.c
 *	  Calls that do not run again for a time, whatever their key.
 *
 * What ran once is no policy, as a key is none, so audit mode does not look away
 * here.  The stage looks without a lock; once_take() looks again under the queue of the
 * call (task/once.c), before anything else is taken, so that of two one waits for the
 * end of the other's transaction and hears of it.
 *
 * Memory: the Gate's.  Locks: the queue, to the end of the transaction.  On ERROR:
 * the transaction takes everything back.
 */
#include "call/call_once.h"

#include "call/call_context.h"
#include "call/refuse.h"
#include "miscadmin.h"

static OnceCall *
call_of(Gate *gate)
{
	OnceCall   *call;

	if (gate->once == NULL)
	{
		call = palloc0(sizeof(OnceCall));
		call->tenant = gate->tenant;
		call->tool_name = gate->tool_name;
		call->tool = gate->tool;
		call->agent = gate->agent_name;
		call->root = gate_sight(gate)->root;
		call->subject = gate->subject;
		call->args = gate->args;
		call->context = gate_context(gate);
		gate->once = call;
	}
	return gate->once;
}

static void
serve(Gate *gate, const OnceFound *found)
{
	gate->verdict = VERDICT_CACHED;
	gate->replayed = true;
	gate->result = found->result;
	gate->reason = NULL;
	gate->detail = pstrdup(found->result != NULL ? "once: it was done before" : "once: it was done before, without a result");
}

static void
judge(Gate *gate, const OnceCall *call)
{
	OnceFound	found;

	task_once_look(call, &found);
	/* the retry of the very call that ran */
	if (found.word != ONCE_FREE && gate->earlier == EARLIER_RETRY &&
		memcmp(&found.call_id, &gate->earlier_id, sizeof(pg_uuid_t)) == 0)
		return;
	switch (found.word)
	{
		case ONCE_FREE:
			break;
		case ONCE_DONE:
			serve(gate, &found);
			break;
		case ONCE_OTHER:
			refuse_done_before(gate, call, found.differs);
			break;
		case ONCE_OPEN:
			refuse_runs_already(gate, &found.call_id, found.open_for);
			break;
		case ONCE_UNKNOWN:
			refuse_once_unknown(gate, &found.call_id);
			break;
	}
}

void
judge_once(Gate *gate)
{
	OnceCall   *call;
	const char *lacks;

	if (gate->tool == NULL || gate->tool->once <= 0)
		return;
	call = call_of(gate);
	lacks = task_once_name(call);
	if (lacks != NULL)
		refuse_without_scope(gate, lacks);
	else
		judge(gate, call);
}

bool
once_take(Gate *gate)
{
	if (gate->once == NULL || gate->earlier == EARLIER_YOURS)
		return true;
	if (!task_once_lock(gate->once))
	{
		refuse_contended_once(gate);
		return false;
	}
	judge(gate, gate->once);
	return gate->verdict == VERDICT_NONE;
}

void
once_begun(Gate *gate)
{
	if (gate->once != NULL && gate->earlier != EARLIER_YOURS)
		task_once_begin(gate->once, &gate->call_id, agc_now() + gate_lease(gate));
}

bool
once_is_witness(const char *tenant, const pg_uuid_t *call_id)
{
	return agc_level(GetUserId(), tenant) >= AGC_APPROVER && task_runs_once(tenant, call_id);
}

void
once_check_resolver(const char *tenant, const PermitRow *permit)
{
	if (permit->is_llm || !task_runs_once(tenant, &permit->id) || agc_level(GetUserId(), tenant) >= AGC_APPROVER)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to resolve call \"%s\"", hex_uuid(&permit->id)),
			 errdetail("Its tool must not run twice, so a worker may not say what became of it."),
			 errhint("Ask an approver or an administrator of the tenant, who looks for the effect of the call.")));
}
