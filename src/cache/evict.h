/*
 * evict.h
 *	  Making room in a partition.
 */
#ifndef AGENTCORE_CACHE_EVICT_H
#define AGENTCORE_CACHE_EVICT_H

#include "cache/entry.h"

extern uint32 evict_sweep(CachePart *part, uint32 chunks, int64 now);
extern CacheStored evict_make_room(CachePart *part, const CacheItem *item, uint32 chunks, uint32 entries,
								   int64 now);

#endif							/* AGENTCORE_CACHE_EVICT_H */
