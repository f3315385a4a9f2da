/*
 * call_target.c
 *	  The target of a call: the service behind the tool.  Its breaker, its pause
 *	  and its rate are asked before the call, and told how it ended.
 *
 * What counts is the class of a failure, not its status: trouble of the other
 * side is a failure, and so is what nobody knows; a request that was refused is
 * an answer; a call that was cancelled says nothing.  A hint to wait pauses the
 * target for everybody (retry/pause.c).
 *
 * Locking: that of the room retry.  Memory: CurrentMemoryContext.  On ERROR:
 * what was taken is in takes.c; what was told stays told, because the call
 * happened, whatever becomes of this transaction.
 */
#include "call/call_target.h"

#include "call/open_call.h"
#include "call/refuse.h"
#include "call/takes.h"

/* ----- before the call -------------------------------------------------------- */

/* Nobody asked for a breaker of a model by its own name: where it cannot be had, the call goes on without. */
static bool
passes(const Gate *gate, const BreakerDecision *decision)
{
	return decision->allowed || (!decision->known && gate_target_implied(gate));
}

void
judge_breaker(Gate *gate)
{
	const char *target = gate_target(gate);
	BreakerDecision decision;

	if (target == NULL)
		return;
	if (gate->state != NULL && gate->state->breaker != NULL)
		gate->state->breaker(gate->state->arg, target, &decision);
	else
		breaker_peek(gate->tenant, target, &decision);
	if (!passes(gate, &decision))
		refuse_breaker(gate, &decision);
}

/*
 * A retry takes what its permit holds, whatever it says now, because the end of the
 * call corrects that; a hold of nothing was an unknown estimate unless it says
 * nothing again.  An unknown estimate takes what its budgets have it hold, at least
 * one token: it passes no limit that is full.
 */
int64
target_tokens(const Gate *gate)
{
	int64		tokens = gate->est_tokens;

	if (gate->earlier == EARLIER_RETRY && gate->earlier_tokens > 0)
		tokens = gate->earlier_tokens;
	else if (gate->earlier == EARLIER_RETRY && tokens > 0)
		tokens = -1;
	return tokens < 0 ? Max(gate->hold_tokens, 1) : tokens;
}

void
judge_rate(Gate *gate)
{
	const char *target = gate_target(gate);
	RateDecision decision;

	if (target == NULL)
		return;
	if (gate->state != NULL && gate->state->rate != NULL)
		gate->state->rate(gate->state->arg, target, target_tokens(gate), &decision);
	else
		rate_target_peek(gate->tenant, target, target_tokens(gate), &decision);
	if (!decision.allowed)
		refuse_rate(gate, &decision);
}

static bool
take_rate(Gate *gate, const char *target)
{
	int64		tokens = target_tokens(gate);
	RateDecision decision;

	rate_target_take(gate->tenant, target, tokens, &decision);
	if (decision.allowed)
	{
		takes_add_target(TAKE_RATE, gate->tenant, target, tokens, decision.taken_at);
		return true;
	}
	refuse_rate(gate, &decision);
	return gate->audit;
}

static bool
take_breaker(Gate *gate, const char *target)
{
	BreakerDecision decision;

	breaker_take(gate->tenant, target, &decision);
	if (decision.probe)
		takes_add_target(TAKE_PROBE, gate->tenant, target, 0, decision.taken_at);
	if (passes(gate, &decision))
		return true;
	refuse_breaker(gate, &decision);
	return gate->audit;
}

bool
take_target(Gate *gate)
{
	const char *target = gate_target(gate);

	if (target == NULL || (gate->audit && !agc_shmem_ready()))
		return true;
	return take_rate(gate, target) && take_breaker(gate, target);
}

/* ----- after the call ---------------------------------------------------------- */

/*
 * A model that has no price, which audit mode lets run, is no target: its name
 * is whatever the agent asked for.  An answer is counted all the same, for the slot
 * that this takes can be had by anybody.
 */
static const char *
model_target(const char *tenant, const PermitRow *permit, bool answered)
{
	AgcObject  *object = model_pin(tenant, permit->tool, permit->priced_as);
	const ModelDef *model = object != NULL ? object->data : NULL;
	const char *priced_as = permit->priced_as != NULL ? permit->priced_as : permit->tool;
	const char *target = NULL;

	if (model != NULL && model->target != NULL)
		target = pstrdup(model->target);
	else if (answered || price_exists(tenant, priced_as, agc_now()))
		target = priced_as;
	if (object != NULL)
		agc_object_unpin(object);
	return target;
}

static const char *
permit_target(const char *tenant, const PermitRow *permit, const ToolDef *tool, bool answered)
{
	if (!agc_shmem_ready())
		return NULL;
	if (permit->is_llm)
		return model_target(tenant, permit, answered);
	return tool != NULL ? tool->target : NULL;
}

/*
 * When the permit was given, right after the call had taken what it took; of a
 * retry, when its first attempt was.  The earlier, the less goes back.
 */
