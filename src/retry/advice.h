/*
 * advice.h
 *	  What to do after a failed attempt.  Public, by retry.h.
 */
#ifndef AGENTCORE_RETRY_ADVICE_H
#define AGENTCORE_RETRY_ADVICE_H

#include "core/core.h"
#include "retry/classify.h"

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
	RetryClass	class;
	bool		open;			/* the failure does not say whether the work was done, whatever the action */
	int64		hint;			/* us: the other side asks to be left alone that long; -1: it said nothing */
} RetryAdvice;

/*
 * status 0 = none; error, header, policy may be NULL; started_at 0 = unknown.
 * 42704 for an unknown policy, 22023 for an attempt below 1 or a status
 * outside 100 to 999.
 */
extern void retry_advise(const char *tenant, const char *policy, int attempt, int status,
						 const char *error, const char *retry_after_header,
						 TimestampTz started_at, RetryAdvice *out);

/* the row type agentcore.retry_advice; `from` is when the delay begins */
extern Datum retry_advice_return(FunctionCallInfo fcinfo, const RetryAdvice *advice, TimestampTz from);

/* retry, fail or defer */
extern const char *retry_action_name(RetryAction action);

#endif							/* AGENTCORE_RETRY_ADVICE_H */
