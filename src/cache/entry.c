/*
 * entry.c
 *	  An entry's end, and copying live ones out.
 *
 * Locking: entry_lock() takes the partition's lock.  The functions that remove
 * are called with it held exclusively; entry_copy_live() takes it itself, shared.
 * Memory: none.  On ERROR: none raised, and every change is complete when the
 * lock is released.
 */
#include "cache/entry.h"
#include "cache/chunk.h"
#include "cache/queue.h"
#include "cache/stat.h"
#include "cache/wheel.h"

#define BUCKETS_AT_ONCE	256		/* looked at under one lock */

/* Counts the times that the lock was not free at once. */
void
entry_lock(const CachePart *part, LWLockMode mode)
{
	if (LWLockConditionalAcquire(part->lock, mode))
		return;
	stat_count(CC_LOCK_WAITS);
	LWLockAcquire(part->lock, mode);
}

/* Takes the entry out of everything and gives its chain back. */
void
entry_remove(CachePart *part, uint32 index)
{
	CacheEntry *entry = area_entry(part, index);
	uint32	   *link = area_bucket(part, &entry->key);

	while (*link != index)
		link = &area_entry(part, *link)->hash_next;
	*link = entry->hash_next;
	queue_remove(part, index);
	wheel_remove(part, index);
	part->p->entries--;
	part->p->value_bytes -= entry->len;
	part->shares[entry->tenant] -= area_chunks_for(entry->len);
	chunk_release(part, index);
}

/* Once for each entry, however its end is found. */
void
entry_count_expiry(CacheEntry *entry)
{
	if (entry->expiry_counted)
		return;
	entry->expiry_counted = true;
	stat_count(CC_EXPIRATIONS);
	stat_tool_add(entry->tool, CT_EXPIRATIONS, 1);
}

void
entry_expire(CachePart *part, uint32 index)
{
	entry_count_expiry(area_entry(part, index));
	entry_remove(part, index);
}

/* As wheel_drain(). */
uint32
entry_drain(CachePart *part, int64 now, uint32 wanted, uint32 steps)
{
	return wheel_drain(part, now, wanted, steps, entry_expire);
}

/*
 * Copies the live ones of the next buckets, at most ENTRY_BATCH; *bucket moves
 * on.  Fenced ones are left out: they may be gone in a moment, and a dump must
 * not keep them.
 */
int
entry_copy_live(const CachePart *part, uint32 *bucket, int64 now, CacheEntry *out)
{
	uint32		end = Min(*bucket + BUCKETS_AT_ONCE, cache_shmem->nbuckets);
	int			n = 0;

	LWLockAcquire(part->lock, LW_SHARED);
	for (; *bucket < end; (*bucket)++)
		for (uint32 i = part->buckets[*bucket]; i != CACHE_NONE && n < ENTRY_BATCH; i = area_entry(part, i)->hash_next)
			if (area_entry(part, i)->fences == 0 &&
				entry_life(area_entry(part, i), now) == CACHE_LIVE)
				out[n++] = *area_entry(part, i);
	LWLockRelease(part->lock);
	return n;
}
