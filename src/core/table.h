/*
 * table.h
 *	  Reading and writing the rows of the extension's tables without SPI
 */
#ifndef AGENTCORE_CORE_TABLE_H
#define AGENTCORE_CORE_TABLE_H

#include "core/index_key.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "storage/lockdefs.h"
#include "utils/jsonb.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/* ----- tables (table.c) ---------------------------------------------------
 *
 * Direct reads by index, always with the latest snapshot, so that a change
 * committed elsewhere is seen inside an open REPEATABLE READ transaction.
 * No privilege is checked: agc_enter() did.
 */
#define AGC_MAX_KEYS	4

typedef struct AgcTable
{
	const char *name;
	const char *index;			/* btree; its text columns are "C"; NULL: none is read */

	/* the rest is table.c's */
	Oid			relid;			/* set while the table is open */
	Oid			indexid;
	AttrNumber	column[AGC_MAX_KEYS];	/* of the table, that the index is on */
	uint64		generation;		/* at which it was looked up, 0: look again */
	bool		known;
	bool		checked;		/* its columns, by who reads them by position; false when looked up anew */
	struct AgcTable *next;
} AgcTable;

#define AGC_TABLE(name_, index_)	{.name = (name_), .index = (index_)}

/* RowExclusiveLock and above are to write: 25006 in a read-only transaction */
extern Relation agc_table_open(AgcTable *table, LOCKMODE lockmode);
extern void agc_table_close(Relation rel, LOCKMODE lockmode);

/* one row by its text key, flattened and palloc'd; NULL when there is none */
extern HeapTuple agc_table_get(AgcTable *table, Relation rel, int nkeys, const char **keys);

extern AgcKey agc_key_text(const char *value);
extern AgcKey agc_key_uuid(const pg_uuid_t *value);
extern AgcKey agc_key_int4(int32 value);

/*
 * The first row by its key, as it stands in the table: out-of-line values are
 * not fetched, t_self is set.  NULL when there is none.
 */
extern HeapTuple agc_table_row(AgcTable *table, Relation rel, int nkeys, const AgcKey *keys);

/* rows in the order of the index until the callback says false; it may write */
typedef bool (*AgcOrderedCallback) (HeapTuple tuple, TupleDesc desc, void *arg);
extern void agc_table_ordered(AgcTable *table, Relation rel, int nkeys, const AgcKey *keys,
							  AgcOrderedCallback callback, void *arg);

/* every row whose leading key columns match; the callback must not write */
typedef void (*AgcRowCallback) (HeapTuple tuple, TupleDesc desc, void *arg);
extern void agc_table_scan(AgcTable *table, Relation rel, int nkeys, const char **keys,
						   AgcRowCallback callback, void *arg);

/*
 * The same for several reads that must agree: all under one snapshot, the
 * latest of when agc_table_snapshot() took it.  UnregisterSnapshot() ends it.
 */
extern Snapshot agc_table_snapshot(Relation rel);
extern void agc_table_scan_at(AgcTable *table, Relation rel, Snapshot snapshot, int nkeys,
							  const char **keys, AgcRowCallback callback, void *arg);

/* column readers: NULL / missing value when the column is null */
extern char *agc_col_text(HeapTuple tuple, TupleDesc desc, const char *column);
extern Datum agc_col(HeapTuple tuple, TupleDesc desc, const char *column, bool *isnull);
extern bool agc_col_bool(HeapTuple tuple, TupleDesc desc, const char *column);
extern int64 agc_col_int64(HeapTuple tuple, TupleDesc desc, const char *column, int64 missing);
extern TimestampTz agc_col_time(HeapTuple tuple, TupleDesc desc, const char *column, TimestampTz missing);
extern Jsonb *agc_col_jsonb(HeapTuple tuple, TupleDesc desc, const char *column);
extern int64 agc_col_interval(HeapTuple tuple, TupleDesc desc, const char *column, int64 missing);

/* false: what stands there is out of range */
extern bool agc_try_col_interval(HeapTuple tuple, TupleDesc desc, const char *column, int64 missing, int64 *us);

/* ----- rows written without SPI (heap.c) -----------------------------------
 *
 * The relation is open with RowExclusiveLock, kept to the end of the
 * transaction.  What was written is seen by the next command of the same
 * transaction, and by what these and agc_table_* read next.  A table with
 * triggers and the like is written by a statement of its owner's, and fires
 * them; what keeps the row from being written is refused (55000).  No privilege
 * of the caller is looked at.
 */
extern ItemPointerData agc_heap_insert(Relation rel, Datum *values, bool *nulls);

/* by a statement in any case, so that a partitioned table finds the part */
extern ItemPointerData agc_heap_insert_by_statement(Relation rel, Datum *values, bool *nulls);

/* 40001 when somebody else has changed the row since it was read; an update sets *row, invalid where a statement wrote it */
extern void agc_heap_update(Relation rel, ItemPointer row, Datum *values, bool *nulls);
extern void agc_heap_delete(Relation rel, ItemPointer row);

/* 40001 in REPEATABLE READ and SERIALIZABLE unless the transaction sees this version */
extern void agc_heap_check_snapshot(HeapTuple tuple);

/* whether nothing has to be done for a row of the table but to write it and its indexes */
extern bool agc_heap_is_plain(Relation rel);

/* whether the columns of a part stand where those of the whole do; looked up once per session and part */
extern bool agc_heap_has_columns_of(Relation part, Relation whole);

extern void agc_heap_init(void);
extern void agc_table_init(void);

#endif							/* AGENTCORE_CORE_TABLE_H */
