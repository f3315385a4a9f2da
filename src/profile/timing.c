/*
 * timing.c
 *	  How long the stages of a call take.
 *
 * The clock is the monotonic one of the machine, in nanoseconds: within one
 * function call no step of the wall clock makes a time negative or long.  One
 * reading per stage costs some 20 ns where the kernel lets a process read the
 * clock by itself.
 *
 * Which calls are timed while they are sampled is drawn, not counted off: a loop
 * of two calls would else have the same one of them timed each time.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "profile/timing.h"

#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "utils/builtins.h"

static bool
is_timed(void)
{
	if (agc_track_timing == PROFILE_TIMING_SAMPLED)
		return pg_prng_uint64_range(&pg_global_prng_state, 1, agc_track_timing_every) == 1;
	return agc_track_timing == PROFILE_TIMING_ON;
}

ProfileClock *
profile_clock_start(void)
{
	ProfileClock *clock;

	if (!is_timed())
		return NULL;
	clock = palloc(sizeof(ProfileClock));
	for (int i = 0; i < PROFILE_MAX_STAGES; i++)
		clock->stage_ns[i] = PROFILE_UNKNOWN;
	clock->began = clock->mark = profile_now();
	return clock;
}

int64
profile_clock_elapsed(const ProfileClock *clock)
{
	return clock == NULL ? PROFILE_UNKNOWN : profile_now() - clock->began;
}

int64
profile_us_since(TimestampTz began)
{
	int64		us = agc_now() - began;

	return us < 0 ? PROFILE_UNKNOWN : us;
}

ArrayType *
profile_clock_array(const ProfileClock *clock, int nstages)
{
	Datum		values[PROFILE_MAX_STAGES];
	bool		nulls[PROFILE_MAX_STAGES];
	int			lower = 1;

	Assert(nstages <= PROFILE_MAX_STAGES);
	if (clock == NULL)
		return NULL;
	for (int i = 0; i < nstages; i++)
	{
		nulls[i] = clock->stage_ns[i] == PROFILE_UNKNOWN;
		values[i] = Int32GetDatum((int32) Min(clock->stage_ns[i], PG_INT32_MAX));
	}
	return construct_md_array(values, nulls, 1, &nstages, &lower, INT4OID, sizeof(int32), true, TYPALIGN_INT);
}
