/*
 * define_counters.h
 *	  The counters of a budget, after its definition was changed.
 */
#ifndef AGENTCORE_BUDGET_DEFINE_COUNTERS_H
#define AGENTCORE_BUDGET_DEFINE_COUNTERS_H

#include "budget/definition.h"
#include "budget/window.h"

/* Call these between agc_owner_begin() and agc_owner_end(). */

/*
 * Every counter that the budget has, and every one that so many slots would have,
 * locked; *n: how many there are.  55P03 on contention.
 */
extern Counter *define_counters_lock(const char *tenant, const char *name, int slots, int *n);

/* The counters follow the definition as it is now; "old" is how it was, or NULL. */
extern void define_counters_sync(const char *tenant, const char *name, const BudgetDef *old);

/* what window w has used and its buckets, from the ledger */
extern void define_counters_recount(const char *tenant, const char *name, const BudgetDef *def,
									Counter *counter, int w);

#endif							/* AGENTCORE_BUDGET_DEFINE_COUNTERS_H */
