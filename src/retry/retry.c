/*
 * retry.c
 *	  What this room does when the library is loaded: its settings, and its
 *	  parts of shared memory.
 *
 * Memory: static variables.  Locks: none.  On ERROR: the library is not loaded.
 */
#include "retry/retry.h"

#include "retry/watch.h"

#include "utils/guc.h"

int			agc_max_target_pause = 3600;
int			agc_max_targets = 4096;

static void
define_settings(void)
{
	DefineCustomIntVariable("agentcore.max_target_pause",
							"Longest time for which a target's own word (Retry-After and the like) stops all calls to it.",
							"A longer one is cut. 0: no target is paused. Counted from the report; agentcore.target_resume() ends a pause.",
							&agc_max_target_pause, 3600, 0, 7 * SECS_PER_DAY,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.max_targets",
							"Number of circuit breakers, and of rate limits, that shared memory holds.",
							"Fixed at server start, rounded up to a multiple of 128; about 2 kB each. One tenant may fill three quarters. "
							"When no slot can be reused, new ones are refused and counted in agentcore.stat_target_slots.",
							&agc_max_targets, 4096, 128, 65536,
							agc_at_start(), 0, NULL, NULL, NULL);
}

void
retry_init(void)
{
	define_settings();
	watch_init();
	pause_init();
	rate_init();
}
