/*
 * settle.c
 *	  How a call ends: call_commit, llm_commit, call_fail, call_extend,
 *	  call_resolve, call_status.
 *
 * A call is found by its id, which cannot be guessed.  It answers only to a role
 * with the privileges of the role that began it, or to an administrator of the
 * tenant; for any other role it does not exist.
 *
 * Locking: the permit row, then its budgets' counters (budget room).  The
 * cache entry appears at COMMIT.  Breaker reports are not transactional: the
 * call happened, whatever becomes of this transaction.  Memory:
 * CurrentMemoryContext.  On ERROR: the transaction takes the settlement back,
 * and the permit stays open until its lease ends.
 */
#include "call/gate.h"

#include "call/approval.h"
#include "call/call_target.h"
#include "call/log.h"
#include "core/jsonb_walk.h"
#include "core/row.h"
#include "miscadmin.h"
#include "retry/retry.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/json.h"

/* bytes of a failed call's error that the cache keeps */
#define MAX_KEPT_ERROR	500

static void find_call(FunctionCallInfo fcinfo, int id_arg, const char *tenant, bool lock, PermitRow *permit);
static bool is_error_result(Jsonb *result);
static void finish_cache(const char *tenant, PermitRow *permit, const ToolDef *tool, Jsonb *result, int64 nanousd);
static void keep_failure(const char *tenant, PermitRow *permit, const ToolDef *tool,
						 int status, const char *reason, const char *error);
static Jsonb *failure_document(int status, const char *reason, const char *error);
static const ToolDef *find_tool(const char *tenant, const PermitRow *permit, AgcObject **object);

static void
find_call(FunctionCallInfo fcinfo, int id_arg, const char *tenant, bool lock, PermitRow *permit)
{
	pg_uuid_t  *id;
	Oid			role;

	if (PG_ARGISNULL(id_arg))
		agc_refuse_null("call_id");
	id = PG_GETARG_UUID_P(id_arg);
	if (permit_read(tenant, id, NULL, NULL, lock, permit) && permit->agent != NULL)
	{
		role = permit->role ? get_role_oid(permit->role, true) : InvalidOid;
		if ((OidIsValid(role) && has_privs_of_role(GetUserId(), role)) ||
			agc_level(GetUserId(), tenant) >= AGC_ADMIN)
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("call \"%s\" does not exist", hex_uuid(id)),
			 errdetail("It was never committed, or another role began it."),
			 errhint("COMMIT after call_begin() before running the tool.")));
}

/* MCP's way to say that the tool failed */
static bool
is_error_result(Jsonb *result)
{
	JsonbValue	found;

	return result != NULL && JB_ROOT_IS_OBJECT(result) &&
		getKeyJsonValueFromContainer(&result->root, "isError", 7, &found) != NULL &&
		found.type == jbvBool && found.val.boolean;
}

static const ToolDef *
find_tool(const char *tenant, const PermitRow *permit, AgcObject **object)
{
	*object = permit->is_llm || permit->tool == NULL ? NULL : tool_pin(tenant, permit->tool);
	return *object ? (*object)->data : NULL;
}

/* Only an answer is stored; everything else lets the next caller compute. */
static void
finish_cache(const char *tenant, PermitRow *permit, const ToolDef *tool, Jsonb *result, int64 nanousd)
{
	CacheKey	key;

	if (!permit->has_cache_key || permit->cache_lease == 0 || !cache_ready())
		return;
	memcpy(key.hash, permit->cache_key, AGC_HASH_LEN);
	if (result != NULL && !is_error_result(result) && tool != NULL && tool->cache_ttl > 0 &&
		tool_may_fill(tool))
	{
		CacheTerms	terms = {
			.ttl = tool->cache_ttl,
			.soft_ttl = Max(tool->cache_soft_ttl, 0),
			.max_size = Max(tool->cache_max_size, 0),
			.nanousd = nanousd < 0 ? permit->held_nanousd : nanousd,
			.ntags = tool->ntags,
			.tags = tool->tags
		};

		(void) cache_store_lease(&key, tool_cache_tenant(tool, tenant), permit->tool, permit->cache_lease, result,
								 &terms);
	}
	else
		cache_abandon_lease(&key, permit->cache_lease);
}

/*
 * A final failure is remembered if the tool asks, but never in the place of an
 * answer that can still be served.
 */
static void
keep_failure(const char *tenant, PermitRow *permit, const ToolDef *tool,
			 int status, const char *reason, const char *error)
{
	const char *whose = tool ? tool_cache_tenant(tool, tenant) : tenant;
	CacheKey	key;
	CacheTerms	terms = {.negative = true};

	if (!permit->has_cache_key || permit->cache_lease == 0 || !cache_ready())
		return;
	memcpy(key.hash, permit->cache_key, AGC_HASH_LEN);
	if (tool == NULL || tool->cache_negative_ttl <= 0 || !tool_may_fill(tool) || cache_has_answer(&key))
	{
		cache_abandon_lease(&key, permit->cache_lease);
		return;
	}
	terms.ttl = tool->cache_negative_ttl;
	terms.ntags = tool->ntags;
	terms.tags = tool->tags;

	/* one tenant's error text is not for the others */
	(void) cache_store_lease(&key, whose, permit->tool, permit->cache_lease,
							 failure_document(status, reason, whose == tenant ? error : NULL), &terms);
}

/* What is kept of a failure: {"status": 404, "reason": "not_found", "error": "..."} */
static Jsonb *
failure_document(int status, const char *reason, const char *error)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "{\"reason\": ");
	escape_json(&text, reason);
	if (status != 0)
		appendStringInfo(&text, ", \"status\": %d", status);
	if (error != NULL)
	{
		appendStringInfoString(&text, ", \"error\": ");
		/* others are shown it: as what can be seen, on one line */
		escape_json(&text, agc_shown(error, MAX_KEPT_ERROR));
	}
	appendStringInfoChar(&text, '}');
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data)));
}

