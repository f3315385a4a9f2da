/*
 * backoff.c
 *	  The window of exponential backoff.
 *
 * Full jitter (a delay uniform in [0, window]) is drawn by the caller, so that
 * everything in here is a function of its arguments.  Memory, locks: none.
 * On ERROR: raises none.
 */
#include "retry/backoff.h"

int64
backoff_window(int64 base, int64 cap, int attempt)
{
	int64		window = base;

	/* doubling stops at the cap, so it can neither overflow nor run long */
	for (int i = 1; i < attempt && window > 0 && window < cap; i++)
		window = window > cap / 2 ? cap : window * 2;
	return Min(window, cap);
}
