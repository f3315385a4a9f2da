/*
 * chunk.h
 *	  Chains of chunks, and the pins that keep one from being reused.
 */
#ifndef AGENTCORE_CACHE_CHUNK_H
#define AGENTCORE_CACHE_CHUNK_H

#include "cache/area.h"

extern void chunk_init_partition(CachePart *part);
extern uint32 chunk_take(CachePart *part, uint32 len);
extern void chunk_free(CachePart *part, uint32 head, uint32 len);
extern void chunk_release(CachePart *part, uint32 head);
extern void chunk_copy_in(CachePart *part, uint32 index, const char *data, uint32 len);
extern void chunk_copy_out(const CachePart *part, uint32 index, char *data, uint32 len);
extern int	chunk_pin(const CachePart *part, uint32 index);
extern void chunk_unpin(const CachePart *part, int pin);
extern bool chunk_is_pinned(const CachePart *part, uint32 index);
extern void chunk_reap_limbo(CachePart *part);

#endif							/* AGENTCORE_CACHE_CHUNK_H */
