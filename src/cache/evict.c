/*
 * evict.c
 *	  Which entries leave a full partition: S3-FIFO by bytes, or exact LRU.
 *
 * S3-FIFO: new entries enter a small queue, a quarter of the partition.  An entry
 * that is used again before it reaches the end moves to the main queue.  The
 * others leave and are remembered as ghosts (fingerprints); a key that comes back
 * while its ghost is young goes straight to main.  Main is a FIFO whose used
 * entries go round again, up to three times.  So a hit moves nothing.
 *
 * LRU (agentcore.cache_policy): one partition, whose entries are all in main in
 * the order of their last use, for a hit moves its entry to the newest end.
 * agentcore.cache_max_entries counts here only: S3-FIFO measures its queues in
 * bytes, and a limit of another measure would leave it nothing but the small one.
 *
 * Dead entries go before live ones: the wheel knows the expired, and a hand
 * sweeps the chunks in front of every eviction for those that were invalidated
 * by tool, tenant or tag.  A tenant that holds its share of the partition (of
 * its own, else agentcore.cache_tenant_share) evicts its own entries only.
 *
 * Locking: the caller holds the partition's lock exclusively; work is bounded
 * by the size of what is being stored.  Memory: none.  On ERROR: none raised.
 */
#include "cache/evict.h"
#include "cache/chunk.h"
#include "cache/queue.h"
#include "cache/stat.h"

#define SMALL_SHARE		4		/* the small queue's part is 1 / this */
#define SWEEP_STEPS		64		/* chunks looked at before an eviction */
#define SHARE_STEPS		1024	/* chunks looked at for a tenant's own entries */
#define EXTRA_STEPS		128

static CacheStored evict_own(CachePart *part, uint32 tenant, uint32 chunks, uint32 entries);
static bool evict_step(CachePart *part, int64 now);

static inline bool
entries_fit(const CachePart *part, uint32 entries)
{
	return agc_cache_policy != AGC_CACHE_LRU || agc_cache_max_entries == 0 ||
		part->p->entries + entries <= agc_cache_max_entries;
}

static inline bool
has_room(const CachePart *part, uint32 chunks, uint32 entries)
{
	return part->p->free_chunks >= chunks && entries_fit(part, entries);
}

static inline bool
past_share(const CachePart *part, const CacheItem *item, uint32 chunks)
{
	uint64		share = item->share > 0 ? item->share : agc_cache_tenant_share;

	return share < 100 && part->shares[item->refs.tenant] + chunks > cache_shmem->nchunks * share / 100;
}

/*
 * Makes room for `chunks` more chunks and `entries` more entries of the item's
 * tenant; for a large value that is done in two steps.  Expired entries go first,
 * then invalidated ones, then the tenant's own if it has its share, then the
 * least useful.  An entry is passed over at most a few times before it goes, so
 * the bound on steps suffices except in pathological cases.  Those are refused,
 * because they would hold the lock for long.
 */
CacheStored
evict_make_room(CachePart *part, const CacheItem *item, uint32 chunks, uint32 entries, int64 now)
{
	uint32		steps = EXTRA_STEPS + 4 * chunks;
	bool		pinned = false;

	if (part->p->limbo != CACHE_NONE)
		chunk_reap_limbo(part);
	if (has_room(part, chunks, entries))
		return CACHE_STORED;
	(void) entry_drain(part, now, entries_fit(part, entries) ? chunks : cache_shmem->nchunks, steps);
	if (!has_room(part, chunks, entries))
		(void) evict_sweep(part, SWEEP_STEPS, now);
	if (!has_room(part, chunks, entries) && past_share(part, item, chunks))
		return evict_own(part, item->refs.tenant, chunks, entries);
	while (!has_room(part, chunks, entries))
	{
		if (steps-- == 0 || part->p->entries == 0)
			return pinned || part->p->limbo != CACHE_NONE ? CACHE_PINNED : CACHE_NO_ROOM;
		if (!evict_step(part, now))
			pinned = true;
	}
	return CACHE_STORED;
}

/* Frees the dead among the next few chunks; returns how many entries went. */
uint32
evict_sweep(CachePart *part, uint32 chunks, int64 now)
{
	uint32		removed = 0;
	uint32		steps = Min(chunks, cache_shmem->nchunks);

	while (steps-- > 0)
	{
		uint32		index = part->p->hand;
		CacheEntry *entry = area_entry(part, index);
		CacheLife	life;

		part->p->hand = index + 1 < cache_shmem->nchunks ? index + 1 : 0;
		if (!(part->next[index] & CACHE_HEAD_BIT))
			continue;
		life = entry_life(entry, now);
		if (life == CACHE_LIVE)
			continue;
		if (life == CACHE_EXPIRED)
			entry_expire(part, index);
		else
			entry_remove(part, index);
		removed++;
	}
	return removed;
}

/*
 * A tenant that has its share makes room from its own entries: a clock hand goes
 * over the chunks and takes those that were not used since it last came by.
 */
static CacheStored
evict_own(CachePart *part, uint32 tenant, uint32 chunks, uint32 entries)
{
	uint32		steps = SHARE_STEPS + 4 * chunks;

	while (!has_room(part, chunks, entries) && part->shares[tenant] > 0 && steps-- > 0)
	{
		uint32		index = part->p->share_hand;
		CacheEntry *entry = area_entry(part, index);

		part->p->share_hand = index + 1 < cache_shmem->nchunks ? index + 1 : 0;
		if (!(part->next[index] & CACHE_HEAD_BIT) || entry->tenant != tenant || chunk_is_pinned(part, index))
			continue;
		if (entry->freq > 0)
			entry->freq--;
		else
		{
			stat_count(entry->queue == CACHE_SMALL ? CC_EVICTIONS_SMALL : CC_EVICTIONS_MAIN);
			stat_tool_add(entry->tool, CT_EVICTIONS, 1);
			entry_remove(part, index);
		}
	}
	return has_room(part, chunks, entries) ? CACHE_STORED : CACHE_OVER_SHARE;
}

/* One entry leaves, or changes its place; false: because it is being read. */
static bool
evict_step(CachePart *part, int64 now)
{
	CacheQueue *small = &part->p->queue[CACHE_SMALL];
	CacheQueue *main_queue = &part->p->queue[CACHE_MAIN];
	bool		from_small = main_queue->entries == 0 ||
		(small->entries > 0 && small->chunks >= cache_shmem->nchunks / SMALL_SHARE);
	uint32		index = from_small ? small->oldest : main_queue->oldest;
	CacheEntry *entry = area_entry(part, index);
	CacheLife	life = entry_life(entry, now);

	if (chunk_is_pinned(part, index))
	{
		queue_move_to_main(part, index);
		return false;
	}
	if (life == CACHE_EXPIRED)
		entry_expire(part, index);
	else if (life == CACHE_DEAD)
		entry_remove(part, index);
	else if (entry->freq > 0 && agc_cache_policy != AGC_CACHE_LRU)
	{
		entry->freq = from_small ? 0 : entry->freq - 1;
		queue_move_to_main(part, index);
	}
	else
	{
		if (from_small)
			queue_add_ghost(part, &entry->key);
		stat_count(from_small ? CC_EVICTIONS_SMALL : CC_EVICTIONS_MAIN);
		stat_tool_add(entry->tool, CT_EVICTIONS, 1);
		entry_remove(part, index);
	}
	return true;
}
