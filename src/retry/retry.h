/*
 * retry.h
 *	  Public face of src/retry: backoff advice, circuit breaker, rate limiter.
 *
 * Breaker and rate live in shared memory and are not transactional: who takes
 * a token or a half-open probe and then refuses the call gives it back.
 */
#ifndef AGENTCORE_RETRY_H
#define AGENTCORE_RETRY_H

#include "core/core.h"

typedef enum RetryAction
{
	RETRY_RETRY,
	RETRY_FAIL,
	RETRY_DEFER
} RetryAction;

typedef struct RetryAdvice
{
	RetryAction action;
	int64		delay;			/* us; meaningless for RETRY_FAIL */
	const char *reason;
} RetryAdvice;

/* status 0 = none; error, header, policy may be NULL; started_at 0 = unknown */
extern void retry_advise(const char *tenant, const char *policy, int attempt, int status,
						 const char *error, const char *retry_after_header,
						 TimestampTz started_at, RetryAdvice *out);

typedef struct BreakerDecision
{
	bool		allowed;
	const char *state;			/* closed | open | half_open */
	int64		retry_after;	/* us, 0 when allowed */
	bool		probe;			/* a half-open probe was taken */
} BreakerDecision;

/* without shared memory: allowed is false */
extern void breaker_peek(const char *tenant, const char *target, BreakerDecision *out);
extern void breaker_take(const char *tenant, const char *target, BreakerDecision *out);
extern void breaker_give_back(const char *tenant, const char *target);
extern const char *breaker_record(const char *tenant, const char *target, bool ok);

extern void retry_init(void);

#endif							/* AGENTCORE_RETRY_H */
