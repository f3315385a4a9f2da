/*
 * call_context.h
 *	  What the rules of a policy may know of the call at the gate.
 */
#ifndef AGENTCORE_CALL_CALL_CONTEXT_H
#define AGENTCORE_CALL_CALL_CONTEXT_H

#include "call/gate.h"
#include "nodes/execnodes.h"

/* the stage: judges the call by the rules that look at it */
extern void judge_rules(Gate *gate);

/* every rule and check that looks at the call, one row of call_explain() each */
extern void explain_rules(Gate *gate, ReturnSetInfo *rsinfo);

/* what is seen of its task: before anything is taken, and once more after it */
extern TaskSight *gate_sight(Gate *gate);

/* the call's context, made when it is first asked for */
extern RuleContext *gate_context(Gate *gate);

#endif							/* AGENTCORE_CALL_CALL_CONTEXT_H */
