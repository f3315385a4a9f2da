/*
 * path_peek.h
 *	  The counters of a path, read without a lock.
 */
#ifndef AGENTCORE_BUDGET_PATH_PEEK_H
#define AGENTCORE_BUDGET_PATH_PEEK_H

#include "budget/budget_path.h"

/* Every counter that is not read yet, then the time, and all rolled to it. */
extern void path_peek(BudgetPath *path);

/* Whether an entry of one of its budgets refuses it; nothing is read. */
extern bool path_is_refused_by_entries(BudgetPath *path, const int64 asked[BUDGET_NDIMS]);

/* ----- of one link; path_lock.c uses these too ----- */

/* its lock and key */
extern void path_key(const BudgetPath *path, PathLink *link);

/* by its entry; false: it has none */
extern bool path_find_entry(PathLink *link);

/* the sum of its rows by a snapshot (NULL: the latest); the first counter that it ever has where there are none */
extern void path_read_rows(const BudgetPath *path, PathLink *link, Snapshot snapshot);

/*
 * The time of the operation: now, but in no window that has ended for one of the
 * counters.  Rolls them all to it.
 */
extern void path_set_time(BudgetPath *path);

#endif							/* AGENTCORE_BUDGET_PATH_PEEK_H */
