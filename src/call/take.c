/*
 * take.c
 *	  After every stage has passed: take what the call needs, or nothing.
 *
 * Cache lease, rate token and half-open probe are in shared memory, outside
 * transactions; the permit and its holds are rows.  The permit comes last: it
 * holds what it reserved in its budgets, and everything taken before it is returned by
 * takes.c if it is refused.  Taken first, every late refusal would have to
 * write a hold and its release.
 *
 * A call that failed with one model and goes on with another has a permit that is to
 * be ended first, or its hold would count against the new one.  Both happen in a
 * subtransaction: where the new one is refused, the old one waits as it did.
 *
 * Locks: the permit row, then budget counters leaf to root, to transaction
 * end.  Memory: CurrentMemoryContext.  On ERROR: takes.c's callbacks.
 */
#include "call/take.h"

#include "access/xact.h"
#include "call/approval_stage.h"
#include "call/call_limits.h"
#include "call/call_once.h"
#include "call/cached_answer.h"
#include "call/call_target.h"
#include "call/correction.h"
#include "call/digest.h"
#include "call/refuse.h"
#include "call/stages.h"
#include "call/takes.h"

static bool take_approval(Gate *gate);
static bool take_permit(Gate *gate);
static bool take_over(Gate *gate, PermitRequest *request);
static bool acquire_or_record(Gate *gate, PermitRequest *request);
static bool acquire(Gate *gate, PermitRequest *request);

/* What is taken is refused in the name of the stage that looked at it. */
static bool
at(Gate *gate, const char *stage)
{
	gate->stage = stage;
	gate->rule = 0;
	return true;
}

/* A call that has begun has what it needs; it gets more time. */
static bool
take_renewed(Gate *gate)
{
	PermitRequest request;

	gate_fill_request(gate, &request);
	if (permit_renew(&request, &gate->earlier_id) != PERMIT_TRY_DONE)
	{
		/* it was settled or ended, or is being, meanwhile */
		refuse_key_in_use(gate, USECS_PER_SEC / 10);
		return false;
	}
	if (gate->earlier_cache_lease != 0 && cache_ready())
		cache_extend_lease(&gate->earlier_cache, gate->earlier_cache_lease, gate_lease(gate));
	return true;
}

static bool
take_call(Gate *gate)
{
	if (gate->earlier == EARLIER_YOURS)
		return at(gate, "key") && take_renewed(gate);
	return at(gate, "cache") && answer_take_lease(gate) && at(gate, "rate") && take_target(gate) &&
		at(gate, "budget") && take_permit(gate);
}

static void
take(Gate *gate)
{
	int			mark = takes_mark();

	gate->has_sight = false;
	if (!at(gate, "once") || !once_take(gate) || !at(gate, "approval") || !take_approval(gate) || !take_call(gate))
	{
		takes_give_back(mark);
		return;
	}
	answer_count_replaced(gate);
	if (gate->has_approval)
		approval_use(gate);
	once_begun(gate);
	gate->verdict = VERDICT_RUN;
	gate->want_result = gate->cache_lease != 0 || gate->key != NULL;
}

void
gate_try(Gate *gate)
{
	for (;;)
	{
		stages_judge(gate);
		if (gate->verdict == VERDICT_NONE && gate->correction == NULL)
		{
			take(gate);
			profile_clock_stage(gate->clock, gate_nstages);
		}
		if (gate->correction == NULL)
			return;
		correction_apply(gate);
	}
}

/* One approval, one call: of two workers that found it, the second tries again. */
static bool
take_approval(Gate *gate)
{
	if (!gate->has_approval || approval_lock(gate))
		return true;
	gate->has_approval = false;
	refuse_contended_approval(gate);
	return gate->audit;
}

static bool
take_permit(Gate *gate)
{
	PermitRequest request;

	gate_fill_request(gate, &request);
	limits_ask(gate, &request);
	if (gate->earlier == EARLIER_RETRY)
	{
		if (permit_reopen(&request, &gate->earlier_id) != PERMIT_TRY_DONE)
		{
			/* another worker has taken the retry, or its end, meanwhile */
			refuse_key_in_use(gate, USECS_PER_SEC / 10);
			return false;
		}
		gate->attempt++;
		return true;
	}
	return gate->earlier == EARLIER_OTHER ? take_over(gate, &request) : acquire_or_record(gate, &request);
}

static bool
end_and_acquire(Gate *gate, PermitRequest *request)
{
	if (permit_hand_over(gate->tenant, &gate->earlier_id) == PERMIT_TRY_DONE)
		return acquire_or_record(gate, request);
	/* another worker has taken the retry, or its end, meanwhile */
	refuse_key_in_use(gate, USECS_PER_SEC / 10);
	return false;
}

/* An error ends the subtransaction too: a caller that catches it knows of none but its own. */
static bool
take_over(Gate *gate, PermitRequest *request)
{
	MemoryContext cxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool taken = false;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		taken = end_and_acquire(gate, request);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(cxt);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	if (taken)
		ReleaseCurrentSubTransaction();
	else
		RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(cxt);
	CurrentResourceOwner = owner;
	if (error != NULL)
		ReThrowError(error);
	/* what is asked for has to stay */
	if (!taken)
		approval_ask(gate);
	return taken;
}

static bool
acquire_or_record(Gate *gate, PermitRequest *request)
{
	if (acquire(gate, request))
		return true;
	if (!gate->audit || gate->verdict != VERDICT_NONE)
		return false;
	/* audit mode: the call runs all the same, and no budget pays for it */
	request->budget = NULL;
	request->nalso = 0;
	request->nlimits = 0;
	return acquire(gate, request);
}

static bool
acquire(Gate *gate, PermitRequest *request)
{
	PermitDecision decision;

	for (;;)
	{
		permit_acquire(request, &decision);
		if (!decision.asks)
			break;
		if (!approval_excuse(gate, &decision, request))
			return false;
	}
	/* there was room for it in the end */
	if (request->nexcused > 0 && !decision.excused)
		approval_spare(gate);
	if (decision.conflict)
	{
		refuse_key_conflict(gate);
		return false;
	}
	if (decision.duplicate)
	{
		/* the same key came in between; its holder answers */
		gate->call_id = decision.id;
		gate->has_call_id = true;
		refuse_key_in_use(gate, USECS_PER_SEC / 10);
		return false;
	}
	if (decision.limit != NULL)
	{
		limits_refused(gate, &decision);
		return false;
	}
	if (!decision.granted)
	{
		refuse_budget(gate, &decision);
		return false;
	}
	gate->call_id = decision.id;
	gate->has_call_id = true;
	gate->npaid_by = decision.npaid_by;
	gate->paid_by = decision.paid_by;
	gate->attempt = request->attempt;
	return true;
}
