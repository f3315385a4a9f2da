/*
 * log.h
 *	  What is written down of a call.
 */
#ifndef AGENTCORE_CALL_LOG_H
#define AGENTCORE_CALL_LOG_H

#include "budget/budget.h"
#include "call/gate.h"
#include "call/judged_result.h"

extern void log_verdict(Gate *gate);
/* judged NULL: there was no result to judge; what is wrong with one is the reason */
extern void log_settlement(const char *tenant, const PermitRow *permit, const char *event,
						   const char *outcome, const char *reason, const JudgedResult *judged);

#endif							/* AGENTCORE_CALL_LOG_H */
