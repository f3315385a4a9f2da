/*
 * approval.h
 *	  Calls that a person must allow first.
 */
#ifndef AGENTCORE_CALL_APPROVAL_H
#define AGENTCORE_CALL_APPROVAL_H

#include "call/gate.h"

/* the stage: looks for the word of a person, and asks for one */
extern void judge_approval(Gate *gate);
extern void approval_ask(Gate *gate);

/* locks the approval to transaction end; false where another call used it meanwhile */
extern bool approval_lock(Gate *gate);
extern void approval_use(Gate *gate);

#endif							/* AGENTCORE_CALL_APPROVAL_H */
