/*
 * path_ask.c
 *	  What a request asks of its path, and how it goes on where that refuses.
 *
 * Memory: the caller's context.  Locks: those of reading.  On ERROR: nothing to undo.
 */
#include "budget/path_ask.h"

#include "budget/min_hold.h"
#include "budget/path_union.h"

#include "common/pg_prng.h"

/* over how long those come that wait for one reset; and a tenth of their wait */
#define WAIT_SPREAD		(USECS_PER_SEC / 4)

void
path_ask(const PermitRequest *request, int64 asked[BUDGET_NDIMS])
{
	asked[DIM_TOKENS] = request->tokens;
	asked[DIM_NANOUSD] = request->nanousd;
	asked[DIM_CALLS] = request->calls;
	asked[DIM_IN_FLIGHT] = 1;
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		if (asked[dim] < (dim == DIM_CALLS ? 0 : NO_AMOUNT))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("amounts must not be negative")));
}

bool
path_goes_on(BudgetPath *path, int64 asked[BUDGET_NDIMS], const PermitDecision *refusal, PermitDecision *soonest)
{
	soonest->can_ever_fit = soonest->can_ever_fit || refusal->can_ever_fit;
	if (soonest->retry_after < 0 || (refusal->retry_after >= 0 && refusal->retry_after < soonest->retry_after))
		soonest->retry_after = refusal->retry_after;
	if (!path_overflow(path, refusal))
		return false;
	path_ask(path->request, asked);
	min_hold_ask(path, asked);
	return true;
}

/* Those that are to wait for a reset come after it, and not all at once. */
void
path_refused(PermitDecision *out, const PermitDecision *soonest)
{
	if (strcmp(out->reason, REASON_BUDGET_EXCEEDED) != 0)
		return;
	out->can_ever_fit = soonest->can_ever_fit;
	out->retry_after = soonest->retry_after;
	if (out->on_full == ON_FULL_WAIT)
		out->retry_after += (int64) pg_prng_uint64_range(&pg_global_prng_state, 0, WAIT_SPREAD + out->retry_after / 10);
}
