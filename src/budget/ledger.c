/*
 * ledger.c
 *	  The ledger's partitions: one per month, made ahead, retired when old
 *	  (core/partition.c).
 *
 * Locks: those of core/partition.c; settlements write to the ledger last, after their
 * permit and counters.  Memory: SPI's.  On ERROR: the transaction takes everything
 * back.
 */
#include "budget/budget.h"

#include "catalog/pg_type.h"
#include "core/partition.h"

static const AgcPartitioned ledger = {"budget_ledger", "ledger"};

/* budget_ledger_partition(months) -> integer: how many partitions were made */
AGC_FUNCTION(budget_ledger_partition)
{
	return agc_partition_ahead(fcinfo, &ledger);
}

/* budget_ledger_retain(keep, detach) -> (cutoff, partitions, permits, carried) */
AGC_FUNCTION(budget_ledger_retain)
{
	static const Oid types[] = {TIMESTAMPTZOID, BOOLOID};
	static AgcPlan plan = {
		"SELECT (r).cutoff, (r).partitions, (r).permits, (r).carried"
		" FROM agentcore.budget_ledger_retire($1, $2) r", lengthof(types), types
	};

	return agc_partition_retain(fcinfo, &ledger, &plan);
}
