/*
 * fallback.h
 *	  A model call that may run with one of several models.
 */
#ifndef AGENTCORE_CALL_FALLBACK_H
#define AGENTCORE_CALL_FALLBACK_H

#include "call/gate.h"

/* argument n, a text[]: what may run in the place of the gate's tool_name; 22023, 54001 when they are too many */
extern void fallback_read(FunctionCallInfo fcinfo, int n, Gate *gate);

/* each of the gate's models in turn, until one is not refused */
extern void fallback_try(Gate *gate);

#endif							/* AGENTCORE_CALL_FALLBACK_H */
