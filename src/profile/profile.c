/*
 * profile.c
 *	  What this room does when the library is loaded: its settings, and its
 *	  part of shared memory.
 *
 * Memory: static variables.  Locks: none.  On ERROR: the library is not loaded.
 */
#include "profile/profile.h"

#include "profile/tally_table.h"
#include "utils/guc.h"

int			agc_stat_call_slots = 256;
int			agc_track_timing = PROFILE_TIMING_SAMPLED;
int			agc_track_timing_every = 16;

static const struct config_enum_entry timing_options[] = {
	{"off", PROFILE_TIMING_OFF, false},
	{"sampled", PROFILE_TIMING_SAMPLED, false},
	{"on", PROFILE_TIMING_ON, false},
	{NULL, 0, false}
};

static void
define_settings(void)
{
	DefineCustomIntVariable("agentcore.stat_call_slots",
							"Number of tools and models, of all tenants, that agentcore.stat_call counts calls of.",
							"Fixed at server start; about 44 kB each. One tenant may have three quarters. Calls beyond count in one row for all. 0: no call is counted.",
							&agc_stat_call_slots, 256, 0, 65536,
							agc_at_start(), 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("agentcore.track_timing",
							 "Which calls agentcore.stat_call times, stage by stage.",
							 "off: none, and none is counted; sampled: all are counted, and one in agentcore.track_timing_every, drawn at random, is timed; on: every call is timed.",
							 &agc_track_timing, PROFILE_TIMING_SAMPLED, timing_options,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.track_timing_every",
							"One call in so many is timed where agentcore.track_timing is sampled.",
							NULL,
							&agc_track_timing_every, 16, 1, 1000000,
							PGC_SUSET, 0, NULL, NULL, NULL);
}

void
profile_init(void)
{
	define_settings();
	count_init();
	tally_table_init();
}
