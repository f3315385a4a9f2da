/*
 * fail.c
 *	  call_fail: how a call ends that did not succeed.
 *
 * The advice (retry/advice.h) says what to do next, whose failure it was, and
 * whether the work may have been done all the same.  Of a tool that may not run
 * twice an outcome that is open stays open: the permit ends as one that nobody
 * knows the end of, and its key is closed until somebody does.
 *
 * Locking: the permit row, then its budgets' counters (budget room), then the row
 * of its approval.  What the target is told is not transactional: the call
 * happened, whatever becomes of this transaction.  Memory: CurrentMemoryContext.
 * On ERROR: the transaction takes the settlement back, and the permit stays open
 * until its lease ends.
 */
#include "call/approval_stage.h"
#include "call/call_cost.h"
#include "call/call_target.h"
#include "call/counted.h"
#include "call/kept_answer.h"
#include "call/log.h"
#include "call/open_call.h"
#include "mb/pg_wchar.h"

/* bytes of an error, or of a header, that are looked at */
#define MOST_READ	(64 * 1024)

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
	const char *policy = permit->is_llm ? model_retry_policy(tenant, permit->tool, permit->priced_as) : tool ? tool->retry_policy : NULL;

	/* one that was dropped since must not make the call impossible to end */
	if (policy != NULL && !retry_policy_exists(tenant, policy))
		policy = NULL;
	retry_advise(tenant, policy, permit->attempt, status, error, header,
				 permit->created_at, advice);
	if (is_open(permit, advice))
	{
		advice->action = RETRY_FAIL;
		if (advice->class == RETRY_CLASS_RETRY || advice->class == RETRY_CLASS_THROTTLE)
			advice->reason = ADVICE_POSSIBLY_EXECUTED;
	}
}

/* What is not told is charged as it was estimated: something was used. */
static void
charge_held(const PermitRow *permit, CallCost *cost)
{
	if (cost->tokens < 0)
		cost->tokens = permit->held_tokens;
	if (cost->nanousd < 0)
		cost->nanousd = permit->held_nanousd;
}

/*
 * A cancelled model call that nobody names the use of may still answer: its hold
 * stays until it does or its lease ends, and only its key is free.
 */
static void
end_cancelled_model(const char *tenant, const PermitRow *permit, CallCost *cost)
{
	if (cost->tokens < 0 && cost->nanousd < 0)
	{
		permit_free_key(permit);
		return;
	}
	charge_held(permit, cost);
	(void) permit_fail(tenant, permit, cost->tokens, cost->nanousd);
}

/*
 * Nothing was done, and the same call comes again: what a person allowed it still
 * holds.  Its key waits as its target is paused, with the same limit: the wait is the
 * word of the other side, or of the worker that reports it.
 */
static void
end_deferred(const char *tenant, const PermitRow *permit, const CallCost *cost, TimestampTz now, int64 delay)
{
	(void) permit_defer(tenant, permit, cost->tokens, cost->nanousd,
						now + Min(delay, agc_max_target_pause * USECS_PER_SEC));
	approval_give_back(tenant, &permit->id);
}

static void
end_attempt(const char *tenant, const PermitRow *permit, const ToolDef *tool, const RetryAdvice *advice,
			CallCost *cost, TimestampTz now)
{
	if (is_open(permit, advice))
		permit_unknown(tenant, permit, cost->tokens, cost->nanousd);
	else if (advice->action == RETRY_RETRY)
		permit_retry(tenant, permit, cost->tokens, cost->nanousd, now + advice->delay,
					 advice->delay + gate_tool_lease(tool));
	else if (advice->action == RETRY_DEFER)
		end_deferred(tenant, permit, cost, now, advice->delay);
	else if (permit->is_llm && advice->class == RETRY_CLASS_CANCELLED)
		end_cancelled_model(tenant, permit, cost);
	else
		(void) permit_fail(tenant, permit, cost->tokens, cost->nanousd);
}

/*
 * Whether the same arguments would fail again.  A spent quota is the account's fault:
 * once it is paid they may succeed.
 */
static bool
is_kept(const RetryAdvice *advice)
{
	return advice->action == RETRY_FAIL && !advice->open &&
		advice->class != RETRY_CLASS_CANCELLED && advice->class != RETRY_CLASS_QUOTA;
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

/* As much of a text as says what it is: the page that a proxy sends may be of any size. */
static char *
beginning_arg(FunctionCallInfo fcinfo, int n)
{
	text	   *given;

	if (PG_ARGISNULL(n))
		return NULL;
	given = PG_GETARG_TEXT_P_SLICE(n, 0, MOST_READ);
	return pnstrdup(VARDATA_ANY(given),
					pg_mbcliplen(VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given), VARSIZE_ANY_EXHDR(given)));
}

