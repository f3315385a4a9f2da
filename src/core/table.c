/*
 * table.c
 *	  Reading the extension's tables by index, without SPI.
 *
 * A lookup costs about half of an SPI one, needs no search_path and no user
 * switch, and sees the latest committed rows: systable_beginscan() without a
 * snapshot takes a fresh catalog snapshot for every scan of a relation that
 * is no catalog, also in REPEATABLE READ and in parallel workers.  While an overlay
 * is on (overlay.c), what it covers is read from there.
 *
 * Memory: rows are copied to CurrentMemoryContext, with out-of-line values
 * fetched where core.h says so.  Locks: AccessShareLock or what the caller asks, while reading.  On ERROR:
 * the resource owner closes scan and relation.
 */
#include "core/core.h"

#include "access/genam.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

/* Tables that were resolved once. */
static AgcTable *known_tables = NULL;

static void forget_tables(Datum arg, Oid relid);
static Oid	find_relation(const AgcTable *table, const char *name);
static bool is_resolved(const AgcTable *table);
static void resolve_index(AgcTable *table);
static void make_keys(AgcTable *table, ScanKey scankeys, int nkeys, const AgcKey *keys);
static void make_text_keys(AgcTable *table, ScanKey scankeys, int nkeys, const char **values);
static HeapTuple *overlaid_by_text(AgcTable *table, Relation rel, int nkeys, const char **values, int *n);

void
agc_table_init(void)
{
	CacheRegisterRelcacheCallback(forget_tables, (Datum) 0);
}

/*
 * REINDEX CONCURRENTLY puts another relation in an index's place, so its Oid
 * is looked up anew whenever the table or index was heard of, and with the
 * table locked: until that lock goes, the index found then is kept.
 */
Relation
agc_table_open(AgcTable *table, LOCKMODE lockmode)
{
	Relation	rel;

	if (lockmode >= RowExclusiveLock)
	{
		PreventCommandIfReadOnly("UPDATE");
		PreventCommandIfParallelMode("UPDATE");
	}
	for (;;)
	{
		Oid			relid = is_resolved(table) ? table->relid : find_relation(table, table->name);

		rel = table_open(relid, lockmode);
		if (is_resolved(table))
			return rel;
		if (relid == find_relation(table, table->name))
			break;
		table_close(rel, lockmode);
	}
	table->relid = RelationGetRelid(rel);
	resolve_index(table);
	return rel;
}

/*
 * As for a catalog, the lock goes with the read: an open transaction of a
 * worker must not keep an administrator's TRUNCATE or ALTER waiting.
 */
void
agc_table_close(Relation rel, LOCKMODE lockmode)
{
	table_close(rel, lockmode);
}

/* May run anywhere, so it only marks. */
static void
forget_tables(Datum arg, Oid relid)
{
	for (AgcTable *table = known_tables; table != NULL; table = table->next)
		if (!OidIsValid(relid) || relid == table->relid || relid == table->indexid)
			table->generation = 0;
}

/*
 * A DROP EXTENSION, after which the names may stand for others, is heard of as
 * a change of the registry (invalidation.c).
 */
static bool
is_resolved(const AgcTable *table)
{
	return table->generation == agc_generation();
}

static Oid
find_relation(const AgcTable *table, const char *name)
{
	Oid			relid = get_relname_relid(name, get_namespace_oid(AGC_SCHEMA, false));

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%s.%s\" or its index does not exist", AGC_SCHEMA, table->name),
				 errhint("Run ALTER EXTENSION agentcore UPDATE in this database.")));
	return relid;
}

/* What is heard of meanwhile makes it be looked up again the next time. */
static void
resolve_index(AgcTable *table)
{
	uint64		generation = agc_generation();

	if (!table->known)
	{
		table->known = true;
		table->next = known_tables;
		known_tables = table;
	}
	table->generation = generation;
	table->checked = false;
	table->indexid = InvalidOid;
	if (table->index != NULL)
	{
		Relation	index;
		Oid			indexid = find_relation(table, table->index);

		index = index_open(indexid, AccessShareLock);
		for (int i = 0; i < Min(AGC_MAX_KEYS, IndexRelationGetNumberOfKeyAttributes(index)); i++)
			table->column[i] = index->rd_index->indkey.values[i];
		table->indexid = indexid;
		index_close(index, AccessShareLock);
	}
}

AgcKey
agc_key_text(const char *value)
{
	return (AgcKey){CStringGetTextDatum(value), F_TEXTEQ, BTEqualStrategyNumber};
}

