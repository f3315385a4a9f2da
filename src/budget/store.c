/*
 * store.c
 *	  Rows of the counter, permit and ledger tables.
 *
 * Everything on the way of a call is read by index and written directly
 * (core/table.c, core/heap.c): no statement is planned or started.  Sums over
 * the ledger, which only definitions need, go through SPI.
 *
 * Locks: lock.c, taken here before a row is read to be written, kept to the end
 * of the transaction.  In REPEATABLE READ and SERIALIZABLE a row changed since
 * the snapshot raises 40001.
 *
 * Memory: what is read is copied to the context that the caller names.  On
 * ERROR: the transaction takes everything back.
 */
#include "budget/store.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/partition.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/partcache.h"
#include "utils/rel.h"

/* Columns of agentcore.budget_counter, in the order of the table. */
enum
{
	C_TENANT, C_BUDGET, C_SLOT, C_SINCE, C_SEEN, C_WINDOW_REVISION, C_STARTS, C_USED, C_HELD,
	C_SHARE, C_STRAINED, C_BUCKETS, C_WARNED,
	NATTS_COUNTER
};

/* Columns of agentcore.permit, in the order of the table. */
enum
{
	P_TENANT, P_ID, P_STATE, P_ROLE, P_BUDGET, P_BUDGETS, P_SLOTS,
	P_HELD_TOKENS, P_HELD_NANOUSD, P_HELD_CALLS,
	P_CHARGED_TOKENS, P_CHARGED_NANOUSD, P_CHARGED_CALLS, P_SPENT_TOKENS, P_SPENT_NANOUSD,
	P_CHARGE_ON_EXPIRY, P_CREATED_AT, P_LEASE_UNTIL, P_RETRY_AT, P_SETTLED_AT, P_ATTEMPT,
	P_HOLDER, P_KEY, P_REQUEST_HASH, P_AGENT, P_TOOL, P_TASK, P_SUBJECT,
	P_IS_LLM, P_IDEMPOTENT, P_RESOLVED, P_CACHE_KEY, P_CACHE_LEASE, P_RESULT,
	NATTS_PERMIT
};

/* Columns of agentcore.budget_ledger, in the order of the table. */
enum
{
	L_TENANT, L_AT, L_ID, L_PERMIT, L_BUDGETS, L_EVENT, L_TOKENS, L_NANOUSD, L_CALLS, L_AGENT, L_TOOL,
	L_IS_LLM, L_DETAIL,
	NATTS_LEDGER
};

/* Ended leases of other budgets that a search for those of one passes over, at most. */
#define ENDED_LOOKS		1000

#define RING_LENGTH		(2 + SLIDING_NUMBERS)

static AgcTable counter_table = AGC_TABLE("budget_counter", "budget_counter_pkey");
static AgcTable permit_table = AGC_TABLE("permit", "permit_pkey");
static AgcTable permit_by_key = AGC_TABLE("permit", "permit_key");
static AgcTable permit_by_lease = AGC_TABLE("permit", "permit_open");
static AgcTable ledger_table = AGC_TABLE("budget_ledger", NULL);

static Datum int8_array(const int64 *values, int n, Oid type);
static int	read_int8_array(Datum datum, int64 *values, int max, const char *what);
static Datum text_array(char *const *values, int n);
static Datum slots_or_null(const Permit *permit, bool *null);
static void read_slots(Datum datum, Permit *out);
static Datum text_or_null(const char *value, bool *null);
static Datum hash_or_null(const uint8 *hash, bool *null);
static void counter_from_tuple(Counter *out, HeapTuple tuple, TupleDesc desc);
static void permit_from_tuple(Permit *out, HeapTuple tuple, TupleDesc desc, MemoryContext cxt);

/*
 * Rows are read and written by the position of their columns: a table with
 * others is that of another version.
 */
static Relation
open_rows(AgcTable *table, LOCKMODE lockmode, int natts)
{
	Relation	rel = agc_table_open(table, lockmode);

	if (RelationGetNumberOfAttributes(rel) != natts)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s.%s\" does not have the columns that this library knows", AGC_SCHEMA, table->name),
				 errdetail("It has had %d, the library knows %d.", RelationGetNumberOfAttributes(rel), natts),
				 errhint("Run ALTER EXTENSION agentcore UPDATE, or connect again after it; columns must not be added by hand.")));
	return rel;
}

