/*
 * chain.h
 *	  A budget with its parents: definitions, counters, and the order of locks.
 */
#ifndef AGENTCORE_BUDGET_CHAIN_H
#define AGENTCORE_BUDGET_CHAIN_H

#include "budget/store.h"

typedef struct ChainLink
{
	char	   *name;
	int			depth;			/* 0: the root */
	bool		defined;		/* def is set */
	bool		counted;		/* counter is set */
	BudgetDef	def;
	Counter		counter;
} ChainLink;

/* Links in lock order: the deepest first, those of one depth by name. */
typedef struct Chain
{
	const char *tenant;
	bool		resolved;		/* one budget and its parents as now defined */
	uint64		generation;		/* at which the definitions were read */
	TimestampTz at;				/* the time to act at; set with the counters */
	int			n;
	ChainLink  *link;
} Chain;

#define MAIN_LIMIT	"main"

/* false when there is no such budget */
extern bool budget_def(const char *tenant, const char *budget, BudgetDef *out);

/* 42704 unless the budget and all its parents exist; NULL budget: no links */
extern void chain_resolve(Chain *chain, const char *tenant, const char *budget);

/* of the budgets that carry the holds of some permits */
extern void chain_of_permits(Chain *chain, const char *tenant, const Permit *permits, int n);

/* Reads the counters without a lock. */
extern void chain_peek(Chain *chain);

/* Locks and rolls the counters; false: contention, to be reported as such. */
extern bool chain_lock(Chain *chain);
extern void chain_write(Chain *chain);
extern ChainLink *chain_find(Chain *chain, const char *budget);

/* true, or the decision says who refuses and why (strings in cxt) */
extern bool chain_admits(const Chain *chain, const int64 asked[BUDGET_NDIMS],
						 PermitDecision *out, MemoryContext cxt);

/* What is left on the whole path, into the decision. */
extern void chain_remaining(const Chain *chain, PermitDecision *out);

/* of the main window where it has no name of its own */
extern const char *limit_name(const BudgetLimit *limit);

/* the events of thresholds that the last charge has reached; threshold.c */
extern void chain_tell_thresholds(Chain *chain, const Permit *permit);

/* Whether this transaction already holds a row or key that others wait for. */
extern bool chain_locks_held(void);
extern void chain_note_lock(void);
extern void chain_init(void);

#endif							/* AGENTCORE_BUDGET_CHAIN_H */
