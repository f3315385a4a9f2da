/*
 * ledger.c
 *	  The ledger's partitions: one per month, made ahead, retired when old.
 *
 * All tenants share the ledger and its partitions, so these functions need an
 * administrator of all tenants.  The work itself is DDL and set-based statements, in the
 * internal functions of ledger.sql.
 *
 * Locks, to the end of the transaction: the default partition for a new one,
 * which takes over its rows; all of the ledger to retire.  They are asked for a
 * tenth of a second at a time (budget_ledger_lock()), because every settlement
 * would wait behind a longer wait.  Settlements write to the ledger last, after
 * their permit and counters, so these functions never wait in a circle.
 * Memory: SPI's.  On ERROR: the transaction takes everything back.
 */
#include "budget/budget.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

/* stands for every tenant, see agc_arg_tenant() */
#define ALL_TENANTS		"*"

/* A snapshot from before the lock would miss what was settled during the wait for it. */
static void
require_fresh_snapshots(void)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("the ledger's partitions can be changed in READ COMMITTED only"),
				 errhint("Call it in a transaction of its own, at ISOLATION LEVEL READ COMMITTED.")));
}

/* budget_ledger_partition(months) -> integer: how many partitions were made */
AGC_FUNCTION(budget_ledger_partition)
{
	static const Oid types[] = {INT4OID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"SELECT agentcore.budget_ledger_make($1, $2)", lengthof(types), types
	};
	int			months = PG_ARGISNULL(0) ? -1 : PG_GETARG_INT32(0);
	bool		isnull;
	int			made;
	AgcOwner	owner;
	AgcRow		row;

	if (months < 0 || months > 120)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("months must be between 0 and 120")));
	agc_enter(ALL_TENANTS, AGC_ADMIN);
	require_fresh_snapshots();
	agc_row_init(&row);
	agc_put_int32(&row, months);
	agc_put_time(&row, agc_now());
	agc_owner_begin(&owner);
	agc_spi_row(&plan, &row);
	made = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	agc_owner_end(&owner);
	PG_RETURN_INT32(made);
}

/* budget_ledger_retain(keep, detach) -> (cutoff, partitions, permits, carried) */
AGC_FUNCTION(budget_ledger_retain)
{
	static const Oid types[] = {TIMESTAMPTZOID, BOOLOID};
	static AgcPlan plan = {
		"SELECT (r).cutoff, (r).partitions, (r).permits, (r).carried"
		" FROM agentcore.budget_ledger_retire($1, $2) r", lengthof(types), types
	};
	int64		keep = agc_arg_keep(fcinfo, 0);
	bool		detach = agc_arg_bool(fcinfo, 1, "detach");
	AgcOwner	owner;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_time(&row, agc_now() - keep);
	agc_put_bool(&row, detach);
	agc_enter(ALL_TENANTS, AGC_ADMIN);
	require_fresh_snapshots();
	agc_owner_begin(&owner);
	agc_spi_row(&plan, &row);
	agc_row_init(&row);
	for (int i = 1; i <= SPI_tuptable->tupdesc->natts; i++)
	{
		bool		isnull;
		Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i, &isnull);

		agc_put_datum(&row, value, isnull);
	}
	agc_owner_end(&owner);
	return agc_row_return(fcinfo, &row);
}
