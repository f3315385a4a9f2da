/*
 * lease.h
 *	  Leases: the right to compute what many asked for.
 */
#ifndef AGENTCORE_CACHE_LEASE_H
#define AGENTCORE_CACHE_LEASE_H

#include "cache/answer.h"
#include "cache/refs.h"

extern void lease_init(void);
extern void lease_init_partition(CachePart *part);
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

#endif							/* AGENTCORE_CACHE_LEASE_H */
