/*
 * timing.h
 *	  How long the stages of a call take.  Public, by profile.h.
 *
 * A call that is not timed has no clock: NULL, which every function here takes.
 */
#ifndef AGENTCORE_PROFILE_TIMING_H
#define AGENTCORE_PROFILE_TIMING_H

#include "core/core.h"

typedef enum ProfileTiming
{
	PROFILE_TIMING_OFF,
	PROFILE_TIMING_SAMPLED,
	PROFILE_TIMING_ON
} ProfileTiming;

/* ----- settings (profile.c): agc_x is agentcore.x ----- */
extern int	agc_track_timing;
extern int	agc_track_timing_every;

/* more than any function has */
#define PROFILE_MAX_STAGES 24

#define PROFILE_UNKNOWN (-1)	/* not measured, or not reached */

typedef struct ProfileClock
{
	int64		began;			/* ns */
	int64		mark;			/* ns: when the last stage ended */
	int64		stage_ns[PROFILE_MAX_STAGES];	/* PROFILE_UNKNOWN: not reached */
} ProfileClock;

/* ns, since nobody knows when: it never steps back, whatever becomes of the wall clock */
static inline int64
profile_now(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_NANOSEC(now);
}

/* A clock that runs, in CurrentMemoryContext; NULL: this call is not timed. */
extern ProfileClock *profile_clock_start(void);

/* What happened since the last stage belongs to none. */
static inline void
profile_clock_skip(ProfileClock *clock)
{
	if (clock != NULL)
		clock->mark = profile_now();
}

/* A stage ends; of one that is asked again the times add up. */
static inline void
profile_clock_stage(ProfileClock *clock, int stage)
{
	int64		now;

	if (clock == NULL)
		return;
	now = profile_now();
	clock->stage_ns[stage] = Max(clock->stage_ns[stage], 0) + (now - clock->mark);
	clock->mark = now;
}

/* ns since the clock started; PROFILE_UNKNOWN without one */
extern int64 profile_clock_elapsed(const ProfileClock *clock);

/*
 * us from a time of the wall clock to now, as sessions tell each other when a call
 * began.  PROFILE_UNKNOWN where it lies ahead: the clock stepped back.
 */
extern int64 profile_us_since(TimestampTz began);

/* the stages' times as a column holds them: integer[] of ns, NULL in the place of a stage that was not reached; NULL without a clock */
extern ArrayType *profile_clock_array(const ProfileClock *clock, int nstages);

#endif							/* AGENTCORE_PROFILE_TIMING_H */
