/*
 * settle.c
 *	  How a call ends, but for call_fail: call_commit, llm_commit, call_extend,
 *	  call_resolve, call_status.
 *
 * Locking: the permit row, then its budgets' counters (budget room).  The
 * cache entry appears at COMMIT.  Breaker reports are not transactional: the
 * call happened, whatever becomes of this transaction.  Memory:
 * CurrentMemoryContext.  On ERROR: the transaction takes the settlement back,
 * and the permit stays open until its lease ends.
 */
#include "call/approval.h"
#include "call/call_target.h"
#include "call/kept_answer.h"
#include "call/log.h"
#include "call/open_call.h"
#include "utils/builtins.h"

static Datum
commit_call(FunctionCallInfo fcinfo, const char *tenant, Jsonb *result, int64 tokens, int64 nanousd)
{
	PermitRow	permit;
	AgcObject  *object;
	const ToolDef *tool;
	SettleResult settled;

	call_find(fcinfo, 0, tenant, true, &permit);
	tool = call_tool(tenant, &permit, &object);
	settled = permit_commit(tenant, &permit.id, tokens, nanousd,
							permit.key != NULL ? result : NULL);
	if (settled == SETTLE_COMMITTED || settled == SETTLE_LATE)
	{
		kept_result(tenant, &permit, tool, result, nanousd);
		target_succeeded(tenant, &permit, tool, tokens);
	}
	log_settlement(tenant, &permit, "commit", permit_settle_names[settled], NULL);
	if (object != NULL)
		agc_object_unpin(object);
	PG_RETURN_TEXT_P(cstring_to_text(permit_settle_names[settled]));
}

/* call_commit(call_id, result, tokens, usd, tenant) -> text */
AGC_FUNCTION(call_commit)
{
	Jsonb	   *result = agc_opt_jsonb(fcinfo, 1, "result");
	int64		tokens = agc_opt_amount(fcinfo, 2, "tokens", -1);
	int64		nanousd = agc_opt_usd(fcinfo, 3, "usd", -1);
	char	   *tenant = agc_arg_tenant(fcinfo, 4);

	agc_enter_disabled(tenant, AGC_AGENT);
	return commit_call(fcinfo, tenant, result, tokens, nanousd);
}

/*
 * llm_commit(call_id, usage, tokens, usd, result, tenant) -> text: what is not
 * given is read out of the provider's usage object and priced.
 */
AGC_FUNCTION(llm_commit)
{
	Jsonb	   *usage = agc_opt_jsonb(fcinfo, 1, "usage");
	int64		tokens = agc_opt_amount(fcinfo, 2, "tokens", -1);
	int64		nanousd = agc_opt_usd(fcinfo, 3, "usd", -1);
	Jsonb	   *result = agc_opt_jsonb(fcinfo, 4, "result");
	char	   *tenant = agc_arg_tenant(fcinfo, 5);

	agc_enter_disabled(tenant, AGC_AGENT);
	if (usage != NULL)
	{
		PermitRow	permit;
		UsageReadings used;
		CallCost	cost = {-1, -1};

		call_find(fcinfo, 0, tenant, false, &permit);
		if (!usage_read(usage, &used))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("usage object is not understood"),
					 errhint("Pass the usage member of an OpenAI, Anthropic or Gemini response, or tokens and usd.")));

		/* of when it began: a later price does not make a repeated commit another one */
		if (!price_call(tenant, permit.tool, permit.created_at, &used, &cost, NULL))
			cost.tokens = usage_most_tokens(&used);
		if (tokens < 0)
			tokens = cost.tokens;
		if (nanousd < 0)
			nanousd = cost.nanousd;
	}
	return commit_call(fcinfo, tenant, result, tokens, nanousd);
}

/* What a person allowed is what the call may hold: more of it is another question. */
static bool
exceeds_approval(const char *tenant, const PermitRow *permit, int64 tokens, int64 nanousd)
{
	int64		approved_tokens;
	int64		approved_nanousd;

	if ((tokens == 0 && nanousd == 0) || !approval_of_call(tenant, &permit->id, &approved_tokens, &approved_nanousd))
		return false;
	return tokens > Max(approved_tokens - permit->held_tokens, 0) ||
		nanousd > Max(approved_nanousd - permit->held_nanousd, 0);
}

