/*
 * store.c
 *	  Layout of the cache's shared memory; finding, reading and storing entries.
 *
 * Locking: the partition's LWLock, shared to read, exclusive to change; one
 * at a time.  A reader's only stores are the entry's use counters.  Large values
 * are copied with no lock held: see chain.c.
 * Memory: the area is fixed at server start.  Values are copied out into a
 * buffer that was allocated before the lock was taken.
 * On ERROR: nothing here raises one while a lock is held, and every change is
 * complete when the lock is released.
 */
#include "cache/store.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#define TRANCHE		"agentcore_cache"
#define DRAIN_STEPS	16			/* entries of the wheel that a write looks at */

CacheHeader *cache_shmem = NULL;

static CachePart parts[CACHE_MAX_PARTITIONS];
static bool parts_known = false;

static void plan_layout(CacheHeader *layout, Size total);
static void init_area(void *area);
static void init_partition(CachePart *part);
static void bind_part(CachePart *part, uint32 index);
static CacheStored judge(const CachePart *part, const CacheItem *item, uint64 *born);
static uint32 reserve(CachePart *part, const CacheItem *item, int64 now, CacheStored *refused);
static CacheStored insert_locked(CachePart *part, const CacheItem *item, int64 now,
								 uint32 chain, CacheStored refused, bool *released);
