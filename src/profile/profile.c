/*
 * profile.c
 *	  What this room does when the library is loaded: its settings.
 *
 * Memory: static variables.  Locks: none.  On ERROR: the library is not loaded.
 */
#include "profile/profile.h"

#include "utils/guc.h"

int			agc_track_timing = PROFILE_TIMING_OFF;
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
	DefineCustomEnumVariable("agentcore.track_timing",
							 "Which calls are timed, stage by stage.",
							 "off: none; sampled: one in agentcore.track_timing_every, drawn at random; on: every call.",
							 &agc_track_timing, PROFILE_TIMING_OFF, timing_options,
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
}
