/*
 * escrow_stat.c
 *	  How budgets were admitted to, and what became of their entries: view
 *	  stat_budget.
 *
 * Memory: the caller's context.  Locks: escrow_judge.c's, one set at a time.  On ERROR:
 * nothing to undo.
 */
#include "budget/escrow.h"

#include "funcapi.h"

/* budget_entries() -> (entries, in_flight, then a count each); no row without shared memory */
AGC_FUNCTION(budget_entries)
{
	int64		count[COUNT_KINDS];
	int64		entries;
	int64		in_flight;
	AgcRow		row;

	agc_enter("*", AGC_READER);
	InitMaterializedSRF(fcinfo, 0);
	if (!agc_shmem_ready())
		return (Datum) 0;
	escrow_totals(count, &entries, &in_flight);
	agc_row_init(&row);
	agc_put(&row, Int64GetDatum(entries));
	agc_put(&row, Int64GetDatum(in_flight));
	for (int kind = 0; kind < COUNT_KINDS; kind++)
		agc_put(&row, Int64GetDatum(count[kind]));
	agc_row_store((ReturnSetInfo *) fcinfo->resultinfo, &row);
	return (Datum) 0;
}

/* stat_budget_reset() -> void */
AGC_FUNCTION(stat_budget_reset)
{
	agc_enter("*", AGC_ADMIN);
	escrow_reset_counts();
	PG_RETURN_VOID();
}
