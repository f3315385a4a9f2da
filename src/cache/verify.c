/*
 * verify.c
 *	  cache_verify(): walks every structure and says what is off.
 *
 * Locking: each partition's lock, shared, one after the other.
 * Memory: the tenants' shares; the finding is put into a struct and reported after
 * the lock is released.  Every walk is bounded by what the partition can hold, so
 * that a broken chain is reported and not followed for ever.
 * On ERROR: raised with no lock held.
 */
#include "cache/ready.h"
#include "cache/tag.h"
#include "cache/wheel.h"

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
check_index(const CachePart *part, uint32 number, uint32 *shares, Finding *finding)
{
	uint32		nchunks = cache_shmem->nchunks;
	uint32		entries = 0;
	uint64		live = 0;
	uint64		bytes = 0;

	for (uint32 b = 0; b < cache_shmem->nbuckets; b++)
		for (uint32 i = part->buckets[b]; i != CACHE_NONE; i = area_entry(part, i)->hash_next)
		{
			CacheEntry *entry = area_entry(part, i);
			uint32		chain = 1;
			uint32		next;

			if (!expect(finding, "an entry's number is out of range", i, true, i < nchunks) ||
				!expect(finding, "a chunk in the index heads no entry", i, true, (part->next[i] & CACHE_HEAD_BIT) != 0) ||
				!expect(finding, "an entry is in another partition's index", i, number, area_partition_of(&entry->key)) ||
				!expect(finding, "an entry cannot be found by its key", i, i, area_find(part, &entry->key)) ||
				!expect(finding, "the index has more entries than the partition", i, true, ++entries <= part->p->entries))
				return;
			for (next = part->next[i] & ~CACHE_HEAD_BIT; next != CACHE_NONE; next = part->next[next])
				if (!expect(finding, "a value's chain leaves the partition", next, true, next < nchunks) ||
					!expect(finding, "a value's chain runs into another entry", next, 0, part->next[next] & CACHE_HEAD_BIT) ||
					!expect(finding, "a value's chain does not end", i, true, ++chain <= nchunks))
					return;
			if (!expect(finding, "a value's chain has the wrong length", i, area_chunks_for(entry->len), chain))
				return;
			if (entry->fences < CACHE_FENCED &&
				!expect(finding, "an entry is fenced more often than its key", i, true,
						entry->fences <= area_key_epoch(part, &entry->key)->fences))
				return;
			live += chain;
			bytes += entry->len;
			if (!expect(finding, "an entry's tenant is out of range", i, true, entry->tenant < name_count()))
				return;
			shares[entry->tenant] += chain;
		}
	expect(finding, "the index has fewer entries than the partition", number, part->p->entries, entries);
	expect(finding, "live, free, reserved and pinned chunks do not add up", number, nchunks,
		   live + part->p->free_chunks + part->p->reserved_chunks + part->p->limbo_chunks);
	expect(finding, "the bytes of the values do not add up", number, part->p->value_bytes, bytes);
	for (uint32 t = 0; t < name_count(); t++)
		expect(finding, "a tenant's share does not add up", t, part->shares[t], shares[t]);
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

		for (uint32 i = queue->newest; i != CACHE_NONE; i = area_entry(part, i)->older)
		{
			CacheEntry *entry = area_entry(part, i);

			if (!expect(finding, "a queued entry heads no chain", i, true, (part->next[i] & CACHE_HEAD_BIT) != 0) ||
				!expect(finding, "an entry is in the other queue", i, q, entry->queue) ||
				!expect(finding, "a queue's links disagree", i, newer, entry->newer) ||
				!expect(finding, "a queue does not end", i, true, ++entries <= queue->entries))
				return;
			chunks += area_chunks_for(entry->len);
			newer = i;
		}
		expect(finding, "a queue has the wrong length", number, queue->entries, entries);
		expect(finding, "a queue has the wrong size", number, queue->chunks, chunks);
		expect(finding, "a queue has the wrong end", number, queue->oldest, newer);
	}
	if (agc_cache_policy == AGC_CACHE_LRU)
	{
		expect(finding, "the policy is lru and an entry is in the small queue", number, 0, part->p->queue[CACHE_SMALL].entries);
		if (agc_cache_max_entries > 0)
			expect(finding, "there are more entries than cache_max_entries", number, true, part->p->entries <= agc_cache_max_entries);
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

static void
check_wheel(const CachePart *part, uint32 number, Finding *finding)
{
	CachePartition *p = part->p;
	uint32		entries = 0;

	for (int b = 0; b < CACHE_WHEEL_LEVELS * CACHE_WHEEL_BUCKETS; b++)
	{
		int			level = b / CACHE_WHEEL_BUCKETS;
		int			bucket = b % CACHE_WHEEL_BUCKETS;
		uint32		prev = CACHE_NONE;

		expect(finding, "the wheel's map of buckets is wrong", b,
			   p->wheel[level][bucket] != CACHE_NONE, (p->wheel_used[level] >> bucket) & 1);
		for (uint32 i = p->wheel[level][bucket]; i != CACHE_NONE; i = area_entry(part, i)->wheel_next)
		{
			CacheEntry *entry = area_entry(part, i);

			if (!expect(finding, "the wheel leaves the partition", i, true, i < cache_shmem->nchunks) ||
				!expect(finding, "the wheel holds no entry", i, true, (part->next[i] & CACHE_HEAD_BIT) != 0) ||
				!expect(finding, "an entry is in another bucket of the wheel", i, b, entry->wheel_bucket) ||
				!expect(finding, "the wheel's links disagree", i, prev, entry->wheel_prev) ||
				!expect(finding, "the wheel comes to an entry too late", i, true, wheel_in_time(part, i)) ||
				!expect(finding, "the wheel does not end", i, true, ++entries <= p->entries))
				return;
			prev = i;
		}
	}
	expect(finding, "the wheel does not hold every entry", number, p->entries, entries);
}

/* The chains that were removed while pinned. */
static void
check_limbo(const CachePart *part, uint32 number, Finding *finding)
{
	uint32		count = 0;
	uint64		chunks = 0;

	for (uint32 i = part->p->limbo; i != CACHE_NONE; i = area_entry(part, i)->hash_next)
	{
		if (!expect(finding, "limbo leaves the partition", i, true, i < cache_shmem->nchunks) ||
			!expect(finding, "a live entry is in limbo", i, 0, part->next[i] & CACHE_HEAD_BIT) ||
			!expect(finding, "limbo does not end", i, true, ++count <= cache_shmem->nchunks))
			return;
		chunks += area_chunks_for(area_entry(part, i)->len);
	}
	expect(finding, "limbo has the wrong size", number, part->p->limbo_chunks, chunks);
	for (int i = 0; i < CACHE_PINS; i++)
	{
		uint32		head = pg_atomic_read_u32(&part->p->pin[i]);

		if (head != CACHE_NONE)
			expect(finding, "a pin is out of range", i, true, head < cache_shmem->nchunks);
	}
}

static void
verify_tags(void)
{
	for (uint32 tag = 0; tag < cache_shmem->ntags; tag++)
		if (!tag_is_sound(tag))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("cache tag %u has two ways of one tenant", tag),
					 errhint("Restart the server to empty the cache, and report this.")));
}

/* cache_verify() -> boolean: true, or XX001 saying what is off; reads every tenant's structures */
AGC_FUNCTION(cache_verify)
{
	uint32	   *shares;

	agc_enter("*", AGC_READER);
	ready_require("cache_verify");
	if (cache_shmem->magic != CACHE_MAGIC || cache_shmem->format != CACHE_FORMAT)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the cache's shared memory has an unknown format"),
				 errdetail("Format %u was found, %d is known.", cache_shmem->format, CACHE_FORMAT)));

	verify_tags();
	shares = palloc(name_count() * sizeof(uint32));
	for (uint32 i = 0; i < cache_shmem->npartitions; i++)
	{
		CachePart  *part = area_part_at(i);
		Finding		finding = {NULL};

		memset(shares, 0, name_count() * sizeof(uint32));
		CHECK_FOR_INTERRUPTS();
		LWLockAcquire(part->lock, LW_SHARED);
		check_free(part, i, &finding);
		check_index(part, i, shares, &finding);
		check_queues(part, i, &finding);
		check_wheel(part, i, &finding);
		check_limbo(part, i, &finding);
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
