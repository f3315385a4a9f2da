/*
 * status.c
 *	  What there is to see of budgets: budget_windows(), budget_window(),
 *	  budget_unbilled(), budget_counted() and budget_verify().
 *
 * Memory: the caller's context; rows go to a tuplestore.  Locks: those of
 * reading.  On ERROR: nothing to undo.
 */
#include "budget/path_peek.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"

static ArrayType *
amounts_array(const int64 *amounts, int n, bool limits)
{
	Datum		elems[BUDGET_NDIMS];
	bool		nulls[BUDGET_NDIMS];
	int			dims[1] = {n};
	int			lbs[1] = {1};

	for (int i = 0; i < n; i++)
	{
		elems[i] = Int64GetDatum(amounts[i]);
		nulls[i] = limits && amounts[i] == NO_AMOUNT;
	}
	return construct_md_array(elems, nulls, 1, dims, lbs, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

static void
put_window(ReturnSetInfo *rsinfo, const PathLink *link, const Counter *counter, int w, TimestampTz at)
{
	const BudgetLimit *limit = &link->def.limit[w];
	TimestampTz from = counter_counts_from(counter, &link->def, w);
	TimestampTz end = DT_NOEND;
	TimestampTz start;
	int64		used[BUDGET_NUSED];
	AgcRow		row;

	if (limit->window.kind == WINDOW_SLIDING)
	{
		start = at - limit->window.span;
		from = Max(from, start);
	}
	else
		window_bounds(&limit->window, at, &start, &end);
	start = Max(start, limit->window.kind == WINDOW_SLIDING ? start : counter->start[w]);
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		used[dim] = Max(counter->used[w][dim], 0);
	agc_row_init(&row);
	agc_put_int32(&row, w);
	agc_put_text(&row, definition_limit_name(limit));
	agc_put_datum(&row, TimestampTzGetDatum(start), TIMESTAMP_NOT_FINITE(start));
	agc_put_datum(&row, TimestampTzGetDatum(end), TIMESTAMP_NOT_FINITE(end));
	agc_put_time(&row, from);
	agc_put_time(&row, limit->window.kind == WINDOW_SLIDING ? from + limit->window.span : end);
	agc_put_pointer(&row, amounts_array(used, BUDGET_NUSED, false));
	agc_put_pointer(&row, amounts_array(counter->held, BUDGET_NDIMS, false));
	agc_put_pointer(&row, amounts_array(limit->max, BUDGET_NUSED, true));
	agc_row_store(rsinfo, &row);
}

/* budget_windows(budget, tenant) -> setof budget_window_now; no row for an unknown budget */
AGC_FUNCTION(budget_windows)
{
	char	   *tenant = agc_arg_tenant(fcinfo, 1);
	char	   *budget = agc_arg_name(fcinfo, 0, "budget");
	PathLink	link = {.name = budget, .defined = true};
	BudgetPath	path = {.tenant = tenant, .n = 1, .link = &link};

	agc_enter(tenant, AGC_READER);
	InitMaterializedSRF(fcinfo, 0);
	if (!definition_read(tenant, budget, &link.def))
		return (Datum) 0;
	path_read_rows(&path, &link, GetActiveSnapshot());
	/* it is being defined anew: as if nothing were used */
	if (link.sum.window_revision != link.def.window_revision)
		counter_init(&link.sum, &link.def, link.sum.seen);
	path_set_time(&path);
	for (int w = 0; w < link.def.nlimits; w++)
		put_window((ReturnSetInfo *) fcinfo->resultinfo, &link, &link.sum, w, path.at);
	return (Datum) 0;
}

static void
put_counted(ReturnSetInfo *rsinfo, const Counter *sum, int nrows, int w)
{
	Datum		numbers[SLIDING_NUMBERS];
	AgcRow		row;

	agc_row_init(&row);
	agc_put_int32(&row, w + 1);
	agc_put_time(&row, sum->start[w]);
	agc_put_time(&row, sum->since);
	agc_put_pointer(&row, amounts_array(sum->used[w], BUDGET_NUSED, false));
	agc_put_pointer(&row, amounts_array(sum->held, BUDGET_NDIMS, false));
	if (sum->bucket[w] == NULL)
	{
		agc_put_null(&row);
		agc_put_null(&row);
	}
	else
	{
		for (int i = 0; i < SLIDING_NUMBERS; i++)
			numbers[i] = Int64GetDatum(sum->bucket[w][i]);
		agc_put_time(&row, sum->bucket_since[w]);
		agc_put_pointer(&row, construct_array(numbers, SLIDING_NUMBERS, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	}
	agc_put_int32(&row, nrows);
	agc_row_store(rsinfo, &row);
}

/* budget_counted(tenant, budget) -> setof budget_counted_window: its rows added up, by the statement's snapshot */
AGC_FUNCTION(budget_counted)
{
	char	   *tenant = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *budget = text_to_cstring(PG_GETARG_TEXT_PP(1));
	PathLink	link = {.name = budget};
	BudgetPath	path = {.tenant = tenant, .n = 1, .link = &link};

	agc_enter(tenant, AGC_READER);
	InitMaterializedSRF(fcinfo, 0);
	link.defined = definition_read(tenant, budget, &link.def);
	path_read_rows(&path, &link, GetActiveSnapshot());
	for (int w = 0; link.nrows > 0 && w < link.sum.nwindows; w++)
		put_counted((ReturnSetInfo *) fcinfo->resultinfo, &link.sum, link.nrows, w);
	return (Datum) 0;
}

/* budget_unbilled(budget, since, tenant) -> (tokens, usd): from the ledger, for budget_status */
AGC_FUNCTION(budget_unbilled)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"SELECT least(coalesce(sum((u.detail ->> 'tokens')::numeric), 0), 9223372036854775807)::bigint,"
		" trim_scale(coalesce(sum((u.detail ->> 'nanousd')::numeric), 0) * 0.000000001)"
		" FROM agentcore.budget_ledger u"
		" WHERE u.tenant = $1 AND u.event = 'unbilled' AND u.at >= $3 AND $2 = ANY (u.budgets)", 3, types
	};
	char	   *tenant = agc_arg_tenant(fcinfo, 2);
	char	   *budget = agc_arg_name(fcinfo, 0, "budget");
	Datum		tokens;
	Datum		usd;
	bool		isnull;
	AgcOwner	owner;
	AgcRow		row;

	if (PG_ARGISNULL(1))
		agc_refuse_null("since");
	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, budget);
	agc_put_arg(&row, fcinfo, 1);
	agc_enter(tenant, AGC_READER);
	agc_owner_begin(&owner);
	agc_spi_read_row(&plan, &row);
	tokens = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	usd = SPI_datumTransfer(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull), false, -1);
	agc_owner_end(&owner);
	agc_row_init(&row);
	agc_put(&row, tokens);
	agc_put(&row, usd);
	return agc_row_return(fcinfo, &row);
}

