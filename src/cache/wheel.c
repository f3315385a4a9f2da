/*
 * wheel.c
 *	  Which entries expire when: a hierarchical timer wheel per partition.
 *
 * Four levels of 64 buckets; a bucket of the first spans 65.5 ms, one of each
 * further level 64 times as much (4.2 s, 4.5 min, 4.8 h: the wheel goes round in
 * twelve days, and what lives longer goes round with it).  When the first level
 * has gone round, the next bucket of the second is spread over it, and so on.
 * Work is counted in entries touched and can stop after any of them: the buckets
 * hold what is still to do.
 *
 * The wheel only says where to look.  Whether an entry has expired is always
 * judged by its own deadline, so a clock that steps back makes the wheel late,
 * never wrong: entries that would then belong elsewhere are in the current
 * bucket, which is searched entry by entry.
 *
 * Locking: the caller holds the partition's lock exclusively.  Memory: none.
 * On ERROR: none raised.
 */
#include "cache/wheel.h"

#include "port/pg_bitutils.h"

#define TICK_SHIFT	16			/* us to ticks */
#define BUCKET_BITS	6
#define BUCKET_MASK	(CACHE_WHEEL_BUCKETS - 1)

static inline uint64
tick_of(int64 us)
{
	return us > 0 ? (uint64) us >> TICK_SHIFT : 0;
}

static inline uint32 *
bucket_at(const CachePart *part, int bucket)
{
	return &part->p->wheel[bucket / CACHE_WHEEL_BUCKETS][bucket % CACHE_WHEEL_BUCKETS];
}

void
wheel_init_partition(CachePart *part, int64 now)
{
	CachePartition *p = part->p;

	p->wheel_tick = tick_of(now);
	for (int l = 0; l < CACHE_WHEEL_LEVELS; l++)
		for (int i = 0; i < CACHE_WHEEL_BUCKETS; i++)
			p->wheel[l][i] = CACHE_NONE;
}

/* The bucket for a deadline: the lowest level that reaches as far. */
static int
bucket_for(const CachePart *part, int64 expires)
{
	uint64		base = part->p->wheel_tick;
	uint64		tick = Max(tick_of(expires), base);

	for (int level = 0; level < CACHE_WHEEL_LEVELS; level++)
	{
		uint64		from = base >> (BUCKET_BITS * level);
		uint64		to = tick >> (BUCKET_BITS * level);

		if (to - from < CACHE_WHEEL_BUCKETS)
			return level * CACHE_WHEEL_BUCKETS + (to & BUCKET_MASK);
		if (level == CACHE_WHEEL_LEVELS - 1)
			return level * CACHE_WHEEL_BUCKETS + ((from + BUCKET_MASK) & BUCKET_MASK);
	}
	pg_unreachable();
}

/*
 * For cache_verify(): whether the entry's bucket comes up by the entry's
 * deadline, and not a whole bucket before it.  The last level is an exception:
 * it also holds what is farther away than it reaches.
 */
bool
wheel_in_time(const CachePart *part, uint32 index)
{
	const CacheEntry *entry = area_entry(part, index);
	int			level = entry->wheel_bucket / CACHE_WHEEL_BUCKETS;
	uint64		span = UINT64CONST(1) << (BUCKET_BITS * level);
	uint64		tick = part->p->wheel_tick;
	uint64		due = Max(tick_of(entry->expires), tick);
	uint64		from = (tick + span - 1) / span;
	uint64		comes_up = (from + ((entry->wheel_bucket - from) & BUCKET_MASK)) * span;

	return comes_up <= due && (level == CACHE_WHEEL_LEVELS - 1 || due - comes_up < span);
}

void
wheel_add(CachePart *part, uint32 index)
{
	CacheEntry *entry = area_entry(part, index);
	int			bucket = bucket_for(part, entry->expires);
	uint32	   *first = bucket_at(part, bucket);

	entry->wheel_bucket = bucket;
	entry->wheel_prev = CACHE_NONE;
	entry->wheel_next = *first;
	if (*first != CACHE_NONE)
		area_entry(part, *first)->wheel_prev = index;
	*first = index;
	part->p->wheel_used[bucket / CACHE_WHEEL_BUCKETS] |= UINT64CONST(1) << (bucket % CACHE_WHEEL_BUCKETS);
}

void
wheel_remove(CachePart *part, uint32 index)
{
	CacheEntry *entry = area_entry(part, index);
	int			bucket = entry->wheel_bucket;
	uint32	   *first = bucket_at(part, bucket);

	if (entry->wheel_prev != CACHE_NONE)
		area_entry(part, entry->wheel_prev)->wheel_next = entry->wheel_next;
	else
		*first = entry->wheel_next;
	if (entry->wheel_next != CACHE_NONE)
		area_entry(part, entry->wheel_next)->wheel_prev = entry->wheel_prev;
	if (*first == CACHE_NONE)
		part->p->wheel_used[bucket / CACHE_WHEEL_BUCKETS] &= ~(UINT64CONST(1) << (bucket % CACHE_WHEEL_BUCKETS));
}

/* An entry of a higher level whose bucket has come up; CACHE_NONE if there is none. */
static uint32
to_cascade(const CachePart *part)
{
	uint64		tick = part->p->wheel_tick;

	for (int level = CACHE_WHEEL_LEVELS - 1; level > 0; level--)
	{
		uint64		span = UINT64CONST(1) << (BUCKET_BITS * level);
		uint32		first;

		if ((tick & (span - 1)) != 0)
			continue;
		first = part->p->wheel[level][(tick >> (BUCKET_BITS * level)) & BUCKET_MASK];
		if (first != CACHE_NONE)
			return first;
	}
	return CACHE_NONE;
}

/* The next tick at which anything may have to be done, at most `until`. */
static uint64
next_tick(const CachePart *part, uint64 until)
{
	uint64		tick = part->p->wheel_tick;

	for (int level = 0; level < CACHE_WHEEL_LEVELS; level++)
		if (part->p->wheel_used[level] != 0)
		{
			uint64		span = UINT64CONST(1) << (BUCKET_BITS * level);

			return Min((tick | (span - 1)) + 1, until);
		}
	return until;
}

/*
 * Removes expired entries, earliest first, until `wanted` chunks are free, all
 * are gone or `steps` entries have been touched; returns how many went.
 */
uint32
wheel_drain(CachePart *part, int64 now, uint32 wanted, uint32 steps, WheelExpire expire)
{
	CachePartition *p = part->p;
	uint64		until = tick_of(now);
	uint32		removed = 0;
	uint32		index;

	while (steps > 0 && p->free_chunks < wanted)
	{
		if ((index = to_cascade(part)) != CACHE_NONE)
		{
			wheel_remove(part, index);
			wheel_add(part, index);
			steps--;
		}
		else if (p->wheel_tick >= until)
			break;
		else if ((index = p->wheel[0][p->wheel_tick & BUCKET_MASK]) != CACHE_NONE)
		{
			expire(part, index);
			removed++;
			steps--;
		}
		else
			p->wheel_tick = next_tick(part, until);
	}
	index = p->wheel[0][p->wheel_tick & BUCKET_MASK];
	while (index != CACHE_NONE && steps-- > 0 && p->free_chunks < wanted)
	{
		uint32		next = area_entry(part, index)->wheel_next;

		if (area_entry(part, index)->expires <= now)
		{
			expire(part, index);
			removed++;
		}
		index = next;
	}
	return removed;
}
