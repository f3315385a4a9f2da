/*
 * stat.c
 *	  Counters of the cache.
 *
 * Counted in this backend and added to shared memory at transaction end, in
 * one of several stripes so that backends rarely meet on a cache line.  What
 * is counted by tool waits in a small direct-mapped table until then.
 *
 * Locking: atomics; the partitions' fill is read under their shared locks,
 * one after the other, so a row is no snapshot.  Memory: static.  On ERROR:
 * the abort callback adds what was counted.
 */
#include "cache/store.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/tuplestore.h"

#define TOOLS_AT_ONCE	32

typedef struct LocalToolStat
{
	uint32		slot;
	uint64		n[CT_COUNT];
} LocalToolStat;

uint64		cache_local[CC_COUNT];

static LocalToolStat local_tool[TOOLS_AT_ONCE];
static uint32 local_tools_used = 0; /* a bit each */

CacheToolStat *
stat_of_slot(uint32 slot)
{
	return &((CacheToolStat *) ((char *) cache_shmem + cache_shmem->tool_stats_off))[slot];
}

static void
flush_tool(uint32 index)
{
	CacheToolStat *shared = stat_of_slot(local_tool[index].slot);

	for (int i = 0; i < CT_COUNT; i++)
		if (local_tool[index].n[i] != 0)
			pg_atomic_fetch_add_u64(&shared->n[i], local_tool[index].n[i]);
	memset(local_tool[index].n, 0, sizeof(local_tool[index].n));
	local_tools_used &= ~((uint32) 1 << index);
}

void
stat_tool_add(uint32 slot, CacheToolCounter counter, uint64 n)
{
	uint32		index = slot % TOOLS_AT_ONCE;
	uint32		bit = (uint32) 1 << index;

	if ((local_tools_used & bit) != 0 && local_tool[index].slot != slot)
		flush_tool(index);
	local_tool[index].slot = slot;
	local_tool[index].n[counter] += n;
	local_tools_used |= bit;
}

/* A value that was not stored. */
void
stat_refused(CacheCounter cause, uint32 slot)
{
	stat_count(cause);
	stat_tool_add(slot, CT_REFUSED, 1);
	if (cause == CC_REFUSED_SIZE)
		stat_tool_add(slot, CT_REFUSED_SIZE, 1);
}

void
stat_flush(void)
{
	CacheStripe *stripe = &cache_shmem->stripe[MyProcPid % CACHE_STRIPES];

	for (int i = 0; i < CC_COUNT; i++)
		if (cache_local[i] != 0)
		{
			pg_atomic_fetch_add_u64(&stripe->n[i], cache_local[i]);
			cache_local[i] = 0;
		}
	for (uint32 i = 0; local_tools_used != 0; i++)
		if (local_tools_used & ((uint32) 1 << i))
			flush_tool(i);
}

static int64
total(CacheCounter counter)
{
	uint64		sum = 0;

	for (int i = 0; i < CACHE_STRIPES; i++)
		sum += pg_atomic_read_u64(&cache_shmem->stripe[i].n[counter]);
	return (int64) sum;
}

/* cache_stat() -> setof one row of agentcore.cache_statistics; none without shared memory */
AGC_FUNCTION(cache_stat)
{
	Datum		values[CC_COUNT + 10];
	bool		nulls[CC_COUNT + 10] = {false};
	int64		entries = 0;
	int64		used = 0;
	int64		value_bytes = 0;
	int64		leases = 0;
	int64		now = agc_now();
	int			n;

	if (!cache_ready())
		return agc_no_row(fcinfo);
	stat_flush();
	for (n = 0; n < CC_COUNT; n++)
		values[n] = Int64GetDatum(total(n));
	for (uint32 i = 0; i < cache_shmem->npartitions; i++)
	{
		CachePart  *part = store_part_at(i);

		LWLockAcquire(part->lock, LW_SHARED);
		entries += part->p->entries;
		used += cache_shmem->nchunks - part->p->free_chunks;
		value_bytes += part->p->value_bytes;
		leases += lease_count(part, now);
		LWLockRelease(part->lock);
	}
	values[n++] = Int64GetDatum(entries);
	values[n++] = Int64GetDatum(used * CACHE_CHUNK);
	values[n++] = Int64GetDatum(value_bytes);
	values[n++] = Int64GetDatum((int64) cache_shmem->npartitions * cache_shmem->nchunks * CACHE_CHUNK);
	values[n++] = Int64GetDatum(leases);
	values[n++] = Int64GetDatum(store_max_value());
	values[n++] = Int32GetDatum(cache_shmem->npartitions);
	values[n++] = TimestampTzGetDatum((TimestampTz) pg_atomic_read_u64(&cache_shmem->stats_reset));
	values[n++] = CStringGetTextDatum(agc_cache_policy == AGC_CACHE_LRU ? "lru" : "s3-fifo");
	nulls[n] = agc_cache_policy != AGC_CACHE_LRU || agc_cache_max_entries == 0;
	values[n++] = Int64GetDatum(agc_cache_max_entries);
	return agc_row(fcinfo, values, nulls, n);
}

