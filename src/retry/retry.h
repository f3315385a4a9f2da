/*
 * retry.h
 *	  Public face of src/retry: backoff advice, circuit breaker, rate limiter.
 *
 * Breaker and rate live in shared memory and are not transactional: who takes
 * a token or a half-open probe and then refuses the call gives it back.  The
 * two functions that give back read no table, allocate nothing and raise no
 * ERROR, so that they may be called while a transaction aborts.
 *
 * All of these expect that agc_enter() has judged the caller.
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

/*
 * status 0 = none; error, header, policy may be NULL; started_at 0 = unknown.
 * 42704 for an unknown policy, 22023 for an attempt below 1 or a status
 * outside 100 to 999.
 */
extern void retry_advise(const char *tenant, const char *policy, int attempt, int status,
						 const char *error, const char *retry_after_header,
						 TimestampTz started_at, RetryAdvice *out);

/* 42704 with the nearest names when the tenant has no such policy */
extern void retry_policy_check(const char *tenant, const char *policy);
extern bool retry_policy_exists(const char *tenant, const char *policy);

typedef struct BreakerDecision
{
	bool		allowed;
	const char *state;			/* closed | open | half_open | unavailable */
	int64		retry_after;	/* us, 0 when allowed or not known */
	bool		probe;			/* a half-open probe was taken (peek: would be) */
} BreakerDecision;

/*
 * Every target has a breaker of the gate's, which these are about, with default
 * settings unless breaker_set() gave it others.  The raw breaker of the same
 * name (breaker_allow(), breaker_report()) is another: what a role reports
 * there opens nothing here.  Without shared memory, and when no slot is left to count in,
 * allowed is false and the state is "unavailable".
 */
extern void breaker_peek(const char *tenant, const char *target, BreakerDecision *out);
extern void breaker_take(const char *tenant, const char *target, BreakerDecision *out);
extern void breaker_give_back(const char *tenant, const char *target);
extern const char *breaker_record(const char *tenant, const char *target, bool ok);

/*
 * The rate that rate_set() gave a target.  True where there is none.  Where
 * there is one: false without shared memory and when no slot is left;
 * *retry_after is in us, 0 when allowed or not known.
 */
extern bool rate_target_peek(const char *tenant, const char *target, int64 *retry_after);
extern bool rate_target_take(const char *tenant, const char *target, int64 *retry_after);
extern void rate_target_give_back(const char *tenant, const char *target);

extern void retry_init(void);
extern void breaker_init(void);
extern void rate_init(void);

#endif							/* AGENTCORE_RETRY_H */
