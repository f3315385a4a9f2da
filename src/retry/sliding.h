/*
 * sliding.h
 *	  How many units passed within the last period.  Pure; times are us of a
 *	  clock that only runs forwards.
 */
#ifndef AGENTCORE_SLIDING_H
#define AGENTCORE_SLIDING_H

#include "postgres.h"

#define SLIDING_PARTS	16

typedef struct SlidingPart
{
	int64		last;			/* when the last of its units passed */
	int64		units;
} SlidingPart;

/* All zeroes is a window in which nothing passed. */
typedef struct Sliding
{
	SlidingPart part[SLIDING_PARTS];
} Sliding;

/* us until so many units may pass, 0: now; units are at most the limit */
extern int64 sliding_wait(const Sliding *window, int64 limit, int64 period, int64 now, int64 units);

extern void sliding_add(Sliding *window, int64 period, int64 now, int64 units);

/* of units that passed at taken_at or later, some did not: exact, or too few are taken off */
extern void sliding_take_off(Sliding *window, int64 period, int64 now, int64 taken_at, int64 units);

/* from when on it counts nothing */
extern int64 sliding_end(const Sliding *window, int64 period);

#endif							/* AGENTCORE_SLIDING_H */
