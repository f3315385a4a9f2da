/*
 * verify.c
 *	  cache_verify(): walks every structure and says what is off.
 *
 * Locking: each partition's lock, shared, one after the other.
 * Memory: none; the finding is put into a struct and reported after the lock
 * is released.  Every walk is bounded by what the partition can hold, so that
 * a broken chain is reported and not followed for ever.
 * On ERROR: raised with no lock held.
 */
#include "cache/store.h"

#include "miscadmin.h"

typedef struct Finding
{
	const char *what;			/* NULL: all is well */
	uint32		index;
	uint64		expected;
	uint64		found;
} Finding;

static bool
expect(Finding *finding, const char *what, uint32 index, uint64 expected, uint64 found)
{
	if (finding->what == NULL && expected != found)
		*finding = (Finding)
		{
			what, index, expected, found
		};
	return finding->what == NULL;
}

/* From the index to the entries: each in its bucket, with a chain of the right length. */
static void
check_index(const CachePart *part, uint32 number, Finding *finding)
{
	uint32		nchunks = cache_shmem->nchunks;
	uint32		entries = 0;
	uint64		live = 0;
	uint64		bytes = 0;

	for (uint32 b = 0; b < cache_shmem->nbuckets; b++)
		for (uint32 i = part->buckets[b]; i != CACHE_NONE; i = store_entry(part, i)->hash_next)
		{
			CacheEntry *entry = store_entry(part, i);
			uint32		chain = 1;
			uint32		next;

			if (!expect(finding, "an entry's number is out of range", i, true, i < nchunks) ||
				!expect(finding, "a chunk in the index heads no entry", i, true, (part->next[i] & CACHE_HEAD_BIT) != 0) ||
				!expect(finding, "an entry is in another partition's index", i, number, store_partition_of(&entry->key)) ||
				!expect(finding, "an entry cannot be found by its key", i, i, store_find(part, &entry->key)) ||
				!expect(finding, "the index has more entries than the partition", i, true, ++entries <= part->p->entries))
				return;
			for (next = part->next[i] & ~CACHE_HEAD_BIT; next != CACHE_NONE; next = part->next[next])
				if (!expect(finding, "a value's chain leaves the partition", next, true, next < nchunks) ||
					!expect(finding, "a value's chain runs into another entry", next, 0, part->next[next] & CACHE_HEAD_BIT) ||
					!expect(finding, "a value's chain does not end", i, true, ++chain <= nchunks))
					return;
			if (!expect(finding, "a value's chain has the wrong length", i, store_chunks_for(entry->len), chain))
				return;
			live += chain;
			bytes += entry->len;
		}
	expect(finding, "the index has fewer entries than the partition", number, part->p->entries, entries);
	expect(finding, "live and free chunks do not add up", number, nchunks, live + part->p->free_chunks);
	expect(finding, "the bytes of the values do not add up", number, part->p->value_bytes, bytes);
}

static void
check_free(const CachePart *part, uint32 number, Finding *finding)
{
	uint32		count = 0;

	for (uint32 i = part->p->free_head; i != CACHE_NONE; i = part->next[i])
		if (!expect(finding, "the free list leaves the partition", i, true, i < cache_shmem->nchunks) ||
			!expect(finding, "a live entry is in the free list", i, 0, part->next[i] & CACHE_HEAD_BIT) ||
			!expect(finding, "the free list does not end", i, true, ++count <= cache_shmem->nchunks))
			return;
	expect(finding, "the free list has the wrong length", number, part->p->free_chunks, count);
}

static void
check_queues(const CachePart *part, uint32 number, Finding *finding)
{
	for (int q = 0; q < 2; q++)
	{
		CacheQueue *queue = &part->p->queue[q];
		uint32		newer = CACHE_NONE;
		uint32		entries = 0;
		uint64		chunks = 0;

		for (uint32 i = queue->newest; i != CACHE_NONE; i = store_entry(part, i)->older)
		{
			CacheEntry *entry = store_entry(part, i);

			if (!expect(finding, "a queued entry heads no chain", i, true, (part->next[i] & CACHE_HEAD_BIT) != 0) ||
				!expect(finding, "an entry is in the other queue", i, q, entry->queue) ||
				!expect(finding, "a queue's links disagree", i, newer, entry->newer) ||
				!expect(finding, "a queue does not end", i, true, ++entries <= queue->entries))
				return;
			chunks += store_chunks_for(entry->len);
			newer = i;
		}
		expect(finding, "a queue has the wrong length", number, queue->entries, entries);
		expect(finding, "a queue has the wrong size", number, queue->chunks, chunks);
		expect(finding, "a queue has the wrong end", number, queue->oldest, newer);
	}
	expect(finding, "the queues do not hold every entry", number, part->p->entries,
		   (uint64) part->p->queue[CACHE_SMALL].entries + part->p->queue[CACHE_MAIN].entries);
}

static void
check_leases(const CachePart *part, uint32 number, Finding *finding)
{
	CachePartition *p = part->p;
	uint32		held = 0;
	uint32		unused = 0;

	for (int b = 0; b < CACHE_LEASES; b++)
		for (uint16 i = p->lease_bucket[b]; i < CACHE_LEASES; i = p->lease[i].next)
			if (!expect(finding, "a lease in the index has no token", i, true, p->lease_token[i] != 0) ||
				!expect(finding, "the lease index does not end", i, true, ++held <= CACHE_LEASES))
				return;
	for (uint16 i = p->lease_free; i < CACHE_LEASES; i = p->lease[i].next)
		if (!expect(finding, "a free lease has a token", i, 0, (uint64) p->lease_token[i]) ||
			!expect(finding, "the free leases do not end", i, true, ++unused <= CACHE_LEASES))
			return;
	expect(finding, "the leases in use do not add up", number, p->leases_used, held);
	expect(finding, "used and free leases do not add up", number, CACHE_LEASES, held + unused);
}

/* cache_verify() -> boolean: true, or XX001 saying what is off; reads every tenant's structures */
AGC_FUNCTION(cache_verify)
{
	agc_enter("*", AGC_READER);
	cache_require("cache_verify");
	if (cache_shmem->magic != CACHE_MAGIC || cache_shmem->format != CACHE_FORMAT)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the cache's shared memory has an unknown format"),
				 errdetail("Format %u was found, %d is known.", cache_shmem->format, CACHE_FORMAT)));

	for (uint32 i = 0; i < cache_shmem->npartitions; i++)
	{
		CachePart  *part = store_part_at(i);
		Finding		finding = {NULL};

		CHECK_FOR_INTERRUPTS();
		LWLockAcquire(part->lock, LW_SHARED);
		check_free(part, i, &finding);
		check_index(part, i, &finding);
		check_queues(part, i, &finding);
		check_leases(part, i, &finding);
		LWLockRelease(part->lock);
		if (finding.what != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("cache partition %u is inconsistent: %s", i, finding.what),
					 errdetail("At %u: expected %llu, found %llu.", finding.index,
							   (unsigned long long) finding.expected,
							   (unsigned long long) finding.found),
					 errhint("Restart the server to empty the cache, and report this.")));
	}
	PG_RETURN_BOOL(true);
}
