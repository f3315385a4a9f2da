/*
 * take.h
 *	  What a call takes once every stage has passed.
 */
#ifndef AGENTCORE_CALL_TAKE_H
#define AGENTCORE_CALL_TAKE_H

#include "call/gate.h"

/* every stage, and what the call needs */
extern void gate_try(Gate *gate);

#endif							/* AGENTCORE_CALL_TAKE_H */
