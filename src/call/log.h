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

/* How a call ended. */
typedef struct LogSettlement
{
	const char *event;			/* commit, fail, release, resolve */
	const char *outcome;		/* the function's answer */
	const char *reason;
	const JudgedResult *judged; /* NULL: there was no result to judge; what is wrong with one is the reason */
	Jsonb	   *result;			/* that the call brought; may be NULL */
	const ProfileClock *clock;	/* of the function; NULL: it is not timed */
} LogSettlement;

extern void log_settlement(const char *tenant, const PermitRow *permit, const LogSettlement *settlement);

#endif							/* AGENTCORE_CALL_LOG_H */