static int64
taken_at(const PermitRow *permit)
{
	int64		age = Max(agc_now() - permit->created_at, 0);

	return slot_clock() - age;
}

/*
 * Where nobody says what was used, the estimate stands.  What was not used comes
 * back at COMMIT, and only of a call that had not ended before: otherwise a call
 * that is ended again and again, or in a transaction that is rolled back, would give
 * back what others took.
 */
static void
correct_rate(const char *tenant, const char *target, const PermitRow *permit, int64 tokens)
{
	int64		held = Max(permit->held_tokens, 0);

	if (tokens > held)
		(void) rate_target_add(tenant, target, tokens - held);
	else if (tokens >= 0 && tokens < held && permit->state == PERMIT_OPEN)
		takes_return_target(TAKE_TOKENS, tenant, target, held - tokens, taken_at(permit));
}

void
target_succeeded(const char *tenant, const PermitRow *permit, const ToolDef *tool, int64 tokens)
{
	const char *target = permit_target(tenant, permit, tool, true);

	if (target == NULL)
		return;
	(void) breaker_record(tenant, target, true);
	correct_rate(tenant, target, permit, tokens);
}

/*
 * Only a call that began after the breaker had opened can have a probe.  When the
 * attempt of a retry began is not known: it is believed to have one, or no
 * retried call could give one back.
 */
static int64
probed_at(const PermitRow *permit)
{
	return permit->attempt > 1 ? slot_clock() : taken_at(permit);
}

/* An error without a status may be the worker's own: it says nothing of the target, unless nobody knows what it is. */
static TargetOutcome
outcome(const RetryAdvice *advice)
{
	switch (advice->class)
	{
		case RETRY_CLASS_RETRY:
		case RETRY_CLASS_THROTTLE:
			return TARGET_TROUBLE;
		case RETRY_CLASS_QUOTA:
			return TARGET_ANSWERED;
		case RETRY_CLASS_FATAL:
			return strcmp(advice->reason, "fatal_status") == 0 ? TARGET_ANSWERED : TARGET_SILENT;
		case RETRY_CLASS_CANCELLED:
			return TARGET_SILENT;
		case RETRY_CLASS_UNKNOWN:
			break;
	}
	return advice->open ? TARGET_TROUBLE : TARGET_ANSWERED;
}

static bool
is_one_of(const char *word, const char *const words[], int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

/* The same by the reason alone, which is all that the log keeps; what is unknown is open. */
TargetOutcome
target_outcome(const char *reason)
{
	static const char *const silent[] = {ADVICE_CANCELLED, ADVICE_FATAL_ERROR, ADVICE_ALREADY_SETTLED};
	static const char *const answered[] = {ADVICE_FATAL_STATUS, ADVICE_QUOTA};

	if (reason != NULL && is_one_of(reason, silent, lengthof(silent)))
		return TARGET_SILENT;
	return reason != NULL && is_one_of(reason, answered, lengthof(answered)) ? TARGET_ANSWERED : TARGET_TROUBLE;
}

/* A hint in a refusal that is the caller's fault, or of a call that was cancelled, is none. */
static bool
asks_for_pause(const RetryAdvice *advice)
{
	return advice->hint > 0 &&
		(advice->action == RETRY_DEFER || advice->class == RETRY_CLASS_RETRY || advice->class == RETRY_CLASS_THROTTLE);
}

void
target_failed(const char *tenant, const PermitRow *permit, const ToolDef *tool, const RetryAdvice *advice, int64 tokens)
{
	const char *target = permit_target(tenant, permit, tool, false);
	TargetOutcome end = outcome(advice);

	/* an attempt fails once, however often that is said */
	if (target == NULL || permit->state != PERMIT_OPEN)
		return;
	if (end == TARGET_SILENT)
		takes_return_target(TAKE_PROBE, tenant, target, 0, probed_at(permit));
	else
		(void) breaker_record(tenant, target, end == TARGET_ANSWERED);
	correct_rate(tenant, target, permit, tokens);
	if (asks_for_pause(advice))
		pause_begin(tenant, target, advice->hint);
}

/* They count whatever room there is, because the end of the call corrects what it holds then. */
void
target_extended(const char *tenant, const PermitRow *permit, int64 tokens)
{
	AgcObject  *object;
	const ToolDef *tool;
	const char *target;

	if (tokens <= 0)
		return;
	tool = call_tool(tenant, permit, &object);
	target = permit_target(tenant, permit, tool, true);
	if (target != NULL && rate_target_add(tenant, target, tokens))
		takes_add_target(TAKE_TOKENS, tenant, target, tokens, slot_clock());
	if (object != NULL)
		agc_object_unpin(object);
}

void
target_given_up(const char *tenant, const PermitRow *permit, const ToolDef *tool)
{
	const char *target = permit_target(tenant, permit, tool, false);

	if (target == NULL || permit->state != PERMIT_OPEN)
		return;
	takes_return_target(TAKE_PROBE, tenant, target, 0, probed_at(permit));
	takes_return_target(TAKE_RATE, tenant, target, Max(permit->held_tokens, 0), taken_at(permit));
}