static Relation
open_counters(LOCKMODE lockmode)
{
	return open_rows(&counter_table, lockmode, NATTS_COUNTER);
}

static Relation
open_permits(AgcTable *by, LOCKMODE lockmode)
{
	return open_rows(by, lockmode, NATTS_PERMIT);
}

/* ----- counters ----- */

static bool
read_counter(Relation rel, const char *tenant, const char *budget, int slot, bool lock, Counter *out)
{
	AgcKey		keys[3] = {agc_key_text(tenant), agc_key_text(budget), agc_key_int4(slot)};
	HeapTuple	tuple = agc_table_row(&counter_table, rel, lengthof(keys), keys);

	if (tuple == NULL)
		return false;
	if (lock)
		agc_heap_check_snapshot(tuple);
	counter_from_tuple(out, tuple, RelationGetDescr(rel));
	return true;
}

bool
store_counter_peek(const char *tenant, const char *budget, int slot, Counter *out)
{
	Relation	rel = open_counters(AccessShareLock);
	bool		found = read_counter(rel, tenant, budget, slot, false, out);

	agc_table_close(rel, AccessShareLock);
	return found;
}

/* What store_counters_peek() reads into. */
typedef struct SlotScan
{
	Counter    *out;
	int			max;
	int			n;
} SlotScan;

static bool
note_slot(HeapTuple tuple, TupleDesc desc, void *arg)
{
	SlotScan   *scan = arg;

	if (scan->n < scan->max)
		counter_from_tuple(&scan->out[scan->n++], tuple, desc);
	return scan->n < scan->max;
}

int
store_counters_peek(const char *tenant, const char *budget, int max, Counter *out)
{
	AgcKey		keys[2] = {agc_key_text(tenant), agc_key_text(budget)};
	SlotScan	scan = {.out = out, .max = max};
	Relation	rel = agc_table_open(&counter_table, AccessShareLock);

	agc_table_ordered(&counter_table, rel, lengthof(keys), keys, note_slot, &scan);
	agc_table_close(rel, AccessShareLock);
	return scan.n;
}

LockResult
store_counter_lock(const char *tenant, const char *budget, int slot, bool wait, Counter *out)
{
	Relation	rel = open_counters(RowExclusiveLock);
	LockResult	result = LOCK_BUSY;
	BudgetLock	lock;

	lock_of_counter(&lock, RelationGetRelid(rel), tenant, budget, slot);
	if (lock_take(&lock, wait))
		result = read_counter(rel, tenant, budget, slot, true, out) ? LOCK_TAKEN : LOCK_MISSING;
	agc_table_close(rel, NoLock);
	return result;
}

void
store_counter_unlock(const char *tenant, const char *budget, int slot)
{
	BudgetLock	lock;

	lock_of_counter(&lock, counter_table.relid, tenant, budget, slot);
	lock_drop(&lock);
}

/* The counter of an undivided budget has no share: its limits are the budget's. */
static Datum
share_array(const Counter *counter, bool *null)
{
	int64		share[BUDGET_MAX_WINDOWS * BUDGET_NUSED + 1];
	int			n = counter->nwindows * BUDGET_NUSED;

	*null = !counter->shared;
	if (!counter->shared)
		return (Datum) 0;
	memcpy(share, counter->share[0], n * sizeof(int64));
	share[n] = counter->share_in_flight;
	return int8_array(share, n + 1, INT8OID);
}

static bool
read_share(Datum datum, Counter *out)
{
	int64		share[BUDGET_MAX_WINDOWS * BUDGET_NUSED + 1];
	int			n = out->nwindows * BUDGET_NUSED;

	if (read_int8_array(datum, share, lengthof(share), "share") != n + 1)
		return false;
	memcpy(out->share[0], share, n * sizeof(int64));
	out->share_in_flight = share[n];
	return true;
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
	values[C_SHARE] = share_array(counter, &nulls[C_SHARE]);
	values[C_STRAINED] = BoolGetDatum(counter->shared && counter->strained);
	values[C_BUCKETS] = buckets_datum(counter, &nulls[C_BUCKETS]);
	values[C_WARNED] = warned_datum(counter, &nulls[C_WARNED]);
}

