/*
 * define.h
 *	  What the changes of budgets and of their limits have in common.
 */
#ifndef AGENTCORE_BUDGET_DEFINE_H
#define AGENTCORE_BUDGET_DEFINE_H

#include "budget/chain.h"

/* all of these but window_of_args() between agc_owner_begin() and agc_owner_end() */

/* Until COMMIT nobody else changes a budget of the tenant. */
extern void lock_definitions(const char *tenant);

/* of a setter: lock_definitions() */
extern void before_definition(AgcSetting *set);

/*
 * The window that the arguments period (at n), kind, tz and anchor of a setter
 * say.  Where only the period is another, the kind stays if it suits it.
 */
extern void window_of_args(FunctionCallInfo fcinfo, AgcSetting *set, int n, Window *window);

/* The counters follow the definition as it is now; "old" is how it was, or NULL. */
extern void sync_counter(const char *tenant, const char *name, const BudgetDef *old);

/* used[] and buckets of window w, from the ledger */
extern void recount_window(const char *tenant, const char *name, const BudgetDef *def,
						   Counter *counter, int w);

/* 22023 when something was defined that more than one slot cannot have */
extern void check_one_slot(const char *tenant, const char *name);

#endif							/* AGENTCORE_BUDGET_DEFINE_H */
