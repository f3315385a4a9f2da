/*
 * gcra.c
 *	  Within any span of t seconds at most burst + rate * t calls pass.
 *
 * The timestamp (theoretical arrival time) says when the bucket will be full
 * again; a bucket that is full holds no information at all.
 *
 * Pure: called inside a locked section, raises nothing, allocates nothing.
 */
#include "retry/gcra.h"

#include "common/int.h"

/* leaves room for now + tolerance + interval: 73 years */
#define MAX_NS	(PG_INT64_MAX / 4)

bool
gcra_make(Gcra *limit, int64 rate, int64 period_us, int64 burst)
{
	int64		period;

	if (pg_mul_s64_overflow(period_us, 1000, &period) || period > MAX_NS)
		return false;
	limit->interval = period / rate + (period % rate != 0);
	return !pg_mul_s64_overflow(limit->interval, burst, &limit->tolerance) &&
		limit->tolerance <= MAX_NS;
}

/* A limit that was made tighter does not make callers wait out the old one. */
static int64
sane_tat(const Gcra *limit, int64 tat, int64 now)
{
	return Min(Max(tat, now), now + limit->tolerance);
}

int64
gcra_wait(const Gcra *limit, int64 tat, int64 now)
{
	return Max(sane_tat(limit, tat, now) + limit->interval - limit->tolerance - now, 0);
}

int64
gcra_pass(const Gcra *limit, int64 tat, int64 now)
{
	return sane_tat(limit, tat, now) + limit->interval;
}
