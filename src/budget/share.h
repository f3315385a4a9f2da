/*
 * share.h
 *	  The limits of a budget, split over its slots: plain arithmetic.
 *
 * Each slot of a budget has a counter row and a share of every limit.  The shares of
 * a limit always add up to it.  So a slot can admit by itself what fits into its
 * share.  A session that has locked all slots may move room between them.
 */
#ifndef AGENTCORE_BUDGET_SHARE_H
#define AGENTCORE_BUDGET_SHARE_H

#include "budget/window.h"

/* The limits of *def become those of one slot. */
extern void share_limits(const Counter *slot, BudgetDef *def);

/* All slots as one counter; a slot that has not come to the latest window has used nothing of it. */
extern void share_sum(const Counter *slots, int n, Counter *sum);

/*
 * Gives every slot a new share: what it has used and holds, and a part of the room
 * that is left.  "target" gets what is asked for; the rest is divided evenly.  If
 * more is taken than a limit allows (the limit was lowered, or a charge passed its
 * hold), the slots are strained: what one of them gives back is no room yet.  Only
 * all of them together can then admit, until a split fits the limits again.
 */
extern void share_split(Counter *slots, int n, const BudgetDef *def, int target,
						const int64 asked[BUDGET_NDIMS]);

#endif							/* AGENTCORE_BUDGET_SHARE_H */
