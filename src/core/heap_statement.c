/*
 * heap_statement.c
 *	  Writing rows of the extension's tables by statements.
 *
 * A table to which somebody has added a trigger, a rule, a check or the like is
 * written as every other table is, so that an audit trigger or pg_repack sees
 * each row.  heap.c decides which tables those are.
 *
 * Three things cannot be right and are refused (55000): a rule DO INSTEAD, a
 * trigger or policy that keeps the row from being written, and a trigger that
 * writes another row.  A counter that stayed as it was, or became another, would
 * admit what is already spent.
 *
 * Locking: the row is locked before its statement begins, so that the statement
 * meets the version that was read.  Other locks as for heap.c.
 *
 * Memory: texts and plans are kept for the session, one of each kind per table.
 * Where columns were renamed, the former plan is kept as well: it may be
 * running, since a trigger may call the extension.  On ERROR: the transaction
 * takes everything back, agc_owner_begin()'s changes included.
 */
#include "core/heap_statement.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "rewrite/prs2lock.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* How one table is written. */
typedef struct TablePlans
{
	Oid			relid;			/* hash key */
	AgcPlan    *insert;
	AgcPlan    *update;
	AgcPlan    *delete;
} TablePlans;

static HTAB *table_plans = NULL;

static TablePlans *plans_of(Relation rel);
static AgcPlan *plan_for(AgcPlan **known, const char *sql, int nargs, const Oid *types);
static int	written_columns(TupleDesc desc, int *columns);
static void append_unchanged(StringInfo sql, TupleDesc desc, const int *columns, int n);
static void make_arguments(TupleDesc desc, const int *columns, int n, Datum *values, bool *nulls,
						   Oid *types, Datum *out, char *missing);
static void refuse_instead(Relation rel, CmdType event);
static void lock_row(Relation rel, ItemPointer row, LockTupleMode mode);
static void run_for_one_row(Relation rel, AgcPlan *plan, Datum *values, const char *missing,
							ItemPointer tid);
static char *table_name(Relation rel);
static const char *column_name(TupleDesc desc, int column);

void
heap_statement_init(void)
{
	HASHCTL		ctl = {.keysize = sizeof(Oid), .entrysize = sizeof(TablePlans)};

	table_plans = hash_create("agentcore statements", 8, &ctl, HASH_ELEM | HASH_BLOBS);
}

ItemPointerData
agc_heap_insert_by_statement(Relation rel, Datum *values, bool *nulls)
{
	TupleDesc	desc = RelationGetDescr(rel);
	int		   *columns = palloc(desc->natts * sizeof(int));
	Oid		   *types = palloc(desc->natts * sizeof(Oid));
	Datum	   *args = palloc(desc->natts * sizeof(Datum));
	char	   *missing = palloc(desc->natts + 1);
	int			n = written_columns(desc, columns);
	StringInfoData sql;
	ItemPointerData tid;

	refuse_instead(rel, CMD_INSERT);
	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s (", table_name(rel));
	for (int i = 0; i < n; i++)
		appendStringInfo(&sql, "%s%s", i == 0 ? "" : ", ", column_name(desc, columns[i]));
	appendStringInfoString(&sql, ") VALUES (");
	for (int i = 0; i < n; i++)
		appendStringInfo(&sql, "%s$%d", i == 0 ? "" : ", ", i + 1);
	appendStringInfoString(&sql, ") RETURNING ");
	append_unchanged(&sql, desc, columns, n);
	appendStringInfoString(&sql, ", ctid");
	make_arguments(desc, columns, n, values, nulls, types, args, missing);
	run_for_one_row(rel, plan_for(&plans_of(rel)->insert, sql.data, n, types), args, missing, &tid);
	return tid;
}

void
heap_statement_update(Relation rel, ItemPointer row, Datum *values, bool *nulls)
{
	TupleDesc	desc = RelationGetDescr(rel);
	int		   *columns = palloc(desc->natts * sizeof(int));
	Oid		   *types = palloc((desc->natts + 1) * sizeof(Oid));
	Datum	   *args = palloc((desc->natts + 1) * sizeof(Datum));
	char	   *missing = palloc(desc->natts + 2);
	int			n = written_columns(desc, columns);
	StringInfoData sql;

	refuse_instead(rel, CMD_UPDATE);
	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE ONLY %s SET ", table_name(rel));
	for (int i = 0; i < n; i++)
		appendStringInfo(&sql, "%s%s = $%d", i == 0 ? "" : ", ", column_name(desc, columns[i]), i + 1);
	appendStringInfo(&sql, " WHERE ctid = $%d RETURNING ", n + 1);
	append_unchanged(&sql, desc, columns, n);
	make_arguments(desc, columns, n, values, nulls, types, args, missing);
	types[n] = TIDOID;
	args[n] = PointerGetDatum(row);
	missing[n] = ' ';
	lock_row(rel, row, LockTupleNoKeyExclusive);
	run_for_one_row(rel, plan_for(&plans_of(rel)->update, sql.data, n + 1, types), args, missing, NULL);
}

void
heap_statement_delete(Relation rel, ItemPointer row)
{
	static const Oid types[] = {TIDOID};
	Datum		args[1] = {PointerGetDatum(row)};
	char	   *sql = psprintf("DELETE FROM ONLY %s WHERE ctid = $1", table_name(rel));

	refuse_instead(rel, CMD_DELETE);
	lock_row(rel, row, LockTupleExclusive);
	run_for_one_row(rel, plan_for(&plans_of(rel)->delete, sql, 1, types), args, NULL, NULL);
}

/* ----- plans ---------------------------------------------------------------- */

static TablePlans *
plans_of(Relation rel)
{
	Oid			relid = RelationGetRelid(rel);
	bool		found;
	TablePlans *plans = hash_search(table_plans, &relid, HASH_ENTER, &found);

	if (!found)
		plans->insert = plans->update = plans->delete = NULL;
	return plans;
}

static AgcPlan *
plan_for(AgcPlan **known, const char *sql, int nargs, const Oid *types)
{
	AgcPlan    *plan = *known;
	Oid		   *kept;

	if (plan != NULL && strcmp(plan->sql, sql) == 0 && plan->nargs == nargs &&
		memcmp(plan->argtypes, types, nargs * sizeof(Oid)) == 0)
		return plan;
	plan = MemoryContextAllocZero(TopMemoryContext, sizeof(AgcPlan));
	kept = MemoryContextAlloc(TopMemoryContext, nargs * sizeof(Oid));
	memcpy(kept, types, nargs * sizeof(Oid));
	plan->sql = MemoryContextStrdup(TopMemoryContext, sql);
	plan->nargs = nargs;
	plan->argtypes = kept;
	*known = plan;
	return plan;
}

/* Those that a statement gives a value. */
static int
written_columns(TupleDesc desc, int *columns)
{
	int			n = 0;

	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped && TupleDescAttr(desc, i)->attgenerated == '\0')
			columns[n++] = i;
	return n;
}

