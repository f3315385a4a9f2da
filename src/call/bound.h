/*
 * bound.h
 *	  The arguments that make a call that is asked for the same call.
 */
#ifndef AGENTCORE_CALL_BOUND_H
#define AGENTCORE_CALL_BOUND_H

#include "call/gate.h"

/* false: all of them; else the pointers into the arguments, each once, in order */
extern bool bound_arguments(const Gate *gate, List **pointers);

/* what stands at one of them */
extern Jsonb *bound_value(Jsonb *args, const char *pointer);

#endif							/* AGENTCORE_CALL_BOUND_H */
