/*
 * overrun.h
 *	  What was spent beyond a hold: how much of it is charged.
 */
#ifndef AGENTCORE_BUDGET_OVERRUN_H
#define AGENTCORE_BUDGET_OVERRUN_H

#include "budget/budget_path.h"

/*
 * Takes out of what a permit is about to be charged what overrun and max_overrun
 * leave unbilled; true: max_overrun took some of it.  The caller of the SQL function
 * (GetUserId()) decides whether max_overrun applies.
 */
extern bool overrun_cut(const BudgetPath *path, const Permit *permit, int64 amount[BUDGET_NUSED],
						int64 over[BUDGET_NUSED]);

/* the same; bounded: max_overrun applies */
extern bool overrun_cut_as(const BudgetPath *path, const Permit *permit, bool bounded, int64 amount[BUDGET_NUSED],
						   int64 over[BUDGET_NUSED]);

/* After path_enter(): writes what was left out to the ledger, and tells it with a WARNING. */
extern void overrun_leave_unbilled(const BudgetPath *path, const Permit *permit, const int64 over[BUDGET_NUSED],
								   bool told);

#endif							/* AGENTCORE_BUDGET_OVERRUN_H */
