/*
 * views.c
 *	  What stat_cache and stat_tool show, and setting it to zero.
 *
 * Locking: the partitions' fill is read under their shared locks, one after the
 * other, so a row is no snapshot.  Memory: the tuplestore of the result.
 * On ERROR: raised with no lock held.
 */
#include "cache/lease.h"
#include "cache/name.h"
#include "cache/ready.h"
#include "cache/stat.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/tuplestore.h"

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

	if (cache_shmem == NULL)
		return agc_no_row(fcinfo);
	stat_flush();
	for (n = 0; n < CC_COUNT; n++)
		values[n] = Int64GetDatum(stat_total(n));
	for (uint32 i = 0; i < cache_shmem->npartitions; i++)
	{
		CachePart  *part = area_part_at(i);

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
	values[n++] = Int64GetDatum(area_max_value());
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
	if (cache_shmem == NULL)
		return (Datum) 0;
	AcceptInvalidationMessages();
	agc_watch_registry();
	stat_flush();
	for (uint32 name = 0; name < cache_shmem->nnames; name++)
	{
		CacheToolStat *stat = stat_of_tool(name);
		Datum		values[2 + CT_COUNT];
		bool		nulls[2 + CT_COUNT] = {false};
		char	   *tenant;
		char	   *tool;
		uint64		any = 0;

		CHECK_FOR_INTERRUPTS();
		if (!name_texts(name, &tenant, &tool) || tool[0] == '\0' ||
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
	ready_require("stat_tool_reset");
	stat_flush();
	for (uint32 name = 0; name < cache_shmem->nnames; name++)
	{
		char	   *tenant;
		char	   *tool;

		CHECK_FOR_INTERRUPTS();
		if (name_texts(name, &tenant, &tool) && strcmp(tenant, wanted) == 0)
			stat_tool_reset_counters(name);
	}
	PG_RETURN_VOID();
}

/* stat_cache_reset() -> void: the whole server's, so it asks for admin on every tenant */
AGC_FUNCTION(stat_cache_reset)
{
	agc_enter("*", AGC_ADMIN);
	ready_require("stat_cache_reset");
	stat_reset_counters();
	PG_RETURN_VOID();
}
