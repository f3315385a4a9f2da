/*
 * retry.c
 *	  Init of the room.
 *
 * Memory, locks: none of its own.  On ERROR: raises none.
 */
#include "retry/retry.h"

void
retry_init(void)
{
	breaker_init();
	rate_init();
}
