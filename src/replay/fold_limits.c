/*
 * fold_limits.c
 *	  Limits of policies: how often calls run in the replay, and for how much in all.
 *
 * They are counted as budgets are (budget/trial.c), from nothing on: no ledger has them.  A
 * limit whose most comes from a row of the business is unknown, since the row is that of now.
 *
 * Memory: fold_context().  Locks: those of reading.  On ERROR: the replay ends.
 */
#include "replay/fold_stage.h"
#include "replay/folds.h"

typedef struct LimitsFold
{
	BudgetTrial *trial;
	FoldCall   *call;			/* that is judged */
} LimitsFold;

static void *
init(const FoldStart *start)
{
	LimitsFold *fold = palloc0(sizeof(LimitsFold));

	fold->trial = budget_trial_new(start->tenant, start->since);
	return fold;
}

static bool
admits(void *arg, const PermitRequest *request, PermitDecision *out)
{
	LimitsFold *fold = arg;
	bool		room = budget_trial_admits(fold->trial, request, agc_now(), out);

	if (!budget_trial_is_whole(fold->trial))
		fold_unknown(fold->call, "limits count in more places than a replay keeps");
	return room;
}

/* A limit that could not count the call for want of arguments would have, with them. */
static void
note_unknown(FoldCall *call)
{
	const CallLimits *limits = &call->gate->limits;

	for (int i = 0; i < limits->n; i++)
		if (!limits->limit[i].max_is_told)
			fold_unknown(call, psprintf("limit %s takes its maximum from rows of now", limits->limit[i].name));
		else if (!call->has_args && limits->count[i].counter == NULL)
			fold_unknown(call, psprintf("limit %s counts by arguments, which were not recorded", limits->limit[i].name));
}

static void
judge(void *state, FoldCall *call)
{
	LimitsFold *fold = state;
	GateState	mine = {.admits = admits, .arg = fold};

	fold->call = call;
	fold_judge_stage(call, "limits", &mine);
	note_unknown(call);
}

/* What runs is counted by each, whatever it allows. */
static void
begun(void *state, FoldCall *call, void **note)
{
	LimitsFold *fold = state;
	CallLimits *limits = &call->gate->limits;
	PermitRequest request = {
		.tenant = call->gate->tenant, .calls = 1, .tool = call->gate->tool_name, .nlimits = limits->n, .limits = limits->count
	};
	TrialHold  *hold;

	if (limits->n == 0)
		return;
	for (int i = 0; i < limits->n; i++)
		limits->count[i].excused = true;
	hold = budget_trial_hold(fold->trial, &request, agc_now());
	if (hold != NULL)
		pfree(hold);
}

const Fold	fold_of_limits = {"limits", init, judge, begun, NULL};
