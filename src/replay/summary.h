/*
 * summary.h
 *	  What a replay comes to, per agent, tool and reason.
 */
#ifndef AGENTCORE_REPLAY_SUMMARY_H
#define AGENTCORE_REPLAY_SUMMARY_H

#include "replay/fold.h"

typedef struct SummaryGroup SummaryGroup;

typedef struct Summary
{
	const char *tenant;
	struct HTAB *groups;
} Summary;

/* What became of one call; reasons may be NULL. */
typedef struct Replayed
{
	const char *after;			/* run, cached, wait, deny, error or unknown */
	const char *reason;
	int64		rule;			/* 0: none */
	bool		is_known;
	bool		changed;		/* where it is known */
} Replayed;

extern Summary *summary_begin(const char *tenant);

/* the group that the call is counted in */
extern SummaryGroup *summary_count(Summary *summary, const char *agent, const char *tool, const FoldRecord *record,
								   const Replayed *replayed);
extern void summary_names(const SummaryGroup *group, const char **agent, const char **tool);

/* an attempt was charged: then, in the replay, or both; -1: not known */
extern void summary_charge(SummaryGroup *group, bool before, bool after, int64 tokens, int64 nanousd);

/* one row per group, by name */
extern void summary_put(const Summary *summary, struct ReturnSetInfo *rsinfo);

#endif							/* AGENTCORE_REPLAY_SUMMARY_H */
