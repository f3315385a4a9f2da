/*
 * circuit.h
 *	  The state machine of one circuit breaker.  Pure; times are us of a clock
 *	  that only runs forwards.
 */
#ifndef AGENTCORE_CIRCUIT_H
#define AGENTCORE_CIRCUIT_H

#include "postgres.h"

#define CIRCUIT_BUCKETS		10
#define CIRCUIT_BUCKET_US	INT64CONST(6000000)
#define CIRCUIT_MAX_PROBES	8

typedef enum CircuitState
{
	CIRCUIT_CLOSED,
	CIRCUIT_OPEN,
	CIRCUIT_HALF_OPEN
} CircuitState;

typedef struct CircuitSettings
{
	double		failure_ratio;	/* of the calls in the window */
	int			min_calls;		/* below which the ratio does not count */
	int			consecutive;	/* failures in a row that open it */
	int64		open_for;
	int			probes;			/* successes that close it, and most in flight */
	bool		forced;
	CircuitState forced_state;
} CircuitSettings;

typedef struct CircuitBucket
{
	int64		number;			/* time / CIRCUIT_BUCKET_US */
	int32		calls;
	int32		failures;
} CircuitBucket;

/* All zeroes is a closed breaker that has seen nothing. */
typedef struct Circuit
{
	CircuitState state;
	int32		in_a_row;		/* failures */
	int32		successes;		/* of probes */
	int64		opened_at;
	int64		open_until;
	int64		probe_until[CIRCUIT_MAX_PROBES];	/* end of a lease, 0 = none */
	CircuitBucket bucket[CIRCUIT_BUCKETS];
} Circuit;

typedef struct CircuitAnswer
{
	bool		allowed;
	CircuitState state;
	int64		retry_after;	/* us, 0 when allowed or not known */
	bool		probe;			/* the call is, or would be, a probe */
} CircuitAnswer;

extern void circuit_peek(const Circuit *c, const CircuitSettings *set, int64 now, CircuitAnswer *out);
extern void circuit_take(Circuit *c, const CircuitSettings *set, int64 now, CircuitAnswer *out);
/* the probe of a call that began at taken_at; one that began before probing did, or longer ago than a probe lasts, has none */
extern void circuit_give_back(Circuit *c, int64 now, int64 taken_at);
extern CircuitState circuit_record(Circuit *c, const CircuitSettings *set, int64 now, bool ok);

/* calls and failures of the last minute; probes in flight */
extern void circuit_window(const Circuit *c, int64 now, int64 *calls, int64 *failures);
extern int	circuit_probes(const Circuit *c, int64 now);

/* until when the state must not be forgotten, 0 when it may */
extern int64 circuit_busy_until(const Circuit *c);

#endif							/* AGENTCORE_CIRCUIT_H */
