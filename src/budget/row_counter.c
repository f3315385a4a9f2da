/*
 * row_counter.c
 *	  Rows of agentcore.budget_counter.
 *
 * Rows are read by index and written directly (core/table.c, core/heap.c): no
 * statement is planned or started on the way of a call.
 *
 * Locks: the caller has the budget's, exclusive, or shares it and has the row
 * (escrow_judge.c).  Rows are read as they are now and added to, so a stricter level of
 * isolation makes no difference here.
 *
 * Memory: what is read is copied to the context that the caller names.  On
 * ERROR: the transaction takes everything back.
 */
#include "budget/rows.h"

#include "access/htup_details.h"
#include "core/row_layout.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"

/* Columns of agentcore.budget_counter, in the order of the table. */
enum
{
	C_TENANT, C_BUDGET, C_SLOT, C_SINCE, C_SEEN, C_WINDOW_REVISION, C_STARTS, C_USED, C_HELD,
	C_BUCKETS, C_WARNED,
	NATTS_COUNTER
};

static const RowColumn counter_columns[] = {
	{"tenant", TEXTOID, true},
	{"budget", TEXTOID, true},
	{"slot", INT4OID, true},
	{"since", TIMESTAMPTZOID, true},
	{"seen", TIMESTAMPTZOID, true},
	{"window_revision", INT8OID, true},
	{"starts", TIMESTAMPTZARRAYOID, true},
	{"used", INT8ARRAYOID, true},
	{"held", INT8ARRAYOID, true},
	{"buckets", INT8ARRAYOID, false},
	{"warned", INT4ARRAYOID, false},
};
StaticAssertDecl(lengthof(counter_columns) == NATTS_COUNTER, "one entry per column");

#define RING_LENGTH		(2 + SLIDING_NUMBERS)

static AgcTable counter_table = AGC_TABLE("budget_counter", "budget_counter_pkey");

static Datum int8_array(const int64 *values, int n, Oid type);
static int	read_int8_array(Datum datum, int64 *values, int max, const char *what);
static void counter_from_tuple(Counter *out, HeapTuple tuple, TupleDesc desc);

static Relation
open_counters(LOCKMODE lockmode)
{
	return row_open(&counter_table, lockmode, counter_columns, NATTS_COUNTER);
}

static void
set_place(Counter *counter, Relation rel, ItemPointer tid)
{
	counter->place.file = ItemPointerIsValid(tid) ? rel->rd_rel->relfilenode : InvalidOid;
	counter->place.tid = *tid;
}

static bool
is_text(HeapTuple tuple, TupleDesc desc, int column, const char *value)
{
	bool		isnull;
	text	   *stored = DatumGetTextPP(heap_getattr(tuple, column + 1, desc, &isnull));

	return VARSIZE_ANY_EXHDR(stored) == strlen(value) && memcmp(VARDATA_ANY(stored), value, strlen(value)) == 0;
}

/*
 * A place is right as long as the budget's entry is, and is looked at all the same.
 * Without it a row is searched for in the index: 20,000 more of 58,000 instructions of a
 * level of an acquire or a commit.
 */
static HeapTuple
row_at(Relation rel, const RowPlace *place, const char *tenant, const char *budget, int slot)
{
	TupleDesc	desc = RelationGetDescr(rel);
	ItemPointerData tid = place->tid;
	HeapTuple	tuple;
	bool		isnull;

	if (place->file == InvalidOid || place->file != rel->rd_rel->relfilenode)
		return NULL;
	tuple = row_version_at(rel, &tid);
	if (tuple == NULL || !is_text(tuple, desc, C_TENANT, tenant) || !is_text(tuple, desc, C_BUDGET, budget) ||
		DatumGetInt32(heap_getattr(tuple, C_SLOT + 1, desc, &isnull)) != slot)
		return NULL;
	return tuple;
}

bool
row_counter_read(const char *tenant, const char *budget, int slot, const RowPlace *place, Counter *out)
{
	Relation	rel = open_counters(AccessShareLock);
	HeapTuple	tuple = row_at(rel, place, tenant, budget, slot);

	if (tuple == NULL)
	{
		AgcKey		keys[3] = {agc_key_text(tenant), agc_key_text(budget), agc_key_int4(slot)};

		tuple = agc_table_row(&counter_table, rel, lengthof(keys), keys);
	}
	if (tuple != NULL)
	{
		counter_from_tuple(out, tuple, RelationGetDescr(rel));
		set_place(out, rel, &tuple->t_self);
	}
	agc_table_close(rel, AccessShareLock);
	return tuple != NULL;
}

