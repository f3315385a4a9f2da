/*
 * min_hold.h
 *	  What an amount that nobody stated holds.
 */
#ifndef AGENTCORE_BUDGET_MIN_HOLD_H
#define AGENTCORE_BUDGET_MIN_HOLD_H

#include "budget/budget_path.h"

/* Makes an unknown amount the largest minimum of the path's budgets, where one has any. */
extern void min_hold_ask(const BudgetPath *path, int64 asked[BUDGET_NDIMS]);

/* the same, and tells once per session that a budget of money cannot know what is asked of it */
extern void min_hold_take(const BudgetPath *path, int64 asked[BUDGET_NDIMS]);

#endif							/* AGENTCORE_BUDGET_MIN_HOLD_H */
