/*
 * retention.c
 *	  The log's partitions: one per month, made ahead, retired when old
 *	  (core/partition.c).
 *
 * Locks: those of core/partition.c; the row of a call is written after all else that it
 * locks.  Memory: SPI's.  On ERROR: the transaction takes everything back.
 */
#include "record/record.h"

#include "catalog/pg_type.h"
#include "core/partition.h"

static const AgcPartitioned log_of_calls = {"call_log_entry", "log of calls"};

/* call_log_partition(months) -> integer: how many partitions were made */
AGC_FUNCTION(call_log_partition)
{
	return agc_partition_ahead(fcinfo, &log_of_calls);
}

typedef struct Retention
{
	FunctionCallInfo fcinfo;
	AgcPlan    *plan;
	Datum		done;
} Retention;

static void
retain(void *arg)
{
	Retention  *r = arg;

	r->done = agc_partition_retain(r->fcinfo, &log_of_calls, r->plan);
}

/* call_log_retain(keep, detach) -> (cutoff, partitions, rows) */
AGC_FUNCTION(call_log_retain)
{
	static const Oid types[] = {TIMESTAMPTZOID, BOOLOID};
	static AgcPlan plan = {
		"SELECT (r).cutoff, (r).partitions, (r).rows"
		" FROM agentcore.call_log_retire($1, $2) r", lengthof(types), types
	};

	Retention	retention = {fcinfo, &plan};

	agc_attributed(retain, &retention);
	return retention.done;
}
