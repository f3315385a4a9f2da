/*
 * area.h
 *	  The cache's shared memory as a place: its partitions, and finding and
 *	  fencing a key in them.
 *
 * The lookups that every hit makes are inline.  Unless said otherwise the
 * caller holds the partition's lock: shared to find, exclusive to fence.
 */
#ifndef AGENTCORE_CACHE_AREA_H
#define AGENTCORE_CACHE_AREA_H

#include "cache/layout.h"

extern CacheHeader *cache_shmem;

extern CachePart area_parts[CACHE_MAX_PARTITIONS];
extern bool area_parts_known;

extern void area_register(void (*init) (void *area));
extern void area_init(void);
extern void area_bind(CachePart *part, uint32 index);
extern void area_map_parts(void);
extern LWLock *area_lock(void);
extern uint32 area_max_value(void);
extern void area_fence(CachePart *part, const CacheKey *key);
extern void area_unfence(CachePart *part, const CacheKey *key);

/* without a lock */
static inline CachePart *
area_part_at(uint32 index)
{
	if (unlikely(!area_parts_known))
		area_map_parts();
	return &area_parts[index];
}

static inline uint32
area_chunks_for(uint32 len)
{
	return len <= CACHE_HEAD_PAYLOAD ? 1 : 1 + (len - CACHE_HEAD_PAYLOAD + CACHE_CHUNK - 1) / CACHE_CHUNK;
}

static inline CacheEntry *
area_entry(const CachePart *part, uint32 index)
{
	return (CacheEntry *) (part->chunks + (Size) index * CACHE_CHUNK);
}

/* Different parts of a key choose partition, bucket, fingerprint and the rest. */
static inline uint32
area_key_word(const CacheKey *key, int n)
{
	uint32		word;

	memcpy(&word, key->hash + 4 * n, sizeof(word));
	return word;
}

static inline uint32
area_partition_of(const CacheKey *key)
{
	return area_key_word(key, 0) & (cache_shmem->npartitions - 1);
}

/* without a lock */
static inline CachePart *
area_part(const CacheKey *key)
{
	return area_part_at(area_partition_of(key));
}

static inline CacheKeyEpoch *
area_key_epoch(const CachePart *part, const CacheKey *key)
{
	return &part->p->key_epoch[area_key_word(key, 4) % CACHE_KEY_EPOCHS];
}

static inline uint32 *
area_bucket(const CachePart *part, const CacheKey *key)
{
	return &part->buckets[area_key_word(key, 2) & (cache_shmem->nbuckets - 1)];
}

static inline uint32
area_find(const CachePart *part, const CacheKey *key)
{
	uint32		index = *area_bucket(part, key);

	while (index != CACHE_NONE)
	{
		CacheEntry *entry = area_entry(part, index);

		if (memcmp(&entry->key, key, sizeof(CacheKey)) == 0)
			break;
		index = entry->hash_next;
	}
	return index;
}

/* Not what a transaction is committing an invalidation of. */
static inline uint32
area_find_open(const CachePart *part, const CacheKey *key)
{
	uint32		index = area_find(part, key);

	return index != CACHE_NONE && area_entry(part, index)->fences == 0 ? index : CACHE_NONE;
}

#endif							/* AGENTCORE_CACHE_AREA_H */
