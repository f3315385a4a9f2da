/*
 * entry_insert.h
 *	  Storing an entry.
 */
#ifndef AGENTCORE_CACHE_ENTRY_INSERT_H
#define AGENTCORE_CACHE_ENTRY_INSERT_H

#include "cache/entry.h"

extern CacheStored entry_insert(const CacheItem *item, int64 now);

#endif							/* AGENTCORE_CACHE_ENTRY_INSERT_H */
