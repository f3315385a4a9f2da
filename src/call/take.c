/*
 * take.c
 *	  After every stage has passed: take what the call needs, or nothing.
 *
 * Cache lease, rate token and half-open probe are in shared memory, outside
 * transactions; the permit and its holds are rows.  The permit comes last: it
 * holds the budgets' row locks, and everything taken before it is returned by
 * takes.c if it is refused.  Taken first, every late refusal would have to
 * write a hold and its release.
 *
 * Locks: the permit row, then budget counters leaf to root, to transaction
 * end.  Memory: CurrentMemoryContext.  On ERROR: takes.c's callbacks.
 */
#include "call/gate.h"

#include "utils/builtins.h"

static bool take_approval(Gate *gate);
static bool take_lease(Gate *gate);
static bool take_target(Gate *gate);
static bool take_permit(Gate *gate);
static bool acquire(Gate *gate, PermitRequest *request);

int64
gate_tool_lease(const ToolDef *tool)
{
	return agc_lease_or_default(tool != NULL ? tool->lease : 0);
}

static int64
lease_us(Gate *gate)
{
	return gate->lease > 0 ? gate->lease : gate_tool_lease(gate->tool);
}

void
gate_take(Gate *gate)
{
	int			mark = takes_mark();

	if (!take_approval(gate) || !take_lease(gate) || !take_target(gate) || !take_permit(gate))
	{
		takes_give_back(mark);
		return;
	}
	if (gate->stale.value != NULL && gate->cache_lease != 0)
	{
		CacheResult missed = {.status = CACHE_LEAD};

		cache_count(&gate->cache, &missed);
	}
	if (gate->has_approval)
		approval_use(gate, &gate->approval_id);
	gate->verdict = VERDICT_RUN;
	gate->want_result = gate->cache_lease != 0 || gate->key != NULL;
}

/* One approval, one call: of two workers that found it, the second waits here. */
static bool
take_approval(Gate *gate)
{
	if (!gate->has_approval || approval_lock(gate, &gate->approval_id))
		return true;
	gate_wait(gate, REASON_CONTENTION, pstrdup("the approval was used by another call"), 0);
	return gate->audit;
}

static bool
take_lease(Gate *gate)
{
	CacheResult found;

	if (!gate->cacheable)
		return true;
	/* without a lease the call runs all the same, and its answer is not kept */
	cache_lookup(&gate->cache, tool_may_fill(gate->tool), lease_us(gate), &found);
	if (found.lease != 0)
	{
		gate->cache_lease = found.lease;
		takes_add_lease(&gate->cache.key, found.lease);
		return true;
	}
	switch (found.status)
	{
		case CACHE_HIT:
		case CACHE_STALE:
			if (gate->audit || gate->reopen)
				return true;
			cache_count(&gate->cache, &found);
			gate->verdict = VERDICT_CACHED;
			gate->result = found.value;
			return false;
		case CACHE_BUSY:
			if (gate->audit || gate->reopen)
				return true;
			gate_wait(gate, REASON_IN_PROGRESS, pstrdup("another worker computes this answer"),
					  Min(found.retry_after, USECS_PER_SEC));
			return false;
		case CACHE_NEGATIVE:
			if (gate->audit || gate->reopen)
				return true;
			cache_count(&gate->cache, &found);
			gate_failed_before(gate, &found);
			return false;
		default:
			return true;
	}
}

void
gate_breaker_open(Gate *gate, const BreakerDecision *decision)
{
	char	   *detail = psprintf("breaker of target %s is %s", agc_quoted_name(gate->tool->target), decision->state);

	if (agc_shmem_ready())
		gate_wait(gate, REASON_CIRCUIT_OPEN, detail, decision->retry_after);
	else
		gate_deny(gate, REASON_CIRCUIT_OPEN,
				  pstrdup("the tool has a breaker, which needs agentcore in shared_preload_libraries"),
				  psprintf("The tool %s is not available. Continue without it.", agc_quoted_name(gate->tool_name)));
}

void
gate_rate_limited(Gate *gate, int64 retry_after)
{
	if (agc_shmem_ready())
		gate_wait(gate, REASON_RATE_LIMITED, psprintf("rate of target %s", agc_quoted_name(gate->tool->target)), retry_after);
	else
		gate_deny(gate, REASON_RATE_LIMITED,
				  pstrdup("the tool has a rate limit, which needs agentcore in shared_preload_libraries"),
				  psprintf("The tool %s is not available. Continue without it.", agc_quoted_name(gate->tool_name)));
}