/* The caller holds the lock, and so nobody else makes the row at the same time. */
void
store_counter_create(const char *tenant, const char *budget, Counter *counter)
{
	Relation	rel = open_counters(RowExclusiveLock);
	Datum		values[NATTS_COUNTER];
	bool		nulls[NATTS_COUNTER];

	counter_values(values, nulls, tenant, budget, counter);
	counter->row = agc_heap_insert(rel, values, nulls);
	agc_table_close(rel, NoLock);
}

void
store_counter_write(const char *tenant, const char *budget, const Counter *counter)
{
	Relation	rel = open_counters(RowExclusiveLock);
	ItemPointerData row = counter->row;
	Datum		values[NATTS_COUNTER];
	bool		nulls[NATTS_COUNTER];

	counter_values(values, nulls, tenant, budget, counter);
	agc_heap_update(rel, &row, values, nulls);
	agc_table_close(rel, NoLock);
}

void
store_counter_delete(const Counter *counter)
{
	Relation	rel = open_counters(RowExclusiveLock);
	ItemPointerData row = counter->row;

	agc_heap_delete(rel, &row);
	agc_table_close(rel, NoLock);
}

static void
counter_from_tuple(Counter *out, HeapTuple tuple, TupleDesc desc)
{
	Datum		values[NATTS_COUNTER];
	bool		nulls[NATTS_COUNTER];
	int			nused;

	heap_deform_tuple(tuple, desc, values, nulls);
	out->row = tuple->t_self;
	out->slot = DatumGetInt32(values[C_SLOT]);
	out->since = DatumGetTimestampTz(values[C_SINCE]);
	out->seen = DatumGetTimestampTz(values[C_SEEN]);
	out->window_revision = DatumGetInt64(values[C_WINDOW_REVISION]);
	out->shared = !nulls[C_SHARE];
	out->strained = DatumGetBool(values[C_STRAINED]);
	out->nwindows = read_int8_array(values[C_STARTS], out->start, BUDGET_MAX_WINDOWS, "starts");
	nused = read_int8_array(values[C_USED], out->used[0], BUDGET_MAX_WINDOWS * BUDGET_NUSED, "used");
	if (out->nwindows < 1 || nused != out->nwindows * BUDGET_NUSED ||
		read_int8_array(values[C_HELD], out->held, BUDGET_NDIMS, "held") != BUDGET_NDIMS ||
		(out->shared && !read_share(values[C_SHARE], out)))
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

/* ----- permits ----- */

void
store_permit_insert(const char *tenant, Permit *permit, const PermitRequest *request,
					const char *holder)
{
	Relation	rel = open_permits(&permit_table, RowExclusiveLock);
	const PermitRow *row = &permit->row;
	bool		keyed = request->key != NULL;
	Datum		values[NATTS_PERMIT] = {0};
	bool		nulls[NATTS_PERMIT] = {false};

	values[P_TENANT] = CStringGetTextDatum(tenant);
	values[P_ID] = UUIDPGetDatum(&row->id);
	values[P_STATE] = CharGetDatum((char) PERMIT_OPEN);
	values[P_ROLE] = CStringGetTextDatum(row->role);
	values[P_BUDGET] = text_or_null(request->budget, &nulls[P_BUDGET]);
	values[P_BUDGETS] = text_array(permit->budgets, permit->depth);
	values[P_SLOTS] = slots_or_null(permit, &nulls[P_SLOTS]);
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
	{
		values[P_HELD_TOKENS + dim] = Int64GetDatum(permit->held[dim]);
		values[P_CHARGED_TOKENS + dim] = Int64GetDatum(0);
	}
	values[P_SPENT_TOKENS] = values[P_SPENT_NANOUSD] = Int64GetDatum(0);
	values[P_CHARGE_ON_EXPIRY] = BoolGetDatum(permit->charge_on_expiry);
	values[P_CREATED_AT] = TimestampTzGetDatum(row->created_at);
	values[P_LEASE_UNTIL] = TimestampTzGetDatum(row->lease_until);
	nulls[P_RETRY_AT] = nulls[P_SETTLED_AT] = true;
	values[P_ATTEMPT] = Int32GetDatum(1);
	values[P_HOLDER] = text_or_null(keyed ? holder : NULL, &nulls[P_HOLDER]);
	values[P_KEY] = text_or_null(request->key, &nulls[P_KEY]);
	values[P_REQUEST_HASH] = hash_or_null(keyed ? request->request_hash : NULL, &nulls[P_REQUEST_HASH]);
	values[P_AGENT] = text_or_null(request->agent, &nulls[P_AGENT]);
	values[P_TOOL] = text_or_null(request->tool, &nulls[P_TOOL]);
	values[P_TASK] = text_or_null(request->task, &nulls[P_TASK]);
	values[P_SUBJECT] = text_or_null(request->subject, &nulls[P_SUBJECT]);
	values[P_IS_LLM] = BoolGetDatum(request->is_llm);
	values[P_IDEMPOTENT] = BoolGetDatum(request->idempotent);
	values[P_RESOLVED] = BoolGetDatum(false);
	values[P_CACHE_KEY] = hash_or_null(request->has_cache_key ? request->cache_key : NULL, &nulls[P_CACHE_KEY]);
	values[P_CACHE_LEASE] = Int64GetDatum(request->cache_lease);
	nulls[P_RESULT] = true;
	permit->tid = agc_heap_insert(rel, values, nulls);
	agc_table_close(rel, NoLock);
}

void
store_permit_delete(const Permit *permit)
{
	Relation	rel = open_permits(&permit_table, RowExclusiveLock);
	ItemPointerData row = permit->tid;

	agc_heap_delete(rel, &row);
	agc_table_close(rel, NoLock);
}

static bool
read_permit(Relation rel, const char *tenant, const pg_uuid_t *id, bool lock, MemoryContext cxt,
			Permit *out)
{
	AgcKey		keys[2] = {agc_key_text(tenant), agc_key_uuid(id)};
	HeapTuple	tuple = agc_table_row(&permit_table, rel, lengthof(keys), keys);

	if (tuple == NULL)
		return false;
	if (lock)
		agc_heap_check_snapshot(tuple);
	permit_from_tuple(out, tuple, RelationGetDescr(rel), cxt);
	return true;
}

bool
store_permit_read(const char *tenant, const pg_uuid_t *id, MemoryContext cxt, Permit *out)
{
	Relation	rel = open_permits(&permit_table, AccessShareLock);
	bool		found = read_permit(rel, tenant, id, false, cxt, out);

	agc_table_close(rel, AccessShareLock);
	return found;
}

static bool
keep_first(HeapTuple tuple, TupleDesc desc, void *arg)
{
	*(HeapTuple *) arg = heap_copytuple(tuple);
	return false;
}

/*
 * By the latest snapshot, also in REPEATABLE READ: the answer must be the
 * permit that another session has just made.  The index holds only permits that
 * keep their key, so an ordered scan, which uses it whatever
 * ignore_system_indexes says.
 */
bool
store_permit_by_key(const char *tenant, const char *holder, const char *key,
					MemoryContext cxt, Permit *out)
{
	AgcKey		keys[3] = {agc_key_text(tenant), agc_key_text(holder), agc_key_text(key)};
	Relation	rel = open_permits(&permit_by_key, AccessShareLock);
	HeapTuple	tuple = NULL;

	agc_table_ordered(&permit_by_key, rel, lengthof(keys), keys, keep_first, &tuple);
	if (tuple != NULL)
		permit_from_tuple(out, tuple, RelationGetDescr(rel), cxt);
	agc_table_close(rel, AccessShareLock);
	return tuple != NULL;
}

LockResult
store_permit_lock(const char *tenant, const pg_uuid_t *id, bool wait, MemoryContext cxt,
				  Permit *out)
{
	Relation	rel = open_permits(&permit_table, RowExclusiveLock);
	LockResult	result = LOCK_BUSY;
	BudgetLock	lock;

	lock_of_permit(&lock, RelationGetRelid(rel), id);
	if (lock_take(&lock, wait))
		result = read_permit(rel, tenant, id, true, cxt, out) ? LOCK_TAKEN : LOCK_MISSING;
	if (result == LOCK_MISSING)
		lock_drop(&lock);
	agc_table_close(rel, NoLock);
	return result;
}

/* What is collected of the permits whose lease has ended. */
typedef struct EndedScan
{
	const char *tenant;
	TimestampTz now;
	const char *budget;			/* only those that it carries; NULL: all */
	int			limit;
	int			looks;			/* how many more may be looked at */
	MemoryContext cxt;
	Permit	   *out;
	int			n;
} EndedScan;

static void
unlock_permit(const pg_uuid_t *id)
{
	BudgetLock	lock;

	lock_of_permit(&lock, permit_table.relid, id);
	lock_drop(&lock);
}

static bool
is_ended(const Permit *permit, TimestampTz now)
{
	return (permit->row.state == PERMIT_OPEN || permit->row.state == PERMIT_RETRY) &&
		permit->row.lease_until <= now;
}

static bool
is_carried_by(HeapTuple tuple, TupleDesc desc, const char *budget)
{
	bool		isnull;
	Datum	   *budgets;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(heap_getattr(tuple, P_BUDGETS + 1, desc, &isnull)), TEXTOID, -1, false,
					  TYPALIGN_INT, &budgets, NULL, &n);
	for (int i = 0; i < n; i++)
		if (strcmp(TextDatumGetCString(budgets[i]), budget) == 0)
			return true;
	return false;
}

