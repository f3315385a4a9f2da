/*
 * fold_stage.h
 *	  Folds that are a stage of the gate with other state behind it.
 */
#ifndef AGENTCORE_REPLAY_FOLD_STAGE_H
#define AGENTCORE_REPLAY_FOLD_STAGE_H

#include "replay/fold.h"

/* the stage of that name judges the call, by this state */
extern void fold_judge_stage(FoldCall *call, const char *stage, const GateState *state);

#endif							/* AGENTCORE_REPLAY_FOLD_STAGE_H */
