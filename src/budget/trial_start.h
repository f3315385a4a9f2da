/*
 * trial_start.h
 *	  What budgets had used and held when a trial begins.
 */
#ifndef AGENTCORE_BUDGET_TRIAL_START_H
#define AGENTCORE_BUDGET_TRIAL_START_H

#include "budget/budget_path.h"

typedef struct TrialStart TrialStart;

/* A permit that was open then, and what became of it. */
typedef struct TrialOpen
{
	pg_uuid_t	id;
	TimestampTz ends_at;
	bool		is_recent;		/* it was begun just before, so the log may have it just after */
	bool		is_gone;		/* it holds nothing any more */
	int			depth;
	char	  **budgets;
	int64		held[BUDGET_NDIMS];
	int64		charge[BUDGET_NUSED];	/* at its end, beyond what was charged before the trial */
} TrialOpen;

/* in CurrentMemoryContext */
extern TrialStart *trial_start_new(const char *tenant, TimestampTz since);

/* The counter of a budget with this definition, in CurrentMemoryContext; of a limit an empty one. */
extern void trial_start_counter(TrialStart *start, const PathLink *link, Counter *out);

/* when it begins */
extern TimestampTz trial_start_time(const TrialStart *start);

/* the permits that were open, in the order of their ends, in CurrentMemoryContext */
extern int	trial_start_permits(TrialStart *start, TrialOpen **out);

#endif							/* AGENTCORE_BUDGET_TRIAL_START_H */
