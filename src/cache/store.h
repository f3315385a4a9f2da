/*
 * store.h
 *	  The cache's shared memory, private to src/cache.
 *
 * One fixed area: header, interned slots, tags, then P partitions that
 * share nothing.  A partition is an index, a pool of fixed-size chunks, two
 * queues, ghosts, key epochs and leases under one LWLock.  An entry is the
 * head chunk of its value's chain: its fields come first, the value's bytes
 * follow in the same chunk and go on in the chain, so there is one pool to
 * run out of and none to balance against it.
 *
 * References are numbers of chunks, never pointers.  At most one LWLock is
 * held at a time, and nothing that can raise an error, allocate or look for
 * interrupts runs while it is.
 */
#ifndef AGENTCORE_CACHE_STORE_H
#define AGENTCORE_CACHE_STORE_H

#include "cache/cache.h"

#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"
#include "storage/spin.h"

#define CACHE_MAGIC			0x43434741	/* "AGCC" */
#define CACHE_FORMAT		4

/*
 * Value bytes as a part of the memory they take (lognormal sizes of the median
 * given, sigma 1.3; headers and index counted), and ns to copy a value of 900 B
 * out of 256 MB of scattered chunks, by chunk size:
 *
 *	 chunk	600 B	2 kB	8 kB	copy
 *	  192	 83 %	92 %	95 %
 *	  256	 82 %	92 %	96 %	445
 *	  512	 78 %	91 %	97 %	313
 *	 1024	 67 %	88 %	96 %	165
 *
 * Chunks lie in a row until eviction has mixed them.
 */
#define CACHE_CHUNK			256
#define CACHE_HEAD_FIELDS	128 /* of a head chunk, before the value's bytes */
#define CACHE_HEAD_PAYLOAD	(CACHE_CHUNK - CACHE_HEAD_FIELDS)

#define CACHE_MAX_PARTITIONS	64
#define CACHE_LEASES		128 /* of one partition */
#define CACHE_KEY_EPOCHS	1024	/* of one partition */
#define CACHE_GHOST_WAYS	4
#define CACHE_MAX_SLOTS		16384	/* without the shared ones */
#define CACHE_SHARED_SLOTS	64	/* for names that found the slot table full */
#define CACHE_NAME_BYTES	64	/* for the names of a slot, on average */
#define CACHE_TENANT_NAMES	4	/* one tenant's tools take at most this part of the slots and names */
#define CACHE_TAG_WAYS		3	/* tenants that invalidate tags of one bucket undisturbed */
#define CACHE_TAG_LOCKS		64
#define CACHE_CVS			16
#define CACHE_MAX_WAITERS	64
#define CACHE_TENANT_WAITERS 48 /* of one tenant */
#define CACHE_STRIPES		16
#define CACHE_PINS			32	/* large values of one partition that are being read */
#define CACHE_WHEEL_LEVELS	4
#define CACHE_WHEEL_SLOTS	64

/*
 * Larger values are copied outside the lock, at the cost of a second look.
 * 8 kB are 33 chunks: their copy holds a writer up for 0.5 us if they are in the
 * processor's cache, 3 us if not.
 */
#define CACHE_COPY_LOCKED	8192

/* More than a jsonb can be, less than can be allocated at once. */
#define CACHE_MAX_VALUE		(512 * 1024 * 1024)

#define CACHE_FENCED		255 /* more commits than are counted; the entry stays hidden until it goes */
#define CACHE_NONE			0x7fffffffU /* no chunk, no lease */
#define CACHE_HEAD_BIT		0x80000000U /* in next[]: this chunk heads an entry */

/*
 * When something that entries depend on (a tool, a tenant, a tag, a key) was
 * last invalidated, and how many transactions are committing an invalidation
 * of it right now.  Stamps come from one shared clock that never runs
 * backwards; what was computed at or after a stamp is not touched by it.
 */
typedef struct CacheEpoch
{
	pg_atomic_uint64 stamp;
	pg_atomic_uint32 fences;
	pg_atomic_uint32 owner;		/* of a tag's way: its tenant's slot + 1; else unused */
} CacheEpoch;

/*
 * A tag is one of these buckets, by its hash.  Each way is one tenant's, so that
 * whatever tags a tenant invalidates, the entries of others live; common holds
 * what has no way (tag.c).
 */
typedef struct CacheTag
{
	CacheEpoch	way[CACHE_TAG_WAYS];
	CacheEpoch	common;
} CacheTag;

