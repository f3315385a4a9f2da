/*
 * heap.c
 *	  Writing rows of the extension's tables without SPI.
 *
 * The executor builds its state for every statement: a plan to be checked, a
 * result relation, the description of each index, the predicate of each
 * partial index made ready.  For one row by its key that is most of the work.
 * Here the descriptions are built once per session and table.
 *
 * What the executor does besides is not needed for tables of ours as they are
 * installed: no column is generated, and no constraint is checked but NOT NULL
 * and unique indexes, and its triggers hear of rows written by hand only.  A table
 * to which somebody has added what needs the executor (a trigger, as pg_repack does, a rule, a CHECK, an exclusion
 * constraint, row security under another owner) is written by a statement
 * (heap_statement.c).  The relation cache knows all of that; the caller's lock
 * keeps it from changing before the transaction ends.
 *
 * Locking: the caller has the relation open with RowExclusiveLock; indexes are
 * locked alike, both to the end of the transaction.  Rows are locked by being
 * written; code that needs them unchanged holds a lock of its own (lock.c of the
 * budget room).
 *
 * Memory: the descriptions live in a context of their own each until the table
 * or an index changes.  What an index's access method keeps between inserts
 * points into the relation cache, so it is made anew for each, as for a
 * statement.  The rest goes with the caller's context.  On ERROR: the
 * transaction takes everything back.
 */
#include "core/heap_statement.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/tupconvert.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "executor/executor.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* How to keep the indexes of one table. */
typedef struct IndexSet
{
	Oid			relid;			/* hash key */
	bool		valid;
	EState	   *estate;			/* owns the rest; NULL: never built */
	bool		complete;		/* false: an error came in between */
	bool		excludes;		/* an index of them is an exclusion constraint */
	bool		triggers;		/* the table has others than those that hear of writing by hand */
	Oid			alike;			/* a table whose columns stand in the same places */
	int			n;
	Oid		   *index;
	IndexInfo **info;
} IndexSet;

static HTAB *index_sets = NULL;

static void forget_indexes(Datum arg, Oid relid);
static IndexSet *indexes_of(Relation rel);
static void build_indexes(IndexSet *set, Relation rel);
static TupleTableSlot *make_row(Relation rel, Datum *values, bool *nulls);
static void insert_index_entries(Relation rel, TupleTableSlot *row, AgcUpdateIndexes which, bool update);

void
agc_heap_init(void)
{
	HASHCTL		ctl = {.keysize = sizeof(Oid), .entrysize = sizeof(IndexSet)};

	index_sets = hash_create("agentcore index descriptions", 8, &ctl, HASH_ELEM | HASH_BLOBS);
	CacheRegisterRelcacheCallback(forget_indexes, (Datum) 0);
	heap_statement_init();
}

bool
agc_heap_is_plain(Relation rel)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;

	if (rel->rd_rules != NULL || (rel->trigdesc != NULL && indexes_of(rel)->triggers))
		return false;
	if (rel->rd_rel->relrowsecurity && rel->rd_rel->relowner != agc_owner_oid())
		return false;
	if (constr != NULL && (constr->num_check > 0 || agc_has_generated(constr)))
		return false;
	return !indexes_of(rel)->excludes;
}

/* A column that is altered in the whole is altered in its parts, which is heard of. */
bool
agc_heap_has_columns_of(Relation part, Relation whole)
{
	IndexSet   *set = indexes_of(part);

	if (set->alike != RelationGetRelid(whole) &&
		convert_tuples_by_name(RelationGetDescr(whole), RelationGetDescr(part)) == NULL)
		set->alike = RelationGetRelid(whole);
	return set->alike == RelationGetRelid(whole);
}

