/*
 * fail.c
 *	  call_fail: how a call ends that did not succeed.
 *
 * The advice (retry/advice.h) says what to do next, whose failure it was, and
 * whether the work may have been done all the same.  Of a tool that may not run
 * twice an outcome that is open stays open: the permit ends as one that nobody
 * knows the end of, and its key is closed until somebody does.
 *
 * Locking: the permit row, then its budgets' counters (budget room).  What the
 * target is told is not transactional: the call happened, whatever becomes of this
 * transaction.  Memory: CurrentMemoryContext.  On ERROR: the transaction takes the
 * settlement back, and the permit stays open until its lease ends.
 */
#include "call/call_target.h"
#include "call/kept_answer.h"
#include "call/log.h"
#include "call/open_call.h"

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
	const char *policy = permit->is_llm ? model_retry_policy(tenant, permit->tool) : tool ? tool->retry_policy : NULL;

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
	call_find(fcinfo, 0, tenant, true, &permit);
	tool = call_tool(tenant, &permit, &object);

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
			kept_failure(tenant, &permit, tool, status, advice.reason, error);
		else
			kept_nothing(&permit);
	}
	log_settlement(tenant, &permit, "fail", retry_action_name(advice.action), advice.reason);
	if (object != NULL)
		agc_object_unpin(object);

	return retry_advice_return(fcinfo, &advice, now);
}
