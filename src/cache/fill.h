/*
 * fill.h
 *	  Storing, as the gate, the SQL functions and COMMIT do it.
 */
#ifndef AGENTCORE_CACHE_FILL_H
#define AGENTCORE_CACHE_FILL_H

#include "cache/answer.h"
#include "cache/entry.h"

extern void fill_make_item(CacheItem *item, const char *tenant, Jsonb *value, const CacheTerms *terms);
extern bool fill_store(const CacheItem *item, int64 now);
extern bool fill_add(const CacheKey *key, CacheKind kind, const CacheRefs *refs, const char *tenant,
					 int64 lease, Jsonb *value, const CacheTerms *terms);

#endif							/* AGENTCORE_CACHE_FILL_H */
