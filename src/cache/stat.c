/*
 * stat.c
 *	  Counters of the cache.
 *
 * Counted in this backend and added to shared memory at transaction end, in
 * one of several stripes so that backends rarely meet on a cache line.
 *
 * Locking: atomics; the partitions' fill is read under their shared locks,
 * one after the other, so a row is no snapshot.  Memory: static.  On ERROR:
 * the abort callback adds what was counted.
 */
#include "cache/store.h"

#include "miscadmin.h"

uint64		cache_local[CC_COUNT];

void
stat_flush(void)
{
	CacheStripe *stripe = &cache_shmem->stripe[MyProcPid % CACHE_STRIPES];

	for (int i = 0; i < CC_COUNT; i++)
		if (cache_local[i] != 0)
		{
			pg_atomic_fetch_add_u64(&stripe->n[i], cache_local[i]);
			cache_local[i] = 0;
		}
}

static int64
total(CacheCounter counter)
{
	uint64		sum = 0;

	for (int i = 0; i < CACHE_STRIPES; i++)
		sum += pg_atomic_read_u64(&cache_shmem->stripe[i].n[counter]);
	return (int64) sum;
}

/* cache_stat() -> setof one row of agentcore.cache_statistics; none without shared memory */
AGC_FUNCTION(cache_stat)
{
	Datum		values[CC_COUNT + 8];
	bool		nulls[CC_COUNT + 8] = {false};
	int64		entries = 0;
	int64		used = 0;
	int64		value_bytes = 0;
	int64		leases = 0;
	int			n;

	if (!cache_ready())
		return agc_no_row(fcinfo);
	stat_flush();
	for (n = 0; n < CC_COUNT; n++)
		values[n] = Int64GetDatum(total(n));
	for (uint32 i = 0; i < cache_shmem->npartitions; i++)
	{
		CachePart  *part = store_part_at(i);

		LWLockAcquire(part->lock, LW_SHARED);
		entries += part->p->entries;
		used += cache_shmem->nchunks - part->p->free_chunks;
		value_bytes += part->p->value_bytes;
		leases += part->p->leases_used;
		LWLockRelease(part->lock);
	}
	values[n++] = Int64GetDatum(entries);
	values[n++] = Int64GetDatum(used * CACHE_CHUNK);
	values[n++] = Int64GetDatum(value_bytes);
	values[n++] = Int64GetDatum((int64) cache_shmem->npartitions * cache_shmem->nchunks * CACHE_CHUNK);
	values[n++] = Int64GetDatum(leases);
	values[n++] = Int64GetDatum(store_max_value());
	values[n++] = Int32GetDatum(cache_shmem->npartitions);
	values[n++] = TimestampTzGetDatum((TimestampTz) pg_atomic_read_u64(&cache_shmem->stats_reset));
	return agc_row(fcinfo, values, nulls, n);
}

/* stat_cache_reset() -> void: the whole server's, so it asks for admin on every tenant */
AGC_FUNCTION(stat_cache_reset)
{
	agc_enter("*", AGC_ADMIN);
	cache_require("stat_cache_reset");
	memset(cache_local, 0, sizeof(cache_local));
	for (int i = 0; i < CACHE_STRIPES; i++)
		for (int c = 0; c < CC_COUNT; c++)
			pg_atomic_write_u64(&cache_shmem->stripe[i].n[c], 0);
	pg_atomic_write_u64(&cache_shmem->stats_reset, (uint64) GetCurrentTimestamp());
	PG_RETURN_VOID();
}
