/*
 * lease.c
 *	  Leases: one caller computes what many asked for.
 *
 * A lease is the right to compute one key's value; a permit, the lease on a
 * budget, is src/budget's.
 *
 * The first to miss a key gets a random token and becomes its leader; others
 * are told "busy" until the lease ends.  A lease belongs to the caller that
 * names its token, not to a backend, so that it survives a pooler; it ends by fill,
 * abandon, time, the rollback of the transaction that took it, or by an
 * invalidation, after which a fill finds it gone.  The table is bounded: when
 * full, the role and tenant that hold most of it make room.
 *
 * The low bits of a token name the partition that holds it; 58 are random.
 *
 * Locking: the partition's lock.  Waiters sleep on a condition variable and
 * hold no lock.  Memory: shared only.  On ERROR or exit while waiting: the
 * waiter count is put right by lease_wait_end(), from the abort callbacks or
 * at backend exit.
 */
#include "cache/lease.h"
#include "cache/entry.h"
#include "cache/stat.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/wait_event.h"

#define NO_LEASE	CACHE_LEASES
#define HOLDERS		(2 * CACHE_LEASES)	/* open addressing, at most half full */

typedef struct LeaseHolder
{
	uint32		tenant;
	Oid			role;
	int			held;			/* 0: nobody's */
} LeaseHolder;

static pg_atomic_uint32 *waiting = NULL;	/* my tenant's count */

static int64 make_token(const CacheKey *key);
static CacheLease *lease_to_end(const CachePart *part, int64 now);
static CacheLease *lease_take_free(CachePart *part, int64 now, CacheKey *ended);
static bool lease_alive(const CachePart *part, const CacheLease *lease, int64 now);

void
lease_init(void)
{
	pg_atomic_init_u32(&cache_shmem->waiters, 0);
	for (int i = 0; i < CACHE_CVS; i++)
		ConditionVariableInit(&cache_shmem->cv[i]);
}

void
lease_init_partition(CachePart *part)
{
	CachePartition *p = part->p;

	for (int i = 0; i < CACHE_LEASES; i++)
	{
		p->lease_bucket[i] = NO_LEASE;
		p->lease[i].next = i + 1;	/* the last one's is NO_LEASE */
	}
	p->lease_free = 0;
}

static inline uint16 *
lease_bucket(const CachePart *part, const CacheKey *key)
{
	return &part->p->lease_bucket[area_key_word(key, 7) % CACHE_LEASES];
}

CacheLease *
lease_find(const CachePart *part, const CacheKey *key)
{
	for (uint16 i = *lease_bucket(part, key); i != NO_LEASE; i = part->p->lease[i].next)
		if (memcmp(&part->p->lease[i].key, key, sizeof(CacheKey)) == 0)
			return &part->p->lease[i];
	return NULL;
}

int64
lease_token_of(const CachePart *part, const CacheLease *lease)
{
	return part->p->lease_token[lease - part->p->lease];
}

void
lease_free(CachePart *part, CacheLease *lease)
{
	uint16		index = lease - part->p->lease;
	uint16	   *link = lease_bucket(part, &lease->key);

	while (*link != index)
		link = &part->p->lease[*link].next;
	*link = lease->next;
	part->p->lease_token[index] = 0;
	lease->next = part->p->lease_free;
	part->p->lease_free = index;
	part->p->leases_used--;
}

/* Counts one lease more of its tenant and role; returns how many they hold so far. */
static int
count_holder(LeaseHolder *holders, const CacheLease *lease)
{
	uint32		at = murmurhash32(lease->tenant ^ murmurhash32(lease->role)) % HOLDERS;

	while (holders[at].held > 0 &&
		   (holders[at].tenant != lease->tenant || holders[at].role != lease->role))
		at = (at + 1) % HOLDERS;
	holders[at].tenant = lease->tenant;
	holders[at].role = lease->role;
	return ++holders[at].held;
}

/*
 * Of a full table: a lease that is over, else the one closest to its end among
 * those of the role and tenant that hold most, so that hoarding leases takes them
 * from no other.  Among several that hold equally many it is the one that reaches
 * that number last.
 */
static CacheLease *
lease_to_end(const CachePart *part, int64 now)
{
	CacheLease *leases = part->p->lease;
	CacheLease *most = leases;
	CacheLease *chosen = NULL;
	LeaseHolder holders[HOLDERS] = {{0}};
	int			held = 0;

	for (int i = 0; i < CACHE_LEASES; i++)
	{
		int			n;

		if (leases[i].deadline <= now)
			return &leases[i];
		n = count_holder(holders, &leases[i]);
		if (n >= held)
			most = &leases[i];
		held = Max(held, n);
	}
	for (int i = 0; i < CACHE_LEASES; i++)
		if (leases[i].tenant == most->tenant && leases[i].role == most->role &&
			(chosen == NULL || leases[i].deadline < chosen->deadline))
			chosen = &leases[i];
	return chosen;
}