/*
 * The lease had ended, and the call was charged as if it was made.  A failure that
 * says that nothing was done is heard all the same, as it would be had nobody ended
 * the call before; one that leaves the outcome open changes nothing.
 */
static void
end_late(const char *tenant, const PermitRow *permit, CallCost *cost, TimestampTz now, RetryAdvice *advice)
{
	if (is_open(permit, advice))
	{
		advice->reason = ADVICE_ALREADY_SETTLED;
		return;
	}
	if (advice->action == RETRY_DEFER)
	{
		end_deferred(tenant, permit, cost, now, advice->delay);
		return;
	}
	if (permit->is_llm && advice->class == RETRY_CLASS_CANCELLED)
		charge_held(permit, cost);
	(void) permit_fail(tenant, permit, cost->tokens, cost->nanousd);
	(void) permit_resolve(tenant, &permit->id);
	/* its key is free; without one there is no call left to run again */
	if (permit->key == NULL)
		advice->action = RETRY_FAIL;
}

/* A cancelled model call without amounts has not ended yet, but for its key. */
static void
count_failed(const char *tenant, const PermitRow *permit, const RetryAdvice *advice, const CallCost *cost,
			 const ProfileClock *clock)
{
	bool		again = advice->action == RETRY_RETRY || advice->action == RETRY_DEFER;

	if (permit->is_llm && advice->class == RETRY_CLASS_CANCELLED && cost->tokens < 0 && cost->nanousd < 0)
		return;
	counted_end(tenant, permit, &(CallEnd){again ? PROFILE_RETRIED : PROFILE_FAILED, cost, is_open(permit, advice),
				counted_tool_us(permit), clock});
}

static void
end_failed(FunctionCallInfo fcinfo, const char *tenant, PermitRow *permit, CallCost *cost, TimestampTz now,
		   RetryAdvice *advice)
{
	int			status = status_arg(fcinfo, 1);
	char	   *error = beginning_arg(fcinfo, 2);
	AgcObject  *object;
	const ToolDef *tool = call_tool(tenant, permit, &object);

	if (call_cost_of_usage(fcinfo, 6, tenant, permit, cost))
		charge_held(permit, cost);
	advise(tenant, permit, tool, status, error, beginning_arg(fcinfo, 3), advice);
	if (permit->state == PERMIT_EXPIRED)
		end_late(tenant, permit, cost, now, advice);
	else
	{
		end_attempt(tenant, permit, tool, advice, cost, now);
		target_failed(tenant, permit, tool, advice, cost->tokens);
		if (is_kept(advice))
			kept_failure(tenant, permit, tool, status, advice->reason, error);
		else
			kept_nothing(permit);
	}
	if (!permit->is_llm)
	{
		task_taint(tenant, permit->task, tool);
		task_facts_end(tenant, &permit->id, false, NULL);
		task_once_end(tenant, &permit->id, NULL);
	}
	if (object != NULL)
		agc_object_unpin(object);
}

/*
 * call_fail(call_id, status, error, retry_after_header, tokens, usd, usage, tenant)
 * -> (action, delay, at, reason, delay_ms)
 */
AGC_FUNCTION(call_fail)
{
	ProfileClock *clock = profile_clock_start();
	CallCost	cost = {
		agc_opt_amount(fcinfo, 4, "tokens", -1), agc_opt_usd(fcinfo, 5, "usd", -1)
	};
	char	   *tenant = agc_arg_tenant(fcinfo, 7);
	TimestampTz now = agc_now();
	RetryAdvice advice = {.action = RETRY_FAIL, .reason = ADVICE_ALREADY_SETTLED};
	PermitRow	permit;

	agc_enter_disabled(tenant, AGC_AGENT);
	call_find(fcinfo, 0, tenant, true, &permit);
	if (permit.state == PERMIT_OPEN || permit.state == PERMIT_RETRY || permit.state == PERMIT_EXPIRED)
		end_failed(fcinfo, tenant, &permit, &cost, now, &advice);
	log_settlement(tenant, &permit, &(LogSettlement){.clock = clock, .event = "fail", .outcome = retry_action_name(advice.action), .reason = advice.reason});
	if (strcmp(advice.reason, ADVICE_ALREADY_SETTLED) != 0)
		count_failed(tenant, &permit, &advice, &cost, clock);
	return retry_advice_return(fcinfo, &advice, now);
}
