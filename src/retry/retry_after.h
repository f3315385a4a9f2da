/*
 * retry_after.h
 *	  Reading how long to wait.  Pure.
 */
#ifndef AGENTCORE_RETRY_AFTER_H
#define AGENTCORE_RETRY_AFTER_H

#include "postgres.h"

/* us; a longer wait is as good as this one, and sums with it do not overflow */
#define RETRY_MAX_WAIT	(INT64CONST(100000000000) * INT64CONST(1000000))

/*
 * What a header's value asks for, in us from now; false when it says nothing
 * usable, and *wait is then left alone.  unit: us per unit of a number without
 * one, 1000000 or 1000.  now_unix is in us since 1970-01-01 UTC.
 */
extern bool retry_after_parse(const char *value, int64 unit, int64 now_unix, int64 *wait);

/*
 * A number with its unit, several of them, or an epoch at *p, which is moved
 * behind it; false when there is none, and *p is then anywhere.  A number
 * without a unit counts only where no word follows.
 */
extern bool retry_after_take(const char **p, int64 unit, int64 now_unix, int64 *wait);

/* A time of RFC 3339 (or with " UTC") at *p, which is moved behind it; us of the Unix epoch. */
extern bool retry_after_take_time(const char **p, int64 *unix_us);

#endif							/* AGENTCORE_RETRY_AFTER_H */
