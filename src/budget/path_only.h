/*
 * path_only.h
 *	  Budgets that count the calls of some models and tools only.
 */
#ifndef AGENTCORE_BUDGET_PATH_ONLY_H
#define AGENTCORE_BUDGET_PATH_ONLY_H

#include "budget/budget_path.h"

/* the links that the request does not count for go */
extern void path_leave_out(BudgetPath *path, const PermitRequest *request);

#endif							/* AGENTCORE_BUDGET_PATH_ONLY_H */
