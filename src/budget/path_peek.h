/*
 * path_peek.h
 *	  The counters of a path, read without a lock.
 */
#ifndef AGENTCORE_BUDGET_PATH_PEEK_H
#define AGENTCORE_BUDGET_PATH_PEEK_H

#include "budget/budget_path.h"

/*
 * Reads the counters without a lock.  Of a divided budget it reads the home slot,
 * if that has room for what is asked, else all slots.
 */
extern void path_peek(BudgetPath *path, const int64 *asked);

/* ----- of one link; path_lock.c and path_admit.c use these too ----- */

/* every counter, whatever was read before */
extern void path_peek_all(const char *tenant, PathLink *link);

/* the slot that this session tries first */
extern int	path_home_slot(const PathLink *link);

/* whether the request fits the slot's own share, at the time that the slot has come to */
extern bool path_slot_admits(const PathLink *link, Counter *slot, const int64 asked[BUDGET_NDIMS]);

/* whether all counters that are set follow the windows of the definition */
extern bool path_follows_definition(const PathLink *link);

extern void path_roll_link(PathLink *link, TimestampTz at);

/* the time of the operation: now, but not before the time in any counter; rolls all to it */
extern void path_set_time(BudgetPath *path);

#endif							/* AGENTCORE_BUDGET_PATH_PEEK_H */
