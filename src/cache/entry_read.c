/*
 * entry_read.c
 *	  Reading a live entry.
 *
 * Locking: the partition's LWLock, shared; exclusive where the policy is lru,
 * for a hit moves its entry.  A reader's only other stores are the entry's use
 * counters.  Large values are copied with no lock held: see chunk.c.
 * Memory: the value is copied into a buffer that was allocated before the lock
 * was taken.
 * On ERROR: nothing here raises one while a lock is held.
 */
#include "cache/entry_read.h"
#include "cache/ahead.h"
#include "cache/chunk.h"
#include "cache/queue.h"
#include "cache/stat.h"

#include "utils/memutils.h"

static void
note_found(const CacheEntry *entry, CacheFound *found)
{
	entry_refs(entry, &found->refs);
	found->stored_at = entry->stored_at;
	found->expires = entry->expires;
	found->soft_ms = entry->soft_ms;
	found->cost_ms = entry->cost_ms;
	found->cost_nanousd = entry->cost_nanousd;
	found->flags = entry->flags;
}

/*
 * Copies the bytes of a live entry out, as they were stored (lookup.c undoes
 * compression), straight into memory that was allocated for the length that
 * the entry seemed to have; if that was too little, it is looked at again.  An
 * expired entry is left to writers, but counted by its first reader.  A large
 * value is pinned, and copied under the lock only if no pin is left.
 */
bool
entry_read(const CacheKey *key, int64 now, CacheFound *out, Jsonb **value)
{
	CachePart  *part = area_part(key);
	Jsonb	   *copy = NULL;
	uint32		room;

	ahead_entry(key);
	room = ahead_value(key);
	for (;;)
	{
		uint32		len = 0;
		bool		found = false;
		int			pin = -1;
		uint32		index;

		if (room > 0)
			copy = palloc(VARHDRSZ + room);
		entry_lock(part, agc_cache_policy == AGC_CACHE_LRU ? LW_EXCLUSIVE : LW_SHARED);
		index = area_find_open(part, key);
		if (index != CACHE_NONE)
		{
			CacheEntry *entry = area_entry(part, index);
			CacheLife	life = entry_life(entry, now);

			found = life == CACHE_LIVE;
			len = entry->len;
			if (life == CACHE_EXPIRED)
				entry_count_expiry(entry);
			if (found && copy != NULL && len <= room)
			{
				if (len > CACHE_COPY_LOCKED)
					pin = chunk_pin(part, index);
				if (pin < 0)
					chunk_copy_out(part, index, VARDATA(copy), len);
				note_found(entry, out);
				if (entry->freq < 3)
					entry->freq++;
				entry->hits++;
				if (agc_cache_policy == AGC_CACHE_LRU)
					queue_move_to_main(part, index);
			}
		}
		LWLockRelease(part->lock);

		if (pin >= 0)
		{
			AGC_TEST_POINT_HELD("cache_copy_out");
			chunk_copy_out(part, index, VARDATA(copy), len);
			chunk_unpin(part, pin);
		}
		if (found && copy != NULL && len <= room)
		{
			SET_VARSIZE(copy, VARHDRSZ + len);
			*value = copy;
			return true;
		}
		if (copy != NULL)
			pfree(copy);
		copy = NULL;
		if (!found)
			return false;
		room = Max(len, 1);
	}
}