/* The scan saw it open; the lock may have come after a settlement. */
static bool
lock_ended(HeapTuple tuple, TupleDesc desc, void *arg)
{
	EndedScan  *scan = arg;
	Permit	   *permit = &scan->out[scan->n];
	bool		isnull;
	pg_uuid_t  *id = DatumGetUUIDP(heap_getattr(tuple, P_ID + 1, desc, &isnull));

	if (scan->budget != NULL && !is_carried_by(tuple, desc, scan->budget))
		return --scan->looks > 0;
	if (store_permit_lock(scan->tenant, id, false, scan->cxt, permit) == LOCK_TAKEN)
	{
		if (is_ended(permit, scan->now))
			scan->n++;
		else
			unlock_permit(id);
	}
	return scan->n < scan->limit;
}

static void
scan_ended(const char *tenant, TimestampTz now, AgcOrderedCallback callback, void *arg)
{
	AgcKey		keys[2] = {
		agc_key_text(tenant),
		{TimestampTzGetDatum(now), F_TIMESTAMPTZ_LE, BTLessEqualStrategyNumber}
	};
	Relation	rel = open_permits(&permit_by_lease, AccessShareLock);

	agc_table_ordered(&permit_by_lease, rel, lengthof(keys), keys, callback, arg);
	agc_table_close(rel, AccessShareLock);
}

