/*
 * fold_targets.h
 *	  What a replay keeps of each target.
 */
#ifndef AGENTCORE_REPLAY_FOLD_TARGETS_H
#define AGENTCORE_REPLAY_FOLD_TARGETS_H

#include "retry/retry.h"
#include "utils/hsearch.h"

typedef struct FoldTarget
{
	char		name[AGC_MAX_NAME + 1];
	Meter		meter;
	Circuit		circuit;
	TimestampTz paused_until;
} FoldTarget;

typedef struct FoldTargets
{
	HTAB	   *table;
} FoldTargets;

/* in CurrentMemoryContext */
extern void fold_targets_init(FoldTargets *targets);
extern FoldTarget *fold_target_find(const FoldTargets *targets, const char *name);

/* NULL: there are too many */
extern FoldTarget *fold_target_make(FoldTargets *targets, const char *name);
extern bool fold_targets_full(const FoldTargets *targets);

#endif							/* AGENTCORE_REPLAY_FOLD_TARGETS_H */
