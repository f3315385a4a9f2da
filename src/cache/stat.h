/*
 * stat.h
 *	  Counting, in this backend until the transaction ends.
 */
#ifndef AGENTCORE_CACHE_STAT_H
#define AGENTCORE_CACHE_STAT_H

#include "cache/area.h"

extern uint64 stat_local[CC_COUNT];

extern void stat_init(void);
extern void stat_flush(void);
extern int64 stat_total(CacheCounter counter);
extern CacheToolStat *stat_of_tool(uint32 name);
extern void stat_tool_add(uint32 name, CacheToolCounter counter, uint64 n);
extern void stat_tool_reset_counters(uint32 name);
extern void stat_reset_counters(void);
extern void stat_refused(CacheCounter cause, uint32 name);

static inline void
stat_count(CacheCounter counter)
{
	stat_local[counter]++;
}

#endif							/* AGENTCORE_CACHE_STAT_H */