int
store_permits_lock_ended(const char *tenant, TimestampTz now, const char *budget, int limit,
						 MemoryContext cxt, Permit **out)
{
	EndedScan	scan = {.tenant = tenant, .now = now, .budget = budget, .limit = limit,
	.looks = ENDED_LOOKS, .cxt = cxt};

	*out = scan.out = MemoryContextAlloc(cxt, limit * sizeof(Permit));
	scan_ended(tenant, now, lock_ended, &scan);
	return scan.n;
}

static bool
note_any(HeapTuple tuple, TupleDesc desc, void *arg)
{
	*(bool *) arg = true;
	return false;
}

bool
store_permits_any_ended(const char *tenant, TimestampTz now)
{
	bool		any = false;

	scan_ended(tenant, now, note_any, &any);
	return any;
}

void
store_permit_write(const Permit *permit, Jsonb *result)
{
	Relation	rel = open_permits(&permit_table, RowExclusiveLock);
	const PermitRow *now = &permit->row;
	ItemPointerData row = permit->tid;
	Datum		values[NATTS_PERMIT];
	bool		nulls[NATTS_PERMIT];

	heap_deform_tuple(permit->stored, RelationGetDescr(rel), values, nulls);
	values[P_STATE] = CharGetDatum((char) now->state);
	values[P_ROLE] = CStringGetTextDatum(now->role);
	values[P_HELD_TOKENS] = Int64GetDatum(permit->held[DIM_TOKENS]);
	values[P_HELD_NANOUSD] = Int64GetDatum(permit->held[DIM_NANOUSD]);
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		values[P_CHARGED_TOKENS + dim] = Int64GetDatum(permit->charged[dim]);
	values[P_SPENT_TOKENS] = Int64GetDatum(permit->spent[DIM_TOKENS]);
	values[P_SPENT_NANOUSD] = Int64GetDatum(permit->spent[DIM_NANOUSD]);
	values[P_LEASE_UNTIL] = TimestampTzGetDatum(now->lease_until);
	values[P_RETRY_AT] = TimestampTzGetDatum(now->retry_at);
	nulls[P_RETRY_AT] = now->retry_at == 0;
	values[P_SETTLED_AT] = TimestampTzGetDatum(permit->settled_at);
	nulls[P_SETTLED_AT] = permit->settled_at == 0;
	values[P_ATTEMPT] = Int32GetDatum(now->attempt);
	values[P_CACHE_LEASE] = Int64GetDatum(now->cache_lease);
	if (result != NULL)
	{
		values[P_RESULT] = JsonbPGetDatum(result);
		nulls[P_RESULT] = false;
	}
	agc_heap_update(rel, &row, values, nulls);
	agc_table_close(rel, NoLock);
}

