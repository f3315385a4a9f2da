/*
 * path_admit.h
 *	  Whether a path admits a request, and what the refusal says.
 */
#ifndef AGENTCORE_BUDGET_PATH_ADMIT_H
#define AGENTCORE_BUDGET_PATH_ADMIT_H

#include "budget/budget_path.h"

/* true, or the decision says who refuses and why (strings in cxt) */
extern bool path_admits(const BudgetPath *path, const int64 asked[BUDGET_NDIMS],
						PermitDecision *out, MemoryContext cxt);

/* What is left on the whole path, into the decision. */
extern void path_remaining(const BudgetPath *path, PermitDecision *out);

#endif							/* AGENTCORE_BUDGET_PATH_ADMIT_H */
