/*
 * answer.h
 *	  What a lookup answers, and on which terms a value is stored.
 *
 * cache.h includes this for the rooms above.
 */
#ifndef AGENTCORE_CACHE_ANSWER_H
#define AGENTCORE_CACHE_ANSWER_H

#include "core/core.h"

typedef enum CacheStatus
{
	CACHE_HIT,
	CACHE_STALE,
	CACHE_LEAD,					/* a miss, and the caller holds the lease */
	CACHE_BUSY,					/* a miss, another holds the lease */
	CACHE_NEGATIVE,
	CACHE_MISS					/* a miss without a lease */
} CacheStatus;

typedef struct CacheResult
{
	CacheStatus status;
	Jsonb	   *value;			/* hit, stale, negative: palloc'd */
	int64		lease;			/* lead, and stale for the one who replaces it: random, else 0 */
	bool		computing;		/* stale: another replaces it already */
	int64		age;			/* us */
	int64		retry_after;	/* us until a busy one's lease, or a negative entry, ends */
	uint32		name;			/* where there is a value: its tool's number (name.h) */
	uint32		cost_ms;		/* hit, stale: what computing it took and cost */
	float		cost_nanousd;
} CacheResult;

typedef struct CacheTerms
{
	int64		ttl;			/* us, > 0 */
	int64		soft_ttl;		/* us; 0: never stale before it expires */
	bool		negative;		/* a failure, no answer */
	int64		max_size;		/* bytes of the value; 0: what fits */
	int64		nanousd;		/* what computing it cost */
	int			ntags;			/* at most AGC_MAX_TAGS */
	char	  **tags;
} CacheTerms;

#endif							/* AGENTCORE_CACHE_ANSWER_H */
