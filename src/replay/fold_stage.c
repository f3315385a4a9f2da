/*
 * fold_stage.c
 *	  Folds that are a stage of the gate with other state behind it.
 *
 * Memory: none.  Locks: none.  On ERROR: the replay ends.
 */
#include "replay/fold_stage.h"

void
fold_judge_stage(FoldCall *call, const char *stage, const GateState *state)
{
	call->gate->state = state;
	for (int i = 0; i < gate_nstages; i++)
		if (strcmp(gate_stages[i].name, stage) == 0)
			stage_judge(&gate_stages[i], call->gate);
	call->gate->state = NULL;
}
