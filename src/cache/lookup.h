/*
 * lookup.h
 *	  Looking up, as the gate and the SQL functions do it.
 */
#ifndef AGENTCORE_CACHE_LOOKUP_H
#define AGENTCORE_CACHE_LOOKUP_H

#include "cache/answer.h"
#include "cache/area.h"

/* What a read found, in this transaction's own work or in the store. */
typedef struct CacheSeen
{
	Jsonb	   *value;
	int64		age;			/* us */
	int64		ttl_left;		/* us */
	bool		hidden;			/* a miss that is this transaction's own doing */
	bool		own;			/* this transaction's own value */
	bool		negative;
	bool		stale;
	uint32		name;			/* of the tool under which it was stored */
	uint32		cost_ms;
	float		cost_nanousd;
} CacheSeen;

extern bool lookup_read(const CacheTarget *target, CacheSeen *seen);
extern CacheStatus lookup_lead(const CacheTarget *target, bool lead, int64 lease_us, CacheResult *out);
extern void lookup_wait(const CacheTarget *target, int64 lease_us, int64 wait_us, CacheResult *out);
extern void lookup_count(const CacheTarget *target, const CacheResult *result);

#endif							/* AGENTCORE_CACHE_LOOKUP_H */
