/*
 * area.c
 *	  The cache's shared memory: how it is laid out, where the partitions are, and
 *	  fencing a key.
 *
 * cache.c starts it: area_register() asks for the memory, and the function that
 * it is given calls area_init() before what else there is to initialise.
 *
 * Locking: the partition's LWLock, which the caller holds; a fence changes
 * entries, so it needs it exclusively.  The area's lock guards what belongs to
 * no partition: new names, and whether a dump's file counts.
 * Memory: the area is fixed at server start.  On ERROR: raises none.
 */
#include "cache/area.h"

#define TRANCHE		"agentcore_cache"

CacheHeader *cache_shmem = NULL;

CachePart	area_parts[CACHE_MAX_PARTITIONS];
bool		area_parts_known = false;

static uint32
npartitions_for(int megabytes)
{
	uint32		n = 1;

	if (agc_cache_policy == AGC_CACHE_LRU)
		return 1;
	while (n < CACHE_MAX_PARTITIONS && n * 2 <= megabytes / 8)
		n *= 2;
	return n;
}

void
area_register(void (*init) (void *area))
{
	agc_shmem_register("agentcore cache", (Size) agc_cache_memory * 1024 * 1024, init,
					   (void **) &cache_shmem, TRANCHE, npartitions_for(agc_cache_memory) + 1);
}

static uint32
power_of_two_below(uint32 n)
{
	uint32		power = 1;

	while (power <= n / 2)
		power *= 2;
	return power;
}

/* Everything is a function of the area's size, which the postmaster fixed. */
static void
plan_layout(CacheHeader *layout, Size total)
{
	uint32		megabytes = total / (1024 * 1024);
	Size		at = CACHELINEALIGN(sizeof(CacheHeader));
	Size		per_chunk = CACHE_CHUNK + sizeof(uint32) * 3 / 2 + sizeof(CacheGhost) / 4;

	layout->npartitions = npartitions_for(megabytes);
	layout->nnames = power_of_two_below(Min(Max(megabytes * 64, 256), CACHE_MAX_NAMES));
	layout->ntags = power_of_two_below(Min(Max(megabytes * 128, 1024), 65536));

	layout->texts_size = layout->nnames * CACHE_TEXT_BYTES;
	layout->names_off = at;
	at += CACHELINEALIGN((layout->nnames + CACHE_SHARED_NAMES) * sizeof(CacheName));
	layout->tool_stats_off = at;
	at += CACHELINEALIGN((layout->nnames + CACHE_SHARED_NAMES) * sizeof(CacheToolStat));
	layout->texts_off = at;
	at += CACHELINEALIGN(layout->texts_size);
	layout->tags_off = at;
	at += CACHELINEALIGN(layout->ntags * sizeof(CacheTag));
	layout->partitions_off = at;
	layout->partition_size = TYPEALIGN_DOWN(PG_CACHE_LINE_SIZE, (total - at) / layout->npartitions);

	at = CACHELINEALIGN(sizeof(CachePartition));
	layout->shares_off = at;
	at += CACHELINEALIGN((layout->nnames + CACHE_SHARED_NAMES) * sizeof(uint32));
	layout->nchunks = Min((layout->partition_size - at - 4 * PG_CACHE_LINE_SIZE) / per_chunk, CACHE_NONE - 1);
	layout->nbuckets = power_of_two_below(layout->nchunks / 2);
	layout->nghosts = power_of_two_below(layout->nchunks / 16);
	layout->buckets_off = at;
	at += CACHELINEALIGN(layout->nbuckets * sizeof(uint32));
	layout->next_off = at;
	at += CACHELINEALIGN(layout->nchunks * sizeof(uint32));
	layout->ghosts_off = at;
	at += CACHELINEALIGN(layout->nghosts * CACHE_GHOST_WAYS * sizeof(CacheGhost));
	layout->chunks_off = at;
}

static void
init_index(CachePart *part)
{
	uint32		nchunks = cache_shmem->nchunks;

	for (uint32 i = 0; i < cache_shmem->nbuckets; i++)
		part->buckets[i] = CACHE_NONE;
	for (uint32 i = 0; i < nchunks; i++)
		part->next[i] = i + 1 < nchunks ? i + 1 : CACHE_NONE;
	part->p->free_head = 0;
	part->p->free_chunks = nchunks;
}

/* The layout, and the empty index of each partition. */
void
area_init(void)
{
	cache_shmem->magic = CACHE_MAGIC;
	cache_shmem->format = CACHE_FORMAT;
	plan_layout(cache_shmem, (Size) agc_cache_memory * 1024 * 1024);
	pg_atomic_init_u32(&cache_shmem->in_recovery, 0);
	for (uint32 i = 0; i < cache_shmem->npartitions; i++)
	{
		CachePart	part;

		area_bind(&part, i);
		init_index(&part);
	}
}

/* Without its lock, which is not there yet while the memory is initialised. */
void
area_bind(CachePart *part, uint32 index)
{
	char	   *start = (char *) cache_shmem + cache_shmem->partitions_off +
		index * cache_shmem->partition_size;

	part->p = (CachePartition *) start;
	part->buckets = (uint32 *) (start + cache_shmem->buckets_off);
	part->next = (uint32 *) (start + cache_shmem->next_off);
	part->ghosts = (CacheGhost *) (start + cache_shmem->ghosts_off);
	part->shares = (uint32 *) (start + cache_shmem->shares_off);
	part->chunks = start + cache_shmem->chunks_off;
	part->lock = NULL;
}

/* Once in each process; nothing is left to allocate at COMMIT. */
void
area_map_parts(void)
{
	LWLockPadded *locks = agc_shmem_locks(TRANCHE);

	for (uint32 i = 0; i < cache_shmem->npartitions; i++)
	{
		area_bind(&area_parts[i], i);
		area_parts[i].lock = &locks[i].lock;
	}
	area_parts_known = true;
}

LWLock *
area_lock(void)
{
	return &agc_shmem_locks(TRANCHE)[cache_shmem->npartitions].lock;
}

uint32
area_max_value(void)
{
	return Min((Size) (cache_shmem->nchunks / 4) * CACHE_CHUNK, CACHE_MAX_VALUE) - CACHE_HEAD_FIELDS;
}

/* Until area_unfence() nothing is stored under the key, and its entry is hidden. */
void
area_fence(CachePart *part, const CacheKey *key)
{
	uint32		index = area_find(part, key);

	area_key_epoch(part, key)->fences++;
	if (index != CACHE_NONE && area_entry(part, index)->fences < CACHE_FENCED)
		area_entry(part, index)->fences++;
}

void
area_unfence(CachePart *part, const CacheKey *key)
{
	uint32		index = area_find(part, key);

	area_key_epoch(part, key)->fences--;
	if (index != CACHE_NONE && area_entry(part, index)->fences < CACHE_FENCED)
		area_entry(part, index)->fences--;
}
