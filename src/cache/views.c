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
#include "core/row.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/tuplestore.h"

/* cache_stat() -> setof one row of agentcore.cache_statistics; none without shared memory */
AGC_FUNCTION(cache_stat)
{
	int64		entries = 0;
	int64		used = 0;
	int64		value_bytes = 0;
	int64		leases = 0;
	int64		now = agc_now();
	AgcRow		row;

	if (cache_shmem == NULL)
		return agc_no_row(fcinfo);
	stat_flush();
	agc_row_init(&row);
	for (int i = 0; i < CC_COUNT; i++)
		agc_put_int64(&row, stat_total(i));
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
	agc_put_int64(&row, entries);
	agc_put_int64(&row, used * CACHE_CHUNK);
	agc_put_int64(&row, value_bytes);
	agc_put_int64(&row, (int64) cache_shmem->npartitions * cache_shmem->nchunks * CACHE_CHUNK);
	agc_put_int64(&row, leases);
	agc_put_int64(&row, area_max_value());
	agc_put_int32(&row, cache_shmem->npartitions);
	agc_put_time(&row, (TimestampTz) pg_atomic_read_u64(&cache_shmem->stats_reset));
	agc_put_text(&row, agc_cache_policy == AGC_CACHE_LRU ? "lru" : "s3-fifo");
	if (agc_cache_policy == AGC_CACHE_LRU && agc_cache_max_entries != 0)
		agc_put_int64(&row, agc_cache_max_entries);
	else
		agc_put_null(&row);
	return agc_row_return(fcinfo, &row);
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
		AgcRow		row;
		char	   *tenant;
		char	   *tool;
		uint64		any = 0;

		CHECK_FOR_INTERRUPTS();
		if (!name_texts(name, &tenant, &tool) || tool[0] == '\0' ||
			agc_level(GetUserId(), tenant) < AGC_READER)
			continue;
		agc_row_init(&row);
		agc_put_text(&row, tenant);
		agc_put_text(&row, tool);
		for (int i = 0; i < CT_COUNT; i++)
		{
			uint64		n = pg_atomic_read_u64(&stat->n[i]);

			any |= n;
			if (i == CT_SAVED_NANOUSD)
				agc_put_usd(&row, (int64) n);
			else
				agc_put_int64(&row, (int64) n);
		}
		if (any != 0)
			agc_row_store(rsinfo, &row);
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
