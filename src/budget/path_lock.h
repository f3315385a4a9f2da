/*
 * path_lock.h
 *	  Operations on the counters of a path: locked, judged, reserved and written.
 */
#ifndef AGENTCORE_BUDGET_PATH_LOCK_H
#define AGENTCORE_BUDGET_PATH_LOCK_H

#include "budget/budget_path.h"

typedef enum PathAnswer
{
	PATH_ENTERED,
	PATH_REFUSED,				/* a budget does not admit it: its link->sum says why */
	PATH_BUSY					/* contention, to be reported as such */
} PathAnswer;

/*
 * Sets link->change of every link, from the path's time and the counters' starts.
 * It writes nothing and may be called again, at a later time.
 */
typedef void (*PathPlan) (BudgetPath *path, void *arg);

/*
 * Locks the budgets of the path in order, and reserves what the plan says.  With
 * something asked, every budget has to admit it.  Unless PATH_ENTERED nothing stays
 * locked that was not before.  After it path_write() has to be called in the same
 * (sub)transaction, or an error raised.
 */
extern PathAnswer path_enter(BudgetPath *path, const int64 *asked, PathPlan plan, void *arg);

/* A plan: what is asked for (arg: int64[BUDGET_NDIMS]) is held by every budget; an unknown amount is nothing.  Limits use it. */
extern void path_plan_hold(BudgetPath *path, void *arg);

/* Writes the change of every link into a row of its counter. */
extern void path_write(BudgetPath *path);

/*
 * To define a budget anew, drop it or count it anew: its counter alone, to the end of
 * the transaction.  Its entry is dropped.  false: contention, where "wait" is not
 * given or agentcore.budget_lock_wait is over.  link->found: there is a counter; it
 * has only one row from then on, which path_write_alone() writes.  def: what its rows
 * follow; NULL: its definition as it is under the lock.
 */
extern bool path_take_alone(BudgetPath *path, PathLink *link, const BudgetDef *def, bool wait);
extern void path_write_alone(BudgetPath *path, PathLink *link);

#endif							/* AGENTCORE_BUDGET_PATH_LOCK_H */
