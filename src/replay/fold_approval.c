/*
 * fold_approval.c
 *	  Approvals in a replay: what people said then, they said.
 *
 * A call that was approved, or whose request was refused or left open, has the same word
 * where it has to be asked for again.  Nobody was asked about the others, so they wait.
 *
 * Memory: a note per open call that was approved.  Locks: none.  On ERROR: nothing to
 * undo.
 */
#include "replay/folds.h"

static void *
approvals_init(const FoldStart *start)
{
	return NULL;
}

static bool
is_asked(const Gate *gate)
{
	return gate->tool != NULL && (gate->tool->needs_approval || gate->nasks > 0);
}

/* A later attempt of a call goes on with the approval of the first. */
static bool
was_approved(const FoldCall *call)
{
	return call->record->has_approval || call->goes_on;
}

static void
approvals_judge(void *state, FoldCall *call)
{
	Gate	   *gate = call->gate;
	FoldThen	then = fold_then(call, "approval");

	if (!is_asked(gate) && !(call->as_recorded && then == FOLD_SAID))
		return;
	if (then == FOLD_SAID)
		fold_as_recorded(call, false);
	else if (fold_ran(call) && was_approved(call))
		gate->has_approval = true;
	else
	{
		gate->rule = gate->nasks > 0 ? gate->asks[0].rule : 0;
		refuse_unasked(gate);
	}
}

const Fold	fold_of_approvals = {
	"approval", approvals_init, approvals_judge
};