ItemPointerData
agc_heap_insert(Relation rel, Datum *values, bool *nulls)
{
	TupleTableSlot *row;
	ItemPointerData tid;

	if (!agc_heap_is_plain(rel))
		return agc_heap_insert_by_statement(rel, values, nulls);
	row = make_row(rel, values, nulls);
	table_tuple_insert(rel, row, GetCurrentCommandId(true), 0, NULL);
	insert_index_entries(rel, row, AGC_UPDATE_ALL_INDEXES, false);
	tid = row->tts_tid;
	ExecDropSingleTupleTableSlot(row);
	CommandCounterIncrement();
	return tid;
}

void
agc_heap_update(Relation rel, ItemPointer row, Datum *values, bool *nulls)
{
	TupleTableSlot *new;
	AgcUpdateIndexes which;
	LockTupleMode mode;
	TM_FailureData failure;

	if (!agc_heap_is_plain(rel))
	{
		heap_statement_update(rel, row, values, nulls);
		ItemPointerSetInvalid(row);
		return;
	}
	/* a publication needs to know which row it was */
	CheckCmdReplicaIdentity(rel, CMD_UPDATE);
	new = make_row(rel, values, nulls);
	if (table_tuple_update(rel, row, new, GetCurrentCommandId(true), GetActiveSnapshot(),
						   InvalidSnapshot, true, &failure, &mode, &which) != TM_Ok)
		heap_raise_changed(rel);
	insert_index_entries(rel, new, which, true);
	*row = new->tts_tid;
	ExecDropSingleTupleTableSlot(new);
	CommandCounterIncrement();
}

void
agc_heap_delete(Relation rel, ItemPointer row)
{
	TM_FailureData failure;

	if (!agc_heap_is_plain(rel))
	{
		heap_statement_delete(rel, row);
		return;
	}
	CheckCmdReplicaIdentity(rel, CMD_DELETE);
	if (table_tuple_delete(rel, row, GetCurrentCommandId(true), GetActiveSnapshot(),
						   InvalidSnapshot, true, &failure, false) != TM_Ok)
		heap_raise_changed(rel);
	CommandCounterIncrement();
}

/*
 * The stricter levels promise that what is changed is what was seen.  The row
 * was found by the latest snapshot; the transaction's own decides here.
 */
void
agc_heap_check_snapshot(HeapTuple tuple)
{
	TransactionId xmin = HeapTupleHeaderGetXmin(tuple->t_data);

	if (IsolationUsesXactSnapshot() && !TransactionIdIsCurrentTransactionId(xmin) &&
		XidInMVCCSnapshot(xmin, GetTransactionSnapshot()))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update")));
}

static TupleTableSlot *
make_row(Relation rel, Datum *values, bool *nulls)
{
	TupleDesc	desc = RelationGetDescr(rel);
	TupleTableSlot *row = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);

	for (int i = 0; i < desc->natts; i++)
	{
		row->tts_values[i] = values[i];
		row->tts_isnull[i] = nulls[i];
		if (nulls[i] && TupleDescAttr(desc, i)->attnotnull)
			elog(ERROR, "null value in column \"%s\"", NameStr(TupleDescAttr(desc, i)->attname));
	}
	row->tts_tableOid = RelationGetRelid(rel);
	return ExecStoreVirtualTuple(row);
}

/* ----- indexes ------------------------------------------------------------- */

static bool
is_about(const IndexSet *set, Oid relid)
{
	for (int i = 0; i < set->n; i++)
		if (set->index[i] == relid)
			return true;
	return set->relid == relid;
}

/*
 * May run while a set is in use, so it only marks.  That an index has become
 * ready for inserts (CREATE INDEX CONCURRENTLY) is said of the index alone.
 */
static void
forget_indexes(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS all;
	IndexSet   *set;

	hash_seq_init(&all, index_sets);
	while ((set = hash_seq_search(&all)) != NULL)
		if (!OidIsValid(relid) || is_about(set, relid))
			set->valid = false;
}

