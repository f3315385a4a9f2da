/*
 * waiting.c
 *	  How many permits and approvals are open, for the metrics.
 *
 * The views permits and approvals read every row, settled ones too, of which
 * there are millions.  What is open has partial indexes that begin with the
 * tenant, and is counted by them, as the owner, so that no plan shows rows of
 * tenants that the caller may not read.
 *
 * Memory: the plans are kept for the session; the rows go to a tuplestore of
 * the calling query.  Locks: those of reading.  On ERROR: abort restores the
 * user, as in core/owner.c.
 */
#include "core/core.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/guc.h"

/* what, tenant, state, how many, since when the oldest waits; $1: the tenants, $2: now */
#define COUNT_OPEN(which) \
	"SELECT 'permits', tenant, CASE WHEN lease_until <= $2 THEN 'lapsed' WHEN state = 'r' THEN 'retry' ELSE 'open' END," \
	" count(*), min(created_at) FROM agentcore.permit WHERE state IN ('o', 'r')" which " GROUP BY 1, 2, 3" \
	" UNION ALL " \
	"SELECT 'approvals', tenant, 'pending', count(*), min(requested_at)" \
	" FROM agentcore.approval WHERE state = 'pending' AND decide_by > $2" which " GROUP BY 1, 2, 3"

static const Oid count_args[] = {TEXTARRAYOID, TIMESTAMPTZOID};
static AgcPlan count_all = {.sql = COUNT_OPEN(""), .nargs = 2, .argtypes = count_args};
static AgcPlan count_some = {.sql = COUNT_OPEN(" AND tenant = ANY ($1)"), .nargs = 2, .argtypes = count_args};

static void
put_counts(ReturnSetInfo *rsinfo)
{
	TupleDesc	desc = SPI_tuptable->tupdesc;

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		AgcRow		row;

		agc_row_init(&row);
		for (int column = 1; column <= desc->natts; column++)
		{
			bool		isnull;
			Datum		value = SPI_getbinval(SPI_tuptable->vals[i], desc, column, &isnull);

			agc_put_datum(&row, value, isnull);
		}
		agc_row_store(rsinfo, &row);
	}
}

/*
 * A plan that was made while the tables were small would read them whole when
 * they have grown.  A scan by bitmap would visit the rows of every permit that
 * was settled since the last vacuum; a plain one marks them as gone.
 */
static void
go_by_index(void)
{
	const char *off[] = {"enable_seqscan", "enable_bitmapscan"};

	for (int i = 0; i < lengthof(off); i++)
		(void) set_config_option(off[i], "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/* open_counts() -> setof (what, tenant, state, n, oldest), of the tenants that the caller may read */
AGC_FUNCTION(open_counts)
{
	const AgcReach *reach;
	AgcOwner	owner;
	Datum		values[2];

	InitMaterializedSRF(fcinfo, 0);
	reach = agc_reach(GetUserId());
	values[0] = PointerGetDatum(reach->read);
	values[1] = TimestampTzGetDatum(agc_now());
	agc_owner_begin(&owner);
	go_by_index();
	agc_spi_read(reach->read_all ? &count_all : &count_some, values, NULL);
	put_counts((ReturnSetInfo *) fcinfo->resultinfo);
	agc_owner_end(&owner);
	return (Datum) 0;
}
