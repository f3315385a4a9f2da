/*
 * breaker.h
 *	  The gate's circuit breakers.  Public, by retry.h.
 */
#ifndef AGENTCORE_RETRY_BREAKER_H
#define AGENTCORE_RETRY_BREAKER_H

#include "retry/circuit.h"

typedef struct BreakerDecision
{
	bool		allowed;
	const char *state;			/* closed | open | half_open | unavailable */
	bool		known;			/* what keeps the call out, if it does, is not the lack of memory */
	int64		retry_after;	/* us, 0 when allowed or not known */
	bool		probe;			/* a half-open probe was taken (peek: would be) */
	int64		taken_at;		/* slot_clock() when it was taken */
	int64		paused;			/* us that the target asked to be left alone, 0: it did not */
} BreakerDecision;

/* what breaker_set() says of a target, else the defaults */
extern void breaker_settings(const char *tenant, const char *target, CircuitSettings *out);

/* a circuit's answer as a decision; paused: us that the target is still left alone */
extern void breaker_decide(BreakerDecision *out, const CircuitAnswer *answer, int64 paused);

/*
 * The gate's breaker of a target, with default settings unless breaker_set() gave
 * it others.  The raw breaker of the same name (breaker_allow(),
 * breaker_report()) is another one: what a role reports there opens nothing here.
 * Without shared memory, and when no slot is left, allowed is false, the state is
 * "unavailable", and it is not known, unless it is forced open.
 */
extern void breaker_peek(const char *tenant, const char *target, BreakerDecision *out);
extern void breaker_take(const char *tenant, const char *target, BreakerDecision *out);
extern const char *breaker_record(const char *tenant, const char *target, bool ok);

/*
 * A call that began at taken_at tells nothing of the target: its probe, if it has
 * one, is free for another.  Reads no table and raises no ERROR, so that it may be
 * called while a transaction ends: after slot_note_installation(), or a take.
 */
extern void breaker_give_back(const char *tenant, const char *target, int64 taken_at);

#endif							/* AGENTCORE_RETRY_BREAKER_H */