AgcKey
agc_key_uuid(const pg_uuid_t *value)
{
	return (AgcKey){UUIDPGetDatum(value), F_UUID_EQ, BTEqualStrategyNumber};
}

AgcKey
agc_key_int4(int32 value)
{
	return (AgcKey){Int32GetDatum(value), F_INT4EQ, BTEqualStrategyNumber};
}

/* Scan keys are numbered by the columns of the table, also for an index scan. */
static void
make_keys(AgcTable *table, ScanKey scankeys, int nkeys, const AgcKey *keys)
{
	Assert(nkeys <= AGC_MAX_KEYS);
	for (int i = 0; i < nkeys; i++)
		ScanKeyInit(&scankeys[i], table->column[i], keys[i].strategy, keys[i].compare, keys[i].value);
}

static void
text_keys(AgcKey keys[AGC_MAX_KEYS], int nkeys, const char **values)
{
	Assert(nkeys <= AGC_MAX_KEYS);
	for (int i = 0; i < nkeys; i++)
		keys[i] = agc_key_text(values[i]);
}

static void
make_text_keys(AgcTable *table, ScanKey scankeys, int nkeys, const char **values)
{
	AgcKey		keys[AGC_MAX_KEYS];

	text_keys(keys, nkeys, values);
	make_keys(table, scankeys, nkeys, keys);
}

static HeapTuple *
overlaid_by_text(AgcTable *table, Relation rel, int nkeys, const char **values, int *n)
{
	AgcKey		keys[AGC_MAX_KEYS];

	text_keys(keys, nkeys, values);
	return agc_overlay_rows(rel, table->indexid, nkeys, keys, n);
}

HeapTuple
agc_table_row(AgcTable *table, Relation rel, int nkeys, const AgcKey *keys)
{
	ScanKeyData scankeys[AGC_MAX_KEYS];
	SysScanDesc scan;
	HeapTuple	tuple;

	if (unlikely(agc_overlaid))
	{
		int			n;
		HeapTuple  *rows = agc_overlay_rows(rel, table->indexid, nkeys, keys, &n);

		if (rows != NULL)
			return n > 0 ? heap_copytuple(rows[0]) : NULL;
	}
	make_keys(table, scankeys, nkeys, keys);
	scan = systable_beginscan(rel, table->indexid, true, NULL, nkeys, scankeys);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		tuple = heap_copytuple(tuple);
	systable_endscan(scan);
	return tuple;
}

/* The snapshot is the one of the beginning: what the callback writes is not come upon. */
static void
ordered_in_table(AgcTable *table, Relation rel, int nkeys, const AgcKey *keys,
				 AgcOrderedCallback callback, void *arg)
{
	Relation	index = index_open(table->indexid, AccessShareLock);
	Snapshot	snapshot = agc_table_snapshot(rel);
	ScanKeyData scankeys[AGC_MAX_KEYS];
	SysScanDesc scan;
	HeapTuple	tuple;

	make_keys(table, scankeys, nkeys, keys);
	scan = systable_beginscan_ordered(rel, index, snapshot, nkeys, scankeys);
	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
		if (!callback(tuple, RelationGetDescr(rel), arg))
			break;
	systable_endscan_ordered(scan);
	UnregisterSnapshot(snapshot);
	index_close(index, AccessShareLock);
}

void
agc_table_ordered(AgcTable *table, Relation rel, int nkeys, const AgcKey *keys,
				  AgcOrderedCallback callback, void *arg)
{
	int			n = 0;
	HeapTuple  *rows = unlikely(agc_overlaid) ? agc_overlay_rows(rel, table->indexid, nkeys, keys, &n) : NULL;

	if (rows == NULL)
		ordered_in_table(table, rel, nkeys, keys, callback, arg);
	for (int i = 0; i < n && callback(rows[i], RelationGetDescr(rel), arg); i++)
		;
}

HeapTuple
agc_table_get(AgcTable *table, Relation rel, int nkeys, const char **keys)
{
	ScanKeyData scankeys[AGC_MAX_KEYS];
	SysScanDesc scan;
	HeapTuple	tuple;
	HeapTuple	copy = NULL;

	if (unlikely(agc_overlaid))
	{
		int			n;
		HeapTuple  *rows = overlaid_by_text(table, rel, nkeys, keys, &n);

		if (rows != NULL)
			return n > 0 ? heap_copytuple(rows[0]) : NULL;
	}
	make_text_keys(table, scankeys, nkeys, keys);
	scan = systable_beginscan(rel, table->indexid, true, NULL, nkeys, scankeys);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		copy = HeapTupleHasExternal(tuple) ?
			toast_flatten_tuple(tuple, RelationGetDescr(rel)) : heap_copytuple(tuple);
	systable_endscan(scan);
	return copy;
}

