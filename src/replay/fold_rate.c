/*
 * fold_rate.c
 *	  Rates of targets: what the calls that run in the replay take of them.
 *
 * The meters are those of the room retry, by the replayed limits, and are empty when the
 * replay begins.  Where a call failed and no tokens are recorded, the estimate stands.
 *
 * Memory: fold_context().  Locks: those of reading.  On ERROR: the replay ends.
 */
#include "replay/fold_stage.h"
#include "replay/folds.h"

#include "replay/fold_targets.h"

typedef struct RateFold
{
	char	   *tenant;
	FoldTargets targets;
	FoldCall   *call;			/* that is judged */
} RateFold;

/* What a call took. */
typedef struct RateTaken
{
	FoldTarget *target;
	TimestampTz at;
	int64		held;			/* tokens that its permit holds */
	bool		open;
} RateTaken;

static void *
init(const FoldStart *start)
{
	RateFold   *fold = palloc0(sizeof(RateFold));

	fold->tenant = pstrdup(start->tenant);
	fold_targets_init(&fold->targets);
	return fold;
}

static void
ask(void *arg, const char *target, int64 tokens, RateDecision *out)
{
	static const Meter unused;
	RateFold   *fold = arg;
	FoldTarget *known = fold_target_find(&fold->targets, target);
	MeterAnswer answer = {0};
	MeterLimit	limit;

	if (rate_target_limit(fold->tenant, target, &limit))
		meter_ask(known != NULL ? &known->meter : &unused, &limit, agc_now(), tokens, &answer);
	if (known == NULL && fold_targets_full(&fold->targets))
		fold_unknown(fold->call, "there are more targets than a replay keeps");
	rate_decide(out, &answer);
}

static void
judge(void *state, FoldCall *call)
{
	RateFold   *fold = state;
	GateState	mine = {.rate = ask, .arg = fold};

	fold->call = call;
	fold_judge_stage(call, "rate", &mine);
}

/* what its permit holds */
static int64
held_tokens(const Gate *gate)
{
	return Max(gate->budget != NULL ? gate->hold_tokens : gate->est_tokens, 0);
}

static RateTaken *
new_note(FoldTarget *target, const Gate *gate)
{
	RateTaken  *taken = MemoryContextAlloc(fold_context(), sizeof(RateTaken));

	*taken = (RateTaken){target, agc_now(), held_tokens(gate), true};
	return taken;
}

static void
begun(void *state, FoldCall *call, void **note)
{
	RateFold   *fold = state;
	const char *name = gate_target(call->gate);
	FoldTarget *target;
	MeterAnswer answer;
	MeterLimit	limit;
	int64		tokens = target_tokens(call->gate);

	if (name == NULL || !rate_target_limit(fold->tenant, name, &limit) ||
		(target = fold_target_make(&fold->targets, name)) == NULL)
		return;
	meter_ask(&target->meter, &limit, agc_now(), tokens, &answer);
	/* in audit mode: it runs, and takes nothing */
	if (answer.wait > 0 || answer.never)
		return;
	meter_pass(&target->meter, &limit, agc_now(), tokens);
	if (*note == NULL)
		*note = new_note(target, call->gate);
	((RateTaken *) *note)->open = true;
}

/* Nobody says that a failed call used nothing; it is said of one that was not told. */
static void
correct(const RateFold *fold, const RateTaken *taken, const FoldEnd *end)
{
	bool		committed = end->outcome == FOLD_COMMITTED || end->outcome == FOLD_LATE;
	MeterLimit	limit;

	if (end->tokens > taken->held && rate_target_limit(fold->tenant, taken->target->name, &limit) && limit.tokens > 0)
		meter_add_tokens(&taken->target->meter, &limit, end->at, end->tokens - taken->held);
	else if (end->tokens >= 0 && end->tokens < taken->held && taken->open && (committed || end->tokens > 0))
		meter_take_off(&taken->target->meter, end->at, taken->at, 0, taken->held - end->tokens);
}

static void
settled(void *state, const FoldEnd *end, void **note)
{
	RateTaken  *taken = *note;

	if (taken == NULL)
		return;
	if (end->outcome == FOLD_RELEASED && taken->open)
		meter_take_off(&taken->target->meter, end->at, taken->at, 1, taken->held);
	else if (end->outcome != FOLD_EXPIRED)
		correct(state, taken, end);
	taken->open = false;
}

const Fold	fold_of_rates = {"rate", init, judge, begun, settled};
