/*
 * release.c
 *	  call_release: a call that was given up before it ran.
 *
 * Nothing was done, so nothing is charged and nobody is told of a failure: what the
 * call took goes back to where it was taken from.  An attempt before this one did
 * run, so what it took stays taken, the approval included.
 *
 * Locking: the permit row, then its budgets' counters, then the row of its
 * approval.  Memory: CurrentMemoryContext.  On ERROR: the transaction takes the
 * release back; what stands in shared memory goes back at COMMIT only (takes.c).
 */
#include "call/approval_stage.h"
#include "call/call_target.h"
#include "call/counted.h"
#include "call/kept_answer.h"
#include "call/log.h"
#include "call/open_call.h"
#include "call/takes.h"
#include "utils/builtins.h"

static void
give_back(const char *tenant, const PermitRow *permit)
{
	AgcObject  *object;
	const ToolDef *tool = call_tool(tenant, permit, &object);

	kept_nothing_at_commit(permit);
	target_given_up(tenant, permit, tool);
	if (permit->state != PERMIT_RETRY && permit->attempt == 1)
	{
		approval_give_back(tenant, &permit->id);
		if (permit->loop_tag != 0)
			takes_return_loop((uint64) permit->loop_tag);
	}
	if (object != NULL)
		agc_object_unpin(object);
}

static const char *
release(const char *tenant, const PermitRow *permit)
{
	SettleResult settled;

	switch (permit->state)
	{
		case PERMIT_OPEN:
		case PERMIT_RETRY:
		case PERMIT_EXPIRED:
			settled = permit_release(tenant, permit);
			if (!permit->is_llm)
			{
				task_facts_end(tenant, &permit->id, false, NULL);
				task_once_end(tenant, &permit->id, NULL);
			}
			give_back(tenant, permit);
			return settled == SETTLE_COMMITTED ? "released" : permit_settle_names[settled];
		case PERMIT_RELEASED:
			return permit_settle_names[SETTLE_REPLAYED];
		case PERMIT_DEFERRED:
			/* it has ended and holds nothing; its key need not wait */
			(void) permit_resolve(tenant, &permit->id);
			return "released";
		default:
			return permit_settle_names[SETTLE_CONFLICT];
	}
}

/* call_release(call_id, tenant) -> text: released | late | replayed | conflict */
AGC_FUNCTION(call_release)
{
	const CallCost nothing = {0, 0};
	ProfileClock *clock = profile_clock_start();
	char	   *tenant = agc_arg_tenant(fcinfo, 1);
	PermitRow	permit;
	const char *word;

	agc_enter_disabled(tenant, AGC_AGENT);
	call_find(fcinfo, 0, tenant, true, &permit);
	word = release(tenant, &permit);
	log_settlement(tenant, &permit, &(LogSettlement){.clock = clock, .event = "release", .outcome = word});
	if (strcmp(word, "released") == 0)
		counted_end(tenant, &permit, &(CallEnd){PROFILE_RELEASED, &nothing, false, PROFILE_UNKNOWN, clock});
	PG_RETURN_TEXT_P(cstring_to_text(word));
}