void
store_permit_resolve(const Permit *permit)
{
	Relation	rel = open_permits(&permit_table, RowExclusiveLock);
	ItemPointerData row = permit->tid;
	Datum		values[NATTS_PERMIT];
	bool		nulls[NATTS_PERMIT];

	heap_deform_tuple(permit->stored, RelationGetDescr(rel), values, nulls);
	values[P_RESOLVED] = BoolGetDatum(true);
	agc_heap_update(rel, &row, values, nulls);
	agc_table_close(rel, NoLock);
}

/*
 * Taken before a keyed insert, so that the insert itself never waits for
 * another transaction's row of the same key: waiting happens here, where a
 * caller that already holds counters can decline to.
 */
bool
store_key_lock(const char *tenant, const char *holder, const char *key, bool wait)
{
	Relation	rel = open_permits(&permit_table, RowExclusiveLock);
	BudgetLock	lock;

	lock_of_key(&lock, RelationGetRelid(rel), tenant, holder, key);
	agc_table_close(rel, NoLock);
	return lock_take(&lock, wait);
}

static void
read_hash(uint8 out[AGC_HASH_LEN], Datum datum)
{
	bytea	   *value = DatumGetByteaPP(datum);

	if (VARSIZE_ANY_EXHDR(value) != AGC_HASH_LEN)
		elog(ERROR, "hash of a permit has %zu bytes", (Size) VARSIZE_ANY_EXHDR(value));
	memcpy(out, VARDATA_ANY(value), AGC_HASH_LEN);
}

static void
permit_from_tuple(Permit *out, HeapTuple tuple, TupleDesc desc, MemoryContext cxt)
{
	MemoryContext old = MemoryContextSwitchTo(cxt);
	Datum		v[NATTS_PERMIT];
	bool		n[NATTS_PERMIT];
	PermitRow  *row = &out->row;
	Datum	   *budgets;

	memset(out, 0, sizeof(*out));
	out->stored = heap_copytuple(tuple);
	out->tid = tuple->t_self;
	heap_deform_tuple(out->stored, desc, v, n);

#define TEXT(column) (n[column] ? NULL : TextDatumGetCString(v[column]))
	row->id = *DatumGetUUIDP(v[P_ID]);
	row->state = (PermitState) DatumGetChar(v[P_STATE]);
	row->role = TEXT(P_ROLE);
	row->budget = TEXT(P_BUDGET);
	row->agent = TEXT(P_AGENT);
	row->tool = TEXT(P_TOOL);
	row->task = TEXT(P_TASK);
	row->subject = TEXT(P_SUBJECT);
	row->key = TEXT(P_KEY);
#undef TEXT
	row->is_llm = DatumGetBool(v[P_IS_LLM]);
	row->idempotent = DatumGetBool(v[P_IDEMPOTENT]);
	row->attempt = DatumGetInt32(v[P_ATTEMPT]);
	row->created_at = DatumGetTimestampTz(v[P_CREATED_AT]);
	row->lease_until = DatumGetTimestampTz(v[P_LEASE_UNTIL]);
	row->retry_at = n[P_RETRY_AT] ? 0 : DatumGetTimestampTz(v[P_RETRY_AT]);
	if (!n[P_REQUEST_HASH])
		read_hash(row->request_hash, v[P_REQUEST_HASH]);
	row->has_cache_key = !n[P_CACHE_KEY];
	if (row->has_cache_key)
		read_hash(row->cache_key, v[P_CACHE_KEY]);
	row->cache_lease = DatumGetInt64(v[P_CACHE_LEASE]);
	if (!n[P_RESULT])
		row->result = DatumGetJsonbPCopy(v[P_RESULT]);

	deconstruct_array(DatumGetArrayTypeP(v[P_BUDGETS]), TEXTOID, -1, false, TYPALIGN_INT,
					  &budgets, NULL, &out->depth);
	if (out->depth > BUDGET_MAX_DEPTH)
		elog(ERROR, "a permit names %d budgets", out->depth);
	for (int i = 0; i < out->depth; i++)
		out->budgets[i] = TextDatumGetCString(budgets[i]);
	if (!n[P_SLOTS])
		read_slots(v[P_SLOTS], out);
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
	{
		out->held[dim] = DatumGetInt64(v[P_HELD_TOKENS + dim]);
		out->charged[dim] = DatumGetInt64(v[P_CHARGED_TOKENS + dim]);
	}
	out->held[DIM_IN_FLIGHT] = 1;
	out->spent[DIM_TOKENS] = DatumGetInt64(v[P_SPENT_TOKENS]);
	out->spent[DIM_NANOUSD] = DatumGetInt64(v[P_SPENT_NANOUSD]);
	out->charge_on_expiry = DatumGetBool(v[P_CHARGE_ON_EXPIRY]);
	out->settled_at = n[P_SETTLED_AT] ? 0 : DatumGetTimestampTz(v[P_SETTLED_AT]);
	row->held_tokens = out->held[DIM_TOKENS];
	row->held_nanousd = out->held[DIM_NANOUSD];
	row->held_calls = out->held[DIM_CALLS];
	MemoryContextSwitchTo(old);
}

