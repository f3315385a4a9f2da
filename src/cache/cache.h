/*
 * cache.h
 *	  Public face of src/cache: the shared-memory store of tool results.
 */
#ifndef AGENTCORE_CACHE_H
#define AGENTCORE_CACHE_H

#include "cache/answer.h"
#include "cache/settings.h"
#include "cache/target.h"

/*
 * Without lead no lease is taken: CACHE_MISS or CACHE_BUSY instead of
 * CACHE_LEAD.  Counts nothing; cache_count() does, once the outcome of the
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

/* a lease that was just taken ends with this session, if the session says so */
extern void cache_bind_lease(const CacheKey *key, int64 lease);

/* a held lease lives lease_us from now; nothing happens to a lost one */
extern void cache_extend_lease(const CacheKey *key, int64 lease, int64 lease_us);

/* false without preload or with agentcore.cache_memory = 0 */
extern bool cache_ready(void);

extern void cache_init(void);

#endif							/* AGENTCORE_CACHE_H */