StaticAssertDecl(sizeof(CacheTag) == 64, "a tag is not one cache line");

/* An interned (installation, database, tenant [, tool]). */
typedef struct CacheSlot
{
	pg_atomic_uint32 used;
	uint32		names;			/* where its names begin; CACHE_NONE: not kept */
	uint32		tools;			/* a tenant's: what its tools take of the names; under the slot lock */
	pg_atomic_uint32 waiters;	/* a tenant's */
	uint8		id[AGC_HASH_LEN];
	CacheEpoch	epoch;
} CacheSlot;

/* What stat_tool counts of one slot. */
typedef enum CacheToolCounter
{
	CT_HITS,
	CT_MISSES,
	CT_STALE,
	CT_NEGATIVE,
	CT_FILLS,
	CT_INVALIDATIONS,
	CT_EXPIRATIONS,
	CT_EVICTIONS,
	CT_REFUSED,
	CT_REFUSED_SIZE,
	CT_SAVED_MS,
	CT_SAVED_NANOUSD,
	CT_COUNT
} CacheToolCounter;

typedef struct CacheToolStat
{
	pg_atomic_uint64 n[CT_COUNT];
} CacheToolStat;

/* What an entry or a lease depends on besides its key. */
typedef struct CacheRefs
{
	uint32		tool;			/* slot */
	uint32		tenant;			/* slot */
	int			ntags;
	uint16		tag[AGC_MAX_TAGS];
} CacheRefs;

typedef enum CacheQueueId
{
	CACHE_SMALL,
	CACHE_MAIN
} CacheQueueId;

/* What the bytes of an entry are; a compressed value begins with its raw length. */
#define CACHE_NEGATIVE_ENTRY	0x01	/* a failure, no answer */
#define CACHE_PGLZ				0x02
#define CACHE_LZ4				0x04
#define CACHE_COMPRESSED		(CACHE_PGLZ | CACHE_LZ4)

typedef struct CacheEntry
{
	CacheKey	key;
	int64		stored_at;
	int64		expires;
	uint64		born;			/* stamps later than this one kill the entry */
	uint32		hash_next;
	uint32		newer;
	uint32		older;
	uint32		len;			/* bytes of the value */
	uint32		tool;
	uint32		tenant;
	uint32		soft_ms;		/* stale from this long after stored_at; 0: never */
	uint32		cost_ms;		/* what computing it took */
	float		cost_nanousd;
	uint32		hits;			/* readers add to it under the shared lock */
	uint16		tag[AGC_MAX_TAGS];
	uint8		ntags;
	uint8		fences;			/* commits that invalidate its key; CACHE_FENCED: for good */
	uint8		scope;			/* CacheScope */
	uint8		flags;
	uint8		queue;
	uint8		freq;			/* 0..3; readers store it under the shared lock */
	uint8		expiry_counted;
	uint8		wheel_bucket;
	uint32		wheel_next;
	uint32		wheel_prev;
} CacheEntry;

StaticAssertDecl(sizeof(CacheEntry) <= CACHE_HEAD_FIELDS, "cache entry outgrew its chunk");

typedef struct CacheQueue
{
	uint32		newest;
	uint32		oldest;
	uint32		entries;
	uint32		chunks;
} CacheQueue;

typedef struct CacheGhost
{
	uint32		fingerprint;
	uint32		age;			/* the partition's ghost clock when it left */
} CacheGhost;

/*
 * Sets of a key are judged by its bucket here; a collision only refuses a set.
 * Reads are not: what a commit hides is marked in the entry, and while the bucket
 * is fenced no other entry of that key can come.
 * A lease needs no such judge, and must not suffer from collisions for as long as
 * a computation takes: the invalidation of its very key takes it away.
 */
typedef struct CacheKeyEpoch
{
	uint64		stamp;
	uint32		fences;
} CacheKeyEpoch;

typedef struct CacheLease
{
	CacheKey	key;
	int64		granted;
	int64		deadline;
	uint64		born;
	uint32		tool;
	uint32		tenant;
	Oid			role;
	uint16		next;			/* in its bucket or in the free list */
	uint8		kind;
	uint8		scope;
	bool		snapshot;		/* taken under a snapshot of before: bounded by its key's epoch too */
} CacheLease;

