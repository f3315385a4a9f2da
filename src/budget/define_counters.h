/*
 * define_counters.h
 *	  The counters of a budget, after its definition was changed.
 */
#ifndef AGENTCORE_BUDGET_DEFINE_COUNTERS_H
#define AGENTCORE_BUDGET_DEFINE_COUNTERS_H

#include "budget/path_lock.h"

/* Call these between agc_owner_begin() and agc_owner_end(). */

/*
 * The counter of a budget, alone to the end of the transaction: path->link[0], whose sum
 * is set where it has one.  def: what its rows follow; NULL: its definition as it is now.  55P03
 * on contention.
 */
extern void define_counters_take(BudgetPath *path, const char *tenant, const char *name, const BudgetDef *def);

/* The counters follow the definition as it is now; "old" is how it was, or NULL. */
extern void define_counters_sync(const char *tenant, const char *name, const BudgetDef *old);

/* what window w has used and its buckets, from the ledger */
extern void define_counters_recount(const char *tenant, const char *name, const BudgetDef *def,
									Counter *counter, int w);

#endif							/* AGENTCORE_BUDGET_DEFINE_COUNTERS_H */
