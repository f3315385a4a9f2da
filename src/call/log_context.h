/*
 * log_context.h
 *	  What the log keeps of a call's context.
 */
#ifndef AGENTCORE_CALL_LOG_CONTEXT_H
#define AGENTCORE_CALL_LOG_CONTEXT_H

#include "call/gate.h"

/* NULL: the tool has no log_args */
extern Jsonb *log_context(Gate *gate);

#endif							/* AGENTCORE_CALL_LOG_CONTEXT_H */