typedef struct CachePartition
{
	uint32		free_head;
	uint32		free_chunks;
	uint32		entries;
	uint32		hand;			/* where the sweep for dead entries goes on */
	uint32		ghost_clock;
	uint32		leases_used;
	uint16		lease_free;
	uint64		value_bytes;
	uint32		limbo;			/* removed while pinned; linked by hash_next */
	uint32		limbo_chunks;
	uint32		reserved_chunks;	/* being filled outside the lock */
	uint32		share_hand;		/* where the search for a tenant's own goes on */
	uint64		wheel_tick;
	uint64		wheel_used[CACHE_WHEEL_LEVELS]; /* a bit a bucket that is not empty */
	uint32		wheel[CACHE_WHEEL_LEVELS][CACHE_WHEEL_SLOTS];
	pg_atomic_uint32 pin[CACHE_PINS];	/* heads of chains; CACHE_NONE: unused */
	CacheQueue	queue[2];
	uint16		lease_bucket[CACHE_LEASES];
	int64		lease_token[CACHE_LEASES];	/* 0: free */
	CacheLease	lease[CACHE_LEASES];
	CacheKeyEpoch key_epoch[CACHE_KEY_EPOCHS];
} CachePartition;

typedef enum CacheCounter
{
	CC_HITS,
	CC_STALE,
	CC_NEGATIVE,
	CC_MISSES,
	CC_SETS,
	CC_FILLS,
	CC_INVALIDATIONS,
	CC_EXPIRATIONS,
	CC_EVICTIONS_SMALL,
	CC_EVICTIONS_MAIN,
	CC_GHOST_HITS,
	CC_REFUSED_SIZE,
	CC_REFUSED_ROOM,
	CC_REFUSED_PENDING,
	CC_REFUSED_INVALIDATED,
	CC_REFUSED_LEASE,
	CC_REFUSED_PINNED,			/* what would have to go is being read */
	CC_REFUSED_SHARE,			/* past the tenant's share */
	CC_COMPRESSED,
	CC_BYTES_SAVED,
	CC_LOCK_WAITS,
	CC_LEASES,
	CC_WAITS,
	CC_COUNT
} CacheCounter;

typedef struct CacheStripe
{
	pg_atomic_uint64 n[CC_COUNT];
	char		pad[PG_CACHE_LINE_SIZE];
} CacheStripe;

typedef struct CacheHeader
{
	uint32		magic;
	uint32		format;
	uint32		npartitions;
	uint32		nchunks;		/* the rest: of each partition */
	uint32		nbuckets;
	uint32		nghosts;		/* sets of CACHE_GHOST_WAYS */
	uint32		nslots;			/* without the shared ones */
	uint32		ntags;
	uint32		names_size;
	uint32		names_used;		/* under the slot lock */
	Size		slots_off;
	Size		tool_stats_off;
	Size		names_off;
	Size		tags_off;
	Size		partitions_off;
	Size		partition_size;
	Size		buckets_off;	/* the rest: from the partition's start */
	Size		next_off;
	Size		ghosts_off;
	Size		shares_off;
	Size		chunks_off;
	pg_atomic_uint64 clock;
	pg_atomic_uint64 stats_reset;
	pg_atomic_uint32 waiters;
	pg_atomic_uint32 dump_state;	/* dump.c */
	pg_atomic_uint32 dump_started;
	uint64		run_redo;		/* the checkpoint of the last stamp (dump_run.c); under the slot lock */
	pg_atomic_uint32 in_recovery;	/* used on a standby: all of it goes at promotion */
	slock_t		tag_lock[CACHE_TAG_LOCKS];
	ConditionVariable cv[CACHE_CVS];
	CacheStripe stripe[CACHE_STRIPES];
} CacheHeader;

/* One partition's parts as this process sees them. */
typedef struct CachePart
{
	CachePartition *p;
	uint32	   *buckets;
	uint32	   *next;
	CacheGhost *ghosts;
	uint32	   *shares;			/* chunks that each tenant's slot holds */
	char	   *chunks;
	LWLock	   *lock;
} CachePart;

/* What is to be stored. */
typedef struct CacheItem
{
	CacheKey	key;
	CacheRefs	refs;
	CacheKind	kind;
	CacheScope	scope;
	uint8		flags;
	uint32		soft_ms;		/* these three: as in the entry */
	uint32		cost_ms;
	float		cost_nanousd;
	int			share;			/* percent, of the tenant's own; 0: cache_tenant_share holds */
	int64		lease;			/* 0: a plain set */
	bool		own_lease;		/* taken in this transaction: `born` bounds it too */
	uint64		born;			/* of a plain set: as in the entry ... */
	uint64		key_born;		/* ... and what its key's epoch is held against */
	bool		only_absent;	/* of a dump: what is there, or computed, is newer */
	int64		stored_at;
	int64		expires;
	uint32		len;
	char	   *data;
} CacheItem;

