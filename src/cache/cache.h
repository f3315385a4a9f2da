/*
 * cache.h
 *	  Public face of src/cache: the shared-memory store of tool results.
 */
#ifndef AGENTCORE_CACHE_H
#define AGENTCORE_CACHE_H

#include "core/core.h"
#include "tool/tool.h"

/* ----- settings (cache.c): agc_x is agentcore.x ----- */
typedef enum AgcCachePolicy
{
	AGC_CACHE_S3_FIFO,
	AGC_CACHE_LRU
} AgcCachePolicy;

typedef enum AgcCompress
{
	AGC_COMPRESS_OFF,
	AGC_COMPRESS_PGLZ,
	AGC_COMPRESS_LZ4
} AgcCompress;

#ifdef USE_LZ4
#define AGC_COMPRESS_DEFAULT	AGC_COMPRESS_LZ4
#else
#define AGC_COMPRESS_DEFAULT	AGC_COMPRESS_PGLZ
#endif

extern int	agc_cache_compress;
extern int	agc_cache_compress_min; /* bytes */
extern int	agc_cache_default_ttl;	/* seconds */
extern bool agc_cache_dump;
extern int	agc_cache_dump_interval;	/* seconds */
extern int	agc_cache_lease;	/* seconds */
extern int	agc_cache_max_entries;
extern int	agc_cache_memory;	/* MB */
extern int	agc_cache_negative_ttl; /* seconds */
extern bool agc_cache_on_standby;
extern int	agc_cache_pending_max;	/* kB */
extern int	agc_cache_policy;
extern int	agc_cache_sweep_interval;	/* ms */
extern int	agc_cache_tenant_share; /* percent */
extern int	agc_cache_ttl_jitter;	/* percent */


typedef enum CacheStatus
{
	CACHE_HIT,
	CACHE_STALE,
	CACHE_LEAD,					/* a miss, and the caller holds the lease */
	CACHE_BUSY,					/* a miss, somebody else holds it */
	CACHE_NEGATIVE,
	CACHE_MISS					/* a miss without a lease */
} CacheStatus;

/* The raw API can neither read nor plant what the gate stores, nor the reverse. */
typedef enum CacheKind
{
	CACHE_RAW = 'r',
	CACHE_GATE = 'g'
} CacheKind;

/*
 * Whose entries of scope shared are: no tenant has this name.  Whatever a
 * tenant invalidates of its own it invalidates there too.
 */
#define CACHE_SHARED "*"

/* Who shares an entry, for cache_entries(); the key is what keeps them apart. */
typedef enum CacheScope
{
	CACHE_SCOPE_PRIVATE,		/* raw: the calling role's own */
	CACHE_SCOPE_NAMED,			/* raw: whoever names it */
	CACHE_SCOPE_SUBJECT,		/* the rest: the gate's */
	CACHE_SCOPE_AGENT,
	CACHE_SCOPE_TENANT,
	CACHE_SCOPE_SHARED
} CacheScope;

typedef struct CacheKey
{
	uint8		hash[AGC_HASH_LEN];
} CacheKey;

/* What is looked up, and whose slots it belongs to. */
typedef struct CacheTarget
{
	CacheKey	key;
	CacheKind	kind;
	CacheScope	scope;
	const char *tenant;
	const char *tool;
} CacheTarget;

typedef struct CacheResult
{
	CacheStatus status;
	Jsonb	   *value;			/* hit, stale, negative: palloc'd */
	int64		lease;			/* lead, and stale for the one who replaces it: random, else 0 */
	bool		computing;		/* stale: somebody else is at it */
	int64		age;			/* us */
	int64		retry_after;	/* us until a busy one's lease, or a negative entry, ends */
	uint32		slot;			/* where there is a value: its tool's */
	uint32		cost_ms;		/* hit, stale: what computing it took and cost */
	float		cost_nanousd;
} CacheResult;

/* How a value is stored. */
typedef struct CacheTerms
{
	int64		ttl;			/* us, > 0 */
	int64		soft_ttl;		/* us; 0: never stale before it expires */
	bool		negative;		/* a failure, no answer */
	int64		max_size;		/* bytes of the value; 0: what fits */
	int64		nanousd;		/* what computing it cost */
	int			ntags;			/* at most AGC_MAX_TAGS */
	char	  **tags;
} CacheTerms;

/*
 * The store's own key: installation, database, kind, tenant, tool revision and
 * the fields of cache_key(); a raw scope '' is private to the calling role.
 */
extern void cache_make_key(CacheKey *out, CacheKind kind, const char *tenant, const char *tool,
						   int64 tool_revision, Jsonb *args, const char *scope);

/*
 * Where the gate keeps the answer of a call, by its tool's cache_scope; args as
 * it runs them: coerced, URLs canonical.  subject may be NULL; so may agent, for
 * a caller that is none.  false: nowhere, or the scope cannot be told without them.
 */
extern bool cache_gate_target(CacheTarget *target, const char *tenant, const char *tool_name,
							  const ToolDef *tool, int64 revision, Jsonb *args,
							  const char *agent, const char *subject);

/*
 * Without lead no lease is taken: CACHE_MISS or CACHE_BUSY instead of
 * CACHE_LEAD.  Counts nothing; cache_count() does, once what became of the
 * lookup is known.
 */
extern void cache_lookup(const CacheTarget *target, bool lead, int64 lease_us, CacheResult *out);
extern void cache_count(const CacheTarget *target, const CacheResult *result);

/* whether a lookup would find an answer, fresh or stale */
extern bool cache_has_answer(const CacheKey *key);

/*
 * Stored at COMMIT of this transaction; false: the lease was lost or the value
 * is too large, nothing will be stored.
 */
extern bool cache_store_lease(const CacheKey *key, const char *tenant, const char *tool,
							  int64 lease, Jsonb *value, const CacheTerms *terms);
extern void cache_abandon_lease(const CacheKey *key, int64 lease);

/* a held lease lives lease_us from now; nothing happens to a lost one */
extern void cache_extend_lease(const CacheKey *key, int64 lease, int64 lease_us);

/* false without preload or with agentcore.cache_memory = 0 */
extern bool cache_ready(void);

extern void cache_init(void);

#endif							/* AGENTCORE_CACHE_H */
