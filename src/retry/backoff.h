/*
 * backoff.h
 *	  Arithmetic of waiting: exponential windows and Retry-After.  Pure.
 */
#ifndef AGENTCORE_BACKOFF_H
#define AGENTCORE_BACKOFF_H

#include "postgres.h"

/* width of the jitter window after the attempt-th failure: min(cap, base * 2^(attempt-1)) */
extern int64 backoff_window(int64 base, int64 cap, int attempt);

/*
 * What a Retry-After header asks for, in us from now; false when it says
 * nothing usable, and *wait is then left alone.  now_unix is in us since 1970-01-01 UTC.
 */
extern bool retry_after_parse(const char *header, int64 now_unix, int64 *wait);

#endif							/* AGENTCORE_BACKOFF_H */
