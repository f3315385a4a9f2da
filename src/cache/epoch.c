/*
 * epoch.c
 *	  When something was last invalidated, and the clock that says so.
 *
 * An entry carries the stamp up to which it knows everything (`born`).  A
 * tool, tenant or tag carries the stamp of its last invalidation: invalidating
 * it is one store, however many entries depend on it, and an entry older than
 * that is dead wherever it lies.  Stamps are microseconds of the wall clock
 * pushed forward so that they never repeat and never run backwards.
 *
 * Locking: stamps and fences are atomics.  Memory: none.  On ERROR: raises none.
 */
#include "cache/epoch.h"

void
epoch_init_clock(void)
{
	pg_atomic_init_u64(&cache_shmem->clock, (uint64) agc_now());
}

uint64
epoch_clock(void)
{
	return pg_atomic_read_u64(&cache_shmem->clock);
}

uint64
epoch_tick(void)
{
	uint64		last = pg_atomic_read_u64(&cache_shmem->clock);
	uint64		next;

	do
	{
		next = Max(last + 1, (uint64) agc_now());
	} while (!pg_atomic_compare_exchange_u64(&cache_shmem->clock, &last, next));
	return next;
}

void
epoch_init(CacheEpoch *epoch)
{
	pg_atomic_init_u64(&epoch->stamp, 0);
	pg_atomic_init_u32(&epoch->fences, 0);
	pg_atomic_init_u32(&epoch->owner, 0);
}

void
epoch_fence(CacheEpoch *epoch)
{
	pg_atomic_fetch_add_u32(&epoch->fences, 1);
}

void
epoch_unfence(CacheEpoch *epoch)
{
	pg_atomic_fetch_sub_u32(&epoch->fences, 1);
}

/*
 * Returns the stamp that was there.  If that is later than ours, another
 * transaction settled in between and may be about to store what it computed
 * before we committed: a fresh stamp, later than both, prevents that.
 */
uint64
epoch_settle(CacheEpoch *epoch, uint64 stamp)
{
	uint64		old = pg_atomic_read_u64(&epoch->stamp);
	uint64		wanted;

	do
	{
		if (old == stamp)
			break;
		wanted = old > stamp ? epoch_tick() : stamp;
	} while (!pg_atomic_compare_exchange_u64(&epoch->stamp, &old, wanted));
	return old;
}
