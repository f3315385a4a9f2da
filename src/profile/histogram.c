/*
 * histogram.c
 *	  Counts of values in buckets whose width grows with the value.
 *
 * A bucket is 32 bits wide.  Before one is full all of them are halved, which
 * moves no quantile by more than a rank.
 *
 * Pure: no memory, no locks, no ERROR.
 */
#include "profile/histogram.h"

#include <math.h>

#include "port/pg_bitutils.h"

static int
bucket_of(int64 value, int nbuckets)
{
	int			shift;

	if (value < HISTOGRAM_CUT)
		return (int) Max(value, 0);
	shift = pg_leftmost_one_pos64((uint64) value) - HISTOGRAM_CUT_BITS;
	return Min(shift * HISTOGRAM_CUT + (int) (value >> shift), nbuckets - 1);
}

static int64
middle_of(int bucket)
{
	int			shift = Max(bucket / HISTOGRAM_CUT - 1, 0);
	int64		low = (int64) (bucket - shift * HISTOGRAM_CUT) << shift;

	return low + ((INT64CONST(1) << shift) >> 1);
}

static void
halve(uint32 *bucket, int nbuckets)
{
	for (int i = 0; i < nbuckets; i++)
		bucket[i] = bucket[i] / 2 + bucket[i] % 2;
}

void
histogram_add(uint32 *bucket, int nbuckets, int64 value)
{
	int			i = bucket_of(value, nbuckets);

	if (bucket[i] == PG_UINT32_MAX)
		halve(bucket, nbuckets);
	bucket[i]++;
}

int64
histogram_quantile(const uint32 *bucket, int nbuckets, double q, int64 most)
{
	uint64		total = 0;
	uint64		seen = 0;
	uint64		rank;

	for (int i = 0; i < nbuckets; i++)
		total += bucket[i];
	if (total == 0)
		return -1;
	rank = (uint64) Max(ceil(q * (double) total), 1);
	for (int i = 0; i < nbuckets - 1; i++)
	{
		seen += bucket[i];
		if (seen >= rank)
			return Min(middle_of(i), most);
	}
	return most;
}