/* ----- ledger ----- */

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

/* Whether nothing has to be done for a row but to write it. */
static bool
is_plain(Relation leaf)
{
	TupleConstr *constr = RelationGetDescr(leaf)->constr;

	return leaf->rd_rel->relkind == RELKIND_RELATION && leaf->trigdesc == NULL &&
		(constr == NULL || (constr->num_check == 0 && !constr->has_generated_stored));
}

static void
insert_ledger_statement(Datum *values, bool *nulls)
{
	static const Oid types[NATTS_LEDGER] = {TEXTOID, TIMESTAMPTZOID, UUIDOID, UUIDOID, TEXTARRAYOID, TEXTOID,
											 INT8OID, INT8OID, INT8OID, TEXTOID, TEXTOID, BOOLOID, JSONBOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.budget_ledger (tenant, at, id, permit, budgets, event, tokens, nanousd, calls, agent, tool, is_llm, detail)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)", NATTS_LEDGER, types
	};
	char		missing[NATTS_LEDGER];

	for (int i = 0; i < NATTS_LEDGER; i++)
		missing[i] = nulls[i] ? 'n' : ' ';
	agc_owner_spi(&plan, values, missing);
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

void
store_ledger_add(const char *tenant, const Permit *permit, const LedgerEntry *entry)
{
	Relation	ledger = open_rows(&ledger_table, RowExclusiveLock, NATTS_LEDGER);
	Relation	leaf = open_ledger_leaf(ledger, entry->at);
	Datum		values[NATTS_LEDGER];
	bool		nulls[NATTS_LEDGER] = {false};
	pg_uuid_t	id;

	agc_uuid_v7(&id);
	values[L_TENANT] = CStringGetTextDatum(tenant);
	values[L_AT] = TimestampTzGetDatum(entry->at);
	values[L_ID] = UUIDPGetDatum(&id);
	nulls[L_PERMIT] = permit == NULL;
	values[L_PERMIT] = nulls[L_PERMIT] ? (Datum) 0 : UUIDPGetDatum(&permit->row.id);
	values[L_BUDGETS] = text_array(entry->budgets, entry->nbudgets);
	values[L_EVENT] = CStringGetTextDatum(entry->event);
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		values[L_TOKENS + dim] = Int64GetDatum(entry->amount[dim]);
	values[L_AGENT] = text_or_null(permit == NULL ? NULL : permit->row.agent, &nulls[L_AGENT]);
	values[L_TOOL] = text_or_null(permit == NULL ? NULL : permit->row.tool, &nulls[L_TOOL]);
	values[L_IS_LLM] = BoolGetDatum(permit != NULL && permit->row.is_llm);
	nulls[L_DETAIL] = entry->detail == NULL;
	values[L_DETAIL] = nulls[L_DETAIL] ? (Datum) 0 : JsonbPGetDatum(entry->detail);
	if (leaf != NULL && is_plain(leaf))
		insert_ledger_row(ledger, leaf, values, nulls);
	else
		insert_ledger_statement(values, nulls);
	if (leaf != NULL)
		table_close(leaf, NoLock);
	agc_table_close(ledger, NoLock);
}

