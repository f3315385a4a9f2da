/*
 * overrun.h
 *	  What was spent beyond a hold: how much of it is charged.
 */
#ifndef AGENTCORE_BUDGET_OVERRUN_H
#define AGENTCORE_BUDGET_OVERRUN_H

#include "budget/budget_path.h"

/*
 * Takes out of what a permit is about to be charged what overrun and max_overrun
 * leave unbilled, and writes that to the ledger.  The caller of the SQL function
 * (GetUserId()) decides whether max_overrun applies.
 */
extern void overrun_leave_unbilled(const BudgetPath *path, const Permit *permit, int64 amount[BUDGET_NUSED]);

#endif							/* AGENTCORE_BUDGET_OVERRUN_H */
