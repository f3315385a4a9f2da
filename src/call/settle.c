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
#include "call/approval_stage.h"
#include "call/call_cost.h"
#include "call/call_once.h"
#include "call/call_target.h"
#include "call/counted.h"
#include "call/given_result.h"
#include "call/judged_result.h"
#include "call/kept_answer.h"
#include "call/log.h"
#include "call/open_call.h"
#include "utils/builtins.h"

/* What a call brings stays although somebody cleared it while the call was open. */
static void
taint_again(const char *tenant, const PermitRow *permit)
{
	AgcObject  *object;
	const ToolDef *tool = call_tool(tenant, permit, &object);

	task_taint(tenant, permit->task, tool);
	if (object != NULL)
		agc_object_unpin(object);
}

/*
 * Commits under the lock of the permit.  The cache comes first: what it does not
 * take of a call without a key is kept nowhere, and its row says so.  A result that
 * its tool's schema refuses is for nobody else.
 */
static SettleResult
commit_locked(const char *tenant, const PermitRow *permit, PermitAnswer *answer, const CallCost *cost, JudgedResult *judged)
{
	AgcObject  *object;
	const ToolDef *tool = call_tool(tenant, permit, &object);
	bool		ends = permit_may_end(permit);
	Jsonb	   *result = answer->result;
	SettleResult settled;

	if (ends)
	{
		given_result_tell(answer);
		*judged = judge_result(tool, answer);
	}
	if (ends && !kept_result(tenant, permit, tool, judged->wrong != NULL && judged->enforced ? NULL : answer->result, cost->nanousd) &&
		permit->key == NULL)
	{
		answer->result = NULL;
		answer->note = "dropped: the cache did not take it, and there is no key";
	}
	settled = permit_commit(tenant, permit, cost->tokens, cost->nanousd, answer);
	if (ends)
		target_succeeded(tenant, permit, tool, cost->tokens);
	if (ends && !permit->is_llm)
	{
		task_taint(tenant, permit->task, tool);
		task_facts_end(tenant, &permit->id, true, result);
		task_once_end(tenant, &permit->id, result);
	}
	if (object != NULL)
		agc_object_unpin(object);
	return settled;
}

/* One that came again, or beside another, is not the call's. */
static Jsonb *
result_of(SettleResult settled, Jsonb *result)
{
	return settled == SETTLE_COMMITTED || settled == SETTLE_LATE ? result : NULL;
}

/* What was settled before counts no more. */
static void
count_committed(const char *tenant, const PermitRow *permit, SettleResult settled, const CallCost *cost, int64 tool_us,
				const ProfileClock *clock)
{
	if (settled == SETTLE_COMMITTED || settled == SETTLE_LATE)
		counted_end(tenant, permit, &(CallEnd){PROFILE_COMMITTED, cost, true, tool_us, clock});
}

static Datum
commit_call(const char *tenant, const PermitRow *permit, PermitAnswer *answer, const CallCost *cost, const ProfileClock *clock)
{
	JudgedResult judged = {NULL, true};
	Jsonb	   *result = answer->result;
	SettleResult settled = commit_locked(tenant, permit, answer, cost, &judged);

	log_settlement(tenant, permit, &(LogSettlement){.clock = clock, .event = "commit", .outcome = permit_settle_names[settled], .judged = &judged, .result = result_of(settled, result)});
	count_committed(tenant, permit, settled, cost, counted_tool_us(permit), clock);
	PG_RETURN_TEXT_P(cstring_to_text(permit_settle_names[settled]));
}

/* call_commit(call_id, result, tokens, usd, result_text, tenant) -> text */
AGC_FUNCTION(call_commit)
{
	ProfileClock *clock = profile_clock_start();
	CallCost	cost = {
		agc_opt_amount(fcinfo, 2, "tokens", -1), agc_opt_usd(fcinfo, 3, "usd", -1)
	};
	char	   *tenant = agc_arg_tenant(fcinfo, 5);
	PermitAnswer answer;
	PermitRow	permit;

	agc_enter_disabled(tenant, AGC_AGENT);
	call_find(fcinfo, 0, tenant, true, &permit);
	given_result(fcinfo, 1, 4, &answer);
	return commit_call(tenant, &permit, &answer, &cost, clock);
}

/*
 * llm_commit(call_id, usage, tokens, usd, result, result_text, tenant) -> text: what
 * is not given is read out of the provider's usage object and priced.
 */
