/*
 * epoch.h
 *	  When something was last invalidated, and the clock that says so.
 */
#ifndef AGENTCORE_CACHE_EPOCH_H
#define AGENTCORE_CACHE_EPOCH_H

#include "cache/area.h"

extern uint64 epoch_clock(void);
extern uint64 epoch_tick(void);
extern void epoch_init_clock(void);
extern void epoch_init(CacheEpoch *epoch);
extern void epoch_fence(CacheEpoch *epoch);
extern void epoch_unfence(CacheEpoch *epoch);
extern uint64 epoch_settle(CacheEpoch *epoch, uint64 stamp);

static inline bool
epoch_open(CacheEpoch *epoch, uint64 born)
{
	/* the settler stores the stamp before it lowers its fence */
	if (pg_atomic_read_u32(&epoch->fences) != 0)
		return false;
	pg_read_barrier();
	return pg_atomic_read_u64(&epoch->stamp) <= born;
}

#endif							/* AGENTCORE_CACHE_EPOCH_H */
