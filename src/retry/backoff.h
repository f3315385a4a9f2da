/*
 * backoff.h
 *	  Arithmetic of waiting: windows and their jitter.  Pure but for the
 *	  generator that the caller passes.
 */
#ifndef AGENTCORE_BACKOFF_H
#define AGENTCORE_BACKOFF_H

#include "postgres.h"

typedef enum BackoffMethod
{
	BACKOFF_NONE,				/* the window itself */
	BACKOFF_EQUAL,				/* its upper half */
	BACKOFF_FULL,				/* all of it */
	BACKOFF_DECORRELATED		/* from base to three times the delay before, which is drawn anew */
} BackoffMethod;

/* uniform in [0, width]; 0 for a width below 1 */
typedef int64 (*BackoffDraw) (int64 width);

/* width of the window after the attempt-th failure: min(cap, base * 2^(attempt-1)) */
extern int64 backoff_window(int64 base, int64 cap, int attempt);

/* the delay after the attempt-th failure: at most cap */
extern int64 backoff_delay(BackoffMethod method, int64 base, int64 cap, int attempt, BackoffDraw draw);

#endif							/* AGENTCORE_BACKOFF_H */
