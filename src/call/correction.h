/*
 * correction.h
 *	  Arguments that a person has put in the place of those that were asked for.
 */
#ifndef AGENTCORE_CALL_CORRECTION_H
#define AGENTCORE_CALL_CORRECTION_H

#include "call/gate.h"

/* gate->correction takes its place, and the gate is as before its first stage */
extern void correction_apply(Gate *gate);

/* what was changed is a part of the answer's feedback */
extern void correction_tell(Gate *gate);

#endif							/* AGENTCORE_CALL_CORRECTION_H */
