/*
 * gcra.h
 *	  The generic cell rate algorithm: a limiter that is one timestamp.  Pure;
 *	  times are ns of a clock that only runs forwards.
 */
#ifndef AGENTCORE_GCRA_H
#define AGENTCORE_GCRA_H

#include "postgres.h"

typedef struct Gcra
{
	int64		interval;		/* ns per call, rounded up: never more than the rate */
	int64		tolerance;		/* burst * interval */
} Gcra;

/* false when the numbers do not fit; rate, period and burst are positive */
extern bool gcra_make(Gcra *limit, int64 rate, int64 period_us, int64 burst);

/* ns to wait, 0 when a call may pass now */
extern int64 gcra_wait(const Gcra *limit, int64 tat, int64 now);

/* the new timestamp once a call has passed */
extern int64 gcra_pass(const Gcra *limit, int64 tat, int64 now);

#endif							/* AGENTCORE_GCRA_H */
