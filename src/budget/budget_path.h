/*
 * budget_path.h
 *	  A budget with its parents, and the counters that were read of them.
 */
#ifndef AGENTCORE_BUDGET_PATH_H
#define AGENTCORE_BUDGET_PATH_H

#include "budget/definition.h"
#include "budget/escrow.h"
#include "budget/rows.h"

typedef struct PathLink
{
	char	   *name;
	int			depth;			/* 0: the root */
	bool		defined;		/* def is set */
	BudgetDef	def;
	const struct BudgetTemplate *unmade;	/* the template whose definition it has, until its first use; NULL: its own */
	bool		excused;		/* a person lets the request pass its limits */
	bool		passed;			/* which it did, since it does not fit */
	const PermitLimit *limit;	/* it is no budget but what counts the request for a limit; NULL: it is one */
	int64		limit_asked[BUDGET_NDIMS];	/* then: what the request is for it */
	const char *instead_of;		/* the full budget that an overflow brought it for; NULL: it is asked anyway */
	bool		found;			/* sum is set */
	Counter		sum;			/* what is committed and what this transaction did, by the path's time */
	bool		own;			/* what it did through an entry is in it as well */
	CounterChange change;		/* what path_write() will do to it */

	/* path_peek.c's and path_lock.c's */
	bool		keyed;			/* lock and key are set */
	BudgetLock	lock;
	EscrowKey	key;
	EscrowRef	ref;			/* the entry through which it is used; none: under the exclusive lock */
	bool		exact;			/* to be decided under the exclusive lock */
	bool		waited;			/* for it; then others want it too */
	bool		telling;		/* it is to be alone for a threshold only */
	bool		tells_upper;	/* which is told by the upper sum then: the lock could not be had */
	LOCKMODE	mode;			/* of the lock that this operation has taken; NoLock: none */
	TimestampTz start[BUDGET_MAX_WINDOWS];	/* of its windows, by the path's time */
	int			row;			/* that it writes, where there is an entry */
	bool		row_is_new;		/* this transaction had not written it */
	RowPlace	place;			/* of that row, as far as it is known */
	int			nrows;			/* read under the exclusive lock */
	Counter    *rows;
	int			warned[BUDGET_MAX_WINDOWS]; /* highest thresholds told before */
} PathLink;

/* Links in lock order: the deepest first, those of one depth by name. */
typedef struct BudgetPath
{
	const char *tenant;
	bool		resolved;		/* budgets and their parents as now defined */
	const PermitRequest *request;	/* whose budgets it is of; NULL: of the first link and all above */
	int			nfull;			/* of these, so many are full and have gone */
	char	  **full;
	char	  **paid_by;		/* the overflow of each */
	uint64		generation;		/* at which the definitions were read */
	TimestampTz at;				/* the time to act at; set with the counters */
	int			n;
	PathLink   *link;
} BudgetPath;

/* 42704 unless the budget, or a template of its name, and all its parents exist; NULL budget: no links */
extern void path_resolve(BudgetPath *path, const char *tenant, const char *budget);

/* the same into a path that has links; those that it has are not added again */
extern void path_add_chain(BudgetPath *path, const char *budget);

/* by the definitions of now; NULL: it is a root, or not defined (any more) */
extern const char *path_parent(const BudgetPath *path, const char *budget);

/* into lock order */
extern void path_sort(BudgetPath *path);

/* of the budgets that carry the holds of some permits */
extern void path_of_permits(BudgetPath *path, const char *tenant, const Permit *permits, int n);

/* what counts the request for its limits, after all budgets */
extern void path_add_limits(BudgetPath *path, const PermitRequest *request);

/* what a request for so much is for the link; NULL for NULL */
extern const int64 *path_asked(const PathLink *link, const int64 *asked);

extern PathLink *path_find(BudgetPath *path, const char *budget);

/* The counter that carries the permit's hold in its budget of that level; NULL: there is none any more. */
extern PathLink *path_link_of(BudgetPath *path, const Permit *permit, int level);

#endif							/* AGENTCORE_BUDGET_PATH_H */
