/*
 * row_ledger.c
 *	  Rows of agentcore.budget_ledger.
 *
 * A settlement writes its row directly into the partition that takes it
 * (core/heap_part.c).  Sums over the ledger, which only definitions need, are
 * statements.
 *
 * Locks: RowExclusiveLock on the ledger and the partition.  Memory:
 * CurrentMemoryContext.  On ERROR: the transaction takes everything back.
 */
#include "budget/rows.h"

#include "catalog/pg_type.h"
#include "core/heap_part.h"
#include "core/row_layout.h"
#include "utils/builtins.h"

/* Columns of agentcore.budget_ledger, in the order of the table. */
enum
{
	L_TENANT, L_AT, L_ID, L_PERMIT, L_BUDGETS, L_EVENT, L_TOKENS, L_NANOUSD, L_CALLS, L_AGENT, L_TOOL,
	L_IS_LLM, L_DETAIL, L_BUDGET, L_TASK, L_SUBJECT, L_LABELS,
	NATTS_LEDGER
};

static const RowColumn ledger_columns[] = {
	{"tenant", TEXTOID, true},
	{"at", TIMESTAMPTZOID, true},
	{"id", UUIDOID, true},
	{"permit", UUIDOID, false},
	{"budgets", TEXTARRAYOID, true},
	{"event", TEXTOID, true},
	{"tokens", INT8OID, true},
	{"nanousd", INT8OID, true},
	{"calls", INT8OID, true},
	{"agent", TEXTOID, false},
	{"tool", TEXTOID, false},
	{"is_llm", BOOLOID, true},
	{"detail", JSONBOID, false},
	{"budget", TEXTOID, false},
	{"task", TEXTOID, false},
	{"subject", TEXTOID, false},
	{"labels", JSONBOID, false},
};
StaticAssertDecl(lengthof(ledger_columns) == NATTS_LEDGER, "one entry per column");

static AgcTable ledger_table = AGC_TABLE("budget_ledger", NULL);

static Datum
jsonb_or_null(Jsonb *value, bool *null)
{
	*null = value == NULL;
	return *null ? (Datum) 0 : JsonbPGetDatum(value);
}

/* Who the charge was for, and what it is known by: nothing of it without a permit. */
static void
put_permit(const PermitRow *row, Datum *values, bool *nulls)
{
	nulls[L_PERMIT] = row == NULL;
	values[L_PERMIT] = nulls[L_PERMIT] ? (Datum) 0 : UUIDPGetDatum(&row->id);
	values[L_AGENT] = row_text(row == NULL ? NULL : row->agent, &nulls[L_AGENT]);
	values[L_TOOL] = row_text(row == NULL ? NULL : row->tool, &nulls[L_TOOL]);
	values[L_IS_LLM] = BoolGetDatum(row != NULL && row->is_llm);
	values[L_BUDGET] = row_text(row == NULL ? NULL : row->budget, &nulls[L_BUDGET]);
	values[L_TASK] = row_text(row == NULL ? NULL : row->task, &nulls[L_TASK]);
	values[L_SUBJECT] = row_text(row == NULL ? NULL : row->subject, &nulls[L_SUBJECT]);
	values[L_LABELS] = jsonb_or_null(row == NULL ? NULL : row->labels, &nulls[L_LABELS]);
}

void
row_ledger_add(const char *tenant, const Permit *permit, const LedgerEntry *entry)
{
	Relation	ledger = row_open(&ledger_table, RowExclusiveLock, ledger_columns, NATTS_LEDGER);
	Datum		values[NATTS_LEDGER];
	bool		nulls[NATTS_LEDGER] = {false};
	pg_uuid_t	id;

	agc_uuid_v7(&id);
	values[L_TENANT] = CStringGetTextDatum(tenant);
	values[L_AT] = TimestampTzGetDatum(entry->at);
	values[L_ID] = UUIDPGetDatum(&id);
	put_permit(permit == NULL ? NULL : &permit->row, values, nulls);
	values[L_BUDGETS] = agc_texts_datum(entry->budgets, entry->nbudgets);
	values[L_EVENT] = CStringGetTextDatum(entry->event);
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		values[L_TOKENS + dim] = Int64GetDatum(entry->amount[dim]);
	values[L_DETAIL] = jsonb_or_null(entry->detail, &nulls[L_DETAIL]);
	agc_heap_insert_part(ledger, entry->at, values, nulls);
	agc_table_close(ledger, NoLock);
}

