/*
 * folds.h
 *	  The folds, each in a file of its own.
 */
#ifndef AGENTCORE_REPLAY_FOLDS_H
#define AGENTCORE_REPLAY_FOLDS_H

#include "replay/fold.h"

extern const Fold fold_breaker;
extern const Fold fold_rate;
extern const Fold fold_limits;
extern const Fold fold_budget;

#endif							/* AGENTCORE_REPLAY_FOLDS_H */
