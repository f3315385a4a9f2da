/*
 * folds.h
 *	  The folds, each in a file of its own.
 */
#ifndef AGENTCORE_REPLAY_FOLDS_H
#define AGENTCORE_REPLAY_FOLDS_H

#include "replay/fold.h"

extern const Fold fold_of_tasks;
extern const Fold fold_of_keys;
extern const Fold fold_of_once;
extern const Fold fold_of_loops;
extern const Fold fold_of_answers;
extern const Fold fold_of_breakers;
extern const Fold fold_of_rates;
extern const Fold fold_of_limits;
extern const Fold fold_of_approvals;
extern const Fold fold_of_budgets;

/* what the context of a call shows of its task in the replay (fold_task.c); false: nothing better is known than now */
extern bool fold_recall_task(void *state, FoldCall *call, ContextMember member, Jsonb **value);

/* whether a call of the same task ran then, or runs in the replay, and not both */
extern bool fold_task_diverged(void *state, const FoldCall *call);

/* a replay begins: what it keeps, is in this context */
extern void folds_begin(MemoryContext kept);

#endif							/* AGENTCORE_REPLAY_FOLDS_H */
