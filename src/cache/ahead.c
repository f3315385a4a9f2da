/*
 * ahead.c
 *	  Asks the processor for what looking a key up will need.
 *
 * Entries lie all over the area: the index, the entry and the chunks of a value
 * are each a cache miss, and only the one before tells where the next lies.  So
 * they are asked for in three steps, with other work between them where there is
 * any; cache_mget takes each step for many keys before it takes the next.
 *
 * Locking: none.  What is read here may change at the same time or be garbage:
 * it is a hint, checked for being in bounds, and read again under the lock.
 * Memory: none.  On ERROR: raises none.
 */
#include "cache/ahead.h"

#define LINE			64
#define FIRST_LINES		8		/* fields, and the value as far as it lies in one piece; 4 make 900 B 10 % dearer */
#define MAX_STEPS		8		/* of a bucket's entries: two are common where all are small, more than these rare */
#define MAX_CHUNKS		8		/* more would not be waited for one by one */

/* Step 1: the index, and the key's epoch. */
void
ahead_index(const CacheKey *key)
{
	CachePart  *part = area_part(key);

	__builtin_prefetch(part->lock);
	__builtin_prefetch(area_bucket(part, key));
	__builtin_prefetch(area_key_epoch(part, key));
}

/* Step 2: the head of the bucket's first entry. */
void
ahead_entry(const CacheKey *key)
{
	CachePart  *part = area_part(key);
	uint32		index = *(volatile uint32 *) area_bucket(part, key);
	char	   *head;

	if (index >= cache_shmem->nchunks)
		return;
	head = part->chunks + (Size) index * CACHE_CHUNK;
	for (int i = 0; i < FIRST_LINES; i++)
		__builtin_prefetch(head + i * LINE);
	__builtin_prefetch(&part->next[index]);
}

/* Step 3: the chunks of the value, whose length, as it seems now, is the result; 0: not found */
uint32
ahead_value(const CacheKey *key)
{
	CachePart  *part = area_part(key);
	uint32		index = *(volatile uint32 *) area_bucket(part, key);
	uint32		len = 0;

	for (int i = 0; i < MAX_STEPS && index < cache_shmem->nchunks; i++)
	{
		CacheEntry *entry = area_entry(part, index);

		if (memcmp(&entry->key, key, sizeof(CacheKey)) == 0)
		{
			len = *(volatile uint32 *) &entry->len;
			break;
		}
		index = *(volatile uint32 *) &entry->hash_next;
	}
	if (len > area_max_value())
		return 0;
	for (int chunks = Min(area_chunks_for(len), MAX_CHUNKS) - 1; chunks > 0; chunks--)
	{
		char	   *chunk;

		index = *(volatile uint32 *) &part->next[index] & ~CACHE_HEAD_BIT;
		if (index >= cache_shmem->nchunks)
			break;
		chunk = part->chunks + (Size) index * CACHE_CHUNK;
		for (int i = 0; i < CACHE_CHUNK; i += LINE)
			__builtin_prefetch(chunk + i);
	}
	return len;
}
