/*
 * check_function.h
 *	  Functions of the business, run by the gate: those that check a call, and
 *	  those that say the most of something.
 *
 * Part of the room's public face: allow.h includes it.
 */
#ifndef AGENTCORE_ALLOW_CHECK_FUNCTION_H
#define AGENTCORE_ALLOW_CHECK_FUNCTION_H

#include "allow/check_lookup.h"
#include "allow/context.h"

/* ----- settings (allow.c) ----- */
extern int	agc_check_timeout;	/* ms */

typedef enum CheckOutcome
{
	CHECK_NULL,
	CHECK_VALUE,
	CHECK_FAILED				/* an error, a write, too much time, or it may not be run any more */
} CheckOutcome;

/*
 * Runs it.  *value is in CurrentMemoryContext.  Nothing is raised but a cancel or
 * what ends the session; *problem says for those who run the agent why it failed,
 * without a value of any row.
 */
extern CheckOutcome check_function_run(const char *name, CheckKind kind, const char *tenant, RuleContext *context,
									   const char *zone, Datum *value, char **problem);

#endif							/* AGENTCORE_ALLOW_CHECK_FUNCTION_H */