/* What store_read() found besides the bytes. */
typedef struct CacheFound
{
	CacheRefs	refs;
	int64		stored_at;
	int64		expires;
	uint32		soft_ms;
	uint32		cost_ms;
	float		cost_nanousd;
	uint8		flags;
} CacheFound;

typedef enum CacheStored
{
	CACHE_STORED,
	CACHE_TOO_LARGE,
	CACHE_NO_ROOM,
	CACHE_PINNED,
	CACHE_OVER_SHARE,
	CACHE_INVALIDATED,
	CACHE_LEASE_LOST
} CacheStored;

typedef enum CacheLife
{
	CACHE_LIVE,
	CACHE_EXPIRED,
	CACHE_DEAD
} CacheLife;

/* ----- store.c ----- */
extern CacheHeader *cache_shmem;

extern void store_register(void);
extern CachePart *store_part(const CacheKey *key);
extern CachePart *store_part_at(uint32 index);
extern LWLock *store_slot_lock(void);
extern uint32 store_max_value(void);
extern uint32 store_find(const CachePart *part, const CacheKey *key);
extern uint32 store_find_open(const CachePart *part, const CacheKey *key);
extern void store_fence(CachePart *part, const CacheKey *key);
extern void store_unfence(CachePart *part, const CacheKey *key);
extern CacheLife store_life(const CacheEntry *entry, int64 now);
extern void store_remove(CachePart *part, uint32 index);
extern void store_expire(CachePart *part, uint32 index);
extern void store_lock(const CachePart *part, LWLockMode mode);
extern bool store_read(const CacheKey *key, int64 now, CacheFound *found, Jsonb **value);
extern CacheStored store_insert(const CacheItem *item, int64 now);

static inline uint32
store_chunks_for(uint32 len)
{
	return len <= CACHE_HEAD_PAYLOAD ? 1 : 1 + (len - CACHE_HEAD_PAYLOAD + CACHE_CHUNK - 1) / CACHE_CHUNK;
}

static inline CacheEntry *
store_entry(const CachePart *part, uint32 index)
{
	return (CacheEntry *) (part->chunks + (Size) index * CACHE_CHUNK);
}

static inline CacheKind
store_kind(const CacheEntry *entry)
{
	return entry->scope <= CACHE_SCOPE_NAMED ? CACHE_RAW : CACHE_GATE;
}

/* Past the soft deadline: still served, but somebody should compute it anew. */
static inline bool
store_soft_due(int64 stored_at, uint32 soft_ms, int64 now)
{
	return soft_ms != 0 && now - stored_at >= (int64) soft_ms * 1000;
}

/* Different parts of a key choose partition, bucket, fingerprint and the rest. */
static inline uint32
store_key_word(const CacheKey *key, int n)
{
	uint32		word;

	memcpy(&word, key->hash + 4 * n, sizeof(word));
	return word;
}

static inline uint32
store_partition_of(const CacheKey *key)
{
	return store_key_word(key, 0) & (cache_shmem->npartitions - 1);
}

static inline CacheKeyEpoch *
store_key_epoch(const CachePart *part, const CacheKey *key)
{
	return &part->p->key_epoch[store_key_word(key, 4) % CACHE_KEY_EPOCHS];
}

static inline uint32 *
store_bucket(const CachePart *part, const CacheKey *key)
{
	return &part->buckets[store_key_word(key, 2) & (cache_shmem->nbuckets - 1)];
}

/* ----- ahead.c ----- */
extern void ahead_index(const CacheKey *key);
extern void ahead_entry(const CacheKey *key);
extern uint32 ahead_value(const CacheKey *key);

/* ----- evict.c ----- */
extern void queue_push(CachePart *part, CacheQueueId id, uint32 index);
extern void queue_remove(CachePart *part, uint32 index);
extern bool ghost_take(CachePart *part, const CacheKey *key);
extern uint32 evict_sweep(CachePart *part, uint32 chunks, int64 now);
extern CacheStored evict_make_room(CachePart *part, const CacheItem *item, uint32 chunks, uint32 entries,
								   int64 now);