/* What row_counters_read() reads into. */
typedef struct RowScan
{
	Counter    *out;
	int			n;
	int			size;
} RowScan;

static bool
note_row(HeapTuple tuple, TupleDesc desc, void *arg)
{
	RowScan    *scan = arg;

	if (scan->n == BUDGET_MAX_ROWS)
		return false;
	/* most budgets have one row */
	if (scan->n == scan->size)
	{
		scan->size = Max(1, 2 * scan->size);
		scan->out = scan->out == NULL ? palloc(sizeof(Counter)) : repalloc(scan->out, scan->size * sizeof(Counter));
	}
	counter_from_tuple(&scan->out[scan->n++], tuple, desc);
	return scan->n < BUDGET_MAX_ROWS;
}

static void
note_row_at(HeapTuple tuple, TupleDesc desc, void *arg)
{
	(void) note_row(tuple, desc, arg);
}

static int
compare_rows(const void *a, const void *b)
{
	return ((const Counter *) a)->slot - ((const Counter *) b)->slot;
}

int
row_counters_read(const char *tenant, const char *budget, Snapshot snapshot, Counter **out)
{
	RowScan		scan = {0};
	Relation	rel = open_counters(AccessShareLock);

	if (snapshot == NULL)
	{
		AgcKey		keys[2] = {agc_key_text(tenant), agc_key_text(budget)};

		agc_table_ordered(&counter_table, rel, lengthof(keys), keys, note_row, &scan);
	}
	else
	{
		const char *keys[2] = {tenant, budget};

		agc_table_scan_at(&counter_table, rel, snapshot, lengthof(keys), keys, note_row_at, &scan);
		if (scan.n > 1)
			qsort(scan.out, scan.n, sizeof(Counter), compare_rows);
	}
	agc_table_close(rel, AccessShareLock);
	*out = scan.out;
	return scan.n;
}

void
row_counter_require_write(void)
{
	agc_table_close(open_counters(RowExclusiveLock), NoLock);
}

uint64
row_counter_lock_of(const char *tenant, const char *budget, BudgetLock *lock)
{
	Relation	rel = open_counters(AccessShareLock);
	uint64		tag = lock_of_counter(lock, RelationGetRelid(rel), tenant, budget);

	agc_table_close(rel, AccessShareLock);
	return tag;
}

/* Each sliding window: its place, since when it counts, then its buckets. */
static Datum
buckets_datum(const Counter *counter, bool *isnull)
{
	int64		values[BUDGET_MAX_WINDOWS * RING_LENGTH];
	int			n = 0;

	for (int w = 0; w < counter->nwindows; w++)
		if (counter->bucket[w] != NULL)
		{
			values[n++] = w + 1;
			values[n++] = counter->bucket_since[w];
			memcpy(&values[n], counter->bucket[w], SLIDING_NUMBERS * sizeof(int64));
			n += SLIDING_NUMBERS;
		}
	*isnull = n == 0;
	return n == 0 ? (Datum) 0 : int8_array(values, n, INT8OID);
}

static void
read_buckets(Counter *out, Datum datum)
{
	int64	   *values = palloc(BUDGET_MAX_WINDOWS * RING_LENGTH * sizeof(int64));
	int			n = read_int8_array(datum, values, BUDGET_MAX_WINDOWS * RING_LENGTH, "buckets");

	for (int i = 0; i + RING_LENGTH <= n; i += RING_LENGTH)
		if (values[i] >= 1 && values[i] <= out->nwindows)
		{
			out->bucket_since[values[i] - 1] = values[i + 1];
			out->bucket[values[i] - 1] = &values[i + 2];
		}
}

