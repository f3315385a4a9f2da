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
 * Idempotency is no policy, so audit mode does not look away here.
 *
 * Locks: looking takes none; ending a call takes its permit row and the
 * counters of its budgets, to transaction end.  Memory: CurrentMemoryContext.
 * On ERROR: the transaction takes everything back.
 */
#include "call/call_key.h"

#include "call/refuse.h"

static bool
is_lapsed(const PermitRow *permit, TimestampTz now)
{
	return permit->state == PERMIT_OPEN && permit->lease_until <= now;
}

static void
check_same_request(const Gate *gate, const PermitRow *permit)
{
	if (memcmp(permit->request_hash, gate->request_hash, AGC_HASH_LEN) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key \"%s\" was used for another call", gate->key),
				 errdetail("Agent \"%s\" used it with another tool, other arguments, another task or another subject.",
						   gate->agent_name),
				 errhint("Use a new key for a new call.")));
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
		refuse_deferred(gate, agc_until_us(now, permit->retry_at));
		return;
	}
	gate->earlier = EARLIER_ABANDONED;
	gate->has_call_id = false;
	gate->attempt = 0;
}

static void
replay(Gate *gate, const PermitRow *permit)
{
	gate->verdict = VERDICT_CACHED;
	gate->replayed = true;
	gate->result = permit->result;
	if (permit->result == NULL)
		gate->detail = permit->result_note ? psprintf("committed before; its result was %s", permit->result_note) :
			pstrdup("committed before, without a result");
}

void
judge_key(Gate *gate)
{
	PermitRow	permit;
	TimestampTz now = agc_now();

	if (gate->key == NULL ||
		!permit_read(gate->tenant, NULL, gate->agent_name, gate->key, false, &permit))
		return;
	check_same_request(gate, &permit);
	gate->earlier_id = gate->call_id = permit.id;
	gate->has_call_id = true;
	gate->attempt = permit.attempt;
	gate->earlier_tokens = permit.held_tokens;

	if (is_lapsed(&permit, now) && !gate->explaining)
		gate->earlier = EARLIER_LAPSED;
	else if (is_lapsed(&permit, now) || permit.state == PERMIT_EXPIRED || permit.state == PERMIT_UNKNOWN)
		judge_abandoned(gate, &permit);
	else if (permit.state == PERMIT_DEFERRED)
		judge_deferred(gate, &permit, now);
	else if (permit.state == PERMIT_OPEN)
		refuse_key_in_use(gate, Min(agc_until_us(now, permit.lease_until), GATE_POLL_US));
	else if (permit.state == PERMIT_RETRY && permit.retry_at > now)
		refuse_key_in_use(gate, agc_until_us(now, permit.retry_at));
	else if (permit.state == PERMIT_RETRY)
		gate->earlier = EARLIER_RETRY;
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
