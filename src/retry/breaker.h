/*
 * breaker.h
 *	  The gate's circuit breakers.  Public, by retry.h.
 */
#ifndef AGENTCORE_RETRY_BREAKER_H
#define AGENTCORE_RETRY_BREAKER_H

#include "postgres.h"

typedef struct BreakerDecision
{
	bool		allowed;
	const char *state;			/* closed | open | half_open | unavailable */
	int64		retry_after;	/* us, 0 when allowed or not known */
	bool		probe;			/* a half-open probe was taken (peek: would be) */
} BreakerDecision;

/*
 * The gate's breaker of a target, with default settings unless breaker_set() gave
 * it others.  The raw breaker of the same name (breaker_allow(),
 * breaker_report()) is another one: what a role reports there opens nothing here.
 * Without shared memory, and when no slot is left, allowed is false and the state
 * is "unavailable".
 */
extern void breaker_peek(const char *tenant, const char *target, BreakerDecision *out);
extern void breaker_take(const char *tenant, const char *target, BreakerDecision *out);
extern void breaker_give_back(const char *tenant, const char *target);
extern const char *breaker_record(const char *tenant, const char *target, bool ok);

extern void breaker_init(void);

#endif							/* AGENTCORE_RETRY_BREAKER_H */
