/*
 * budget_path.h
 *	  A budget with its parents: definitions, counters, and the order of locks.
 */
#ifndef AGENTCORE_BUDGET_PATH_H
#define AGENTCORE_BUDGET_PATH_H

#include "budget/rows.h"

typedef struct PathLink
{
	char	   *name;
	int			depth;			/* 0: the root */
	bool		defined;		/* def is set */
	BudgetDef	def;
	uint64		want;			/* a bit a slot that permits are in; 0: whichever fits */
	int			target;			/* the slot that a new hold goes to */
	bool		whole;			/* the counters that are set are all there are */
	bool		created;		/* one of them has just been made */
	int			n;				/* counters that are set, in order of slots; 0: none */
	Counter    *counter;
} PathLink;

/* Links in lock order: the deepest first, those of one depth by name. */
typedef struct BudgetPath
{
	const char *tenant;
	bool		resolved;		/* one budget and its parents as now defined */
	uint64		generation;		/* at which the definitions were read */
	TimestampTz at;				/* the time to act at; set with the counters */
	int			n;
	PathLink   *link;
} BudgetPath;

#define MAIN_LIMIT	"main"

/* false when there is no such budget */
extern bool definition_read(const char *tenant, const char *budget, BudgetDef *out);

/* 42704 unless the budget and all its parents exist; NULL budget: no links */
extern void path_resolve(BudgetPath *path, const char *tenant, const char *budget);

/* of the budgets that carry the holds of some permits */
extern void path_of_permits(BudgetPath *path, const char *tenant, const Permit *permits, int n);

/*
 * Reads the counters without a lock: of a divided budget the home slot, when
 * that has room for what is asked, else all.
 */
extern void path_peek(BudgetPath *path, const int64 *asked);

/*
 * Locks and rolls the counters; false: contention, to be reported as such.
 * With something asked, of a divided budget one slot with room for it or, when
 * there is none, all; else those that permits are in.
 */
extern bool path_lock(BudgetPath *path, const int64 *asked);

/* before path_lock(): a charge will pass its hold, so the slots must be split anew */
extern void path_want_all(BudgetPath *path);

/* Splits what is locked in all its slots anew. */
extern void path_split(BudgetPath *path, const int64 asked[BUDGET_NDIMS]);
extern void path_write(BudgetPath *path);

/* Gives back the locks of counters that this transaction has not written. */
extern void path_unlock(BudgetPath *path);

extern PathLink *path_find(BudgetPath *path, const char *budget);

/* The counter that carries the permit's hold in its budget of that level; NULL: none is left. */
extern Counter *path_counter(BudgetPath *path, const Permit *permit, int level);

/* Takes the hold in every budget of the path; the permit remembers in which slots. */
extern void path_hold(BudgetPath *path, Permit *permit, const int64 amount[BUDGET_NDIMS]);

/* A budget with more than one slot is in it. */
extern bool path_is_divided(const BudgetPath *path);

/* true, or the decision says who refuses and why (strings in cxt) */
extern bool path_admits(const BudgetPath *path, const int64 asked[BUDGET_NDIMS],
						PermitDecision *out, MemoryContext cxt);

/* What is left on the whole path, into the decision. */
extern void path_remaining(const BudgetPath *path, PermitDecision *out);

/* of the main window where it has no name of its own */
extern const char *definition_limit_name(const BudgetLimit *limit);

/* the events of thresholds that the last charge has reached; threshold.c */
extern void threshold_tell(BudgetPath *path, const Permit *permit);

/*
 * Takes out of what a permit is about to be charged what it is not charged for
 * by overrun and max_overrun, and writes that to the ledger; overrun.c.  The
 * caller of the SQL function is judged.
 */
extern void overrun_leave_unbilled(const BudgetPath *path, const Permit *permit, int64 amount[BUDGET_NUSED]);

/* Whether this transaction already holds a row or key that others wait for. */
extern bool path_locks_held(void);
extern void path_note_lock(void);
extern void path_init(void);

#endif							/* AGENTCORE_BUDGET_PATH_H */
