/*
 * fold_budget.c
 *	  Budgets: what they had when the replay begins, and what the calls that run in it
 *	  hold and charge.
 *
 * Windows, hierarchy, overruns, overflows and templates are those of the room budget
 * (budget/trial.c), by the replayed definitions.  A call that runs in the replay and was not made
 * then is charged its estimate at once.
 *
 * What a person decided about a full budget is known of calls that ran with an
 * approval: they pass.  Another that would ask a person waits for one.
 *
 * Memory: the trial and its holds in fold_context().  Locks: those of reading.  On
 * ERROR: the replay ends.
 */
#include "replay/fold_stage.h"
#include "replay/folds.h"

typedef struct BudgetFold
{
	BudgetTrial *trial;
	FoldCall   *call;			/* that is judged */
	PermitDecision asks;		/* of it: the budgets that have a person asked */
	bool		has_asks;
} BudgetFold;

static void *
init(const FoldStart *start)
{
	BudgetFold *fold = palloc0(sizeof(BudgetFold));

	fold->trial = budget_trial_new(start->tenant, start->since);
	return fold;
}

/* Budgets that a call named, and that the replayed configuration has not, pay nothing. */
static void
leave_out_missing(FoldCall *call, PermitRequest *request)
{
	int			kept = 0;

	for (int i = 0; i < request->nalso; i++)
		if (budget_exists(request->tenant, request->also[i]))
			request->also[kept++] = request->also[i];
		else
			fold_unknown(call, psprintf("budget %s, which it named, does not exist", agc_quoted_name(request->also[i])));
	request->nalso = kept;
}

/* Whether a person let the recorded call pass: nobody knows what about. */
static bool
was_approved(const FoldCall *call)
{
	return call->record->has_approval && call->record->verdict == VERDICT_RUN;
}

static bool
admits(void *arg, const PermitRequest *asked, PermitDecision *out)
{
	BudgetFold *fold = arg;
	PermitRequest request = *asked;

	leave_out_missing(fold->call, &request);
	if (budget_trial_admits(fold->trial, &request, agc_now(), out))
		return true;
	if (!budget_trial_is_whole(fold->trial))
		fold_unknown(fold->call, "there are more budgets than a replay keeps");
	fold->has_asks = out->asks && !was_approved(fold->call);
	if (fold->has_asks)
		fold->asks = *out;
	return out->asks;
}

static void
judge(void *state, FoldCall *call)
{
	BudgetFold *fold = state;
	GateState	mine = {.admits = admits, .arg = fold};

	fold->call = call;
	fold->has_asks = false;
	if (call->record->has_call_id)
		budget_trial_begins(fold->trial, &call->record->call_id, agc_now());
	fold_judge_stage(call, "budget", &mine);
	if (fold->has_asks)
		gate_wait(call->gate, REASON_APPROVAL_REQUIRED, fold->asks.detail, -1);
	if (fold->has_asks && call->gate->denied_by == NULL)
	{
		call->gate->denied_by = fold->asks.denied_by;
		call->gate->denied = fold->asks.denied;
	}
}

/* Those that are full and ask let an approved call pass. */
static void
excuse(BudgetFold *fold, PermitRequest *request)
{
	PermitDecision decision;
	ListCell   *cell;

	if (budget_trial_admits(fold->trial, request, agc_now(), &decision) || !decision.asks)
		return;
	request->excused = palloc(list_length(decision.full) * sizeof(char *));
	foreach(cell, decision.full)
		request->excused[request->nexcused++] = ((BudgetFull *) lfirst(cell))->budget;
}

static void
begun(void *state, FoldCall *call, void **note)
{
	BudgetFold *fold = state;
	Gate	   *gate = call->gate;
	PermitRequest request;

	/* the next attempt of a call has what the first took */
	if (gate->budget == NULL || *note != NULL || !budget_exists(gate->tenant, gate->budget))
		return;
	gate_fill_request(gate, &request);
	leave_out_missing(call, &request);
	if (was_approved(call))
		excuse(fold, &request);
	/* NULL in audit mode only: nobody pays for it */
	*note = budget_trial_hold(fold->trial, &request, agc_now());
}

/* What call_fail() is not told is nothing; what call_commit() is not told is the hold. */
static int64
charged(int64 amount, bool failed)
{
	return amount < 0 && failed ? 0 : amount;
}

static void
settled(void *state, const FoldEnd *end, void **note)
{
	static const TrialEnd ends[] = {
		[FOLD_COMMITTED] = TRIAL_COMMIT, [FOLD_FAILED] = TRIAL_FAIL, [FOLD_RETRIES] = TRIAL_RETRY,
		[FOLD_DEFERRED] = TRIAL_FAIL, [FOLD_UNKNOWN] = TRIAL_FAIL, [FOLD_RELEASED] = TRIAL_RELEASE,
		[FOLD_EXPIRED] = TRIAL_EXPIRE, [FOLD_LATE] = TRIAL_COMMIT
	};
	bool		failed = end->outcome == FOLD_FAILED || end->outcome == FOLD_RETRIES || end->outcome == FOLD_DEFERRED;
	BudgetFold *fold = state;

	if (*note != NULL)
		budget_trial_settle(fold->trial, *note, ends[end->outcome], charged(end->tokens, failed),
							charged(end->nanousd, failed), end->at);
}

const Fold	fold_of_budgets = {"budget", init, judge, begun, settled};