void
row_ledger_sum(const char *tenant, const char *budget, TimestampTz from, TimestampTz to,
			   int64 out[BUDGET_NUSED])
{
	static const Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"SELECT least(coalesce(sum(l.tokens), 0), 9223372036854775807)::bigint,"
		" least(coalesce(sum(l.nanousd), 0), 9223372036854775807)::bigint,"
		" least(coalesce(sum(l.calls), 0), 9223372036854775807)::bigint"
		" FROM agentcore.budget_ledger l"
		" WHERE l.tenant = $1 AND $2 = ANY (l.budgets) AND l.at >= $3 AND l.at < $4", 4, types
	};
	bool		isnull;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, budget);
	agc_put_time(&row, from);
	agc_put_time(&row, to);
	agc_spi_row(&plan, &row);
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		out[dim] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
											   dim + 1, &isnull));
}

void
row_ledger_sums(const char *tenant, TimestampTz from, TimestampTz to, LedgerSumCallback callback, void *arg)
{
	static const Oid types[] = {TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"SELECT b.name, least(coalesce(sum(l.tokens), 0), 9223372036854775807)::bigint,"
		" least(coalesce(sum(l.nanousd), 0), 9223372036854775807)::bigint,"
		" least(coalesce(sum(l.calls), 0), 9223372036854775807)::bigint"
		" FROM agentcore.budget_ledger l, unnest(l.budgets) b (name)"
		" WHERE l.tenant = $1 AND l.at >= $2 AND l.at < $3 GROUP BY 1", lengthof(types), types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_time(&row, from);
	agc_put_time(&row, to);
	agc_spi_read_row(&plan, &row);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		int64		sum[BUDGET_NUSED];
		bool		isnull;

		for (int dim = 0; dim < BUDGET_NUSED; dim++)
			sum[dim] = DatumGetInt64(SPI_getbinval(tuple, desc, dim + 2, &isnull));
		callback(TextDatumGetCString(SPI_getbinval(tuple, desc, 1, &isnull)), sum, arg);
	}
}

void
row_ledger_unbilled(const char *tenant, const Permit *permit, int64 out[BUDGET_NUSED])
{
	static const Oid types[] = {TEXTOID, TIMESTAMPTZOID, UUIDOID};
	static AgcPlan plan = {
		"SELECT (l.detail ->> 'tokens')::bigint, (l.detail ->> 'nanousd')::bigint"
		" FROM agentcore.budget_ledger l"
		" WHERE l.tenant = $1 AND l.at = $2 AND l.permit = $3 AND l.event = 'unbilled'", 3, types
	};
	bool		isnull;
	AgcRow		row;

	memset(out, 0, BUDGET_NUSED * sizeof(int64));
	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_time(&row, permit->settled_at);
	agc_put_uuid(&row, &permit->row.id);
	agc_spi_row(&plan, &row);
	if (SPI_processed == 0)
		return;
	for (int dim = DIM_TOKENS; dim <= DIM_NANOUSD; dim++)
		out[dim] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, dim + 1, &isnull));
}

/* 0 when the ledger does not know the budget */
TimestampTz
row_ledger_last(const char *tenant, const char *budget)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"SELECT max(l.at) FROM agentcore.budget_ledger l"
		" WHERE l.tenant = $1 AND $2 = ANY (l.budgets)", 2, types
	};
	bool		isnull;
	Datum		last;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, budget);
	agc_spi_row(&plan, &row);
	last = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return isnull ? 0 : DatumGetTimestampTz(last);
}
