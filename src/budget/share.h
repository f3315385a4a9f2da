/*
 * share.h
 *	  The limits of a budget, split over its slots: plain arithmetic.
 *
 * Each slot of a budget has a counter row and a share of every limit; the
 * shares of a limit add up to it, always.  So a slot can admit by itself what
 * fits into its share, and whoever holds all the slots may move room between
 * them.
 */
#ifndef AGENTCORE_BUDGET_SHARE_H
#define AGENTCORE_BUDGET_SHARE_H

#include "budget/window.h"

/* The limits of *def become those of one slot. */
extern void share_limits(const Counter *slot, BudgetDef *def);

/* All slots as one counter; one that has not come to the latest window has used nothing of it. */
extern void share_sum(const Counter *slots, int n, Counter *sum);

/*
 * Give every slot its share anew: what it has used and holds, and of the room
 * that is left "target" gets what is asked and all get even parts.  Where more
 * is taken than a limit allows (it was lowered, or a charge passed its hold) the
 * slots are strained: what one of them gives back is no room yet, and only all
 * of them together can admit, until they have been split within the limits.
 */
extern void share_split(Counter *slots, int n, const BudgetDef *def, int target,
						const int64 asked[BUDGET_NDIMS]);

#endif							/* AGENTCORE_BUDGET_SHARE_H */