static Datum
warned_datum(const Counter *counter, bool *isnull)
{
	Datum		elems[BUDGET_MAX_WINDOWS];

	*isnull = true;
	for (int w = 0; w < counter->nwindows; w++)
	{
		elems[w] = Int32GetDatum(counter->warned[w]);
		*isnull = *isnull && counter->warned[w] == 0;
	}
	return *isnull ? (Datum) 0 :
		PointerGetDatum(construct_array(elems, counter->nwindows, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

static void
read_warned(Counter *out, Datum datum)
{
	ArrayType  *array = DatumGetArrayTypeP(datum);
	int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	if (n == out->nwindows && !ARR_HASNULL(array))
		memcpy(out->warned, ARR_DATA_PTR(array), n * sizeof(int32));
}

static void
counter_values(Datum values[NATTS_COUNTER], bool nulls[NATTS_COUNTER], const char *tenant,
			   const char *budget, const Counter *counter)
{
	memset(nulls, 0, NATTS_COUNTER * sizeof(bool));
	values[C_TENANT] = CStringGetTextDatum(tenant);
	values[C_BUDGET] = CStringGetTextDatum(budget);
	values[C_SLOT] = Int32GetDatum(counter->slot);
	values[C_SINCE] = TimestampTzGetDatum(counter->since);
	values[C_SEEN] = TimestampTzGetDatum(counter->seen);
	values[C_WINDOW_REVISION] = Int64GetDatum(counter->window_revision);
	values[C_STARTS] = int8_array(counter->start, counter->nwindows, TIMESTAMPTZOID);
	values[C_USED] = int8_array(counter->used[0], counter->nwindows * BUDGET_NUSED, INT8OID);
	values[C_HELD] = int8_array(counter->held, BUDGET_NDIMS, INT8OID);
	values[C_BUCKETS] = buckets_datum(counter, &nulls[C_BUCKETS]);
	values[C_WARNED] = warned_datum(counter, &nulls[C_WARNED]);
}

/* Nobody else makes the row at the same time. */
void
row_counter_create(const char *tenant, const char *budget, Counter *counter)
{
	Relation	rel = open_counters(RowExclusiveLock);
	Datum		values[NATTS_COUNTER];
	bool		nulls[NATTS_COUNTER];
	ItemPointerData tid;

	counter_values(values, nulls, tenant, budget, counter);
	tid = agc_heap_insert(rel, values, nulls);
	set_place(counter, rel, &tid);
	agc_table_close(rel, NoLock);
}

void
row_counter_write(const char *tenant, const char *budget, Counter *counter)
{
	Relation	rel = open_counters(RowExclusiveLock);
	ItemPointerData tid = counter->place.tid;
	Datum		values[NATTS_COUNTER];
	bool		nulls[NATTS_COUNTER];

	counter_values(values, nulls, tenant, budget, counter);
	agc_heap_update(rel, &tid, values, nulls);
	set_place(counter, rel, &tid);
	agc_table_close(rel, NoLock);
}

void
row_counter_delete(const Counter *counter)
{
	Relation	rel = open_counters(RowExclusiveLock);
	ItemPointerData tid = counter->place.tid;

	agc_heap_delete(rel, &tid);
	agc_table_close(rel, NoLock);
}

static void
counter_from_tuple(Counter *out, HeapTuple tuple, TupleDesc desc)
{
	Datum		values[NATTS_COUNTER];
	bool		nulls[NATTS_COUNTER];
	int			nused;

	heap_deform_tuple(tuple, desc, values, nulls);
	out->place = (RowPlace){.tid = tuple->t_self};
	out->slot = DatumGetInt32(values[C_SLOT]);
	out->since = DatumGetTimestampTz(values[C_SINCE]);
	out->seen = DatumGetTimestampTz(values[C_SEEN]);
	out->window_revision = DatumGetInt64(values[C_WINDOW_REVISION]);
	out->nwindows = read_int8_array(values[C_STARTS], out->start, BUDGET_MAX_WINDOWS, "starts");
	nused = read_int8_array(values[C_USED], out->used[0], BUDGET_MAX_WINDOWS * BUDGET_NUSED, "used");
	if (out->nwindows < 1 || nused != out->nwindows * BUDGET_NUSED ||
		read_int8_array(values[C_HELD], out->held, BUDGET_NDIMS, "held") != BUDGET_NDIMS)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("counter of budget \"%s\" has arrays of the wrong length",
						TextDatumGetCString(values[C_BUDGET]))));
	memset(out->bucket, 0, sizeof(out->bucket));
	memset(out->bucket_since, 0, sizeof(out->bucket_since));
	memset(out->warned, 0, sizeof(out->warned));
	if (!nulls[C_BUCKETS])
		read_buckets(out, values[C_BUCKETS]);
	if (!nulls[C_WARNED])
		read_warned(out, values[C_WARNED]);
}

static Datum
int8_array(const int64 *values, int n, Oid type)
{
	Size		size = ARR_OVERHEAD_NONULLS(1) + n * sizeof(int64);
	ArrayType  *array = palloc0(size);

	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->elemtype = type;
	*ARR_DIMS(array) = n;
	*ARR_LBOUND(array) = 1;
	memcpy(ARR_DATA_PTR(array), values, n * sizeof(int64));
	return PointerGetDatum(array);
}

static int
read_int8_array(Datum datum, int64 *values, int max, const char *what)
{
	ArrayType  *array = DatumGetArrayTypeP(datum);
	int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	if (n > max || ARR_HASNULL(array) || ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("array \"%s\" of a budget counter is malformed", what)));
	memcpy(values, ARR_DATA_PTR(array), n * sizeof(int64));
	return n;
}
