/*
 * partition.c
 *	  Tables that are partitioned by month: partitions made ahead, and retired when old.
 *
 * All tenants share such a table, so these functions need an administrator of all
 * tenants.  The work itself is DDL and set-based statements, in the internal functions of
 * partition.sql and of the table's room.
 *
 * Locks, to the end of the transaction: the default partition for a new one,
 * which takes over its rows; all of the table to retire.  They are asked for a
 * tenth of a second at a time (partition_lock()), because every call would wait
 * behind a longer wait.  Calls write to such a table last, so these functions never
 * wait in a circle.
 * Memory: SPI's.  On ERROR: the transaction takes everything back.
 */
#include "core/partition.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

/* stands for every tenant, see agc_arg_tenant() */
#define ALL_TENANTS		"*"

void
agc_partition_enter(const AgcPartitioned *of)
{
	agc_enter(ALL_TENANTS, AGC_ADMIN);
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("the partitions of the %s can be changed in READ COMMITTED only", of->what),
				 errhint("Call it in a transaction of its own, at ISOLATION LEVEL READ COMMITTED.")));
}

Datum
agc_partition_ahead(FunctionCallInfo fcinfo, const AgcPartitioned *of)
{
	static const Oid types[] = {TEXTOID, TEXTOID, INT4OID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"SELECT agentcore.partition_make($1::regclass, $2, $3, $4)", lengthof(types), types
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
	agc_partition_enter(of);
	agc_row_init(&row);
	agc_put_text(&row, psprintf("%s.%s", AGC_SCHEMA, of->table));
	agc_put_text(&row, of->what);
	agc_put_int32(&row, months);
	agc_put_time(&row, agc_now());
	agc_owner_begin(&owner);
	agc_spi_row(&plan, &row);
	made = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	agc_owner_end(&owner);
	PG_RETURN_INT32(made);
}

Datum
agc_partition_retain(FunctionCallInfo fcinfo, const AgcPartitioned *of, AgcPlan *plan)
{
	int64		keep = agc_arg_keep(fcinfo, 0);
	bool		detach = agc_arg_bool(fcinfo, 1, "detach");
	AgcOwner	owner;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_time(&row, agc_now() - keep);
	agc_put_bool(&row, detach);
	agc_partition_enter(of);
	agc_owner_begin(&owner);
	agc_spi_row(plan, &row);
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
