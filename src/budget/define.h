/*
 * define.h
 *	  What the changes of budgets and of their limits have in common.
 */
#ifndef AGENTCORE_BUDGET_DEFINE_H
#define AGENTCORE_BUDGET_DEFINE_H

#include "budget/budget_path.h"

/* all of these but define_window_of_args() between agc_owner_begin() and agc_owner_end() */

/* Until COMMIT nobody else changes a budget of the tenant. */
extern void define_lock(const char *tenant);

/* of a setter: define_lock() */
extern void define_before(AgcSetting *set);

/*
 * The window that the arguments period (at n), kind, tz and anchor of a setter
 * say.  Where only the period is another, the kind stays if it suits it.
 */
extern void define_window_of_args(FunctionCallInfo fcinfo, AgcSetting *set, int n, Window *window);

/* The counters follow the definition as it is now; "old" is how it was, or NULL. */
extern void define_sync_counters(const char *tenant, const char *name, const BudgetDef *old);

/* used[] and buckets of window w, from the ledger */
extern void define_recount(const char *tenant, const char *name, const BudgetDef *def,
						   Counter *counter, int w);

/* 22023 when something was defined that more than one slot cannot have */
extern void define_check_slots(const char *tenant, const char *name);

#endif							/* AGENTCORE_BUDGET_DEFINE_H */
