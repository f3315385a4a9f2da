/*
 * tag.c
 *	  When tags were last invalidated.
 *
 * A tag is a bucket of a fixed table, by its hash: there is no bound on
 * the names of tags, and none is kept.  All tenants use the table, so a bucket with one stamp
 * would let a tenant that invalidates some thousand tags, each in a moment,
 * kill the tagged entries of all.  A bucket has therefore a few ways, each
 * of one tenant, and a common epoch.  An entry dies by its own tenant's way and by
 * the common epoch, and looks at nothing else.
 *
 * An invalidation takes its tenant's way when it raises its fence.  A tenant
 * that has none takes the one with the oldest stamp, which is folded into the
 * common epoch first: what it has killed stays dead.  That reaches
 * entries that are older than the fold, of tenants without a way here; those who
 * have one have a later stamp.  A fenced way is not taken away; where all are
 * fenced, the common epoch is fenced and stamped instead.  So it takes more than
 * CACHE_TAG_WAYS tenants that invalidate the same buckets to reach another's.
 *
 * A division of the table among the tenants would be less code.  But with as
 * many parts as there may be tenants a part is a few buckets, and one tag would
 * take many of its tenant's entries along; with fewer, two tenants share one for
 * good.
 *
 * Locking: ways change hands, and are settled, under a spinlock of the bucket;
 * readers take none.  They look at the ways before the common epoch, and a way is
 * folded before its owner changes: a reader that misses its way finds the stamp.
 * Memory: none.  On ERROR: none is raised; publish.c lowers the fences.
 */
#include "cache/tag.h"

#define COMMON	CACHE_TAG_WAYS	/* in place of a way's number */

static inline CacheTag *
tag_at(uint32 tag)
{
	return &((CacheTag *) ((char *) cache_shmem + cache_shmem->tags_off))[tag];
}

static inline CacheEpoch *
way_at(CacheTag *tag, uint8 way)
{
	return way == COMMON ? &tag->common : &tag->way[way];
}

static inline slock_t *
lock_of(uint32 tag)
{
	return &cache_shmem->tag_lock[tag % CACHE_TAG_LOCKS];
}

void
tag_init(void)
{
	for (int i = 0; i < CACHE_TAG_LOCKS; i++)
		SpinLockInit(&cache_shmem->tag_lock[i]);
	for (uint32 i = 0; i < cache_shmem->ntags; i++)
		for (uint8 way = 0; way <= COMMON; way++)
			epoch_init(way_at(tag_at(i), way));
}

/*
 * The bucket of a tag.  What all tenants share has a quarter of the table to
 * itself: any of them may invalidate it, and that takes no tenant's way.
 */
uint16
tag_number(const char *tenant, const char *tag)
{
	uint8		id[AGC_HASH_LEN];
	uint32		shared = cache_shmem->ntags / 4;
	uint32		word;

	name_digest(id, 'g', tenant, tag);
	memcpy(&word, id, sizeof(word));
	return (uint16) (strcmp(tenant, CACHE_SHARED) == 0 ? word % shared :
					 shared + word % (cache_shmem->ntags - shared));
}

/* Whether what a tenant's entry knows of the tag is still true. */
bool
tag_open(uint32 tenant, uint32 tag, uint64 born)
{
	CacheTag   *at = tag_at(tag);

	for (int i = 0; i < CACHE_TAG_WAYS; i++)
		if (pg_atomic_read_u32(&at->way[i].owner) == tenant + 1 && !epoch_open(&at->way[i], born))
			return false;
	pg_read_barrier();
	return epoch_open(&at->common, born);
}

/* Under the lock: the tenant's way, taken from another if need be. */
static uint8
claim(CacheTag *at, uint32 owner)
{
	uint64		oldest = PG_UINT64_MAX;
	uint8		way = COMMON;

	for (uint8 i = 0; i < CACHE_TAG_WAYS; i++)
	{
		uint64		stamp = pg_atomic_read_u64(&at->way[i].stamp);

		if (pg_atomic_read_u32(&at->way[i].owner) == owner)
			return i;
		if (pg_atomic_read_u32(&at->way[i].fences) == 0 && stamp < oldest)
		{
			oldest = stamp;
			way = i;
		}
	}
	if (way == COMMON)
		return COMMON;
	if (oldest > pg_atomic_read_u64(&at->common.stamp))
		pg_atomic_write_u64(&at->common.stamp, oldest);
	pg_write_barrier();
	pg_atomic_write_u32(&at->way[way].owner, owner);
	return way;
}

/* Hides the tenant's entries until tag_unfence() with what is returned here. */
uint8
tag_fence(uint32 tenant, uint32 tag)
{
	CacheTag   *at = tag_at(tag);
	uint8		way;

	SpinLockAcquire(lock_of(tag));
	way = claim(at, tenant + 1);
	epoch_fence(way_at(at, way));
	SpinLockRelease(lock_of(tag));
	return way;
}

void
tag_unfence(uint32 tag, uint8 way)
{
	epoch_unfence(way_at(tag_at(tag), way));
}

/* The latest stamp of those that bear on the owner of the way. */
static uint64
latest(CacheTag *at, uint8 way)
{
	uint64		stamp = pg_atomic_read_u64(&at->common.stamp);

	for (uint8 i = 0; i < CACHE_TAG_WAYS; i++)
		if (i == way || way == COMMON)
			stamp = Max(stamp, pg_atomic_read_u64(&at->way[i].stamp));
	return stamp;
}

/*
 * As epoch_settle(), for a fenced way.  Another settler of the tag may have stamped
 * the common epoch, or its way may have been folded into that since; a settler
 * without a way may have met one that had a way.
 */
uint64
tag_settle(uint32 tag, uint8 way, uint64 stamp)
{
	CacheTag   *at = tag_at(tag);
	uint64		first = 0;

	for (;;)
	{
		uint64		old;

		SpinLockAcquire(lock_of(tag));
		old = latest(at, way);
		if (old <= stamp)
			pg_atomic_write_u64(&way_at(at, way)->stamp, stamp);
		SpinLockRelease(lock_of(tag));
		first = Max(first, old);
		if (old <= stamp)
			return first;
		stamp = epoch_tick();
	}
}

/* For cache_verify(): a tenant has one way at most. */
bool
tag_is_sound(uint32 tag)
{
	CacheTag   *at = tag_at(tag);
	bool		sound = true;

	SpinLockAcquire(lock_of(tag));
	for (int i = 0; i < CACHE_TAG_WAYS; i++)
		for (int j = 0; j < i; j++)
			sound &= pg_atomic_read_u32(&at->way[i].owner) == 0 ||
				pg_atomic_read_u32(&at->way[i].owner) != pg_atomic_read_u32(&at->way[j].owner);
	SpinLockRelease(lock_of(tag));
	return sound;
}