/* Whether the row was written as it was given. */
static void
append_unchanged(StringInfo sql, TupleDesc desc, const int *columns, int n)
{
	appendStringInfoString(sql, "ROW(");
	for (int i = 0; i < n; i++)
		appendStringInfo(sql, "%s%s", i == 0 ? "" : ", ", column_name(desc, columns[i]));
	appendStringInfoString(sql, ") IS NOT DISTINCT FROM ROW(");
	for (int i = 0; i < n; i++)
		appendStringInfo(sql, "%s$%d", i == 0 ? "" : ", ", i + 1);
	appendStringInfoChar(sql, ')');
}

static void
make_arguments(TupleDesc desc, const int *columns, int n, Datum *values, bool *nulls,
			   Oid *types, Datum *out, char *missing)
{
	for (int i = 0; i < n; i++)
	{
		types[i] = TupleDescAttr(desc, columns[i])->atttypid;
		out[i] = values[columns[i]];
		missing[i] = nulls[columns[i]] ? 'n' : ' ';
	}
}

static char *
table_name(Relation rel)
{
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)), RelationGetRelationName(rel));
}

static const char *
column_name(TupleDesc desc, int column)
{
	return quote_identifier(NameStr(TupleDescAttr(desc, column)->attname));
}

/* ----- running them --------------------------------------------------------- */

/* What it writes instead may be anything, and may count as one row. */
static void
refuse_instead(Relation rel, CmdType event)
{
	for (int i = 0; rel->rd_rules != NULL && i < rel->rd_rules->numLocks; i++)
		if (rel->rd_rules->rules[i]->isInstead && rel->rd_rules->rules[i]->event == event)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("table \"%s.%s\" has a rule DO INSTEAD", AGC_SCHEMA, RelationGetRelationName(rel)),
					 errdetail("agentcore could not rely on what it writes there."),
					 errhint("Drop the rule; use a trigger AFTER, or a rule DO ALSO.")));
}

static void
lock_row(Relation rel, ItemPointer row, LockTupleMode mode)
{
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TM_FailureData failure;

	if (table_tuple_lock(rel, row, GetActiveSnapshot(), slot, GetCurrentCommandId(true), mode,
						 LockWaitBlock, 0, &failure) != TM_Ok)
		heap_raise_changed(rel);
	ExecDropSingleTupleTableSlot(slot);
}

/* A table's own columns are compared; what PostgreSQL generates is not. */
static void
refuse_changed(Relation rel)
{
	bool		isnull;

	if (SPI_tuptable != NULL &&
		!DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a row of \"%s.%s\" was changed while it was written", AGC_SCHEMA, RelationGetRelationName(rel)),
				 errdetail("A trigger BEFORE ROW returned another row than it was given."),
				 errhint("Let agentcore's rows pass as they are; write what you need to a table of your own.")));
}

static void
run_for_one_row(Relation rel, AgcPlan *plan, Datum *values, const char *missing, ItemPointer tid)
{
	bool		isnull;
	AgcOwner	owner;

	agc_owner_begin(&owner);
	agc_spi(plan, values, missing);
	if (SPI_processed != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a row of \"%s.%s\" was kept from being written", AGC_SCHEMA, RelationGetRelationName(rel)),
				 errdetail("A trigger BEFORE ROW returned NULL, or a row security policy hides the row from the tables' owner."),
				 errhint("Let agentcore's rows pass: use a trigger AFTER, or give the table back to the owner of the others.")));
	refuse_changed(rel);
	if (tid != NULL)
		*tid = *(ItemPointer) DatumGetPointer(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	agc_owner_end(&owner);
}

/* Only SQL by hand gets here: the extension's functions take a lock before they read. */
void
heap_raise_changed(Relation rel)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("a row of \"%s.%s\" was changed by another transaction meanwhile",
					AGC_SCHEMA, RelationGetRelationName(rel)),
			 errhint("Try again; rows of this table are changed by agentcore's functions only.")));
}
