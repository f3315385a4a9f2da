/*
 * wheel.h
 *	  Which entries expire when.
 */
#ifndef AGENTCORE_CACHE_WHEEL_H
#define AGENTCORE_CACHE_WHEEL_H

#include "cache/area.h"

/* Takes an expired entry out of everything, the wheel too. */
typedef void (*WheelExpire) (CachePart *part, uint32 index);

extern void wheel_init_partition(CachePart *part, int64 now);
extern bool wheel_in_time(const CachePart *part, uint32 index);
extern void wheel_add(CachePart *part, uint32 index);
extern void wheel_remove(CachePart *part, uint32 index);
extern uint32 wheel_drain(CachePart *part, int64 now, uint32 wanted, uint32 steps, WheelExpire expire);

#endif							/* AGENTCORE_CACHE_WHEEL_H */