extern void evict_used(CachePart *part, uint32 index);

/* ----- chain.c ----- */
extern uint32 chain_take(CachePart *part, uint32 len);
extern void chain_free(CachePart *part, uint32 head, uint32 len);
extern void chain_release(CachePart *part, uint32 head);
extern void chain_copy_in(CachePart *part, uint32 index, const char *data, uint32 len);
extern void chain_copy_out(const CachePart *part, uint32 index, char *data, uint32 len);
extern void pin_init_partition(CachePartition *p);
extern int	pin_take(const CachePart *part, uint32 index);
extern void pin_drop(const CachePart *part, int pin);
extern bool pin_holds(const CachePart *part, uint32 index);
extern void limbo_reap(CachePart *part);

/* ----- wheel.c ----- */
extern void wheel_init_partition(CachePartition *p, int64 now);
extern bool wheel_in_time(const CachePart *part, uint32 index);
extern void wheel_add(CachePart *part, uint32 index);
extern void wheel_remove(CachePart *part, uint32 index);
extern uint32 wheel_drain(CachePart *part, int64 now, uint32 wanted, uint32 steps);

/* ----- worker.c ----- */
extern void worker_register(void);

/* ----- epoch.c ----- */
extern uint64 epoch_clock(void);
extern uint64 epoch_tick(void);
extern void epoch_init(CacheEpoch *epoch);
extern void epoch_fence(CacheEpoch *epoch);
extern void epoch_unfence(CacheEpoch *epoch);
extern uint64 epoch_settle(CacheEpoch *epoch, uint64 stamp);
extern bool epoch_refs_open(const CacheRefs *refs, uint64 born);
extern CacheEpoch *epoch_of_slot(uint32 slot);
extern pg_atomic_uint32 *slot_waiters(uint32 slot);
extern bool slot_names(uint32 slot, char **tenant, char **tool);
extern bool slot_may_be_tenant(uint32 slot);
extern void slots_follow_recovery(void);
extern bool slot_export(uint32 slot, uint8 *id, const char **names, uint16 *tenant_len, uint16 *tool_len);
extern uint32 slot_adopt(const uint8 *id, const char *tenant, const char *name, uint32 owner);
extern bool slot_is_taken(const char *tenant, const char *tool);
extern uint32 slot_of_tool(const char *tenant, const char *tool);
extern uint32 slot_of_tenant(const char *tenant);
extern uint16 slot_of_tag(const char *tenant, const char *tag);
extern void slot_refs(CacheRefs *refs, const char *tenant, const char *tool,
					  int ntags, char **tags);

static inline bool
epoch_open(CacheEpoch *epoch, uint64 born)
{
	/* the settler stores the stamp before it lowers its fence */
	if (pg_atomic_read_u32(&epoch->fences) != 0)
		return false;
	pg_read_barrier();
	return pg_atomic_read_u64(&epoch->stamp) <= born;
}

/* ----- tag.c ----- */
extern void tag_init(CacheTag *tags, uint32 n);
extern bool tag_open(uint32 tenant, uint32 tag, uint64 born);
extern uint8 tag_fence(uint32 tenant, uint32 tag);
extern void tag_unfence(uint32 tag, uint8 way);
extern uint64 tag_settle(uint32 tag, uint8 way, uint64 stamp);
extern bool tag_is_sound(uint32 tag);

/* ----- lease.c ----- */
extern void lease_init_partition(CachePartition *p);
extern CacheLease *lease_find(const CachePart *part, const CacheKey *key);
extern int64 lease_token_of(const CachePart *part, const CacheLease *lease);
extern void lease_free(CachePart *part, CacheLease *lease);
extern int	lease_count(const CachePart *part, int64 now);
extern CacheStatus lease_acquire(const CacheKey *key, CacheKind kind, CacheScope scope,
								 const CacheRefs *refs, uint64 born, int64 lease_us,
								 bool entry_hidden, CacheResult *out);
extern CacheStatus lease_peek(const CacheKey *key, CacheResult *out);
extern bool lease_lookup(int64 token, CacheLease *out);
extern bool lease_is_held(const CacheKey *key, int64 token);
extern bool lease_is_open(const CacheKey *key, int64 token, const CacheRefs *refs,
						  uint64 bound, CacheLease *out);