/* *ended is the key of the lease that had to make room, if one had to. */
static CacheLease *
lease_take_free(CachePart *part, int64 now, CacheKey *ended)
{
	CachePartition *p = part->p;
	uint16		index;

	if (p->lease_free == NO_LEASE)
	{
		CacheLease *lease = lease_to_end(part, now);

		*ended = lease->key;
		lease_free(part, lease);
	}
	index = p->lease_free;
	p->lease_free = p->lease[index].next;
	p->leases_used++;
	return &p->lease[index];
}

/*
 * Neither over nor overtaken by an invalidation.  A lease that seems to begin
 * later than its own length from now was granted before the clock stepped back:
 * no caller shall wait until the clock is there again.
 */
static bool
lease_alive(const CachePart *part, const CacheLease *lease, int64 now)
{
	CacheRefs	refs = {.tool = lease->tool, .tenant = lease->tenant};
	CacheKeyEpoch *epoch = area_key_epoch(part, &lease->key);

	return lease->deadline > now && lease->granted - now <= lease->deadline - lease->granted &&
		(!lease->snapshot || epoch->stamp <= lease->born) &&
		pg_atomic_read_u64(&name_epoch(refs.tool)->stamp) <= lease->born &&
		pg_atomic_read_u64(&name_epoch(refs.tenant)->stamp) <= lease->born;
}

/* How many are held.  A lease that is over stays in the table until its place is needed. */
int
lease_count(const CachePart *part, int64 now)
{
	int			n = 0;

	for (int i = 0; i < CACHE_LEASES; i++)
		if (part->p->lease_token[i] != 0 && lease_alive(part, &part->p->lease[i], now))
			n++;
	return n;
}