static IndexSet *
indexes_of(Relation rel)
{
	Oid			relid = RelationGetRelid(rel);
	bool		found;
	IndexSet   *set = hash_search(index_sets, &relid, HASH_ENTER, &found);

	if (!found)
	{
		set->valid = set->complete = false;
		set->estate = NULL;
		set->n = 0;
	}
	if (!set->valid || !set->complete)
	{
		set->complete = false;
		set->n = 0;
		if (set->estate != NULL)
			FreeExecutorState(set->estate);
		set->estate = NULL;
		build_indexes(set, rel);
	}
	return set;
}

/* A trigger that hears of rows which others than this file write. */
static bool
is_about_hands(const Trigger *trigger)
{
	char	   *name = get_func_name(trigger->tgfoid);

	return name != NULL && strcmp(name, "budget_counter_by_hand") == 0 &&
		get_func_namespace(trigger->tgfoid) == get_namespace_oid(AGC_SCHEMA, true);
}

static bool
has_triggers(Relation rel)
{
	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
		if (!is_about_hands(&rel->trigdesc->triggers[i]))
			return true;
	return false;
}

static void
build_indexes(IndexSet *set, Relation rel)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	List	   *list;
	ListCell   *cell;

	set->excludes = false;
	set->alike = InvalidOid;
	set->triggers = has_triggers(rel);
	set->estate = CreateExecutorState();
	MemoryContextSwitchTo(set->estate->es_query_cxt);
	set->valid = true;			/* from here on changes are heard of */
	list = RelationGetIndexList(rel);
	set->index = palloc(Max(list_length(list), 1) * sizeof(Oid));
	set->info = palloc(Max(list_length(list), 1) * sizeof(IndexInfo *));
	foreach(cell, list)
	{
		Relation	index = index_open(lfirst_oid(cell), RowExclusiveLock);
		IndexInfo  *info = BuildIndexInfo(index);

		if (info->ii_Predicate != NIL)
			info->ii_PredicateState = ExecPrepareQual(info->ii_Predicate, set->estate);
		set->excludes = set->excludes || info->ii_ExclusionOps != NULL;
		set->index[set->n] = lfirst_oid(cell);
		set->info[set->n++] = info;
		index_close(index, NoLock);
	}
	set->complete = true;
	MemoryContextSwitchTo(old);
}

static bool
wanted(IndexInfo *info, ExprContext *context, AgcUpdateIndexes which)
{
	if (!info->ii_ReadyForInserts || !agc_index_changes(info, which))
		return false;
	return info->ii_PredicateState == NULL || ExecQual(info->ii_PredicateState, context);
}

/* unchanged: a hint that the entry differs from another by where it points only */
static void
insert_index_entry(Relation rel, Relation index, IndexInfo *info, EState *estate, TupleTableSlot *row,
				   bool unchanged)
{
	MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(estate));
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];

	info->ii_AmCache = NULL;
	info->ii_Context = CurrentMemoryContext;
	FormIndexDatum(info, row, estate, values, nulls);
	index_insert(index, values, nulls, &row->tts_tid, rel,
				 info->ii_Unique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO, unchanged, info);
	agc_index_insert_cleanup(index, info);
	info->ii_AmCache = NULL;
	MemoryContextSwitchTo(old);
}

static void
insert_index_entries(Relation rel, TupleTableSlot *row, AgcUpdateIndexes which, bool update)
{
	IndexSet   *set;
	ExprContext *context;

	if (which == AGC_UPDATE_NO_INDEX)
		return;
	set = indexes_of(rel);
	context = GetPerTupleExprContext(set->estate);
	context->ecxt_scantuple = row;
	for (int i = 0; i < set->n; i++)
	{
		Relation	index;

		if (!wanted(set->info[i], context, which))
			continue;
		index = index_open(set->index[i], RowExclusiveLock);
		/* nobody changes a primary key here */
		insert_index_entry(rel, index, set->info[i], set->estate, row,
						   update && index->rd_index->indisprimary);
		index_close(index, NoLock);
	}
	context->ecxt_scantuple = NULL;
	ResetPerTupleExprContext(set->estate);
}
