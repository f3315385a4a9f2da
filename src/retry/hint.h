/*
 * hint.h
 *	  How long the other side asks to be left alone, by its headers and its
 *	  error text.  Pure.
 */
#ifndef AGENTCORE_RETRY_HINT_H
#define AGENTCORE_RETRY_HINT_H

#include "postgres.h"

/* us from now, -1: not said */
typedef struct RetryHint
{
	int64		header;			/* Retry-After and its kind */
	int64		body;			/* "try again in 7.66s", retryDelay */
	int64		reset;			/* x-ratelimit-reset-*: sent with every response, so it counts for a throttle only */
	bool		exhausted;		/* x-ratelimit-remaining: 0 */
} RetryHint;

/* header (one value, or lines of headers) and error (an excerpt if it was long) may be NULL; now_unix is in us since 1970-01-01 UTC */
extern void retry_hint_read(const char *header, const char *error, int64 now_unix, RetryHint *hint);

#endif							/* AGENTCORE_RETRY_HINT_H */
