/*
 * stages.h
 *	  What the gate looks at, in order.
 */
#ifndef AGENTCORE_CALL_STAGES_H
#define AGENTCORE_CALL_STAGES_H

#include "call/gate.h"

typedef struct Stage
{
	const char *name;

	/* looks, and decides or leaves the verdict at VERDICT_NONE */
	void		(*judge) (Gate *gate);

	/* writes what later stages need and what a refusal leaves behind; NULL: nothing; not for call_explain */
	void		(*write) (Gate *gate);

	/* not asked again of a call that its holder has begun */
	bool		once;

	/* looks at what calls leave behind, so it cannot be asked about a call of the past */
	bool		by_state;
} Stage;

extern const Stage gate_stages[];
extern const int gate_nstages;

/* what the gate's clock measures: each stage, and behind them the taking */
#define GATE_CLOCK_STAGES (gate_nstages + 1)

extern void stage_judge(const Stage *stage, Gate *gate);

/* all of them, until one decides */
extern void stages_judge(Gate *gate);

#endif							/* AGENTCORE_CALL_STAGES_H */
