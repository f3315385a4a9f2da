/*
 * backoff.c
 *	  The windows of exponential backoff, and the methods of jitter.
 *
 * Random numbers are drawn by the caller's function, so that everything in here
 * is a function of its arguments.  Memory, locks: none.  On ERROR: raises none.
 */
#include "retry/backoff.h"

/* decorrelated delays have the same distribution after so many steps */
#define MAX_STEPS	64

int64
backoff_window(int64 base, int64 cap, int attempt)
{
	int64		window = base;

	/* doubling stops at the cap, so it can neither overflow nor run long */
	for (int i = 1; i < attempt && window > 0 && window < cap; i++)
		window = window > cap / 2 ? cap : window * 2;
	return Min(window, cap);
}

/* No delay is remembered between attempts: those before are drawn again. */
static int64
decorrelated(int64 base, int64 cap, int attempt, BackoffDraw draw)
{
	int64		delay = Min(base, cap);

	for (int i = 0; i < Min(attempt, MAX_STEPS); i++)
	{
		int64		highest = delay > cap / 3 ? cap : delay * 3;

		delay = Min(base + draw(highest - base), cap);
	}
	return delay;
}

int64
backoff_delay(BackoffMethod method, int64 base, int64 cap, int attempt, BackoffDraw draw)
{
	int64		window = backoff_window(base, cap, attempt);

	switch (method)
	{
		case BACKOFF_NONE:
			return window;
		case BACKOFF_EQUAL:
			return window - window / 2 + draw(window / 2);
		case BACKOFF_FULL:
			return draw(window);
		case BACKOFF_DECORRELATED:
			return decorrelated(base, cap, attempt, draw);
	}
	return window;
}
