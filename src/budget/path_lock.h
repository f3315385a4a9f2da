/*
 * path_lock.h
 *	  The counters of a path, locked in order.
 */
#ifndef AGENTCORE_BUDGET_PATH_LOCK_H
#define AGENTCORE_BUDGET_PATH_LOCK_H

#include "budget/budget_path.h"

/*
 * Locks the counters and rolls them to now; false: contention, to be reported as
 * such.  With something asked, it locks one slot of a divided budget that has
 * room, or all slots if none has.  With nothing asked it locks the slots that
 * permits are in.
 */
extern bool path_lock(BudgetPath *path, const int64 *asked);

/* Gives back the locks of counters that this transaction has not written. */
extern void path_unlock(BudgetPath *path);

#endif							/* AGENTCORE_BUDGET_PATH_LOCK_H */
