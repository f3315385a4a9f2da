/*
 * entry_insert.c
 *	  Storing an entry.
 *
 * Locking: the partition's LWLock, exclusive; one at a time.  Large values are
 * copied with no lock held: see chunk.c.
 * Memory: none.
 * On ERROR: none is raised, as COMMIT needs it, and every change is complete when
 * the lock is released.
 */
#include "cache/entry_insert.h"
#include "cache/chunk.h"
#include "cache/evict.h"
#include "cache/lease.h"
#include "cache/queue.h"
#include "cache/wheel.h"

#define DRAIN_STEPS	16			/* entries of the wheel that a write looks at */

static CacheStored may_store(const CachePart *part, const CacheItem *item, uint64 *born);
static uint32 reserve(CachePart *part, const CacheItem *item, int64 now, CacheStored *refused);
static CacheStored insert_locked(CachePart *part, const CacheItem *item, int64 now,
								 uint32 head, CacheStored refused, bool *released);
static void place(CachePart *part, uint32 index, const CacheItem *item, uint64 born,
				  CacheQueueId queue, uint8 freq);

/* May be called from the COMMIT callback: it cannot fail, it can only refuse. */
CacheStored
entry_insert(const CacheItem *item, int64 now)
{
	CachePart  *part = area_part(&item->key);
	bool		large = item->len > CACHE_COPY_LOCKED && item->len <= area_max_value();
	CacheStored refused = CACHE_STORED;
	uint32		head = large ? reserve(part, item, now, &refused) : CACHE_NONE;
	bool		released = false;
	CacheStored stored;

	entry_lock(part, LW_EXCLUSIVE);
	if (head != CACHE_NONE)
		part->p->reserved_chunks -= area_chunks_for(item->len);
	stored = insert_locked(part, item, now, head, refused, &released);
	if (stored != CACHE_STORED && head != CACHE_NONE)
		chunk_free(part, head, item->len);
	LWLockRelease(part->lock);

	if (released)
		lease_wake(&item->key);
	return stored;
}

/* Whether the item may be stored now, and the stamp up to which it knows everything. */
static CacheStored
may_store(const CachePart *part, const CacheItem *item, uint64 *born)
{
	CacheKeyEpoch *key_epoch = area_key_epoch(part, &item->key);
	uint64		key_born = item->key_born;

	*born = item->born;
	if (item->lease != 0)
	{
		CacheLease *lease = lease_find(part, &item->key);

		if (lease == NULL || lease_token_of(part, lease) != item->lease)
			return CACHE_LEASE_LOST;
		*born = item->own_lease ? Min(lease->born, item->born) : lease->born;
		key_born = item->own_lease || lease->snapshot ? *born : PG_UINT64_MAX;
	}
	if (item->only_absent && (area_find(part, &item->key) != CACHE_NONE || lease_find(part, &item->key) != NULL))
		return CACHE_INVALIDATED;
	if (key_epoch->fences != 0 || key_epoch->stamp > key_born || !refs_open(&item->refs, *born))
		return CACHE_INVALIDATED;
	return CACHE_STORED;
}

/*
 * Takes a chain for a large value and fills it with no lock held; may_store()
 * is asked again when it is linked.  CACHE_NONE: *refused says why there is none.
 */
static uint32
reserve(CachePart *part, const CacheItem *item, int64 now, CacheStored *refused)
{
	uint32		head = CACHE_NONE;
	uint64		born;

	entry_lock(part, LW_EXCLUSIVE);
	*refused = may_store(part, item, &born);
	if (*refused == CACHE_STORED)
		*refused = evict_make_room(part, item, area_chunks_for(item->len), 0, now);
	if (*refused == CACHE_STORED)
	{
		head = chunk_take(part, item->len);
		part->p->reserved_chunks += area_chunks_for(item->len);
	}
	LWLockRelease(part->lock);

	if (head != CACHE_NONE)
	{
		AGC_TEST_POINT_HELD("cache_copy_in");
		chunk_copy_in(part, head, item->data, item->len);
	}
	return head;
}

/* head: of a chain that is filled already; refused: why a large value has none */
static CacheStored
insert_locked(CachePart *part, const CacheItem *item, int64 now,
			  uint32 head, CacheStored refused, bool *released)
{
	uint64		born;
	CacheStored verdict = may_store(part, item, &born);
	CacheLease *lease = verdict == CACHE_LEASE_LOST ? NULL : lease_find(part, &item->key);
	CacheQueueId queue = agc_cache_policy == AGC_CACHE_LRU ? CACHE_MAIN : CACHE_SMALL;
	uint8		freq = 0;
	uint32		old;

	/*
	 * Stored or not, the value's leader has finished; and another's lease would
	 * bring back something older than what is set now.
	 */
	if (lease != NULL && (verdict == CACHE_STORED || item->lease != 0))
	{
		lease_free(part, lease);
		*released = true;
	}
	if (verdict != CACHE_STORED)
		return verdict;

	old = area_find(part, &item->key);
	if (old != CACHE_NONE)
	{
		CacheEntry *entry = area_entry(part, old);

		queue = entry->queue;
		freq = Min(entry->freq + 1, 3);
		if (entry->expires <= now)
			entry_expire(part, old);
		else
			entry_remove(part, old);
	}
	else if (queue_take_ghost(part, &item->key))
		queue = CACHE_MAIN;

	if (item->len > area_max_value())
		return CACHE_TOO_LARGE;
	(void) entry_drain(part, now, cache_shmem->nchunks, DRAIN_STEPS);
	if (refused == CACHE_STORED)
		refused = evict_make_room(part, item, head == CACHE_NONE ? area_chunks_for(item->len) : 0, 1, now);
	if (refused != CACHE_STORED)
		return refused;
	if (head == CACHE_NONE)
	{
		head = chunk_take(part, item->len);
		chunk_copy_in(part, head, item->data, item->len);
	}
	place(part, head, item, born, queue, freq);
	return CACHE_STORED;
}

/* Makes an entry of a filled chain. */
static void
place(CachePart *part, uint32 index, const CacheItem *item, uint64 born, CacheQueueId queue, uint8 freq)
{
	uint32	   *bucket = area_bucket(part, &item->key);
	CacheEntry *entry = area_entry(part, index);

	part->next[index] |= CACHE_HEAD_BIT;
	entry->key = item->key;
	entry->stored_at = item->stored_at;
	entry->expires = item->expires;
	entry->born = born;
	entry->len = item->len;
	entry->tool = item->refs.tool;
	entry->tenant = item->refs.tenant;
	entry->ntags = item->refs.ntags;
	memcpy(entry->tag, item->refs.tag, sizeof(entry->tag));
	entry->fences = 0;
	entry->scope = item->scope;
	entry->flags = item->flags;
	entry->soft_ms = item->soft_ms;
	entry->cost_ms = item->cost_ms;
	entry->cost_nanousd = item->cost_nanousd;
	entry->hits = 0;
	entry->freq = freq;
	entry->expiry_counted = false;

	entry->hash_next = *bucket;
	*bucket = index;
	queue_push(part, queue, index);
	wheel_add(part, index);
	part->p->entries++;
	part->p->value_bytes += item->len;
	part->shares[entry->tenant] += area_chunks_for(item->len);
}
