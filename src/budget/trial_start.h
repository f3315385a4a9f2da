/*
 * trial_start.h
 *	  What budgets had used and held when a trial begins.
 */
#ifndef AGENTCORE_BUDGET_TRIAL_START_H
#define AGENTCORE_BUDGET_TRIAL_START_H

#include "budget/budget_path.h"

typedef struct TrialStart TrialStart;

/* What becomes of a permit that was begun before: it gives back what it holds till then, or is charged, or both. */
typedef struct TrialEvent
{
	pg_uuid_t	permit;
	TimestampTz at;
	bool		is_recent;		/* it was begun just before, so the log may have it just after */
	bool		is_gone;		/* the event does not happen (any more) */
	int			depth;
	char	  **budgets;
	int64		held[BUDGET_NDIMS];
	int64		charge[BUDGET_NUSED];
} TrialEvent;

/* in CurrentMemoryContext */
extern TrialStart *trial_start_new(const char *tenant, TimestampTz since);

/* The counter of a budget with this definition, in CurrentMemoryContext; of a limit an empty one. */
extern void trial_start_counter(TrialStart *start, const PathLink *link, Counter *out);

/* when it begins */
extern TimestampTz trial_start_time(const TrialStart *start);

/* in their order, in CurrentMemoryContext */
extern int	trial_start_events(TrialStart *start, TrialEvent **out);

#endif							/* AGENTCORE_BUDGET_TRIAL_START_H */
