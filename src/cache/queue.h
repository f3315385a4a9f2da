/*
 * queue.h
 *	  The two queues of a partition, and the ghosts of what left the small one.
 */
#ifndef AGENTCORE_CACHE_QUEUE_H
#define AGENTCORE_CACHE_QUEUE_H

#include "cache/area.h"

extern void queue_init_partition(CachePart *part);
extern void queue_push(CachePart *part, CacheQueueId id, uint32 index);
extern void queue_remove(CachePart *part, uint32 index);
extern void queue_move_to_main(CachePart *part, uint32 index);
extern bool queue_take_ghost(CachePart *part, const CacheKey *key);
extern void queue_add_ghost(CachePart *part, const CacheKey *key);

#endif							/* AGENTCORE_CACHE_QUEUE_H */