extern void lease_extend(const CacheKey *key, int64 token, int64 lease_us);
extern void lease_release(const CacheKey *key, int64 token);
extern void lease_wake(const CacheKey *key);
extern void lease_wake_all(void);
extern bool lease_wait_begin(const CacheKey *key, uint32 tenant);
extern void lease_wait(const CacheKey *key, int64 us);
extern void lease_wait_end(void);

/* ----- pending.c ----- */
typedef enum CacheOwn
{
	CACHE_OWN_NONE,				/* this transaction says nothing about the key */
	CACHE_OWN_SET,				/* it has set it */
	CACHE_OWN_HIDDEN			/* it has invalidated it */
} CacheOwn;

/* What this transaction's own invalidations mean for a fill. */
typedef enum CacheFillState
{
	CACHE_FILL_LEASE,			/* nothing */
	CACHE_FILL_SET,				/* the lease is younger than they are: store it as a set */
	CACHE_FILL_LOST
} CacheFillState;

extern bool pending_any(void);
extern CacheOwn pending_own(const CacheKey *key, const CacheRefs *refs, CacheItem **item);
extern bool pending_hides_tags(const CacheRefs *refs);
extern bool pending_add_set(const CacheItem *item);
extern void pending_invalidate_key(const CacheKey *key, const CacheRefs *refs, bool counts);
extern void pending_invalidate_slot(uint32 slot, bool counts);
extern void pending_invalidate_tag(uint32 tenant, uint16 tag, bool counts);
extern void pending_add_grant(const CacheKey *key, int64 token);
extern bool pending_granted(int64 token);
extern CacheFillState pending_fill_state(const CacheKey *key, int64 token, const CacheRefs *refs);

/* ----- publish.c ----- */
extern void publish_init(void);
extern uint64 publish_begin_stamp(void);

/* ----- stat.c ----- */
extern uint64 cache_local[CC_COUNT];

extern void stat_flush(void);
extern CacheToolStat *stat_of_slot(uint32 slot);
extern void stat_tool_add(uint32 slot, CacheToolCounter counter, uint64 n);
extern void stat_refused(CacheCounter cause, uint32 slot);

static inline void
stat_count(CacheCounter counter)
{
	cache_local[counter]++;
}

/* ----- entries.c ----- */
#define CACHE_BATCH		1024

extern int	entries_next(const CachePart *part, uint32 *bucket, int64 now, CacheEntry *out);

/* ----- dump.c ----- */
typedef enum DumpState
{
	DUMP_NONE,					/* there is no file that counts */
	DUMP_WRITING,
	DUMP_VALID					/* nothing was invalidated since it was written */
} DumpState;

extern int64 dump_write(void);
extern int64 dump_read(void);
extern bool dump_revoke(void);
extern void dump_revoke_or_fail(void);
extern void dump_discard(void);
extern void dump_at_start(void);
extern void dump_if_due(bool at_exit);

/* ----- dump_run.c ----- */
extern bool run_was_ours(void);
extern void run_begin(void);
extern bool run_stamp(void);
extern bool run_has_moved(void);

/* ----- compress.c ----- */
extern void compress_value(CacheItem *item, Jsonb *value);
extern uint32 compress_saved(const CacheItem *item);
extern Jsonb *compress_undo(const char *data, uint32 len, uint8 flags);

/* ----- the parts of lookup.c that the SQL functions and COMMIT use ----- */
typedef struct CacheSeen
{
	Jsonb	   *value;
	int64		age;			/* us */
	int64		ttl_left;		/* us */
	bool		hidden;			/* a miss that is this transaction's own doing */
	bool		own;			/* this transaction's own value */
	bool		negative;
	bool		stale;
	uint32		slot;			/* of the tool under which it was stored */
	uint32		cost_ms;
	float		cost_nanousd;
} CacheSeen;

extern void cache_require(const char *what);
extern int64 cache_deadline(int64 now, int64 ttl_us);
extern void cache_make_item(CacheItem *item, const char *tenant, Jsonb *value, const CacheTerms *terms);
extern bool cache_put(const CacheItem *item, int64 now);
extern bool cache_read(const CacheTarget *target, CacheSeen *seen);
extern void cache_lookup_wait(const CacheTarget *target, int64 lease_us, int64 wait_us,
							  CacheResult *out);
extern bool cache_add_fill(const CacheKey *key, CacheKind kind, const CacheRefs *refs, const char *tenant,
						   int64 lease, Jsonb *value, const CacheTerms *terms);

#endif							/* AGENTCORE_CACHE_STORE_H */