void
gate_in_progress(Gate *gate, int64 retry_after)
{
	gate->reason = REASON_IN_PROGRESS;
	gate->detail = psprintf("call %s holds this key", hex_uuid(&gate->call_id));
	gate->retry_after = retry_after;
	gate->verdict = VERDICT_WAIT;
}

void
gate_budget_denied(Gate *gate, const PermitDecision *decision)
{
	if (strcmp(decision->reason, REASON_CONTENTION) == 0)
		gate_wait(gate, REASON_CONTENTION, decision->detail, Max(decision->retry_after, 10000));
	else
	{
		gate_deny(gate, decision->reason, decision->detail,
				  psprintf("The budget %s does not cover this call. %s", agc_quoted_name(decision->denied_by),
						   decision->can_ever_fit ?
							   "Finish with what you have, or make a smaller call." :
							   "It never will: make a smaller call, or finish with what you have."));
		if (gate->retry_after < 0)
			gate->retry_after = decision->retry_after;
	}
}

static bool
take_target(Gate *gate)
{
	const char *target = gate->tool ? gate->tool->target : NULL;
	BreakerDecision decision;
	int64		retry_after;

	if (target == NULL || (gate->audit && !agc_shmem_ready()))
		return true;
	if (rate_target_take(gate->tenant, target, &retry_after))
		takes_add_target(TAKE_RATE, gate->tenant, target);
	else
	{
		gate_rate_limited(gate, retry_after);
		if (!gate->audit)
			return false;
	}
	breaker_take(gate->tenant, target, &decision);
	if (decision.allowed)
	{
		if (decision.probe)
			takes_add_target(TAKE_PROBE, gate->tenant, target);
	}
	else
	{
		gate_breaker_open(gate, &decision);
		if (!gate->audit)
			return false;
	}
	return true;
}

void
gate_fill_request(Gate *gate, PermitRequest *request)
{
	memset(request, 0, sizeof(PermitRequest));
	request->tenant = gate->tenant;
	request->budget = gate->budget;
	request->tokens = Max(gate->est_tokens, 0);
	request->nanousd = Max(gate->est_nanousd, 0);
	request->calls = 1;
	request->lease = lease_us(gate);
	request->key = gate->key;
	memcpy(request->request_hash, gate->request_hash, AGC_HASH_LEN);
	request->charge_on_expiry = true;
	request->may_use = true;
	request->agent = gate->agent_name;
	request->tool = gate->tool_name;
	request->task = gate->task;
	request->subject = gate->subject;
	request->is_llm = gate->is_llm;
	request->idempotent = gate->is_llm || (gate->tool != NULL && gate->tool->idempotent);
	request->has_cache_key = gate->cache_lease != 0;
	memcpy(request->cache_key, gate->cache.key.hash, AGC_HASH_LEN);
	request->cache_lease = gate->cache_lease;
}

static bool
take_permit(Gate *gate)
{
	PermitRequest request;

	if (gate->reopen)
	{
		if (permit_reopen(gate->tenant, &gate->reopen_id, lease_us(gate), gate->cache_lease) != PERMIT_TRY_DONE)
		{
			/* another worker has taken the retry, or its end, meanwhile */
			gate_in_progress(gate, USECS_PER_SEC / 10);
			return false;
		}
		gate->attempt++;
		return true;
	}
	gate_fill_request(gate, &request);
	if (acquire(gate, &request))
		return true;
	if (!gate->audit || gate->verdict != VERDICT_NONE)
		return false;
	/* audit mode: the call runs all the same, and no budget pays for it */
	request.budget = NULL;
	return acquire(gate, &request);
}

static bool
acquire(Gate *gate, PermitRequest *request)
{
	PermitDecision decision;

	permit_acquire(request, &decision);
	if (decision.duplicate)
	{
		/* the same key came in between; its holder answers */
		gate->call_id = decision.id;
		gate->has_call_id = true;
		gate_in_progress(gate, USECS_PER_SEC / 10);
		return false;
	}
	if (!decision.granted)
	{
		gate_budget_denied(gate, &decision);
		return false;
	}
	gate->call_id = decision.id;
	gate->has_call_id = true;
	gate->attempt = 1;
	return true;
}
