/*
 * cached_answer.c
 *	  What the cache knows of the answer: looked at as a stage, asked again with
 *	  the lease.
 *
 * The cache is asked twice.  judge_cache() only looks, because a lease that is
 * taken before the other stages have passed would have to be given back by each
 * refusal, and others would wait for it meanwhile.  answer_take_lease() asks for
 * the lease, and may find that an answer came in between.  Both say the same of
 * what they find.
 *
 * Locking: the cache's own, none held between.  Memory: CurrentMemoryContext.
 * On ERROR: takes.c gives the lease back.
 */
#include "call/cached_answer.h"

#include "access/xlog.h"
#include "call/call.h"
#include "call/limits.h"
#include "call/refuse.h"
#include "call/takes.h"

static void
warn_missing_cache(void)
{
	static bool warned = false;

	if (agc_missing_shmem == AGC_MISSING_SHMEM_ERROR)
		agc_require_shmem("the gate's cache");
	if (!warned)
		ereport(WARNING,
				(errmsg("the gate runs without its cache"),
				 errdetail("agentcore was not loaded at server start, or agentcore.cache_memory is 0."),
				 errhint("Add agentcore to shared_preload_libraries, or set agentcore.missing_shmem.")));
	warned = true;
}

/* On a standby no invalidation is heard of. */
static bool
is_trusted(void)
{
	return agc_cache_on_standby || !RecoveryInProgress();
}

/* Pure but for the head of the key, whose tables are read before. */
static void
make_target(Gate *gate, void *arg)
{
	gate->cacheable = cache_gate_target(&gate->cache, gate->tenant, gate->tool_name, gate->tool,
										gate->tool_object->revision, gate->args,
										gate->agent_name, gate->subject);
}

/* What a person allows one call is no answer for others: neither given from the cache nor put there. */
static bool
find_target(Gate *gate)
{
	if (gate->tool == NULL || gate->tool->cache_ttl < 0 || gate->tool->needs_approval || gate->nasks > 0 || !is_trusted())
		return false;
	if (!cache_ready())
	{
		warn_missing_cache();
		return false;
	}
	(void) agc_installation_id();
	return within_limits(gate, make_target, NULL) && gate->cacheable;
}

static void
serve(Gate *gate, const CacheResult *found)
{
	if (gate->audit)
	{
		gate->detail = gate->detail ? gate->detail : pstrdup("cache: hit");
		return;
	}
	gate->verdict = VERDICT_CACHED;
	gate->result = found->value;
	if (found->status == CACHE_STALE && found->computing)
		gate->detail = pstrdup("stale: another worker computes it anew");
}

/* A retry has its own hold and key: what others compute, or failed at, does not stop it. */
static void
judge_found(Gate *gate, const CacheResult *found)
{
	bool		retry = gate->earlier == EARLIER_RETRY;

	switch (found->status)
	{
		case CACHE_HIT:
		case CACHE_STALE:
			serve(gate, found);
			break;
		case CACHE_NEGATIVE:
			if (!retry)
				refuse_failed_before(gate, found);
			break;
		case CACHE_BUSY:
			if (!retry)
				refuse_computing(gate, found);
			break;
		case CACHE_LEAD:
		case CACHE_MISS:
			break;
	}
}

void
judge_cache(Gate *gate)
{
	CacheResult found;

	if (!find_target(gate))
		return;
	cache_lookup(&gate->cache, false, 0, &found);
	if (found.status == CACHE_STALE && !found.computing)
	{
		/* this call computes it anew; answer_count_replaced() or answer_serve_stale() counts what comes of it */
		gate->stale = found;
		if (gate->explaining)
			gate->detail = pstrdup("stale: this call computes it anew");
		return;
	}
	judge_found(gate, &found);
	if (!gate->explaining)
		cache_count(&gate->cache, &found);
}

bool
answer_take_lease(Gate *gate)
{
	CacheResult found;

	if (!gate->cacheable)
		return true;
	/* without a lease the call runs all the same, and its answer is not kept */
	cache_lookup(&gate->cache, tool_may_fill(gate->tool), gate_lease(gate), &found);
	if (found.lease != 0)
	{
		gate->cache_lease = found.lease;
		takes_add_lease(&gate->cache.key, found.lease);
		/* a key or a holder finds its call again from another session */
		if (gate->key == NULL && gate->holder == NULL)
			cache_bind_lease(&gate->cache.key, found.lease);
		return true;
	}
	judge_found(gate, &found);
	if (gate->verdict == VERDICT_NONE)
		return true;
	if (found.status != CACHE_BUSY) /* its first look was counted as a miss */
		cache_count(&gate->cache, &found);
	return false;
}

/* An answer past its soft deadline is replaced by this call: for the counters, a miss. */
void
answer_count_replaced(const Gate *gate)
{
	CacheResult missed = {.status = CACHE_LEAD};

	if (gate->stale.value != NULL && gate->cache_lease != 0)
		cache_count(&gate->cache, &missed);
}

/*
 * An answer past its soft deadline is better than none; but a key that is in
 * use has an answer of its own.
 */
void
answer_serve_stale(Gate *gate)
{
	if (gate->stale.value == NULL || gate->audit || gate->explaining || gate->has_call_id)
		return;
	cache_count(&gate->cache, &gate->stale);
	gate->verdict = VERDICT_CACHED;
	gate->result = gate->stale.value;
	gate->detail = gate->reason ? psprintf("stale: %s", gate->reason) : pstrdup("stale");
	gate->reason = NULL;
	gate->feedback = NULL;
	gate->retry_after = -1;
}
