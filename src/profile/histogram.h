/*
 * histogram.h
 *	  Counts of values in buckets whose width grows with the value.
 *
 * Values below 32 have a bucket each; above, each power of two is cut into 32
 * buckets of equal width.  What is read back is the middle of a bucket, at most
 * 1/64 (1.6 %) off.  Values beyond the last bucket count in it.
 */
#ifndef AGENTCORE_PROFILE_HISTOGRAM_H
#define AGENTCORE_PROFILE_HISTOGRAM_H

#include "postgres.h"

#define HISTOGRAM_CUT_BITS 5
#define HISTOGRAM_CUT (1 << HISTOGRAM_CUT_BITS)

/* for values below two to the power of so many */
#define HISTOGRAM_BUCKETS(bits) (HISTOGRAM_CUT * ((bits) - HISTOGRAM_CUT_BITS + 1))

extern void histogram_add(uint32 *bucket, int nbuckets, int64 value);

/*
 * The smallest value that a share of q of all values does not exceed, by the nearest
 * rank; -1: there are no values.  most: the largest one that was added.
 */
extern int64 histogram_quantile(const uint32 *bucket, int nbuckets, double q, int64 most);

#endif							/* AGENTCORE_PROFILE_HISTOGRAM_H */