static int64
make_token(const CacheKey *key)
{
	uint64		token;

	do
	{
		if (!pg_strong_random(&token, sizeof(token)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not generate random values")));
		token = (token & ~(uint64) (CACHE_MAX_PARTITIONS - 1)) | area_partition_of(key);
	} while (token == 0);
	return (int64) token;
}

/*
 * CACHE_LEAD with a token, CACHE_BUSY, or CACHE_HIT when a live entry has
 * appeared meanwhile (never when the caller said that it cannot see the entry;
 * a stale one is there to be replaced).
 */
CacheStatus
lease_acquire(const CacheKey *key, CacheKind kind, CacheScope scope, const CacheRefs *refs,
			  uint64 born, int64 lease_us, bool entry_hidden, CacheResult *out)
{
	CachePart  *part = area_part(key);
	CacheKey	ended = *key;
	int64		token = make_token(key);
	int64		now = agc_now();
	CacheLease *lease;
	uint32		index;

	LWLockAcquire(part->lock, LW_EXCLUSIVE);
	index = entry_hidden ? CACHE_NONE : area_find_open(part, key);
	if (index != CACHE_NONE && entry_life(area_entry(part, index), now) == CACHE_LIVE &&
		!entry_soft_due(area_entry(part, index)->stored_at, area_entry(part, index)->soft_ms, now))
	{
		LWLockRelease(part->lock);
		return CACHE_HIT;
	}
	lease = lease_find(part, key);
	if (lease != NULL && lease_alive(part, lease, now))
	{
		out->retry_after = lease->deadline - now;
		LWLockRelease(part->lock);
		return CACHE_BUSY;
	}
	if (lease != NULL)
		lease_free(part, lease);
	lease = lease_take_free(part, now, &ended);
	lease->key = *key;
	lease->granted = now;
	lease->deadline = now + lease_us;
	lease->born = born;
	lease->tool = refs->tool;
	lease->tenant = refs->tenant;
	lease->role = GetUserId();
	lease->kind = kind;
	lease->scope = scope;
	lease->snapshot = IsolationUsesXactSnapshot();
	part->p->lease_token[lease - part->p->lease] = token;
	lease->next = *lease_bucket(part, key);
	*lease_bucket(part, key) = lease - part->p->lease;
	LWLockRelease(part->lock);

	if (memcmp(&ended, key, sizeof(CacheKey)) != 0)
		lease_wake(&ended);
	stat_count(CC_LEASES);
	out->lease = token;
	return CACHE_LEAD;
}

/* Busy or a plain miss, for callers that do not lead. */
CacheStatus
lease_peek(const CacheKey *key, CacheResult *out)
{
	CachePart  *part = area_part(key);
	int64		now = agc_now();
	CacheStatus status = CACHE_MISS;
	CacheLease *lease;

	LWLockAcquire(part->lock, LW_SHARED);
	lease = lease_find(part, key);
	if (lease != NULL && lease_alive(part, lease, now))
	{
		out->retry_after = lease->deadline - now;
		status = CACHE_BUSY;
	}
	LWLockRelease(part->lock);
	return status;
}

/* A copy of the lease that the token names. */
bool
lease_lookup(int64 token, CacheLease *out)
{
	uint32		partition = (uint64) token & (CACHE_MAX_PARTITIONS - 1);
	bool		found = false;
	CachePart  *part;

	if (token == 0 || partition >= cache_shmem->npartitions)
		return false;
	part = area_part_at(partition);
	LWLockAcquire(part->lock, LW_SHARED);
	for (int i = 0; i < CACHE_LEASES && !found; i++)
		if (part->p->lease_token[i] == token)
		{
			*out = part->p->lease[i];
			found = true;
		}
	LWLockRelease(part->lock);
	return found;
}

/* Whether the lease is still in the table. */
bool
lease_is_held(const CacheKey *key, int64 token)
{
	CachePart  *part = area_part(key);
	CacheLease *lease;
	bool		held;

	LWLockAcquire(part->lock, LW_SHARED);
	lease = lease_find(part, key);
	held = lease != NULL && lease_token_of(part, lease) == token;
	LWLockRelease(part->lock);
	return held;
}

/*
 * Whether a fill with this token, of what was known at `bound` if that is
 * earlier than the lease, would be taken now; if so, a copy of its lease.
 */
bool
lease_is_open(const CacheKey *key, int64 token, const CacheRefs *refs, uint64 bound, CacheLease *out)
{
	CachePart  *part = area_part(key);
	CacheLease *lease;
	bool		open;

	LWLockAcquire(part->lock, LW_SHARED);
	lease = lease_find(part, key);
	open = lease != NULL && token != 0 && lease_token_of(part, lease) == token &&
		area_key_epoch(part, key)->fences == 0 &&
		area_key_epoch(part, key)->stamp <= (lease->snapshot ? Min(lease->born, bound) : bound) &&
		refs_open(refs, Min(lease->born, bound));
	if (open)
		*out = *lease;
	LWLockRelease(part->lock);
	return open;
}

void
lease_extend(const CacheKey *key, int64 token, int64 lease_us)
{
	CachePart  *part = area_part(key);
	TimestampTz until = agc_now() + lease_us;
	CacheLease *lease;

	LWLockAcquire(part->lock, LW_EXCLUSIVE);
	lease = lease_find(part, key);
	if (lease != NULL && lease_token_of(part, lease) == token && lease->deadline < until)
		lease->deadline = until;
	LWLockRelease(part->lock);
}

void
lease_release(const CacheKey *key, int64 token)
{
	CachePart  *part = area_part(key);
	CacheLease *lease;
	bool		released = false;

	LWLockAcquire(part->lock, LW_EXCLUSIVE);
	lease = lease_find(part, key);
	if (lease != NULL && lease_token_of(part, lease) == token)
	{
		lease_free(part, lease);
		released = true;
	}
	LWLockRelease(part->lock);
	if (released)
		lease_wake(key);
}

static inline ConditionVariable *
cv_of(const CacheKey *key)
{
	return &cache_shmem->cv[area_key_word(key, 7) % CACHE_CVS];
}

/*
 * A waiter counts itself before it looks at the lease for the last time, and
 * we have changed the lease before we look at the count: one of us sees the
 * other.
 */
void
lease_wake(const CacheKey *key)
{
	pg_memory_barrier();
	if (pg_atomic_read_u32(&cache_shmem->waiters) > 0)
		ConditionVariableBroadcast(cv_of(key));
}

/* After the invalidation of a tool or a tenant: it is not known which leases it took. */
void
lease_wake_all(void)
{
	pg_memory_barrier();
	if (pg_atomic_read_u32(&cache_shmem->waiters) > 0)
		for (int i = 0; i < CACHE_CVS; i++)
			ConditionVariableBroadcast(&cache_shmem->cv[i]);
}

static void
wait_exit(int code, Datum arg)
{
	lease_wait_end();
}

/* Counts one waiter more, unless there are as many as may be. */
static bool
join(pg_atomic_uint32 *waiters, uint32 most)
{
	if (pg_atomic_fetch_add_u32(waiters, 1) < most)
		return true;
	pg_atomic_fetch_sub_u32(waiters, 1);
	return false;
}

/* false: there are as many waiters as may be, of this tenant or of all */
bool
lease_wait_begin(const CacheKey *key, uint32 tenant)
{
	static bool registered = false;

	if (!registered)
	{
		before_shmem_exit(wait_exit, (Datum) 0);
		registered = true;
	}
	if (!join(&name_at(tenant)->waiters, CACHE_TENANT_WAITERS))
		return false;
	if (!join(&cache_shmem->waiters, CACHE_MAX_WAITERS))
	{
		pg_atomic_fetch_sub_u32(&name_at(tenant)->waiters, 1);
		return false;
	}
	waiting = &name_at(tenant)->waiters;
	ConditionVariablePrepareToSleep(cv_of(key));
	return true;
}

/* Interruptible; returns when woken or after about `us`. */
void
lease_wait(const CacheKey *key, int64 us)
{
	(void) ConditionVariableTimedSleep(cv_of(key), (long) (Min(us, 60 * USECS_PER_SEC) / 1000 + 1),
									   PG_WAIT_EXTENSION);
}

void
lease_wait_end(void)
{
	if (waiting == NULL)
		return;
	pg_atomic_fetch_sub_u32(waiting, 1);
	waiting = NULL;
	ConditionVariableCancelSleep();
	pg_atomic_fetch_sub_u32(&cache_shmem->waiters, 1);
}
