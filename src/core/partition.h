/*
 * partition.h
 *	  Tables that are partitioned by month.
 */
#ifndef AGENTCORE_CORE_PARTITION_H
#define AGENTCORE_CORE_PARTITION_H

#include "core/core.h"

/* A table that all tenants share, and how errors call it. */
typedef struct AgcPartitioned
{
	const char *table;
	const char *what;
} AgcPartitioned;

/*
 * agc_enter() as an administrator of every tenant, and READ COMMITTED (25001): a snapshot
 * from before the lock would miss what was written during the wait for it.
 */
extern void agc_partition_enter(const AgcPartitioned *of);

/* The body of X_partition(months) -> integer: how many partitions were made. */
extern Datum agc_partition_ahead(FunctionCallInfo fcinfo, const AgcPartitioned *of);

/*
 * The body of X_retain(keep, detach) -> a row: "plan" selects its columns by the time before
 * which rows go ($1) and detach ($2).
 */
extern Datum agc_partition_retain(FunctionCallInfo fcinfo, const AgcPartitioned *of, AgcPlan *plan);

#endif							/* AGENTCORE_CORE_PARTITION_H */