/*
 * cache_tool_stat() -> setof (tenant, tool, counters): of this database's
 * tools that were looked up or stored since the server started, in the
 * tenants that the caller may read.
 */
AGC_FUNCTION(cache_tool_stat)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	if (!cache_ready())
		return (Datum) 0;
	AcceptInvalidationMessages();
	agc_watch_registry();
	stat_flush();
	for (uint32 slot = 0; slot < cache_shmem->nslots; slot++)
	{
		CacheToolStat *stat = stat_of_slot(slot);
		Datum		values[2 + CT_COUNT];
		bool		nulls[2 + CT_COUNT] = {false};
		char	   *tenant;
		char	   *tool;
		uint64		any = 0;

		CHECK_FOR_INTERRUPTS();
		if (!slot_names(slot, &tenant, &tool) || tool[0] == '\0' ||
			agc_level(GetUserId(), tenant) < AGC_READER)
			continue;
		values[0] = CStringGetTextDatum(tenant);
		values[1] = CStringGetTextDatum(tool);
		for (int i = 0; i < CT_COUNT; i++)
		{
			uint64		n = pg_atomic_read_u64(&stat->n[i]);

			any |= n;
			values[2 + i] = i == CT_SAVED_NANOUSD ? agc_nanousd_numeric((int64) n) : Int64GetDatum((int64) n);
		}
		if (any != 0)
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* stat_tool_reset(tenant) -> void: the counters of the tenant's tools */
AGC_FUNCTION(stat_tool_reset)
{
	char	   *wanted = agc_arg_tenant(fcinfo, 0);

	agc_enter(wanted, AGC_ADMIN);
	cache_require("stat_tool_reset");
	stat_flush();
	for (uint32 slot = 0; slot < cache_shmem->nslots; slot++)
	{
		CacheToolStat *stat = stat_of_slot(slot);
		char	   *tenant;
		char	   *tool;

		CHECK_FOR_INTERRUPTS();
		if (slot_names(slot, &tenant, &tool) && strcmp(tenant, wanted) == 0)
			for (int i = 0; i < CT_COUNT; i++)
				pg_atomic_write_u64(&stat->n[i], 0);
	}
	PG_RETURN_VOID();
}

/* stat_cache_reset() -> void: the whole server's, so it asks for admin on every tenant */
AGC_FUNCTION(stat_cache_reset)
{
	agc_enter("*", AGC_ADMIN);
	cache_require("stat_cache_reset");
	memset(cache_local, 0, sizeof(cache_local));
	for (int i = 0; i < CACHE_STRIPES; i++)
		for (int c = 0; c < CC_COUNT; c++)
			pg_atomic_write_u64(&cache_shmem->stripe[i].n[c], 0);
	stat_flush();
	for (uint32 slot = 0; slot < cache_shmem->nslots + CACHE_SHARED_SLOTS; slot++)
		for (int c = 0; c < CT_COUNT; c++)
			pg_atomic_write_u64(&stat_of_slot(slot)->n[c], 0);
	pg_atomic_write_u64(&cache_shmem->stats_reset, (uint64) agc_now());
	PG_RETURN_VOID();
}