static Datum
commit_call(FunctionCallInfo fcinfo, const char *tenant, Jsonb *result, int64 tokens, int64 nanousd)
{
	PermitRow	permit;
	AgcObject  *object;
	const ToolDef *tool;
	SettleResult settled;

	find_call(fcinfo, 0, tenant, true, &permit);
	tool = find_tool(tenant, &permit, &object);
	settled = permit_commit(tenant, &permit.id, tokens, nanousd,
							permit.key != NULL ? result : NULL);
	if (settled == SETTLE_COMMITTED || settled == SETTLE_LATE)
	{
		finish_cache(tenant, &permit, tool, result, nanousd);
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

		find_call(fcinfo, 0, tenant, false, &permit);
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

/* A tool that may not run twice: nothing is known to be undone, so nothing is tried again. */
static bool
is_open(const PermitRow *permit, const RetryAdvice *advice)
{
	return advice->open && !permit->idempotent;
}

static void
advise(const char *tenant, PermitRow *permit, const ToolDef *tool, int status,
	   const char *error, const char *header, RetryAdvice *advice)
{
	const char *policy = tool ? tool->retry_policy : NULL;

	/* one that was dropped since must not make the call impossible to end */
	if (policy != NULL && !retry_policy_exists(tenant, policy))
		policy = NULL;
	retry_advise(tenant, policy, permit->attempt, status, error, header,
				 permit->created_at, advice);
	if (is_open(permit, advice))
	{
		advice->action = RETRY_FAIL;
		if (advice->class == RETRY_CLASS_RETRY || advice->class == RETRY_CLASS_THROTTLE)
			advice->reason = "possibly_executed";
	}
}

/*
 * How the attempt ends for its permit.  A cancelled model call that nobody names
 * the use of may still answer: its hold stays until it does or its lease ends, and
 * only its key is free.
 */
static void
end_attempt(const char *tenant, const PermitRow *permit, const ToolDef *tool, const RetryAdvice *advice,
			int64 tokens, int64 nanousd, TimestampTz now)
{
	bool		cut = permit->is_llm && advice->class == RETRY_CLASS_CANCELLED;

	if (is_open(permit, advice))
		permit_unknown(tenant, &permit->id, tokens, nanousd);
	else if (advice->action == RETRY_RETRY)
		permit_retry(tenant, &permit->id, tokens, nanousd, now + advice->delay,
					 advice->delay + gate_tool_lease(tool));
	else if (advice->action == RETRY_DEFER)
		(void) permit_defer(tenant, &permit->id, tokens, nanousd, now + advice->delay);
	else if (cut && tokens < 0 && nanousd < 0)
		permit_free_key(tenant, &permit->id);
	else
		(void) permit_fail(tenant, &permit->id, cut && tokens < 0 ? permit->held_tokens : tokens,
						   cut && nanousd < 0 ? permit->held_nanousd : nanousd);
}

/*
 * 0, as clients say "no status", or NULL: none.  Another number that is no HTTP
 * status says nothing either, and must not keep the call from ending.
 */
static int
status_arg(FunctionCallInfo fcinfo, int n)
{
	int			status = PG_ARGISNULL(n) ? 0 : PG_GETARG_INT32(n);

	if (status == 0 || (status >= 100 && status <= 999))
		return status;
	ereport(WARNING,
			(errmsg("%d is not an HTTP status code", status),
			 errdetail("The call is ended as one that failed without a status.")));
	return 0;
}

/* call_fail(call_id, status, error, retry_after_header, tokens, usd, tenant) -> (action, delay, at, reason, delay_ms) */
AGC_FUNCTION(call_fail)
{
	int			status = status_arg(fcinfo, 1);
	char	   *error = agc_opt_text(fcinfo, 2);
	char	   *header = agc_opt_text(fcinfo, 3);
	int64		tokens = agc_opt_amount(fcinfo, 4, "tokens", -1);
	int64		nanousd = agc_opt_usd(fcinfo, 5, "usd", -1);
	char	   *tenant = agc_arg_tenant(fcinfo, 6);
	TimestampTz now = agc_now();
	PermitRow	permit;
	AgcObject  *object;
	const ToolDef *tool;
	RetryAdvice advice = {0};

	agc_enter_disabled(tenant, AGC_AGENT);
	find_call(fcinfo, 0, tenant, true, &permit);
	tool = find_tool(tenant, &permit, &object);

	if (permit.state != PERMIT_OPEN && permit.state != PERMIT_RETRY)
	{
		advice.action = RETRY_FAIL;
		advice.reason = "already_settled";
	}
	else
	{
		advise(tenant, &permit, tool, status, error, header, &advice);
		end_attempt(tenant, &permit, tool, &advice, tokens, nanousd, now);
		target_failed(tenant, &permit, tool, &advice, tokens);
		if (advice.action == RETRY_FAIL && !advice.open && advice.class != RETRY_CLASS_CANCELLED)
			keep_failure(tenant, &permit, tool, status, advice.reason, error);
		else
			finish_cache(tenant, &permit, tool, NULL, 0);
	}
	log_settlement(tenant, &permit, "fail", retry_action_name(advice.action), advice.reason);
	if (object != NULL)
		agc_object_unpin(object);

	return retry_advice_return(fcinfo, &advice, now);
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
	find_call(fcinfo, 0, tenant, true, &permit);
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
	find_call(fcinfo, 0, tenant, true, &permit);
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
	find_call(fcinfo, 0, tenant, false, &permit);
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
