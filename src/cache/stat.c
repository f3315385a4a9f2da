/*
 * stat.c
 *	  Counting; views.c shows the counters.
 *
 * Counted in this backend and added to shared memory at transaction end, in
 * one of several stripes so that backends rarely meet on a cache line.  What
 * is counted by tool waits in a small direct-mapped table until then.
 *
 * Locking: atomics.  Memory: static.  On ERROR: the abort callback adds what was
 * counted.
 */
#include "cache/stat.h"

#include "miscadmin.h"

#define TOOLS_AT_ONCE	32

typedef struct LocalToolStat
{
	uint32		name;
	uint64		n[CT_COUNT];
} LocalToolStat;

uint64		stat_local[CC_COUNT];

static LocalToolStat local_tool[TOOLS_AT_ONCE];
static uint32 local_tools_used = 0; /* one bit each */

CacheToolStat *
stat_of_tool(uint32 name)
{
	return &((CacheToolStat *) ((char *) cache_shmem + cache_shmem->tool_stats_off))[name];
}

static void
flush_tool(uint32 index)
{
	CacheToolStat *shared = stat_of_tool(local_tool[index].name);

	for (int i = 0; i < CT_COUNT; i++)
		if (local_tool[index].n[i] != 0)
			pg_atomic_fetch_add_u64(&shared->n[i], local_tool[index].n[i]);
	memset(local_tool[index].n, 0, sizeof(local_tool[index].n));
	local_tools_used &= ~((uint32) 1 << index);
}

void
stat_tool_add(uint32 name, CacheToolCounter counter, uint64 n)
{
	uint32		index = name % TOOLS_AT_ONCE;
	uint32		bit = (uint32) 1 << index;

	if ((local_tools_used & bit) != 0 && local_tool[index].name != name)
		flush_tool(index);
	local_tool[index].name = name;
	local_tool[index].n[counter] += n;
	local_tools_used |= bit;
}

/* A value that was not stored. */
void
stat_refused(CacheCounter cause, uint32 name)
{
	stat_count(cause);
	stat_tool_add(name, CT_REFUSED, 1);
	if (cause == CC_REFUSED_SIZE)
		stat_tool_add(name, CT_REFUSED_SIZE, 1);
}

void
stat_flush(void)
{
	CacheStripe *stripe = &cache_shmem->stripe[MyProcPid % CACHE_STRIPES];

	for (int i = 0; i < CC_COUNT; i++)
		if (stat_local[i] != 0)
		{
			pg_atomic_fetch_add_u64(&stripe->n[i], stat_local[i]);
			stat_local[i] = 0;
		}
	for (uint32 i = 0; local_tools_used != 0; i++)
		if (local_tools_used & ((uint32) 1 << i))
			flush_tool(i);
}

void
stat_init(void)
{
	pg_atomic_init_u64(&cache_shmem->stats_reset, (uint64) agc_now());
	for (int i = 0; i < CACHE_STRIPES; i++)
		for (int c = 0; c < CC_COUNT; c++)
			pg_atomic_init_u64(&cache_shmem->stripe[i].n[c], 0);
	for (uint32 i = 0; i < cache_shmem->nnames + CACHE_SHARED_NAMES; i++)
		for (int c = 0; c < CT_COUNT; c++)
			pg_atomic_init_u64(&stat_of_tool(i)->n[c], 0);
}

int64
stat_total(CacheCounter counter)
{
	uint64		sum = 0;

	for (int i = 0; i < CACHE_STRIPES; i++)
		sum += pg_atomic_read_u64(&cache_shmem->stripe[i].n[counter]);
	return (int64) sum;
}

void
stat_tool_reset_counters(uint32 name)
{
	for (int c = 0; c < CT_COUNT; c++)
		pg_atomic_write_u64(&stat_of_tool(name)->n[c], 0);
}

/* Every counter of the server, and what this backend has still to add. */
void
stat_reset_counters(void)
{
	memset(stat_local, 0, sizeof(stat_local));
	for (int i = 0; i < CACHE_STRIPES; i++)
		for (int c = 0; c < CC_COUNT; c++)
			pg_atomic_write_u64(&cache_shmem->stripe[i].n[c], 0);
	stat_flush();
	for (uint32 name = 0; name < cache_shmem->nnames + CACHE_SHARED_NAMES; name++)
		stat_tool_reset_counters(name);
	pg_atomic_write_u64(&cache_shmem->stats_reset, (uint64) agc_now());
}
