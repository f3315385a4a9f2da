/*
 * advice.h
 *	  What to do after a failed attempt.  Public, by retry.h.
 */
#ifndef AGENTCORE_RETRY_ADVICE_H
#define AGENTCORE_RETRY_ADVICE_H

#include "postgres.h"
#include "datatype/timestamp.h"

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

#endif							/* AGENTCORE_RETRY_ADVICE_H */