void
store_ledger_sum(const char *tenant, const char *budget, TimestampTz from, TimestampTz to,
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
	Datum		values[4] = {CStringGetTextDatum(tenant), CStringGetTextDatum(budget),
						TimestampTzGetDatum(from), TimestampTzGetDatum(to)};
	bool		isnull;

	agc_spi(&plan, values, NULL);
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		out[dim] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
											   dim + 1, &isnull));
}

void
store_ledger_unbilled(const char *tenant, const Permit *permit, int64 out[BUDGET_NUSED])
{
	static const Oid types[] = {TEXTOID, TIMESTAMPTZOID, UUIDOID};
	static AgcPlan plan = {
		"SELECT (l.detail ->> 'tokens')::bigint, (l.detail ->> 'nanousd')::bigint"
		" FROM agentcore.budget_ledger l"
		" WHERE l.tenant = $1 AND l.at = $2 AND l.permit = $3 AND l.event = 'unbilled'", 3, types
	};
	Datum		values[3] = {CStringGetTextDatum(tenant), TimestampTzGetDatum(permit->settled_at),
						UUIDPGetDatum(&permit->row.id)};
	bool		isnull;

	memset(out, 0, BUDGET_NUSED * sizeof(int64));
	agc_spi(&plan, values, NULL);
	if (SPI_processed == 0)
		return;
	for (int dim = DIM_TOKENS; dim <= DIM_NANOUSD; dim++)
		out[dim] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, dim + 1, &isnull));
}

/* 0 when the ledger does not know the budget */
TimestampTz
store_ledger_last(const char *tenant, const char *budget)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"SELECT max(l.at) FROM agentcore.budget_ledger l"
		" WHERE l.tenant = $1 AND $2 = ANY (l.budgets)", 2, types
	};
	Datum		values[2] = {CStringGetTextDatum(tenant), CStringGetTextDatum(budget)};
	bool		isnull;
	Datum		last;

	agc_spi(&plan, values, NULL);
	last = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return isnull ? 0 : DatumGetTimestampTz(last);
}

/* ----- Datums ----- */

static Datum
int8_array(const int64 *values, int n, Oid type)
{
	Datum		few[BUDGET_MAX_WINDOWS * BUDGET_NUSED + 1];
	Datum	   *elems = n <= lengthof(few) ? few : palloc(n * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elems[i] = Int64GetDatum(values[i]);
	return PointerGetDatum(construct_array(elems, n, type, sizeof(int64), FLOAT8PASSBYVAL,
										   TYPALIGN_DOUBLE));
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

static Datum
text_array(char *const *values, int n)
{
	Datum	   *elems = palloc(Max(n, 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elems[i] = CStringGetTextDatum(values[i]);
	return PointerGetDatum(construct_array(elems, n, TEXTOID, -1, false, TYPALIGN_INT));
}

static Datum
slots_or_null(const Permit *permit, bool *null)
{
	Datum		elems[BUDGET_MAX_DEPTH];

	*null = true;
	for (int i = 0; i < permit->depth; i++)
	{
		elems[i] = Int32GetDatum(permit->slots[i]);
		*null = *null && permit->slots[i] == 0;
	}
	return *null ? (Datum) 0 :
		PointerGetDatum(construct_array(elems, permit->depth, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

static void
read_slots(Datum datum, Permit *out)
{
	ArrayType  *array = DatumGetArrayTypeP(datum);
	const int32 *slots = (const int32 *) ARR_DATA_PTR(array);

	if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] != out->depth || ARR_HASNULL(array))
		elog(ERROR, "slots of a permit do not match its budgets");
	for (int i = 0; i < out->depth; i++)
	{
		if (slots[i] < 0)
			elog(ERROR, "slots of a permit are malformed");
		out->slots[i] = slots[i];
	}
}

static Datum
text_or_null(const char *value, bool *null)
{
	*null = value == NULL;
	return value == NULL ? (Datum) 0 : CStringGetTextDatum(value);
}

static Datum
hash_or_null(const uint8 *hash, bool *null)
{
	bytea	   *value;

	*null = hash == NULL;
	if (hash == NULL)
		return (Datum) 0;
	value = palloc(VARHDRSZ + AGC_HASH_LEN);
	SET_VARSIZE(value, VARHDRSZ + AGC_HASH_LEN);
	memcpy(VARDATA(value), hash, AGC_HASH_LEN);
	return PointerGetDatum(value);
}
