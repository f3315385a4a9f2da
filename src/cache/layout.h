/*
 * layout.h
 *	  What lies where in the cache's shared memory: types only.
 *
 * One fixed area: header, interned names, tags, then P partitions that share
 * nothing.  A partition is an index, a pool of fixed-size chunks, two queues,
 * ghosts, key epochs and leases under one LWLock.  An entry is the head chunk
 * of its value's chain: its fields come first, the value's bytes follow in the
 * same chunk and go on in the chain, so there is one pool to run out of and
 * none to balance against it.
 *
 * References are numbers of chunks, never pointers.  At most one LWLock is
 * held at a time, and nothing that can raise an error, allocate or look for
 * interrupts runs while it is.
 */
#ifndef AGENTCORE_CACHE_LAYOUT_H
#define AGENTCORE_CACHE_LAYOUT_H

#include "cache/counters.h"
#include "cache/settings.h"
#include "cache/target.h"

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
#define CACHE_MAX_NAMES		16384	/* without the shared ones */
#define CACHE_SHARED_NAMES	64	/* for tenants and tools that found the table full */
#define CACHE_TEXT_BYTES	64	/* for the texts of a name, on average */
#define CACHE_TENANT_PART	4	/* one tenant's tools take at most this part of the names and their texts */
#define CACHE_TAG_WAYS		3	/* tenants that invalidate tags of one bucket undisturbed */
#define CACHE_TAG_LOCKS		64
#define CACHE_CVS			16
#define CACHE_MAX_WAITERS	64
#define CACHE_TENANT_WAITERS 48 /* of one tenant */
#define CACHE_STRIPES		16
#define CACHE_PINS			32	/* large values of one partition that are being read */
#define CACHE_WHEEL_LEVELS	4
#define CACHE_WHEEL_BUCKETS	64

/*
 * Larger values are copied outside the lock, at the cost of a second look.
 * 8 kB are 33 chunks: their copy holds a writer up for 0.5 us if they are in the
 * processor's cache, 3 us if not.
 */
#define CACHE_COPY_LOCKED	8192

/* More than a jsonb can be, less than can be allocated at once. */
#define CACHE_MAX_VALUE		(512 * 1024 * 1024)

#define CACHE_FENCED		255 /* more commits than are counted; the entry stays hidden until it goes */
#define CACHE_NONE			0x7fffffffU /* no chunk, no name, no text */
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
	pg_atomic_uint32 owner;		/* of a tag's way: its tenant's name + 1; else unused */
} CacheEpoch;

/*
 * A tag is one of these buckets, by its hash.  Each way is one tenant's, so that
 * the tags that a tenant invalidates leave the entries of others alive; common
 * holds what has no way (tag.c).
 */
typedef struct CacheTag
{
	CacheEpoch	way[CACHE_TAG_WAYS];
	CacheEpoch	common;
} CacheTag;

StaticAssertDecl(sizeof(CacheTag) == 64, "a tag is not one cache line");

/* An interned (installation, database, tenant [, tool]). */
typedef struct CacheName
{
	pg_atomic_uint32 used;
	uint32		text;			/* where its texts begin; CACHE_NONE: not kept */
	uint32		tools;			/* a tenant's: what its tools take of the texts; under the area's lock */
	pg_atomic_uint32 waiters;	/* a tenant's */
	Oid			database;
	uint8		id[AGC_HASH_LEN];
	CacheEpoch	epoch;
} CacheName;

typedef struct CacheToolStat
{
	pg_atomic_uint64 n[CT_COUNT];
} CacheToolStat;

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
	uint32		tool;			/* the number of a name */
	uint32		tenant;			/* the number of a name */
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
 * Whether a key may be stored is judged by its bucket here; a collision only
 * refuses a set.  Reads do not look here: what a commit hides is marked in the
 * entry, and while the bucket is fenced no other entry of that key can come.
 * Nor do leases, which must not suffer from collisions for as long as a
 * computation takes: the invalidation of its very key takes a lease away.
 */
typedef struct CacheKeyEpoch
{
	uint64		stamp;
	uint32		fences;
} CacheKeyEpoch;

/* The right to compute one key's value.  A permit of src/budget is another thing. */
typedef struct CacheLease
{
	CacheKey	key;
	int64		granted;
	int64		deadline;
	uint64		born;
	uint32		tool;			/* the number of a name */
	uint32		tenant;			/* the number of a name */
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
	uint64		wheel_used[CACHE_WHEEL_LEVELS]; /* one bit per bucket: whether it holds an entry */
	uint32		wheel[CACHE_WHEEL_LEVELS][CACHE_WHEEL_BUCKETS];
	pg_atomic_uint32 pin[CACHE_PINS];	/* heads of chains; CACHE_NONE: unused */
	CacheQueue	queue[2];
	uint16		lease_bucket[CACHE_LEASES];
	int64		lease_token[CACHE_LEASES];	/* 0: free */
	CacheLease	lease[CACHE_LEASES];
	CacheKeyEpoch key_epoch[CACHE_KEY_EPOCHS];
} CachePartition;

typedef struct CacheStripe
{
	pg_atomic_uint64 n[CC_COUNT];
	char		pad[PG_CACHE_LINE_SIZE];
} CacheStripe;

typedef enum CacheDumpState
{
	DUMP_NONE,					/* there is no file that counts */
	DUMP_WRITING,
	DUMP_VALID					/* nothing was invalidated since it was written */
} CacheDumpState;

typedef struct CacheHeader
{
	uint32		magic;
	uint32		format;
	uint32		npartitions;
	uint32		nchunks;		/* this and the next two: of each partition */
	uint32		nbuckets;
	uint32		nghosts;		/* sets of CACHE_GHOST_WAYS */
	uint32		nnames;			/* without the shared ones */
	uint32		ntags;
	uint32		texts_size;
	uint32		texts_used;		/* under the area's lock */
	Size		names_off;
	Size		tool_stats_off;
	Size		texts_off;
	Size		tags_off;
	Size		partitions_off;
	Size		partition_size;
	Size		buckets_off;	/* this and the next four: from the partition's start */
	Size		next_off;
	Size		ghosts_off;
	Size		shares_off;
	Size		chunks_off;
	pg_atomic_uint64 clock;
	pg_atomic_uint64 stats_reset;
	pg_atomic_uint32 waiters;
	pg_atomic_uint32 dump_state;	/* CacheDumpState (dump_file.c) */
	pg_atomic_uint32 dump_started;
	uint64		run_redo;		/* the checkpoint of the last stamp (dump_run.c); under the area's lock */
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
	uint32	   *shares;			/* chunks that each tenant holds, by the number of its name */
	char	   *chunks;
	LWLock	   *lock;
} CachePart;

#endif							/* AGENTCORE_CACHE_LAYOUT_H */
