/*
 * advice.c
 *	  What to do after a failed attempt.
 *
 * It advises: it never sleeps and never makes the call.  The delay has the
 * jitter of the policy's method, is never earlier than the other side asks for
 * and never ends after the deadline of the policy.
 *
 * Memory: CurrentMemoryContext.  Locks: AccessShareLock on the policy table
 * when it is read.  On ERROR: nothing to undo.
 */
#include "retry/advice.h"

#include "common/pg_prng.h"
#include "core/row.h"
#include "retry/backoff.h"
#include "retry/error_text.h"
#include "retry/hint.h"
#include "retry/retry_policy.h"
#include "utils/builtins.h"

#define UNIX_EPOCH_OFFSET \
	((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

/* a limit by day or month is not whole again sooner, whatever the delay that comes with it */
#define MIN_DAILY_WAIT	USECS_PER_HOUR

static const char *const action_names[] = {"retry", "fail", "defer"};

static void
advise(RetryAdvice *out, RetryAction action, int64 delay, const char *reason)
{
	out->action = action;
	out->delay = delay;
	out->reason = reason;
}

/* uniform in [0, width] */
static int64
draw(int64 width)
{
	return width <= 0 ? 0 : (int64) pg_prng_uint64_range(&pg_global_prng_state, 0, (uint64) width);
}

/*
 * us until the deadline, may be negative; PG_INT64_MAX without one.  An
 * attempt that began in the future (another machine's clock) began just now.
 */
static int64
time_left(const RetryPolicy *policy, TimestampTz started_at, TimestampTz now)
{
	int64		elapsed;

	if (policy->max_elapsed < 0 || started_at == 0)
		return PG_INT64_MAX;
	elapsed = started_at < now ? now - started_at : 0;
	return policy->max_elapsed - elapsed;
}

static void
check_status(int status)
{
	if (status < 100 || status > RETRY_STATUS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("status is out of range"),
				 errdetail("Got %d; HTTP status codes are 100 to %d.", status, RETRY_STATUS_MAX),
				 errhint("Pass NULL where no response was received.")));
}

static void
check_failure(int attempt, int status, TimestampTz started_at)
{
	if (attempt < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("attempt must be at least 1"),
				 errdetail("Got %d.", attempt),
				 errhint("It is the number of the attempt that has just failed.")));
	if (status != 0)
		check_status(status);
	if (TIMESTAMP_NOT_FINITE(started_at))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("started_at must be finite")));
}

/*
 * A wait that the other side asked for, and a little on top that grows with it:
 * otherwise all workers that were told the same second come at once.
 */
static int64
after_hint(const RetryPolicy *policy, int64 hint)
{
	if (policy->method == BACKOFF_NONE)
		return hint;
	return hint + draw(Max(policy->base, hint / 10));
}

/* how long a failure that is worth a retry has to wait */
static void
advise_wait(const RetryPolicy *policy, int attempt, int64 left, bool daily, const char *reason, RetryAdvice *out)
{
	int64		hint = Max(out->hint, 0);
	int64		delay;

	if (out->hint >= 0)
		reason = ADVICE_RETRY_AFTER;
	if (daily || hint > policy->max_retry_after)
	{
		/* exact: nobody sleeps so long, and the gate spreads those who come back to a target */
		advise(out, RETRY_DEFER, hint, ADVICE_RETRY_AFTER_TOO_LONG);
		return;
	}
	if (hint > left)
	{
		advise(out, RETRY_FAIL, 0, ADVICE_DEADLINE);
		return;
	}
	delay = backoff_delay(policy->method, policy->base, policy->cap, attempt, draw);
	if (out->hint >= 0)
		delay = Max(delay, after_hint(policy, hint));
	advise(out, RETRY_RETRY, Max(Min(delay, left), hint), reason);
}

/* Limits are whole again sooner or later, so what their headers say is no hint for another failure. */
static int64
hint_of(const RetryHint *hint, const RetryVerdict *verdict)
{
	int64		said = Max(hint->header, hint->body);

	if (said < 0 && verdict->class == RETRY_CLASS_THROTTLE)
		said = hint->reset;
	return verdict->daily ? Max(said, MIN_DAILY_WAIT) : said;
}

