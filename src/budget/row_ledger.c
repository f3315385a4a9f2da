/*
 * row_ledger.c
 *	  Rows of agentcore.budget_ledger.
 *
 * A settlement writes its row directly into the partition that takes it; one
 * that is no plain table, by a statement on the ledger.  Sums over the ledger,
 * which only definitions need, are statements too.
 *
 * Locks: RowExclusiveLock on the ledger and the partition.  Memory:
 * CurrentMemoryContext.  On ERROR: the transaction takes everything back.
 */
#include "budget/rows.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "core/row_layout.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "utils/builtins.h"
#include "utils/partcache.h"
#include "utils/rel.h"

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

/* The part that takes a row of that time; InvalidOid: none, or one with parts of its own. */
static Oid
ledger_leaf(Relation ledger, TimestampTz at)
{
	PartitionKey key = RelationGetPartitionKey(ledger);
	/* as the executor does: one that is being detached is no longer written in READ COMMITTED */
	PartitionDesc desc = RelationGetPartitionDesc(ledger, !IsolationUsesXactSnapshot());
	Datum		value = TimestampTzGetDatum(at);
	bool		equal;
	int			part = -1;

	if (desc->boundinfo != NULL && desc->boundinfo->ndatums > 0)
	{
		int			below = partition_range_datum_bsearch(key->partsupfunc, key->partcollation,
														  desc->boundinfo, 1, &value, &equal);

		part = desc->boundinfo->indexes[below + 1];
	}
	if (part < 0 && desc->boundinfo != NULL)
		part = desc->boundinfo->default_index;
	return part < 0 || !desc->is_leaf[part] ? InvalidOid : desc->oids[part];
}

/*
 * Locked.  While that was waited for a part may have been attached that now
 * takes the row, and the default part no longer does.
 */
static Relation
open_ledger_leaf(Relation ledger, TimestampTz at)
{
	for (;;)
	{
		Oid			leaf = ledger_leaf(ledger, at);
		Relation	rel;

		if (!OidIsValid(leaf))
			return NULL;
		rel = table_open(leaf, RowExclusiveLock);
		if (leaf == ledger_leaf(ledger, at))
			return rel;
		table_close(rel, RowExclusiveLock);
	}
}

/* The ledger itself has triggers FOR EACH STATEMENT, rules and row security that no part has. */
static bool
is_plain(Relation ledger, Relation leaf)
{
	return leaf->rd_rel->relkind == RELKIND_RELATION && agc_heap_is_plain(leaf) && agc_heap_is_plain(ledger);
}

/* A part that was attached may have its columns elsewhere. */
static void
insert_ledger_row(Relation ledger, Relation leaf, Datum *values, bool *nulls)
{
	TupleConversionMap *map = convert_tuples_by_name(RelationGetDescr(ledger), RelationGetDescr(leaf));

	if (map == NULL)
		(void) agc_heap_insert(leaf, values, nulls);
	else
	{
		HeapTuple	tuple = heap_form_tuple(RelationGetDescr(ledger), values, nulls);
		int			natts = RelationGetDescr(leaf)->natts;
		Datum	   *v = palloc(natts * sizeof(Datum));
		bool	   *n = palloc(natts * sizeof(bool));

		heap_deform_tuple(execute_attr_map_tuple(tuple, map), RelationGetDescr(leaf), v, n);
		(void) agc_heap_insert(leaf, v, n);
	}
}

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
	Relation	leaf = open_ledger_leaf(ledger, entry->at);
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
	if (leaf != NULL && is_plain(ledger, leaf))
		insert_ledger_row(ledger, leaf, values, nulls);
	else
		(void) agc_heap_insert_by_statement(ledger, values, nulls);
	if (leaf != NULL)
		table_close(leaf, NoLock);
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
