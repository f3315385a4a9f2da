/*
 * budget_path.h
 *	  A budget with its parents, and the counters that were read of them.
 */
#ifndef AGENTCORE_BUDGET_PATH_H
#define AGENTCORE_BUDGET_PATH_H

#include "budget/definition.h"
#include "budget/rows.h"

typedef struct PathLink
{
	char	   *name;
	int			depth;			/* 0: the root */
	bool		defined;		/* def is set */
	BudgetDef	def;
	uint64		want;			/* one bit per slot that permits are in; 0: whichever has room */
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

/* 42704 unless the budget and all its parents exist; NULL budget: no links */
extern void path_resolve(BudgetPath *path, const char *tenant, const char *budget);

/* of the budgets that carry the holds of some permits */
extern void path_of_permits(BudgetPath *path, const char *tenant, const Permit *permits, int n);

extern PathLink *path_find(BudgetPath *path, const char *budget);

/* whether one of its budgets has several slots */
extern bool path_is_divided(const BudgetPath *path);

/* before path_lock(): a charge will pass its hold, so the shares of all slots must be split again */
extern void path_want_all(BudgetPath *path);

/* The counter that carries the permit's hold in its budget of that level; NULL: there is none any more. */
extern Counter *path_counter(BudgetPath *path, const Permit *permit, int level);

/* Takes the hold in every budget of the path; the permit remembers in which slots. */
extern void path_hold(BudgetPath *path, Permit *permit, const int64 amount[BUDGET_NDIMS]);

/* Splits the shares of every budget that is locked in all its slots. */
extern void path_split(BudgetPath *path, const int64 asked[BUDGET_NDIMS]);

/* Writes the counters that were locked. */
extern void path_write(BudgetPath *path);

/* a set of slots as a bit each */
static inline uint64
path_slot_bit(int slot)
{
	return UINT64CONST(1) << slot;
}

static inline uint64
path_all_slots(const PathLink *link)
{
	return path_slot_bit(link->def.slots - 1) | (path_slot_bit(link->def.slots - 1) - 1);
}

static inline bool
path_link_is_divided(const PathLink *link)
{
	return link->def.slots > 1;
}

#endif							/* AGENTCORE_BUDGET_PATH_H */
