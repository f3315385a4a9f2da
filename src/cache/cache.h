/*
 * cache.h
 *	  Public face of src/cache: the shared-memory store of tool results.
 */
#ifndef AGENTCORE_CACHE_H
#define AGENTCORE_CACHE_H

#include "core/core.h"


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

typedef struct CacheKey
{
	uint8		hash[AGC_HASH_LEN];
} CacheKey;

typedef struct CacheResult
{
	CacheStatus status;
	Jsonb	   *value;			/* hit, stale, negative: palloc'd */
	int64		lease;			/* lead: random, never 0 */
	int64		age;			/* us */
	int64		retry_after;	/* busy: us until the leader's lease ends */
} CacheResult;

/*
 * The store's own key: installation, database, kind, tenant, tool revision and
 * the fields of cache_key(); a raw scope '' is private to the calling role.
 */
extern void cache_make_key(CacheKey *out, CacheKind kind, const char *tenant, const char *tool,
						   int64 tool_revision, Jsonb *args, const char *scope);

/*
 * peek never takes a lease (CACHE_MISS or CACHE_BUSY instead of CACHE_LEAD);
 * lead is false where it must not.  lease_us: how long a lease lives.
 */
extern void cache_lookup(const CacheKey *key, CacheKind kind, const char *tenant, const char *tool,
						 bool lead, int64 lease_us, CacheResult *out);

/*
 * Stored at COMMIT of this transaction; false: the lease was lost or the value
 * is too large, nothing will be stored.  At most AGC_MAX_TAGS tags.
 */
extern bool cache_store_lease(const CacheKey *key, const char *tenant, const char *tool,
							  int64 lease, Jsonb *value, int64 ttl_us,
							  int ntags, char **tags);
extern void cache_abandon_lease(const CacheKey *key, int64 lease);

/* a held lease lives lease_us from now; nothing happens to a lost one */
extern void cache_extend_lease(const CacheKey *key, int64 lease, int64 lease_us);

/* false without preload or with agentcore.cache_memory = 0 */
extern bool cache_ready(void);

extern void cache_init(void);

#endif							/* AGENTCORE_CACHE_H */
