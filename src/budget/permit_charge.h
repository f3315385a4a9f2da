/*
 * permit_charge.h
 *	  What a permit's charge does to its budgets and to the ledger.
 */
#ifndef AGENTCORE_BUDGET_PERMIT_CHARGE_H
#define AGENTCORE_BUDGET_PERMIT_CHARGE_H

#include "budget/budget_path.h"

/*
 * Locks the counters of the permit's path for a charge of so much more; false:
 * contention.  gives_back: the permit's hold is given back with it.
 */
extern bool permit_lock_to_charge(BudgetPath *path, const char *tenant, const Permit *permit,
								  const int64 final[BUDGET_NUSED], bool gives_back);

/* Under those locks: charges every budget of the permit, with a row of the ledger, and tells thresholds. */
extern void permit_charge_path(BudgetPath *path, const Permit *permit, const char *event,
							   const int64 amount[BUDGET_NUSED]);

/* Under those locks: what the permit holds is free again, and waiters hear of it at COMMIT. */
extern void permit_give_hold_back(BudgetPath *path, const Permit *permit);

/* Writes the counters after a charge. */
extern void permit_write_charged(BudgetPath *path);

#endif							/* AGENTCORE_BUDGET_PERMIT_CHARGE_H */
