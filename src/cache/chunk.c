/*
 * chunk.c
 *	  Chains of chunks: taken, given back, copied, and pinned while a large value
 *	  is copied outside the lock.
 *
 * Small values are copied under the partition's lock.  For a large one that
 * would keep all others out for as long as it takes to move a megabyte, so a
 * reader pins the chain under the shared lock and copies after releasing it,
 * and a writer takes a chain from the free list, fills it with no lock held and
 * links it afterwards.  A pinned entry is passed over by eviction; one that is
 * removed all the same (invalidated, replaced, expired) leaves the index at
 * once, and its chain waits in limbo until a writer or the worker finds it
 * unpinned.  So no one ever waits for a pin.
 *
 * Locking: the partition's lock, exclusive where chains are taken or freed;
 * pins are taken under it in any mode and dropped without it.
 * Memory: none.  On ERROR, FATAL: between taking and dropping a pin, and
 * between reserving a chain and linking it, there is nothing but memcpy() and
 * lock calls: nothing can raise an error and no interrupt is looked for, so
 * neither can be left behind.  A crash empties the cache.
 */
#include "cache/chunk.h"

#include "miscadmin.h"

#define COPY_LINE	64

uint32
chunk_take(CachePart *part, uint32 len)
{
	uint32		count = area_chunks_for(len);
	uint32		head = part->p->free_head;
	uint32		last = head;

	for (uint32 i = 1; i < count; i++)
		last = part->next[last];
	part->p->free_head = part->next[last];
	part->p->free_chunks -= count;
	part->next[last] = CACHE_NONE;
	return head;
}

void
chunk_free(CachePart *part, uint32 head, uint32 len)
{
	uint32		count = area_chunks_for(len);
	uint32		last = head;

	for (uint32 i = 1; i < count; i++)
		last = part->next[last];
	part->next[last] = part->p->free_head;
	part->p->free_head = head;
	part->p->free_chunks += count;
}

/* By lines: what the compiler makes of a copy of up to a chunk starts slowly, chunk by chunk. */
static inline void
copy_lines(char *to, const char *from, uint32 n)
{
	for (; n >= COPY_LINE; n -= COPY_LINE, to += COPY_LINE, from += COPY_LINE)
		memcpy(to, from, COPY_LINE);
	memcpy(to, from, n);
}

void
chunk_copy_out(const CachePart *part, uint32 index, char *data, uint32 len)
{
	uint32		n = Min(len, CACHE_HEAD_PAYLOAD);

	copy_lines(data, part->chunks + (Size) index * CACHE_CHUNK + CACHE_HEAD_FIELDS, n);
	while ((len -= n) > 0)
	{
		data += n;
		index = part->next[index] & ~CACHE_HEAD_BIT;
		n = Min(len, CACHE_CHUNK);
		copy_lines(data, part->chunks + (Size) index * CACHE_CHUNK, n);
	}
}

void
chunk_copy_in(CachePart *part, uint32 index, const char *data, uint32 len)
{
	uint32		n = Min(len, CACHE_HEAD_PAYLOAD);

	memcpy(part->chunks + (Size) index * CACHE_CHUNK + CACHE_HEAD_FIELDS, data, n);
	while ((len -= n) > 0)
	{
		data += n;
		index = part->next[index] & ~CACHE_HEAD_BIT;
		n = Min(len, CACHE_CHUNK);
		memcpy(part->chunks + (Size) index * CACHE_CHUNK, data, n);
	}
}

void
chunk_init_partition(CachePart *part)
{
	for (int i = 0; i < CACHE_PINS; i++)
		pg_atomic_init_u32(&part->p->pin[i], CACHE_NONE);
	part->p->limbo = CACHE_NONE;
}

/* The pin's number; -1 when every pin is taken. */
int
chunk_pin(const CachePart *part, uint32 index)
{
	for (int i = 0; i < CACHE_PINS; i++)
	{
		int			at = (MyProcPid + i) % CACHE_PINS;
		uint32		unused = CACHE_NONE;

		if (pg_atomic_compare_exchange_u32(&part->p->pin[at], &unused, index))
			return at;
	}
	return -1;
}

void
chunk_unpin(const CachePart *part, int pin)
{
	/* what was read must have been read before the chain may be written anew */
	pg_memory_barrier();
	pg_atomic_write_u32(&part->p->pin[pin], CACHE_NONE);
}

bool
chunk_is_pinned(const CachePart *part, uint32 index)
{
	if (area_entry(part, index)->len <= CACHE_COPY_LOCKED)
		return false;
	for (int i = 0; i < CACHE_PINS; i++)
		if (pg_atomic_read_u32(&part->p->pin[i]) == index)
			return true;
	pg_memory_barrier();
	return false;
}

/* The entry is out of index and queue: its chain is free, or will be. */
void
chunk_release(CachePart *part, uint32 head)
{
	CacheEntry *entry = area_entry(part, head);

	part->next[head] &= ~CACHE_HEAD_BIT;
	if (!chunk_is_pinned(part, head))
	{
		chunk_free(part, head, entry->len);
		return;
	}
	entry->hash_next = part->p->limbo;
	part->p->limbo = head;
	part->p->limbo_chunks += area_chunks_for(entry->len);
}

/* Frees the chains in limbo that are no longer pinned; at most CACHE_PINS are in it. */
void
chunk_reap_limbo(CachePart *part)
{
	uint32	   *link = &part->p->limbo;

	while (*link != CACHE_NONE)
	{
		uint32		head = *link;
		CacheEntry *entry = area_entry(part, head);

		if (chunk_is_pinned(part, head))
		{
			link = &entry->hash_next;
			continue;
		}
		*link = entry->hash_next;
		part->p->limbo_chunks -= area_chunks_for(entry->len);
		chunk_free(part, head, entry->len);
	}
}