void
retry_advise(const char *tenant, const char *policy_name, int attempt, int status,
			 const char *error, const char *retry_after_header,
			 TimestampTz started_at, RetryAdvice *out)
{
	TimestampTz now = agc_now();
	const RetryPolicy *policy;
	ErrorExcerpt excerpt;
	RetryVerdict verdict;
	RetryHint	hint;
	int64		left;

	error = error_excerpt(error, &excerpt);
	check_failure(attempt, status, started_at);
	policy = retry_policy_read(tenant, policy_name == NULL ? RETRY_DEFAULT_POLICY : policy_name);
	retry_hint_read(retry_after_header, error, now + UNIX_EPOCH_OFFSET, &hint);
	retry_classify(policy->rules, policy->nrules, status, error,
				   Max(hint.header, hint.body) >= 0, hint.exhausted, &verdict);
	left = time_left(policy, started_at, now);
	out->class = verdict.class;
	out->open = verdict.open;
	out->hint = hint_of(&hint, &verdict);

	if (verdict.class == RETRY_CLASS_CANCELLED)
		advise(out, RETRY_FAIL, 0, ADVICE_CANCELLED);
	else if (verdict.class == RETRY_CLASS_UNKNOWN)
		advise(out, RETRY_FAIL, 0, ADVICE_UNKNOWN_ERROR);
	else if (verdict.class == RETRY_CLASS_QUOTA)
		advise(out, RETRY_FAIL, 0, ADVICE_QUOTA);
	else if (verdict.class == RETRY_CLASS_FATAL)
		advise(out, RETRY_FAIL, 0, verdict.by_error ? ADVICE_FATAL_ERROR : ADVICE_FATAL_STATUS);
	else if (attempt >= policy->max_attempts)
		advise(out, RETRY_FAIL, 0, ADVICE_ATTEMPTS_EXHAUSTED);
	else if (left <= 0)
		advise(out, RETRY_FAIL, 0, ADVICE_DEADLINE);
	else
		advise_wait(policy, attempt, left, verdict.daily,
					verdict.by_error ? ADVICE_RETRYABLE_ERROR : ADVICE_RETRYABLE_STATUS, out);
}

const char *
retry_action_name(RetryAction action)
{
	return action_names[action];
}

Datum
retry_advice_return(FunctionCallInfo fcinfo, const RetryAdvice *advice, TimestampTz from)
{
	bool		fail = advice->action == RETRY_FAIL;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, action_names[advice->action]);
	agc_put_pointer(&row, fail ? NULL : agc_us_interval(advice->delay));
	agc_put_datum(&row, TimestampTzGetDatum(from + advice->delay), fail);
	agc_put_text(&row, advice->reason);
	/* up: a client that sleeps so long is not early */
	agc_put_datum(&row, Int64GetDatum((advice->delay + 999) / 1000), fail);
	return agc_row_return(fcinfo, &row);
}

/*
 * retry_next(attempt, status, error, retry_after_header, retry_policy,
 * started_at, tenant) -> (action, delay, at, reason, delay_ms)
 */
AGC_FUNCTION(retry_next)
{
	int			attempt;
	int			status = 0;
	char	   *error = agc_opt_text(fcinfo, 2);
	char	   *header = agc_opt_text(fcinfo, 3);
	char	   *policy = agc_opt_name(fcinfo, 4, "retry_policy");
	TimestampTz started_at = 0;
	char	   *tenant = agc_arg_tenant(fcinfo, 6);
	RetryAdvice advice;

	if (PG_ARGISNULL(0))
		agc_refuse_null("attempt");
	attempt = PG_GETARG_INT32(0);

	/* 0, as clients say "no status", is none, as NULL is */
	if (!PG_ARGISNULL(1))
		status = PG_GETARG_INT32(1);
	if (!PG_ARGISNULL(5))
		started_at = PG_GETARG_TIMESTAMPTZ(5) == 0 ? 1 : PG_GETARG_TIMESTAMPTZ(5);
	agc_enter(tenant, AGC_AGENT);
	retry_advise(tenant, policy, attempt, status, error, header, started_at, &advice);
	return retry_advice_return(fcinfo, &advice, agc_now());
}
