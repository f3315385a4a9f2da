/*
 * fold_breaker.c
 *	  Circuit breakers and pauses of targets.
 *
 * A breaker is the one of the room retry, by the replayed settings, and is told of the ends in
 * the log; which class a failure had follows from the reason that the log keeps
 * (target_outcome()).  A call that was not made then says nothing of its target.
 *
 * How long a target asked to be left alone is not in the log.  It is known of a failure that
 * is to be tried again because of it, where it is no longer than the delay; of a call that was refused for
 * it, which says how long it lasts; and of a call that ran, which says that it is over.
 *
 * Memory: fold_context().  Locks: those of reading.  On ERROR: the replay ends.
 */
#include "replay/fold_stage.h"
#include "replay/folds.h"

#include "replay/fold_targets.h"

typedef struct BreakerFold
{
	char	   *tenant;
	FoldTargets targets;
	FoldCall   *call;			/* that is judged */
} BreakerFold;

typedef struct BreakerCall
{
	FoldTarget *target;
	TimestampTz at;				/* the attempt began */
	bool		open;
} BreakerCall;

static void *
init(const FoldStart *start)
{
	BreakerFold *fold = palloc0(sizeof(BreakerFold));

	fold->tenant = pstrdup(start->tenant);
	fold_targets_init(&fold->targets);
	return fold;
}

/* ----- before the call ---------------------------------------------------------------- */

/* whoever forced the breaker, open or closed, has the last word */
static int64
pause_left(const FoldTarget *target, const CircuitSettings *set)
{
	return target == NULL || set->forced ? 0 : Max(target->paused_until - agc_now(), 0);
}

static void
ask(void *arg, const char *name, BreakerDecision *out)
{
	static const Circuit unseen;
	BreakerFold *fold = arg;
	FoldTarget *target = fold_target_find(&fold->targets, name);
	CircuitSettings set;
	CircuitAnswer answer;

	breaker_settings(fold->tenant, name, &set);
	circuit_peek(target != NULL ? &target->circuit : &unseen, &set, agc_now(), &answer);
	breaker_decide(out, &answer, pause_left(target, &set));
	if (target == NULL && fold_targets_full(&fold->targets))
		fold_unknown(fold->call, "there are more targets than a replay keeps");
}

static bool
is_stage(const FoldRecord *record, const char *stage)
{
	return record->stage != NULL && strcmp(record->stage, stage) == 0;
}

static bool
is_reason(const char *said, const char *reason)
{
	return said != NULL && strcmp(said, reason) == 0;
}

/* What the record itself says of the pause. */
static void
hear(BreakerFold *fold, const FoldCall *call)
{
	const FoldRecord *record = call->record;
	const char *name = gate_target(call->gate);
	FoldTarget *target = name == NULL ? NULL : fold_target_make(&fold->targets, name);

	if (target == NULL)
		return;
	if (record->verdict == VERDICT_RUN && record->enforced)
		target->paused_until = Min(target->paused_until, agc_now());
	else if (is_stage(record, "breaker") && is_reason(record->reason, REASON_RATE_LIMITED) && record->retry_after > 0)
		target->paused_until = Max(target->paused_until, agc_now() + record->retry_after);
}

static void
judge(void *state, FoldCall *call)
{
	BreakerFold *fold = state;
	GateState	mine = {.breaker = ask, .arg = fold};

	fold->call = call;
	hear(fold, call);
	fold_judge_stage(call, "breaker", &mine);
}

static void
begun(void *state, FoldCall *call, void **note)
{
	BreakerFold *fold = state;
	const char *name = gate_target(call->gate);
	FoldTarget *target = name == NULL ? NULL : fold_target_make(&fold->targets, name);
	CircuitSettings set;
	CircuitAnswer answer;

	if (target == NULL)
		return;
	breaker_settings(fold->tenant, name, &set);
	if (pause_left(target, &set) == 0)
		circuit_take(&target->circuit, &set, agc_now(), &answer);
	if (*note == NULL)
		*note = MemoryContextAlloc(fold_context(), sizeof(BreakerCall));
	*(BreakerCall *) *note = (BreakerCall){target, agc_now(), true};
}

/* ----- after it ------------------------------------------------------------------------- */

static TargetOutcome
outcome_of(const FoldEnd *end)
{
	if (end->outcome == FOLD_RELEASED)
		return TARGET_SILENT;
	if (end->outcome == FOLD_COMMITTED || end->outcome == FOLD_LATE)
		return TARGET_ANSWERED;
	return target_outcome(end->reason);
}

static void
begin_pause(FoldTarget *target, const FoldEnd *end)
{
	if (end->retry_after > 0 &&
		(is_reason(end->reason, ADVICE_RETRY_AFTER) || is_reason(end->reason, ADVICE_RETRY_AFTER_TOO_LONG)))
		target->paused_until = Max(target->paused_until,
								   end->at + Min(end->retry_after, agc_max_target_pause * USECS_PER_SEC));
}

static void
settled(void *state, const FoldEnd *end, void **note)
{
	BreakerFold *fold = state;
	BreakerCall *call = *note;
	TargetOutcome outcome = outcome_of(end);
	CircuitSettings set;

	/* an attempt fails once, however often that is said; an answer is one whenever it comes */
	bool		heard = call != NULL && end->outcome != FOLD_EXPIRED && (call->open || end->outcome == FOLD_LATE);

	if (call != NULL)
		call->open = false;
	if (!heard)
		return;
	breaker_settings(fold->tenant, call->target->name, &set);
	if (outcome == TARGET_SILENT)
		circuit_give_back(&call->target->circuit, end->at, call->at);
	else
		(void) circuit_record(&call->target->circuit, &set, end->at, outcome == TARGET_ANSWERED);
	begin_pause(call->target, end);
}

const Fold	fold_of_breakers = {"breaker", init, judge, begun, settled};