static void place(CachePart *part, uint32 index, const CacheItem *item, uint64 born,
				  CacheQueueId queue, uint8 freq);

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
store_register(void)
{
	if (agc_cache_memory == 0)
	{
		dump_discard();
		return;
	}
	agc_shmem_register("agentcore cache", (Size) agc_cache_memory * 1024 * 1024, init_area,
					   (void **) &cache_shmem, TRANCHE, npartitions_for(agc_cache_memory) + 1);
	worker_register();
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
	layout->nslots = power_of_two_below(Min(Max(megabytes * 64, 256), CACHE_MAX_SLOTS));
	layout->ntags = power_of_two_below(Min(Max(megabytes * 128, 1024), 65536));

	layout->names_size = layout->nslots * CACHE_NAME_BYTES;
	layout->slots_off = at;
	at += CACHELINEALIGN((layout->nslots + CACHE_SHARED_SLOTS) * sizeof(CacheSlot));
	layout->tool_stats_off = at;
	at += CACHELINEALIGN((layout->nslots + CACHE_SHARED_SLOTS) * sizeof(CacheToolStat));
	layout->names_off = at;
	at += CACHELINEALIGN(layout->names_size);
	layout->tags_off = at;
	at += CACHELINEALIGN(layout->ntags * sizeof(CacheTag));
	layout->partitions_off = at;
	layout->partition_size = TYPEALIGN_DOWN(PG_CACHE_LINE_SIZE, (total - at) / layout->npartitions);

	at = CACHELINEALIGN(sizeof(CachePartition));
	layout->shares_off = at;
	at += CACHELINEALIGN((layout->nslots + CACHE_SHARED_SLOTS) * sizeof(uint32));
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
init_area(void *area)
{
	CacheHeader *header = area;
	CacheSlot  *slots;
	CacheToolStat *stats;

	header->magic = CACHE_MAGIC;
	header->format = CACHE_FORMAT;
	plan_layout(header, (Size) agc_cache_memory * 1024 * 1024);
	pg_atomic_init_u64(&header->clock, (uint64) agc_now());
	pg_atomic_init_u64(&header->stats_reset, (uint64) agc_now());
	pg_atomic_init_u32(&header->waiters, 0);
	pg_atomic_init_u32(&header->dump_state, run_was_ours() ? DUMP_VALID : DUMP_NONE);
	run_begin();
	pg_atomic_init_u32(&header->dump_started, 0);
	pg_atomic_init_u32(&header->in_recovery, 0);
	for (int i = 0; i < CACHE_TAG_LOCKS; i++)
		SpinLockInit(&header->tag_lock[i]);
	for (int i = 0; i < CACHE_CVS; i++)
		ConditionVariableInit(&header->cv[i]);
	for (int i = 0; i < CACHE_STRIPES; i++)
		for (int c = 0; c < CC_COUNT; c++)
			pg_atomic_init_u64(&header->stripe[i].n[c], 0);

	slots = (CacheSlot *) ((char *) area + header->slots_off);
	for (uint32 i = 0; i < header->nslots + CACHE_SHARED_SLOTS; i++)
	{
		pg_atomic_init_u32(&slots[i].used, 0);
		slots[i].names = CACHE_NONE;
		slots[i].tools = 0;
		pg_atomic_init_u32(&slots[i].waiters, 0);
		epoch_init(&slots[i].epoch);
	}
	stats = (CacheToolStat *) ((char *) area + header->tool_stats_off);
	for (uint32 i = 0; i < header->nslots + CACHE_SHARED_SLOTS; i++)
		for (int c = 0; c < CT_COUNT; c++)
			pg_atomic_init_u64(&stats[i].n[c], 0);
	tag_init((CacheTag *) ((char *) area + header->tags_off), header->ntags);
	for (uint32 i = 0; i < header->npartitions; i++)
	{
		CachePart	part;

		bind_part(&part, i);
		init_partition(&part);
	}
}

static void
init_partition(CachePart *part)
{
	uint32		nchunks = cache_shmem->nchunks;

	for (uint32 i = 0; i < cache_shmem->nbuckets; i++)
		part->buckets[i] = CACHE_NONE;
	for (uint32 i = 0; i < nchunks; i++)
		part->next[i] = i + 1 < nchunks ? i + 1 : CACHE_NONE;
	part->p->free_head = 0;
	part->p->free_chunks = nchunks;
	for (int q = 0; q < 2; q++)
		part->p->queue[q].newest = part->p->queue[q].oldest = CACHE_NONE;

	/* no ghost of a partition that has just begun is young enough to count */
	part->p->ghost_clock = 0x40000000;
	pin_init_partition(part->p);
	wheel_init_partition(part->p, agc_now());
	lease_init_partition(part->p);
}

static void
bind_part(CachePart *part, uint32 index)
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

CachePart *
store_part_at(uint32 index)
{
	if (unlikely(!parts_known))
	{
		LWLockPadded *locks = agc_shmem_locks(TRANCHE);

		for (uint32 i = 0; i < cache_shmem->npartitions; i++)
		{
			bind_part(&parts[i], i);
			parts[i].lock = &locks[i].lock;
		}
		parts_known = true;
	}
	return &parts[index];
}

CachePart *
store_part(const CacheKey *key)
{
	return store_part_at(store_partition_of(key));
}

LWLock *
store_slot_lock(void)
{
	return &agc_shmem_locks(TRANCHE)[cache_shmem->npartitions].lock;
}

uint32
store_max_value(void)
{
	return Min((Size) (cache_shmem->nchunks / 4) * CACHE_CHUNK, CACHE_MAX_VALUE) - CACHE_HEAD_FIELDS;
}

uint32
store_find(const CachePart *part, const CacheKey *key)
{
	uint32		index = *store_bucket(part, key);

	while (index != CACHE_NONE)
	{
		CacheEntry *entry = store_entry(part, index);

		if (memcmp(&entry->key, key, sizeof(CacheKey)) == 0)
			break;
		index = entry->hash_next;
	}
	return index;
}

/* Not what somebody is committing an invalidation of. */
uint32
store_find_open(const CachePart *part, const CacheKey *key)
{
	uint32		index = store_find(part, key);

	return index != CACHE_NONE && store_entry(part, index)->fences == 0 ? index : CACHE_NONE;
}

/* From here to store_unfence() nothing is stored under the key, and what there is is hidden. */
void
store_fence(CachePart *part, const CacheKey *key)
{
	uint32		index = store_find(part, key);

	store_key_epoch(part, key)->fences++;
	if (index != CACHE_NONE && store_entry(part, index)->fences < CACHE_FENCED)
		store_entry(part, index)->fences++;
}

void
store_unfence(CachePart *part, const CacheKey *key)
{
	uint32		index = store_find(part, key);

	store_key_epoch(part, key)->fences--;
	if (index != CACHE_NONE && store_entry(part, index)->fences < CACHE_FENCED)
		store_entry(part, index)->fences--;
}

static void
entry_refs(const CacheEntry *entry, CacheRefs *refs)
{
	refs->tool = entry->tool;
	refs->tenant = entry->tenant;
	refs->ntags = entry->ntags;
	memcpy(refs->tag, entry->tag, sizeof(refs->tag));
}

CacheLife
store_life(const CacheEntry *entry, int64 now)
{
	CacheRefs	refs;

	if (entry->expires <= now)
		return CACHE_EXPIRED;
	entry_refs(entry, &refs);
	return epoch_refs_open(&refs, entry->born) ? CACHE_LIVE : CACHE_DEAD;
}

static void
describe(const CacheEntry *entry, CacheFound *found)
{
	entry_refs(entry, &found->refs);
	found->stored_at = entry->stored_at;
	found->expires = entry->expires;
	found->soft_ms = entry->soft_ms;
	found->cost_ms = entry->cost_ms;
	found->cost_nanousd = entry->cost_nanousd;
	found->flags = entry->flags;
}

/* Waits are counted where there are any. */
void
store_lock(const CachePart *part, LWLockMode mode)
{
	if (LWLockConditionalAcquire(part->lock, mode))
		return;
	stat_count(CC_LOCK_WAITS);
	LWLockAcquire(part->lock, mode);
}

/*
 * Copies the bytes of a live entry out, as they were stored (lookup.c undoes
 * compression), straight into memory that was allocated for the length that
 * the entry seemed to have; was that too little, it is looked at again.  An
 * expired entry is left to writers, but counted by its first reader.  A large
 * value is pinned, and copied under the lock only if no pin is left.
 */
bool
store_read(const CacheKey *key, int64 now, CacheFound *out, Jsonb **value)
{
	CachePart  *part = store_part(key);
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
		store_lock(part, agc_cache_policy == AGC_CACHE_LRU ? LW_EXCLUSIVE : LW_SHARED);
		index = store_find_open(part, key);
		if (index != CACHE_NONE)
		{
			CacheEntry *entry = store_entry(part, index);
			CacheLife	life = store_life(entry, now);

			found = life == CACHE_LIVE;
			len = entry->len;
			if (life == CACHE_EXPIRED && !entry->expiry_counted)
			{
				entry->expiry_counted = true;
				stat_count(CC_EXPIRATIONS);
				stat_tool_add(entry->tool, CT_EXPIRATIONS, 1);
			}
			if (found && copy != NULL && len <= room)
			{
				if (len > CACHE_COPY_LOCKED)
					pin = pin_take(part, index);
				if (pin < 0)
					chain_copy_out(part, index, VARDATA(copy), len);
				describe(entry, out);
				if (entry->freq < 3)
					entry->freq++;
				entry->hits++;
				if (agc_cache_policy == AGC_CACHE_LRU)
					evict_used(part, index);
			}
		}
		LWLockRelease(part->lock);

		if (pin >= 0)
		{
			AGC_TEST_POINT_HELD("cache_copy_out");
			chain_copy_out(part, index, VARDATA(copy), len);
			pin_drop(part, pin);
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

/* Takes the entry out of everything and gives its chain back. */
void
store_remove(CachePart *part, uint32 index)
{
	CacheEntry *entry = store_entry(part, index);
	uint32	   *link = store_bucket(part, &entry->key);

	while (*link != index)
		link = &store_entry(part, *link)->hash_next;
	*link = entry->hash_next;
	queue_remove(part, index);
	wheel_remove(part, index);
	part->p->entries--;
	part->p->value_bytes -= entry->len;
	part->shares[entry->tenant] -= store_chunks_for(entry->len);
	chain_release(part, index);
}

/* Of an expired entry, which counts once however it is found. */
void
store_expire(CachePart *part, uint32 index)
{
	CacheEntry *entry = store_entry(part, index);

	if (!entry->expiry_counted)
	{
		stat_count(CC_EXPIRATIONS);
		stat_tool_add(entry->tool, CT_EXPIRATIONS, 1);
	}
	store_remove(part, index);
}

/* May be called from the COMMIT callback: it cannot fail, it can only refuse. */
CacheStored
store_insert(const CacheItem *item, int64 now)
{
	CachePart  *part = store_part(&item->key);
	bool		large = item->len > CACHE_COPY_LOCKED && item->len <= store_max_value();
	CacheStored refused = CACHE_STORED;
	uint32		chain = large ? reserve(part, item, now, &refused) : CACHE_NONE;
	bool		released = false;
	CacheStored stored;

	store_lock(part, LW_EXCLUSIVE);
	if (chain != CACHE_NONE)
		part->p->reserved_chunks -= store_chunks_for(item->len);
	stored = insert_locked(part, item, now, chain, refused, &released);
	if (stored != CACHE_STORED && chain != CACHE_NONE)
		chain_free(part, chain, item->len);
	LWLockRelease(part->lock);

	if (released)
		lease_wake(&item->key);
	return stored;
}

/* Whether the item may be stored now, and the stamp up to which it knows everything. */
static CacheStored
judge(const CachePart *part, const CacheItem *item, uint64 *born)
{
	CacheKeyEpoch *key_epoch = store_key_epoch(part, &item->key);
	uint64		key_born = item->key_born;

	*born = item->born;
	if (item->lease != 0)
	{
		CacheLease *lease = lease_find(part, &item->key);

		if (lease == NULL || lease_token_of(part, lease) != item->lease)
			return CACHE_LEASE_LOST;
		*born = item->own_lease ? Min(lease->born, item->born) : lease->born;
		key_born = item->own_lease || lease->snapshot ? *born : PG_UINT64_MAX;
	}
	if (item->only_absent && (store_find(part, &item->key) != CACHE_NONE || lease_find(part, &item->key) != NULL))
		return CACHE_INVALIDATED;
	if (key_epoch->fences != 0 || key_epoch->stamp > key_born || !epoch_refs_open(&item->refs, *born))
		return CACHE_INVALIDATED;
	return CACHE_STORED;
}

/*
 * Takes a chain for a large value and fills it with no lock held; it is judged
 * again when it is linked.  CACHE_NONE: there is no room, *refused says why, or
 * there would be no use.
 */
static uint32
reserve(CachePart *part, const CacheItem *item, int64 now, CacheStored *refused)
{
	uint32		chain = CACHE_NONE;
	uint64		born;

	store_lock(part, LW_EXCLUSIVE);
	*refused = judge(part, item, &born);
	if (*refused == CACHE_STORED)
		*refused = evict_make_room(part, item, store_chunks_for(item->len), 0, now);
	if (*refused == CACHE_STORED)
	{
		chain = chain_take(part, item->len);
		part->p->reserved_chunks += store_chunks_for(item->len);
	}
	LWLockRelease(part->lock);

	if (chain != CACHE_NONE)
	{
		AGC_TEST_POINT_HELD("cache_copy_in");
		chain_copy_in(part, chain, item->data, item->len);
	}
	return chain;
}

/* chain: filled already; refused: why there is none for a large value */
static CacheStored
insert_locked(CachePart *part, const CacheItem *item, int64 now,
			  uint32 chain, CacheStored refused, bool *released)
{
	uint64		born;
	CacheStored verdict = judge(part, item, &born);
	CacheLease *lease = verdict == CACHE_LEASE_LOST ? NULL : lease_find(part, &item->key);
	CacheQueueId queue = agc_cache_policy == AGC_CACHE_LRU ? CACHE_MAIN : CACHE_SMALL;
	uint8		freq = 0;
	uint32		old;

	/*
	 * Whatever becomes of the value, its leader has finished; and another's
	 * lease would bring back something older than what is set now.
	 */
	if (lease != NULL && (verdict == CACHE_STORED || item->lease != 0))
	{
		lease_free(part, lease);
		*released = true;
	}
	if (verdict != CACHE_STORED)
		return verdict;

	old = store_find(part, &item->key);
	if (old != CACHE_NONE)
	{
		CacheEntry *entry = store_entry(part, old);

		queue = entry->queue;
		freq = Min(entry->freq + 1, 3);
		if (entry->expires <= now)
			store_expire(part, old);
		else
			store_remove(part, old);
	}
	else if (ghost_take(part, &item->key))
		queue = CACHE_MAIN;

	if (item->len > store_max_value())
		return CACHE_TOO_LARGE;
	(void) wheel_drain(part, now, cache_shmem->nchunks, DRAIN_STEPS);
	if (refused == CACHE_STORED)
		refused = evict_make_room(part, item, chain == CACHE_NONE ? store_chunks_for(item->len) : 0, 1, now);
	if (refused != CACHE_STORED)
		return refused;
	if (chain == CACHE_NONE)
	{
		chain = chain_take(part, item->len);
		chain_copy_in(part, chain, item->data, item->len);
	}
	place(part, chain, item, born, queue, freq);
	return CACHE_STORED;
}

/* Makes an entry of a filled chain. */
static void
place(CachePart *part, uint32 index, const CacheItem *item, uint64 born, CacheQueueId queue, uint8 freq)
{
	uint32	   *bucket = store_bucket(part, &item->key);
	CacheEntry *entry = store_entry(part, index);

	part->next[index] |= CACHE_HEAD_BIT;
	entry->key = item->key;
	entry->stored_at = item->stored_at;
	entry->expires = item->expires;
	entry->born = born;
	entry->len = item->len;
	entry->tool = item->refs.tool;
	entry->tenant = item->refs.tenant;
	entry->ntags = item->refs.ntags;
	memcpy(entry->tag, item->refs.tag, sizeof(entry->tag));
	entry->fences = 0;
	entry->scope = item->scope;
	entry->flags = item->flags;
	entry->soft_ms = item->soft_ms;
	entry->cost_ms = item->cost_ms;
	entry->cost_nanousd = item->cost_nanousd;
	entry->hits = 0;
	entry->freq = freq;
	entry->expiry_counted = false;

	entry->hash_next = *bucket;
	*bucket = index;
	queue_push(part, queue, index);
	wheel_add(part, index);
	part->p->entries++;
	part->p->value_bytes += item->len;
	part->shares[entry->tenant] += store_chunks_for(item->len);
}
