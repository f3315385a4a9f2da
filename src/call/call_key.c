/*
 * call_key.c
 *	  The same key is the same call: its first answer stands.
 *
 * judge_key() looks at the earlier call.  One whose lease is over must be ended
 * before anything can be said of it, because its holder may still settle it;
 * key_settle_earlier() does that, and the answer is what is found afterwards.
 * It cannot wait for the other stages: until the earlier call is ended, its
 * holds count against the budget of this one.
 *
 * The call is known by its arguments as they run and as they were asked: those that
 * the gate returned are the same call, and so is the first question after a default
 * was added to the tool.
 *
 * Of a call that may run with one of several models the key keeps the choice: it is
 * open, and it was answered, with the model that was chosen.  A call that failed chooses
 * anew, so only its own model waits for the retry.
 *
 * Idempotency is no policy, so audit mode does not look away here.
 *
 * Locks: looking takes none; ending a call takes its permit row and the
 * counters of its budgets, to transaction end.  Memory: CurrentMemoryContext.
 * On ERROR: the transaction takes everything back.
 */
#include "call/call_key.h"

#include "call/digest.h"
#include "call/limits.h"
#include "call/refuse.h"

static bool
is_lapsed(const PermitRow *permit, TimestampTz now)
{
	return permit->state == PERMIT_OPEN && permit->lease_until <= now;
}

static bool
is_same_request(const Gate *gate, const PermitRow *permit)
{
	PermitRequest request;

	gate_fill_request(gate, &request);
	return permit_is_same(permit, &request);
}

/* Who began the call and lost the reply has it back; the stages after this one say nothing new of it. */
static void
judge_yours(Gate *gate, const PermitRow *permit)
{
	gate->earlier = EARLIER_YOURS;
	memcpy(gate->earlier_cache.hash, permit->cache_key, AGC_HASH_LEN);
	gate->earlier_cache_lease = permit->has_cache_key ? permit->cache_lease : 0;
	if (gate->reason == NULL)
		gate->detail = pstrdup("yours");
}

/*
 * The estimate of an abandoned call is charged.  It may have taken effect, so
 * its key stays closed until somebody says, unless the tool can be run twice.
 */
static void
judge_abandoned(Gate *gate, const PermitRow *permit)
{
	if (!permit->idempotent)
	{
		refuse_outcome_unknown(gate);
		return;
	}
	gate->earlier = EARLIER_ABANDONED;
	gate->has_call_id = false;
	gate->attempt = 0;
}

/* Failed without effect: after the time that the other side asked for, another call has the key. */
static void
judge_deferred(Gate *gate, const PermitRow *permit, TimestampTz now)
{
	if (permit->retry_at > now)
	{
		gate->earlier = EARLIER_WAITS;
		refuse_deferred(gate, agc_until_us(now, permit->retry_at));
		return;
	}
	gate->earlier = EARLIER_ABANDONED;
	gate->has_call_id = false;
	gate->attempt = 0;
}

static void
judge_retry(Gate *gate, const PermitRow *permit, TimestampTz now)
{
	gate->earlier = EARLIER_RETRY;
	if (permit->retry_at <= now)
		return;
	gate->earlier = EARLIER_WAITS;
	refuse_key_in_use(gate, agc_until_us(now, permit->retry_at));
}

static bool
is_of_other_model(const Gate *gate, const PermitRow *permit)
{
	return gate->choice != NULL && permit->tool != NULL && strcmp(permit->tool, gate->tool_name) != 0;
}

/* While the call is open, and once it was answered, it is that model's. */
static void
judge_other_model(Gate *gate, const PermitRow *permit)
{
	if (permit->state == PERMIT_RETRY || permit->state == PERMIT_DEFERRED)
	{
		gate->earlier = EARLIER_OTHER;
		return;
	}
	gate->earlier = EARLIER_CHOSEN;
	gate->earlier_model = permit->tool;
	refuse_key_in_use(gate, USECS_PER_SEC / 10);
}

static void
replay(Gate *gate, const PermitRow *permit)
{
	gate->verdict = VERDICT_CACHED;
	gate->replayed = true;
	gate->result = permit->result;
	if (permit->result != NULL && permit->result_note != NULL && strstr(permit->result_note, SETTLED_INVALID_RESULT ": ") != NULL)
		gate->detail = psprintf("committed before; %s", permit->result_note);
	else if (permit->result == NULL)
		gate->detail = permit->result_note ? psprintf("committed before; its result was %s", permit->result_note) :
			pstrdup("committed before, without a result");
}

/* Arguments that are nested deeper than a digest can follow are refused here. */
static void
digest_both(Gate *gate, void *arg)
{
	digest_request(gate);
}

void
judge_key(Gate *gate)
{
	PermitRow	permit;
	TimestampTz now = agc_now();

	if (gate->key == NULL || !within_limits(gate, digest_both, NULL) ||
		!permit_read_by_key(gate->tenant, gate->agent_name, gate->key, &permit))
		return;
	if (!is_same_request(gate, &permit))
	{
		refuse_key_conflict(gate);
		return;
	}
	gate->earlier_id = gate->call_id = permit.id;
	gate->has_call_id = true;
	gate->attempt = permit.attempt;
	gate->earlier_tokens = permit.held_tokens;

	if (is_lapsed(&permit, now) && !gate->explaining)
		gate->earlier = EARLIER_LAPSED;
	else if (is_lapsed(&permit, now) || permit.state == PERMIT_EXPIRED || permit.state == PERMIT_UNKNOWN)
		judge_abandoned(gate, &permit);
	else if (is_of_other_model(gate, &permit))
		judge_other_model(gate, &permit);
	else if (permit.state == PERMIT_DEFERRED)
		judge_deferred(gate, &permit, now);
	else if (permit.state == PERMIT_OPEN && !gate->asks_twice && permit_is_held_by(gate->tenant, &permit, gate->holder))
		judge_yours(gate, &permit);
	else if (permit.state == PERMIT_OPEN)
		refuse_key_in_use(gate, Min(agc_until_us(now, permit.lease_until), GATE_POLL_US));
	else if (permit.state == PERMIT_RETRY)
		judge_retry(gate, &permit, now);
	else
		replay(gate, &permit);
}

static void
end_lapsed(Gate *gate)
{
	PermitTry	ended = permit_expire(gate->tenant, &gate->earlier_id);

	gate->earlier = EARLIER_NONE;
	if (ended != PERMIT_TRY_BUSY)
	{
		/* its holder may have settled or extended it while we waited for the row */
		gate->has_call_id = false;
		gate->attempt = 0;
		judge_key(gate);
		if (gate->earlier != EARLIER_LAPSED)
			return;
		gate->earlier = EARLIER_NONE;	/* extended, and over again */
	}
	refuse_key_in_use(gate, GATE_POLL_US);
}

void
key_settle_earlier(Gate *gate)
{
	if (gate->earlier == EARLIER_LAPSED)
		end_lapsed(gate);
	if (gate->earlier == EARLIER_ABANDONED && !permit_resolve(gate->tenant, &gate->earlier_id))
	{
		gate->has_call_id = true;
		refuse_outcome_unknown(gate);
	}
}
