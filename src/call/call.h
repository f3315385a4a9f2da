/*
 * call.h
 *	  Public face of src/call: the gate.  Nothing is above it.
 */
#ifndef AGENTCORE_CALL_H
#define AGENTCORE_CALL_H

#include "core/core.h"

extern void call_init(void);

#endif							/* AGENTCORE_CALL_H */
