/*
 * log_context.h
 *	  What the log keeps of a call's context.
 */
#ifndef AGENTCORE_CALL_LOG_CONTEXT_H
#define AGENTCORE_CALL_LOG_CONTEXT_H

#include "call/gate.h"

/* args: those that are kept; NULL: none */
extern Jsonb *log_context(Gate *gate, Jsonb *args);

#endif							/* AGENTCORE_CALL_LOG_CONTEXT_H */
