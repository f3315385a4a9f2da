/*
 * counters.h
 *	  What the cache counts.
 *
 * A new counter needs, besides its member here, a column of the type that
 * views.c returns (cache.sql), at the same place, and a call of stat_count() or
 * stat_tool_add() where the event happens.
 */
#ifndef AGENTCORE_CACHE_COUNTERS_H
#define AGENTCORE_CACHE_COUNTERS_H

/* Of the whole server, in the order of agentcore.cache_statistics. */
typedef enum CacheCounter
{
	CC_HITS,
	CC_STALE,
	CC_NEGATIVE,
	CC_MISSES,
	CC_SETS,
	CC_FILLS,
	CC_INVALIDATIONS,
	CC_EXPIRATIONS,
	CC_EVICTIONS_SMALL,
	CC_EVICTIONS_MAIN,
	CC_GHOST_HITS,
	CC_REFUSED_SIZE,
	CC_REFUSED_ROOM,
	CC_REFUSED_PENDING,
	CC_REFUSED_INVALIDATED,
	CC_REFUSED_LEASE,
	CC_REFUSED_PINNED,			/* what would have to go is being read */
	CC_REFUSED_SHARE,			/* past the tenant's share */
	CC_COMPRESSED,
	CC_BYTES_SAVED,
	CC_LOCK_WAITS,
	CC_LEASES,
	CC_WAITS,
	CC_COUNT
} CacheCounter;

/* Of one tool, in the order of agentcore.cache_tool_statistics. */
typedef enum CacheToolCounter
{
	CT_HITS,
	CT_MISSES,
	CT_STALE,
	CT_NEGATIVE,
	CT_FILLS,
	CT_INVALIDATIONS,
	CT_EXPIRATIONS,
	CT_EVICTIONS,
	CT_REFUSED,
	CT_REFUSED_SIZE,
	CT_SAVED_MS,
	CT_SAVED_NANOUSD,
	CT_COUNT
} CacheToolCounter;

#endif							/* AGENTCORE_CACHE_COUNTERS_H */
