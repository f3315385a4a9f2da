/*
 * approval_stage.h
 *	  Calls that a person must allow first.
 */
#ifndef AGENTCORE_CALL_APPROVAL_STAGE_H
#define AGENTCORE_CALL_APPROVAL_STAGE_H

#include "call/gate.h"

/* the stage: looks for the word of a person, and asks for one */
extern void judge_approval(Gate *gate);
extern void approval_ask(Gate *gate);

/*
 * Budgets that are full and have a person asked: whether one lets the call pass their
 * limits.  If not, the call is refused, and approval_ask() may have to ask.
 */
extern bool judge_full(Gate *gate, const PermitDecision *decision);

/* the same, and that approval, locked, is the one that the call uses; the request is excused by it */
extern bool approval_excuse(Gate *gate, const PermitDecision *decision, PermitRequest *request);

/* the call fits: an approval that is only about budgets is kept for another time */
extern void approval_spare(Gate *gate);

/* locks the approval to transaction end; false where another transaction has it, or used it */
extern bool approval_lock(Gate *gate);
extern void approval_use(Gate *gate);

#endif							/* AGENTCORE_CALL_APPROVAL_STAGE_H */
