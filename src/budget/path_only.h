/*
 * path_only.h
 *	  Budgets that count the calls of some models and tools only.
 */
#ifndef AGENTCORE_BUDGET_PATH_ONLY_H
#define AGENTCORE_BUDGET_PATH_ONLY_H

#include "budget/budget_path.h"

/* whether calls like this count for the budget */
extern bool path_counts(const BudgetDef *def, const PermitRequest *request);

/* the links that the request does not count for go */
extern void path_leave_out(BudgetPath *path, const PermitRequest *request);

/* the links that do not count each call of the models and tools of this list (NULL: of all) go */
extern void path_leave_out_partial(BudgetPath *path, const ArrayType *only);

#endif							/* AGENTCORE_BUDGET_PATH_ONLY_H */