/* GetLatestSnapshot() would not do: no process of a parallel plan may call it, the leader included. */
Snapshot
agc_table_snapshot(Relation rel)
{
	return RegisterSnapshot(GetCatalogSnapshot(RelationGetRelid(rel)));
}

void
agc_table_scan(AgcTable *table, Relation rel, int nkeys, const char **keys,
			   AgcRowCallback callback, void *arg)
{
	agc_table_scan_at(table, rel, NULL, nkeys, keys, callback, arg);
}

void
agc_table_scan_at(AgcTable *table, Relation rel, Snapshot snapshot, int nkeys, const char **keys,
				  AgcRowCallback callback, void *arg)
{
	ScanKeyData scankeys[AGC_MAX_KEYS];
	SysScanDesc scan;
	HeapTuple	tuple;

	if (unlikely(agc_overlaid))
	{
		int			n;
		HeapTuple  *rows = overlaid_by_text(table, rel, nkeys, keys, &n);

		for (int i = 0; rows != NULL && i < n; i++)
			callback(rows[i], RelationGetDescr(rel), arg);
		if (rows != NULL)
			return;
	}
	make_text_keys(table, scankeys, nkeys, keys);
	scan = systable_beginscan(rel, table->indexid, true, snapshot, nkeys, scankeys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		callback(tuple, RelationGetDescr(rel), arg);
	systable_endscan(scan);
}

static bool
is_column(TupleDesc desc, int i, const char *column)
{
	Form_pg_attribute att = TupleDescAttr(desc, i);

	return !att->attisdropped && strcmp(NameStr(att->attname), column) == 0;
}

/* Names are literals, so where a column stood the last time is remembered by the name's address. */
Datum
agc_col(HeapTuple tuple, TupleDesc desc, const char *column, bool *isnull)
{
	static int16 last[256];
	int16	   *guess = &last[((uintptr_t) column ^ ((uintptr_t) column >> 8)) % lengthof(last)];

	if (*guess < desc->natts && is_column(desc, *guess, column))
		return heap_getattr(tuple, *guess + 1, desc, isnull);
	for (int i = 0; i < desc->natts; i++)
	{
		if (is_column(desc, i, column))
		{
			*guess = i;
			return heap_getattr(tuple, i + 1, desc, isnull);
		}
	}
	elog(ERROR, "column \"%s\" not found", column);
	return (Datum) 0;
}

char *
agc_col_text(HeapTuple tuple, TupleDesc desc, const char *column)
{
	bool		isnull;
	Datum		value = agc_col(tuple, desc, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

bool
agc_col_bool(HeapTuple tuple, TupleDesc desc, const char *column)
{
	bool		isnull;
	Datum		value = agc_col(tuple, desc, column, &isnull);

	return !isnull && DatumGetBool(value);
}

int64
agc_col_int64(HeapTuple tuple, TupleDesc desc, const char *column, int64 missing)
{
	bool		isnull;
	Datum		value = agc_col(tuple, desc, column, &isnull);

	return isnull ? missing : DatumGetInt64(value);
}

TimestampTz
agc_col_time(HeapTuple tuple, TupleDesc desc, const char *column, TimestampTz missing)
{
	bool		isnull;
	Datum		value = agc_col(tuple, desc, column, &isnull);

	return isnull ? missing : DatumGetTimestampTz(value);
}

Jsonb *
agc_col_jsonb(HeapTuple tuple, TupleDesc desc, const char *column)
{
	bool		isnull;
	Datum		value = agc_col(tuple, desc, column, &isnull);

	return isnull ? NULL : DatumGetJsonbPCopy(value);
}

int64
agc_col_interval(HeapTuple tuple, TupleDesc desc, const char *column, int64 missing)
{
	bool		isnull;
	Datum		value = agc_col(tuple, desc, column, &isnull);

	return isnull ? missing : agc_interval_us(DatumGetIntervalP(value), column);
}

bool
agc_try_col_interval(HeapTuple tuple, TupleDesc desc, const char *column, int64 missing, int64 *us)
{
	bool		isnull;
	Datum		value = agc_col(tuple, desc, column, &isnull);

	*us = missing;
	return isnull || agc_try_interval_us(DatumGetIntervalP(value), us);
}
