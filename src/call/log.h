/*
 * log.h
 *	  What is written down of a call.
 */
#ifndef AGENTCORE_CALL_LOG_H
#define AGENTCORE_CALL_LOG_H

#include "budget/budget.h"
#include "call/gate.h"

extern void log_verdict(Gate *gate);
extern void log_settlement(const char *tenant, const PermitRow *permit, const char *event,
						   const char *outcome, const char *reason);

#endif							/* AGENTCORE_CALL_LOG_H */
