/*
 * seal_rows.c
 *	  Rows of the log as leaves, read by their ids.
 *
 * Of a row only its place and its hash are kept, so a million rows take 56 MB.
 *
 * Memory: the rows in CurrentMemoryContext, those of the statement SPI's, a
 * thousand at a time.  Locks: AccessShareLock on the log.  On ERROR: nothing to
 * undo.
 */
#include "record/seal.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define FETCHED		1000

static int32
month_of(TimestampTz at)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (TIMESTAMP_NOT_FINITE(at) || timestamp2tm(at, NULL, &tm, &fsec, NULL, NULL) != 0)
		return 0;
	return tm.tm_year * MONTHS_PER_YEAR + tm.tm_mon;
}

static int
by_id(const SealedRow *a, const SealedRow *b)
{
	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return memcmp(a->leaf, b->leaf, SEAL_LEN);
}

static int
compare_by_id(const void *a, const void *b)
{
	return by_id(a, b);
}

static int
compare_by_month(const void *a, const void *b)
{
	const SealedRow *one = a;
	const SealedRow *other = b;

	if (one->month != other->month)
		return one->month < other->month ? -1 : 1;
	return by_id(one, other);
}

void
seal_sort_by_month(SealedRows *rows)
{
	qsort(rows->items, rows->n, sizeof(SealedRow), compare_by_month);
}

static SealedRow *
next_row(SealedRows *rows)
{
	if (rows->n == rows->size)
	{
		rows->size = Max(rows->size * 2, FETCHED);
		rows->items = rows->items == NULL ? MemoryContextAllocHuge(CurrentMemoryContext, rows->size * sizeof(SealedRow)) :
			repalloc_huge(rows->items, rows->size * sizeof(SealedRow));
	}
	return &rows->items[rows->n++];
}

/* The columns of the log begin with those that were there when a batch was sealed. */
static int
columns_to_hash(TupleDesc desc, int fields)
{
	return fields == 0 || fields > desc->natts ? desc->natts : fields;
}

/* "scratch" takes what one row needs. */
static void
hash_fetched(SealHasher *hasher, SealedRows *rows, int fields, MemoryContext scratch)
{
	TupleDesc	desc = SPI_tuptable->tupdesc;
	int			id = SPI_fnumber(desc, "id");
	int			at = SPI_fnumber(desc, "at");

	rows->fields = columns_to_hash(desc, fields);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		SealedRow  *row = next_row(rows);
		MemoryContext old;
		bool		isnull;

		row->id = DatumGetInt64(SPI_getbinval(tuple, desc, id, &isnull));
		row->at = DatumGetTimestampTz(SPI_getbinval(tuple, desc, at, &isnull));
		row->month = month_of(row->at);
		old = MemoryContextSwitchTo(scratch);
		seal_leaf(hasher, tuple, desc, rows->fields, row->leaf);
		MemoryContextSwitchTo(old);
		MemoryContextReset(scratch);
	}
}

static SPIPlanPtr
rows_plan(void)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {INT8OID, INT8OID};

	if (plan == NULL)
	{
		plan = SPI_prepare("SELECT e.* FROM agentcore.call_log_entry e WHERE e.id >= $1 AND e.id <= $2", lengthof(types), types);
		if (plan == NULL)
			elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
		SPI_keepplan(plan);
	}
	return plan;
}

void
seal_read_rows(SealHasher *hasher, int64 first, int64 last, int fields, bool read_only, SealedRows *rows)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(caller, "agentcore sealed row", ALLOCSET_DEFAULT_SIZES);
	Datum		values[] = {Int64GetDatum(first), Int64GetDatum(last)};
	Portal		portal = SPI_cursor_open(NULL, rows_plan(), values, NULL, read_only);

	rows->n = 0;
	do
	{
		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, FETCHED);
		MemoryContextSwitchTo(caller);
		hash_fetched(hasher, rows, fields, scratch);
		SPI_freetuptable(SPI_tuptable);
	} while (SPI_processed > 0);
	SPI_cursor_close(portal);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	qsort(rows->items, rows->n, sizeof(SealedRow), compare_by_id);
}
