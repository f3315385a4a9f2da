/*
 * permit_charge.h
 *	  What a permit's charge does to its budgets and to the ledger.
 */
#ifndef AGENTCORE_BUDGET_PERMIT_CHARGE_H
#define AGENTCORE_BUDGET_PERMIT_CHARGE_H

#include "budget/path_lock.h"

/* In a PathPlan: charges every budget of the permit. */
extern void permit_plan_charge(BudgetPath *path, const Permit *permit, const int64 amount[BUDGET_NUSED]);

/* In a PathPlan: what the permit holds is free again. */
extern void permit_plan_give_back(BudgetPath *path, const Permit *permit);

/* After path_enter(): the rows of the ledger for what was planned. */
extern void permit_enter_charge(BudgetPath *path, const Permit *permit, const char *event,
								const int64 amount[BUDGET_NUSED]);

#endif							/* AGENTCORE_BUDGET_PERMIT_CHARGE_H */