/* budget_verify() -> setof text: of the tenants that the caller administers */
AGC_FUNCTION(budget_verify)
{
	static AgcPlan plan = {
		"SELECT tenant, violation FROM agentcore.budget_violations() ORDER BY tenant, violation", 0, NULL
	};
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			caller = GetUserId();
	AgcOwner	owner;

	AcceptInvalidationMessages();
	agc_watch_registry();
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	agc_owner_begin(&owner);
	agc_spi(&plan, NULL, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		char	   *tenant = SPI_getvalue(tuple, SPI_tuptable->tupdesc, 1);
		char	   *violation = SPI_getvalue(tuple, SPI_tuptable->tupdesc, 2);
		AgcRow		row;

		if (agc_level(caller, tenant) < AGC_ADMIN)
			continue;
		agc_row_init(&row);
		agc_put_text(&row, tenant[0] == '\0' ? violation : psprintf("tenant %s: %s", tenant, violation));
		agc_row_store(rsinfo, &row);
	}
	agc_owner_end(&owner);
	return (Datum) 0;
}

/* budget_window(kind, period, tz, anchor, at) -> (starts_at, resets_at); touches no table */
AGC_FUNCTION(budget_window)
{
	char	   *kind = agc_opt_name(fcinfo, 0, "kind");
	Interval   *period = PG_ARGISNULL(1) ? NULL : PG_GETARG_INTERVAL_P(1);
	char	   *tz = agc_arg_name(fcinfo, 2, "tz");
	TimestampTz start;
	TimestampTz end;
	Window		window;
	AgcRow		row;

	if (PG_ARGISNULL(4) || TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(4)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("at must be a finite time")));
	window_define(&window, kind, period, tz, !PG_ARGISNULL(3),
				  PG_ARGISNULL(3) ? 0 : PG_GETARG_TIMESTAMPTZ(3));
	window_bounds(&window, PG_GETARG_TIMESTAMPTZ(4), &start, &end);
	agc_row_init(&row);
	agc_put_time(&row, start);
	agc_put_time(&row, end);
	return agc_row_return(fcinfo, &row);
}
