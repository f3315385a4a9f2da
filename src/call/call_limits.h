/*
 * call_limits.h
 *	  Limits of the policies: how often a call may run, and for how much in all.
 */
#ifndef AGENTCORE_CALL_CALL_LIMITS_H
#define AGENTCORE_CALL_CALL_LIMITS_H

#include "call/gate.h"

/* the stage: finds the limits of the call, and whether they have room for it */
extern void judge_limits(Gate *gate);

/* the request is counted by them */
extern void limits_ask(const Gate *gate, PermitRequest *request);

/* one of them has become full meanwhile */
extern void limits_refused(Gate *gate, const PermitDecision *decision);

#endif							/* AGENTCORE_CALL_CALL_LIMITS_H */