AGC_FUNCTION(llm_commit)
{
	ProfileClock *clock = profile_clock_start();
	CallCost	cost = {
		agc_opt_amount(fcinfo, 2, "tokens", -1), agc_opt_usd(fcinfo, 3, "usd", -1)
	};
	char	   *tenant = agc_arg_tenant(fcinfo, 6);
	PermitAnswer answer;
	PermitRow	permit;

	agc_enter_disabled(tenant, AGC_AGENT);
	call_find(fcinfo, 0, tenant, true, &permit);
	(void) call_cost_of_usage(fcinfo, 1, tenant, &permit, &cost);
	given_result(fcinfo, 4, 5, &answer);
	return commit_call(tenant, &permit, &answer, &cost, clock);
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

/* By what the agent's calls may charge now; else whoever extends it has to be allowed to use its budgets. */
static bool
may_charge(const char *tenant, const PermitRow *permit)
{
	AgcObject  *object = agent_find(tenant, permit->agent);
	bool		may;

	if (object == NULL)
		return false;
	may = agent_may_speak(object->data) && (permit->budget == NULL || agent_may_charge(object->data, permit->budget));
	for (int i = 0; i < permit->nalso; i++)
		may = may && agent_may_charge(object->data, permit->also[i]);
	agc_object_unpin(object);
	return may;
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
	else if (permit_extend(tenant, &permit, lease, tokens, nanousd, may_charge(tenant, &permit), &decision))
	{
		extend_cache_lease(&permit, lease);
		target_extended(tenant, &permit, tokens);
		word = "extended";
	}
	else
		word = "denied";
	PG_RETURN_TEXT_P(cstring_to_text(word));
}

/* Of a result that somebody brings for a call whose outcome nobody knew; it is not cached anyway. */
static JudgedResult
judge_resolved(const char *tenant, const PermitRow *permit, PermitAnswer *answer)
{
	AgcObject  *object;
	JudgedResult judged;

	given_result_tell(answer);
	judged = judge_result(call_tool(tenant, permit, &object), answer);
	if (object != NULL)
		agc_object_unpin(object);
	return judged;
}

/* Said before; who names no amount says nothing else of what it was charged. */
static bool
is_resolved(const PermitRow *permit, bool succeeded)
{
	return succeeded ? permit->state == PERMIT_COMMITTED || permit->state == PERMIT_LATE :
		permit->state == PERMIT_FAILED;
}

/* What the log says: that it took no effect, where somebody has found that and is the first to say so. */
static const char *
resolved_word(SettleResult settled, bool succeeded)
{
	if (!succeeded && settled != SETTLE_REPLAYED && settled != SETTLE_CONFLICT)
		return "fail";
	return permit_settle_names[settled];
}

/*
 * call_resolve(call_id, succeeded, result, tokens, usd, result_text, tenant) -> text:
 * the word of a person (or of a check) on a call whose outcome nobody knew.
 */
AGC_FUNCTION(call_resolve)
{
	ProfileClock *clock = profile_clock_start();
	CallCost	cost = {
		agc_opt_amount(fcinfo, 3, "tokens", -1), agc_opt_usd(fcinfo, 4, "usd", -1)
	};
	char	   *tenant = agc_arg_tenant(fcinfo, 6);
	bool		succeeded = agc_arg_bool(fcinfo, 1, "succeeded");
	PermitAnswer answer;
	JudgedResult judged = {NULL, true};
	PermitRow	permit;
	SettleResult settled;

	agc_enter_disabled(tenant, AGC_AGENT);
	call_find_to_resolve(fcinfo, 0, tenant, &permit);
	if (permit.state == PERMIT_OPEN && permit.lease_until > agc_now())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("call \"%s\" is still in progress", hex_uuid(&permit.id)),
				 errhint("Wait for its lease to end, or end it with call_commit() or call_fail().")));
	once_check_resolver(tenant, &permit);
	given_result(fcinfo, 2, 5, &answer);
	if (cost.tokens < 0 && cost.nanousd < 0 && is_resolved(&permit, succeeded))
		settled = SETTLE_REPLAYED;
	else if (succeeded)
	{
		if (permit_may_end(&permit))
			judged = judge_resolved(tenant, &permit, &answer);
		settled = permit_commit(tenant, &permit, cost.tokens, cost.nanousd, &answer);
	}
	else
	{
		settled = permit_fail(tenant, &permit, cost.tokens, cost.nanousd);
		permit_resolve(tenant, &permit.id);
	}
	if (!permit.is_llm && settled != SETTLE_REPLAYED && settled != SETTLE_CONFLICT)
	{
		taint_again(tenant, &permit);
		task_facts_end(tenant, &permit.id, succeeded, answer.result);
		task_once_end(tenant, &permit.id, answer.result);
	}
	log_settlement(tenant, &permit, &(LogSettlement){.clock = clock, .event = "resolve", .outcome = resolved_word(settled, succeeded), .judged = &judged, .result = result_of(settled, answer.result)});
	if (succeeded)
		count_committed(tenant, &permit, settled, &cost, PROFILE_UNKNOWN, clock);
	else if (settled == SETTLE_COMMITTED)
		counted_end(tenant, &permit, &(CallEnd){PROFILE_FAILED, &cost, false, PROFILE_UNKNOWN, clock});
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
