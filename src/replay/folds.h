/*
 * folds.h
 *	  Every fold, for the list of them.
 */
#ifndef AGENTCORE_REPLAY_FOLDS_H
#define AGENTCORE_REPLAY_FOLDS_H

#include "replay/fold.h"

extern const Fold fold_of_breakers;
extern const Fold fold_of_rates;
extern const Fold fold_of_limits;
extern const Fold fold_of_budgets;

/* a replay begins: what it keeps, is in this context */
extern void folds_begin(MemoryContext kept);

#endif							/* AGENTCORE_REPLAY_FOLDS_H */
