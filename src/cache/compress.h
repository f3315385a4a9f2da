/*
 * compress.h
 *	  Compressing values.
 */
#ifndef AGENTCORE_CACHE_COMPRESS_H
#define AGENTCORE_CACHE_COMPRESS_H

#include "cache/entry.h"

extern void compress_value(CacheItem *item, Jsonb *value);
extern uint32 compress_saved(const CacheItem *item);
extern Jsonb *compress_undo(const char *data, uint32 len, uint8 flags);

#endif							/* AGENTCORE_CACHE_COMPRESS_H */
