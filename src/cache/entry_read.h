/*
 * entry_read.h
 *	  Reading a live entry.
 */
#ifndef AGENTCORE_CACHE_ENTRY_READ_H
#define AGENTCORE_CACHE_ENTRY_READ_H

#include "cache/entry.h"

/* What entry_read() found besides the bytes. */
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

extern bool entry_read(const CacheKey *key, int64 now, CacheFound *found, Jsonb **value);

#endif							/* AGENTCORE_CACHE_ENTRY_READ_H */
