/*
 * evict.c
 *	  Who leaves when a partition is full: S3-FIFO by bytes.
 *
 * New entries enter a small queue of a quarter of the partition.  One used
 * again before it reaches the end goes over to the main queue, the others
 * leave and are remembered as ghosts (fingerprints); a key that comes back
 * while its ghost is young goes straight to main.  Main is a FIFO whose used
 * entries go round again, up to three times.  A hit thus moves nothing.
 *
 * Dead entries (expired, or invalidated by tool, tenant or tag) go before live
 * ones: a hand sweeps the chunks in front of every eviction.
 *
 * Locking: the caller holds the partition's lock exclusively; work is bounded
 * by the size of what is being stored.  Memory: none.  On ERROR: none raised.
 */
#include "cache/store.h"

#define SMALL_SHARE		4		/* the small queue's part is 1 / this */
#define SWEEP_STEPS		64		/* chunks looked at before an eviction */
#define EXTRA_STEPS		128

static uint32 evict_sweep(CachePart *part, int64 now);
static void evict_step(CachePart *part, int64 now);
static void ghost_add(CachePart *part, const CacheKey *key);

void
queue_push(CachePart *part, CacheQueueId id, uint32 index)
{
	CacheQueue *queue = &part->p->queue[id];
	CacheEntry *entry = store_entry(part, index);

	entry->queue = id;
	entry->newer = CACHE_NONE;
	entry->older = queue->newest;
	if (queue->newest != CACHE_NONE)
		store_entry(part, queue->newest)->newer = index;
	else
		queue->oldest = index;
	queue->newest = index;
	queue->entries++;
	queue->chunks += store_chunks_for(entry->len);
}

void
queue_remove(CachePart *part, uint32 index)
{
	CacheEntry *entry = store_entry(part, index);
	CacheQueue *queue = &part->p->queue[entry->queue];

	if (entry->newer != CACHE_NONE)
		store_entry(part, entry->newer)->older = entry->older;
	else
		queue->newest = entry->older;
	if (entry->older != CACHE_NONE)
		store_entry(part, entry->older)->newer = entry->newer;
	else
		queue->oldest = entry->newer;
	queue->entries--;
	queue->chunks -= store_chunks_for(entry->len);
}

static inline CacheGhost *
ghost_set(CachePart *part, const CacheKey *key)
{
	return part->ghosts + (store_key_word(key, 6) & (cache_shmem->nghosts - 1)) * CACHE_GHOST_WAYS;
}

/* As many ghosts count as main has entries: the later ones are too old. */
bool
ghost_take(CachePart *part, const CacheKey *key)
{
	CacheGhost *set = ghost_set(part, key);
	uint32		fingerprint = store_key_word(key, 5);

	for (int i = 0; i < CACHE_GHOST_WAYS; i++)
		if (set[i].fingerprint == fingerprint &&
			part->p->ghost_clock - set[i].age <= part->p->queue[CACHE_MAIN].entries)
		{
			set[i].age = part->p->ghost_clock - 0x40000000;
			stat_count(CC_GHOST_HITS);
			return true;
		}
	return false;
}

static void
ghost_add(CachePart *part, const CacheKey *key)
{
	CacheGhost *set = ghost_set(part, key);
	CacheGhost *oldest = set;

	part->p->ghost_clock++;
	for (int i = 1; i < CACHE_GHOST_WAYS; i++)
		if (part->p->ghost_clock - set[i].age > part->p->ghost_clock - oldest->age)
			oldest = &set[i];
	oldest->fingerprint = store_key_word(key, 5);
	oldest->age = part->p->ghost_clock;
}

/*
 * Makes `needed` chunks free.  An entry is passed over at most a few times
 * before it goes, so the bound suffices but for pathological cases; those are
 * refused rather than served under a lock held for long.
 */
bool
evict_make_room(CachePart *part, uint32 needed, int64 now)
{
	uint32		steps = EXTRA_STEPS + 4 * needed;

	if (part->p->free_chunks < needed)
		(void) evict_sweep(part, now);
	while (part->p->free_chunks < needed)
	{
		if (steps-- == 0 || part->p->entries == 0)
			return false;
		evict_step(part, now);
	}
	return true;
}

/* Frees the dead among the next few chunks; returns how many entries went. */
static uint32
evict_sweep(CachePart *part, int64 now)
{
	uint32		removed = 0;
	uint32		steps = Min(SWEEP_STEPS, cache_shmem->nchunks);

	while (steps-- > 0)
	{
		uint32		index = part->p->hand;
		CacheEntry *entry = store_entry(part, index);
		CacheLife	life;

		part->p->hand = index + 1 < cache_shmem->nchunks ? index + 1 : 0;
		if (!(part->next[index] & CACHE_HEAD_BIT))
			continue;
		life = store_life(entry, now);
		if (life == CACHE_LIVE)
			continue;
		if (life == CACHE_EXPIRED && !entry->expiry_counted)
			stat_count(CC_EXPIRATIONS);
		store_remove(part, index);
		removed++;
	}
	return removed;
}

/* One entry leaves, or changes its place. */
static void
evict_step(CachePart *part, int64 now)
{
	CacheQueue *small = &part->p->queue[CACHE_SMALL];
	CacheQueue *main_queue = &part->p->queue[CACHE_MAIN];
	bool		from_small = main_queue->entries == 0 ||
		(small->entries > 0 && small->chunks >= cache_shmem->nchunks / SMALL_SHARE);
	uint32		index = from_small ? small->oldest : main_queue->oldest;
	CacheEntry *entry = store_entry(part, index);
	CacheLife	life = store_life(entry, now);

	if (life != CACHE_LIVE)
	{
		if (life == CACHE_EXPIRED && !entry->expiry_counted)
			stat_count(CC_EXPIRATIONS);
		store_remove(part, index);
	}
	else if (entry->freq > 0)
	{
		queue_remove(part, index);
		entry->freq = from_small ? 0 : entry->freq - 1;
		queue_push(part, CACHE_MAIN, index);
	}
	else
	{
		if (from_small)
			ghost_add(part, &entry->key);
		stat_count(from_small ? CC_EVICTIONS_SMALL : CC_EVICTIONS_MAIN);
		store_remove(part, index);
	}
}
