/*
 * row.c
 *	  Handing over an AgcRow: as a function's result, as one row of its set, as
 *	  the parameters of a statement.
 *
 * Memory: the tuple in CurrentMemoryContext; the row type of a call site in its
 * fn_mcxt, looked up once.  Values are not copied: they live as long as the
 * caller made them to.  Locks: those of the statements.  On ERROR: nothing to
 * undo here.
 */
#include "core/core.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"

void
agc_row_overflow(void)
{
	elog(ERROR, "a row has more than %d columns", AGC_ROW_MAX);
}

void
agc_put_text(AgcRow *row, const char *value)
{
	agc_put_datum(row, value != NULL ? CStringGetTextDatum(value) : (Datum) 0, value == NULL);
}

/* An older library under a newer, wider type: the new columns are null. */
static void
fill(AgcRow *row, const TupleDesc desc)
{
	while (row->n < desc->natts)
		agc_put_null(row);
}

/*
 * What the executor made of the row type for this execution, of a function that returns a
 * set; making it again would cost as much as a cached call, per column.  NULL: it made
 * none, or one without a name, which has to be registered first.
 */
static TupleDesc
expected_desc(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) || rsinfo->expectedDesc == NULL ||
		rsinfo->expectedDesc->tdtypeid == RECORDOID || !OidIsValid(rsinfo->expectedDesc->tdtypeid))
		return NULL;
	return rsinfo->expectedDesc;
}

/* fn_extra belongs to this function in everything that returns a row. */
Datum
agc_row_return(FunctionCallInfo fcinfo, AgcRow *row)
{
	TupleDesc	desc = (TupleDesc) fcinfo->flinfo->fn_extra;

	if (desc == NULL)
		desc = expected_desc(fcinfo);
	if (desc == NULL)
	{
		MemoryContext old;

		if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		desc = BlessTupleDesc(CreateTupleDescCopy(desc));
		MemoryContextSwitchTo(old);
		fcinfo->flinfo->fn_extra = desc;
	}
	fill(row, desc);
	return HeapTupleGetDatum(heap_form_tuple(desc, row->value, row->null));
}

Datum
agc_no_row(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	if (rsinfo != NULL && IsA(rsinfo, ReturnSetInfo))
		rsinfo->isDone = ExprEndResult;
	fcinfo->isnull = true;
	return (Datum) 0;
}

void
agc_row_store(ReturnSetInfo *rsinfo, AgcRow *row)
{
	fill(row, rsinfo->setDesc);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, row->value, row->null);
}

/* ----- parameters ------------------------------------------------------------ */

const char *
agc_row_nulls(const AgcPlan *plan, const AgcRow *row, AgcRowNulls *nulls)
{
	if (row->n != plan->nargs)
		elog(ERROR, "%d parameters are given to a statement that has %d", row->n, plan->nargs);
	for (int i = 0; i < row->n; i++)
		nulls->of[i] = row->null[i] ? 'n' : ' ';
	return nulls->of;
}

int
agc_spi_row(AgcPlan *plan, AgcRow *row)
{
	AgcRowNulls nulls;

	return agc_spi(plan, row->value, agc_row_nulls(plan, row, &nulls));
}

int
agc_spi_read_row(AgcPlan *plan, AgcRow *row)
{
	AgcRowNulls nulls;

	return agc_spi_read(plan, row->value, agc_row_nulls(plan, row, &nulls));
}

uint64
agc_owner_spi_row_bounded(AgcPlan *plan, AgcRow *row)
{
	AgcRowNulls nulls;

	return agc_owner_spi_bounded(plan, row->value, agc_row_nulls(plan, row, &nulls));
}

uint64
agc_owner_spi_row(AgcPlan *plan, AgcRow *row)
{
	AgcRowNulls nulls;

	return agc_owner_spi(plan, row->value, agc_row_nulls(plan, row, &nulls));
}