/* Others who ask for the same answer go on waiting for this one. */
static void
extend_cache_lease(const PermitRow *permit, int64 lease)
{
	CacheKey	key;

	if (!permit->has_cache_key || permit->cache_lease == 0 || !cache_ready())
		return;
	memcpy(key.hash, permit->cache_key, AGC_HASH_LEN);
	cache_extend_lease(&key, permit->cache_lease, lease);
}

/* call_extend(call_id, lease, tokens, usd, tenant) -> text: extended | denied | closed */
AGC_FUNCTION(call_extend)
{
	int64		lease = agc_arg_lease(fcinfo, 1);
	int64		tokens = agc_opt_amount(fcinfo, 2, "tokens", 0);
	int64		nanousd = agc_opt_usd(fcinfo, 3, "usd", 0);
	char	   *tenant = agc_arg_tenant(fcinfo, 4);
	PermitRow	permit;
	PermitDecision decision;
	const char *word;

	agc_enter(tenant, AGC_AGENT);
	call_find(fcinfo, 0, tenant, true, &permit);
	if (permit.state != PERMIT_OPEN && permit.state != PERMIT_RETRY)
		word = "closed";
	else if (exceeds_approval(tenant, &permit, tokens, nanousd))
		word = "denied";
	else if (permit_extend(tenant, &permit.id, lease, tokens, nanousd, &decision))
	{
		extend_cache_lease(&permit, lease);
		word = "extended";
	}
	else
		word = "denied";
	PG_RETURN_TEXT_P(cstring_to_text(word));
}

/* Said before; who names no amount says nothing else of what it was charged. */
static bool
is_resolved(const PermitRow *permit, bool succeeded)
{
	return succeeded ? permit->state == PERMIT_COMMITTED || permit->state == PERMIT_LATE :
		permit->state == PERMIT_FAILED;
}

/*
 * call_resolve(call_id, succeeded, result, tokens, usd, tenant) -> text: the
 * word of a person (or of a check) on a call whose outcome nobody knew.
 */
AGC_FUNCTION(call_resolve)
{
	Jsonb	   *result = agc_opt_jsonb(fcinfo, 2, "result");
	int64		tokens = agc_opt_amount(fcinfo, 3, "tokens", -1);
	int64		nanousd = agc_opt_usd(fcinfo, 4, "usd", -1);
	char	   *tenant = agc_arg_tenant(fcinfo, 5);
	bool		succeeded = agc_arg_bool(fcinfo, 1, "succeeded");
	PermitRow	permit;
	SettleResult settled;

	agc_enter_disabled(tenant, AGC_AGENT);
	call_find(fcinfo, 0, tenant, true, &permit);
	if (permit.state == PERMIT_OPEN && permit.lease_until > agc_now())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("call \"%s\" is still in progress", hex_uuid(&permit.id)),
				 errhint("Wait for its lease to end, or end it with call_commit() or call_fail().")));
	if (tokens < 0 && nanousd < 0 && is_resolved(&permit, succeeded))
		settled = SETTLE_REPLAYED;
	else if (succeeded)
		settled = permit_commit(tenant, &permit.id, tokens, nanousd, permit.key ? result : NULL);
	else
	{
		settled = permit_fail(tenant, &permit.id, tokens, nanousd);
		permit_resolve(tenant, &permit.id);
	}
	log_settlement(tenant, &permit, "resolve", permit_settle_names[settled], NULL);
	PG_RETURN_TEXT_P(cstring_to_text(permit_settle_names[settled]));
}

/* call_status(call_id, tenant) -> text */
AGC_FUNCTION(call_status)
{
	char	   *tenant = agc_arg_tenant(fcinfo, 1);
	PermitRow	permit;
	const char *word = "open";

	agc_enter_disabled(tenant, AGC_AGENT);
	call_find(fcinfo, 0, tenant, false, &permit);
	switch (permit.state)
	{
		case PERMIT_OPEN:
			word = permit.lease_until > agc_now() ? "open" : "lapsed";
			break;
		case PERMIT_RETRY:
			word = "retry";
			break;
		case PERMIT_COMMITTED:
			word = "committed";
			break;
		case PERMIT_RELEASED:
			word = "released";
			break;
		case PERMIT_FAILED:
			word = "failed";
			break;
		case PERMIT_EXPIRED:
			word = "expired";
			break;
		case PERMIT_LATE:
			word = "late";
			break;
		case PERMIT_UNKNOWN:
			word = "unknown";
			break;
		case PERMIT_DEFERRED:
			word = "deferred";
			break;
	}
	PG_RETURN_TEXT_P(cstring_to_text(word));
}
