/*
 * queue.c
 *	  The two queues of a partition, and the ghosts of what left the small one.
 *
 * evict.c says what the queues and the ghosts are for.
 *
 * Locking: the caller holds the partition's lock exclusively.  Memory: none.
 * On ERROR: none raised.
 */
#include "cache/queue.h"
#include "cache/stat.h"

void
queue_init_partition(CachePart *part)
{
	for (int q = 0; q < 2; q++)
		part->p->queue[q].newest = part->p->queue[q].oldest = CACHE_NONE;

	/* no ghost of a partition that has just begun is young enough to count */
	part->p->ghost_clock = 0x40000000;
}

void
queue_push(CachePart *part, CacheQueueId id, uint32 index)
{
	CacheQueue *queue = &part->p->queue[id];
	CacheEntry *entry = area_entry(part, index);

	entry->queue = id;
	entry->newer = CACHE_NONE;
	entry->older = queue->newest;
	if (queue->newest != CACHE_NONE)
		area_entry(part, queue->newest)->newer = index;
	else
		queue->oldest = index;
	queue->newest = index;
	queue->entries++;
	queue->chunks += area_chunks_for(entry->len);
}

void
queue_remove(CachePart *part, uint32 index)
{
	CacheEntry *entry = area_entry(part, index);
	CacheQueue *queue = &part->p->queue[entry->queue];

	if (entry->newer != CACHE_NONE)
		area_entry(part, entry->newer)->older = entry->older;
	else
		queue->newest = entry->older;
	if (entry->older != CACHE_NONE)
		area_entry(part, entry->older)->newer = entry->newer;
	else
		queue->oldest = entry->newer;
	queue->entries--;
	queue->chunks -= area_chunks_for(entry->len);
}

/* As the newest of the main queue. */
void
queue_move_to_main(CachePart *part, uint32 index)
{
	queue_remove(part, index);
	queue_push(part, CACHE_MAIN, index);
}

static inline CacheGhost *
ghost_set(CachePart *part, const CacheKey *key)
{
	return part->ghosts + (area_key_word(key, 6) & (cache_shmem->nghosts - 1)) * CACHE_GHOST_WAYS;
}

/* As many ghosts count as main has entries: the later ones are too old. */
bool
queue_take_ghost(CachePart *part, const CacheKey *key)
{
	CacheGhost *set = ghost_set(part, key);
	uint32		fingerprint = area_key_word(key, 5);

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

void
queue_add_ghost(CachePart *part, const CacheKey *key)
{
	CacheGhost *set = ghost_set(part, key);
	CacheGhost *oldest = set;

	part->p->ghost_clock++;
	for (int i = 1; i < CACHE_GHOST_WAYS; i++)
		if (part->p->ghost_clock - set[i].age > part->p->ghost_clock - oldest->age)
			oldest = &set[i];
	oldest->fingerprint = area_key_word(key, 5);
	oldest->age = part->p->ghost_clock;
}
