/*
 * row_permit.c
 *	  Rows of agentcore.permit.
 *
 * Rows are read by index and written directly (core/table.c, core/heap.c): no
 * statement is planned or started on the way of a call.
 *
 * Locks: lock.c, taken here before a row is read to be written, kept to the end
 * of the transaction.  In REPEATABLE READ and SERIALIZABLE a row changed since
 * the snapshot raises 40001.
 *
 * Memory: what is read is copied to the context that the caller names.  On
 * ERROR: the transaction takes everything back.
 */
#include "budget/rows.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "core/row_layout.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

/* Ended leases of other budgets that a search for those of one passes over, at most. */
#define ENDED_LOOKS		1000

/* Columns of agentcore.permit, in the order of the table. */
enum
{
	P_TENANT, P_ID, P_STATE, P_ROLE, P_BUDGET, P_BUDGETS,
	P_HELD_TOKENS, P_HELD_NANOUSD, P_HELD_CALLS,
	P_CHARGED_TOKENS, P_CHARGED_NANOUSD, P_CHARGED_CALLS, P_SPENT_TOKENS, P_SPENT_NANOUSD,
	P_CHARGE_ON_EXPIRY, P_CREATED_AT, P_LEASE_UNTIL, P_RETRY_AT, P_SETTLED_AT, P_ATTEMPT,
	P_HOLDER, P_KEY, P_REQUEST_HASH, P_AGENT, P_TOOL, P_TASK, P_SUBJECT,
	P_IS_LLM, P_IDEMPOTENT, P_RESOLVED, P_CACHE_KEY, P_CACHE_LEASE, P_RESULT, P_RESULT_KEPT, P_RESULT_NOTE,
	P_ASKED_HASH, P_HELD_BY, P_LOOP_TAG, P_PRICED_AS, P_SERVICE_TIER, P_ESTIMATED, P_REPORTED_NANOUSD, P_LABELS, P_ALSO,
	P_EXCUSED,
	NATTS_PERMIT
};

static const RowColumn permit_columns[] = {
	{"tenant", TEXTOID, true},
	{"id", UUIDOID, true},
	{"state", CHAROID, true},
	{"role", TEXTOID, true},
	{"budget", TEXTOID, false},
	{"budgets", TEXTARRAYOID, true},
	{"held_tokens", INT8OID, true},
	{"held_nanousd", INT8OID, true},
	{"held_calls", INT8OID, true},
	{"charged_tokens", INT8OID, true},
	{"charged_nanousd", INT8OID, true},
	{"charged_calls", INT8OID, true},
	{"spent_tokens", INT8OID, true},
	{"spent_nanousd", INT8OID, true},
	{"charge_on_expiry", BOOLOID, true},
	{"created_at", TIMESTAMPTZOID, true},
	{"lease_until", TIMESTAMPTZOID, true},
	{"retry_at", TIMESTAMPTZOID, false},
	{"settled_at", TIMESTAMPTZOID, false},
	{"attempt", INT4OID, true},
	{"holder", TEXTOID, false},
	{"key", TEXTOID, false},
	{"request_hash", BYTEAOID, false},
	{"agent", TEXTOID, false},
	{"tool", TEXTOID, false},
	{"task", TEXTOID, false},
	{"subject", TEXTOID, false},
	{"is_llm", BOOLOID, true},
	{"idempotent", BOOLOID, true},
	{"resolved", BOOLOID, true},
	{"cache_key", BYTEAOID, false},
	{"cache_lease", INT8OID, true},
	{"result", JSONBOID, false},
	{"result_kept", BOOLOID, false},
	{"result_note", TEXTOID, false},
	{"asked_hash", BYTEAOID, false},
	{"held_by", BYTEAOID, false},
	{"loop_tag", INT8OID, true},
	{"priced_as", TEXTOID, false},
	{"service_tier", TEXTOID, false},
	{"estimated", TEXTOID, false},
	{"reported_nanousd", INT8OID, false},
	{"labels", JSONBOID, false},
	{"also", TEXTARRAYOID, false},
	{"excused", TEXTARRAYOID, false},
};
StaticAssertDecl(lengthof(permit_columns) == NATTS_PERMIT, "one entry per column");

static AgcTable permit_table = AGC_TABLE("permit", "permit_pkey");
static AgcTable permit_by_key = AGC_TABLE("permit", "permit_key");
static AgcTable permit_by_lease = AGC_TABLE("permit", "permit_open");

static Datum hash_or_null(const uint8 *hash, bool *null);
static void put_hashes(const PermitRow *row, bool keyed, Datum *values, bool *nulls);
static void permit_from_tuple(Permit *out, HeapTuple tuple, TupleDesc desc, MemoryContext cxt);

static Relation
open_permits(AgcTable *by, LOCKMODE lockmode)
{
	return row_open(by, lockmode, permit_columns, NATTS_PERMIT);
}

void
row_permit_insert(const char *tenant, Permit *permit, const PermitRequest *request,
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
	values[P_BUDGET] = row_text(request->budget, &nulls[P_BUDGET]);
	values[P_BUDGETS] = agc_texts_datum(permit->budgets, permit->depth);
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
	{
		values[P_HELD_TOKENS + dim] = Int64GetDatum(permit->held[dim]);
		values[P_CHARGED_TOKENS + dim] = Int64GetDatum(0);
	}
	values[P_SPENT_TOKENS] = values[P_SPENT_NANOUSD] = Int64GetDatum(0);
	values[P_CHARGE_ON_EXPIRY] = BoolGetDatum(permit->charge_on_expiry);
	values[P_CREATED_AT] = TimestampTzGetDatum(row->created_at);
	values[P_LEASE_UNTIL] = TimestampTzGetDatum(row->lease_until);
	nulls[P_RETRY_AT] = nulls[P_SETTLED_AT] = nulls[P_ESTIMATED] = nulls[P_REPORTED_NANOUSD] = true;
	values[P_ATTEMPT] = Int32GetDatum(Max(request->attempt, 1));
	values[P_HOLDER] = row_text(keyed ? holder : NULL, &nulls[P_HOLDER]);
	values[P_KEY] = row_text(request->key, &nulls[P_KEY]);
	put_hashes(row, keyed, values, nulls);
	values[P_AGENT] = row_text(request->agent, &nulls[P_AGENT]);
	values[P_TOOL] = row_text(request->tool, &nulls[P_TOOL]);
	values[P_PRICED_AS] = row_text(request->priced_as, &nulls[P_PRICED_AS]);
	values[P_SERVICE_TIER] = row_text(request->service_tier, &nulls[P_SERVICE_TIER]);
	values[P_TASK] = row_text(request->task, &nulls[P_TASK]);
	values[P_SUBJECT] = row_text(request->subject, &nulls[P_SUBJECT]);
	nulls[P_LABELS] = request->labels == NULL;
	values[P_LABELS] = nulls[P_LABELS] ? (Datum) 0 : JsonbPGetDatum(request->labels);
	values[P_IS_LLM] = BoolGetDatum(request->is_llm);
	values[P_IDEMPOTENT] = BoolGetDatum(request->idempotent);
	values[P_RESOLVED] = BoolGetDatum(false);
	values[P_CACHE_KEY] = hash_or_null(request->has_cache_key ? request->cache_key : NULL, &nulls[P_CACHE_KEY]);
	values[P_CACHE_LEASE] = Int64GetDatum(request->cache_lease);
	values[P_LOOP_TAG] = Int64GetDatum(request->loop_tag);
	nulls[P_ALSO] = request->nalso == 0;
	values[P_ALSO] = nulls[P_ALSO] ? (Datum) 0 : agc_texts_datum(request->also, request->nalso);
	nulls[P_EXCUSED] = permit->nexcused == 0;
	values[P_EXCUSED] = nulls[P_EXCUSED] ? (Datum) 0 : agc_texts_datum(permit->excused, permit->nexcused);
	nulls[P_RESULT] = nulls[P_RESULT_KEPT] = nulls[P_RESULT_NOTE] = true;
	permit->tid = agc_heap_insert(rel, values, nulls);
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
row_permit_read(const char *tenant, const pg_uuid_t *id, MemoryContext cxt, Permit *out)
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
 * By the latest snapshot, also in REPEATABLE READ: the answer must be the permit
 * that another session has just made.  The index holds only permits that keep their
 * key.  So this is an ordered scan, which uses the index whatever
 * ignore_system_indexes says.
 */
bool
row_permit_by_key(const char *tenant, const char *holder, const char *key,
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
row_permit_lock(const char *tenant, const pg_uuid_t *id, bool wait, MemoryContext cxt,
				Permit *out)
{
	Relation	rel = open_permits(&permit_table, RowExclusiveLock);
	LockResult	result = LOCK_BUSY;
	BudgetLock	lock;

	lock_of_permit(&lock, RelationGetRelid(rel), id);
	if (lock_take(&lock, wait))
		result = read_permit(rel, tenant, id, true, cxt, out) ? LOCK_TAKEN : LOCK_MISSING;
	if (result == LOCK_MISSING)
		lock_drop_mode(&lock, ExclusiveLock);
	agc_table_close(rel, NoLock);
	return result;
}

/* A search for permits whose lease has ended. */
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
	lock_drop_mode(&lock, ExclusiveLock);
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
	if (row_permit_lock(scan->tenant, id, false, scan->cxt, permit) == LOCK_TAKEN)
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
row_permits_lock_ended(const char *tenant, TimestampTz now, const char *budget, int limit,
					   MemoryContext cxt, Permit **out)
{
	EndedScan	scan = {.tenant = tenant, .now = now, .budget = budget, .limit = limit, .looks = ENDED_LOOKS, .cxt = cxt};

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
row_permits_any_ended(const char *tenant, TimestampTz now)
{
	bool		any = false;

	scan_ended(tenant, now, note_any, &any);
	return any;
}

/* How a key knows the request, and who may have it back. */
static void
put_hashes(const PermitRow *row, bool keyed, Datum *values, bool *nulls)
{
	values[P_REQUEST_HASH] = hash_or_null(keyed ? row->request_hash : NULL, &nulls[P_REQUEST_HASH]);
	values[P_ASKED_HASH] = hash_or_null(keyed && row->has_asked_hash ? row->asked_hash : NULL, &nulls[P_ASKED_HASH]);
	values[P_HELD_BY] = hash_or_null(keyed && row->has_held_by ? row->held_by : NULL, &nulls[P_HELD_BY]);
}

void
row_permit_write(const Permit *permit, const PermitAnswer *answer)
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
	values[P_RESOLVED] = BoolGetDatum(permit->resolved);
	values[P_CACHE_LEASE] = Int64GetDatum(now->cache_lease);
	if (permit->claimed)
		put_hashes(now, true, values, nulls);
	if (permit->noted && permit->estimated != NULL)
		values[P_ESTIMATED] = row_text(permit->estimated, &nulls[P_ESTIMATED]);
	if (permit->noted && permit->reported_nanousd >= 0)
	{
		values[P_REPORTED_NANOUSD] = Int64GetDatum(permit->reported_nanousd);
		nulls[P_REPORTED_NANOUSD] = false;
	}
	if (answer != NULL && answer->given)
	{
		bool		kept = answer->result != NULL && now->key != NULL;

		values[P_RESULT] = kept ? JsonbPGetDatum(answer->result) : (Datum) 0;
		nulls[P_RESULT] = !kept;
		values[P_RESULT_KEPT] = BoolGetDatum(answer->result != NULL);
		nulls[P_RESULT_KEPT] = false;
		values[P_RESULT_NOTE] = row_text(answer->note, &nulls[P_RESULT_NOTE]);
	}
	agc_heap_update(rel, &row, values, nulls);
	agc_table_close(rel, NoLock);
}

/*
 * Taken before a keyed insert, so that the insert itself never waits for another
 * transaction's row of the same key.  The wait is here, where a caller that already
 * holds counters can decline to wait.
 */
static void
key_lock(BudgetLock *lock, const char *tenant, const char *holder, const char *key)
{
	Relation	rel = open_permits(&permit_table, RowExclusiveLock);

	lock_of_key(lock, RelationGetRelid(rel), tenant, holder, key);
	agc_table_close(rel, NoLock);
}

bool
row_key_lock(const char *tenant, const char *holder, const char *key, bool wait)
{
	BudgetLock	lock;

	key_lock(&lock, tenant, holder, key);
	return lock_take(&lock, wait);
}

void
row_key_unlock(const char *tenant, const char *holder, const char *key)
{
	BudgetLock	lock;

	key_lock(&lock, tenant, holder, key);
	lock_drop_mode(&lock, ExclusiveLock);
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
	row->priced_as = TEXT(P_PRICED_AS);
	row->service_tier = TEXT(P_SERVICE_TIER);
	row->task = TEXT(P_TASK);
	row->subject = TEXT(P_SUBJECT);
	row->key = TEXT(P_KEY);
	row->result_note = TEXT(P_RESULT_NOTE);
#undef TEXT
	row->is_llm = DatumGetBool(v[P_IS_LLM]);
	row->idempotent = DatumGetBool(v[P_IDEMPOTENT]);
	row->attempt = DatumGetInt32(v[P_ATTEMPT]);
	row->created_at = DatumGetTimestampTz(v[P_CREATED_AT]);
	row->lease_until = DatumGetTimestampTz(v[P_LEASE_UNTIL]);
	row->retry_at = n[P_RETRY_AT] ? 0 : DatumGetTimestampTz(v[P_RETRY_AT]);
	if (!n[P_REQUEST_HASH])
		read_hash(row->request_hash, v[P_REQUEST_HASH]);
	row->has_asked_hash = !n[P_ASKED_HASH];
	if (row->has_asked_hash)
		read_hash(row->asked_hash, v[P_ASKED_HASH]);
	row->has_held_by = !n[P_HELD_BY];
	if (row->has_held_by)
		read_hash(row->held_by, v[P_HELD_BY]);
	row->has_cache_key = !n[P_CACHE_KEY];
	if (row->has_cache_key)
		read_hash(row->cache_key, v[P_CACHE_KEY]);
	row->cache_lease = DatumGetInt64(v[P_CACHE_LEASE]);
	row->loop_tag = DatumGetInt64(v[P_LOOP_TAG]);
	if (!n[P_RESULT])
		row->result = DatumGetJsonbPCopy(v[P_RESULT]);
	if (!n[P_LABELS])
		row->labels = DatumGetJsonbP(v[P_LABELS]);	/* of the stored copy */

	deconstruct_array(DatumGetArrayTypeP(v[P_BUDGETS]), TEXTOID, -1, false, TYPALIGN_INT,
					  &budgets, NULL, &out->depth);
	if (out->depth > BUDGET_MAX_LINKS)
		elog(ERROR, "a permit names %d budgets", out->depth);
	for (int i = 0; i < out->depth; i++)
		out->budgets[i] = TextDatumGetCString(budgets[i]);
	if (!n[P_ALSO])
		row->also = agc_texts_of(v[P_ALSO], &row->nalso);
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
	{
		out->held[dim] = DatumGetInt64(v[P_HELD_TOKENS + dim]);
		out->charged[dim] = DatumGetInt64(v[P_CHARGED_TOKENS + dim]);
	}
	out->held[DIM_IN_FLIGHT] = 1;
	out->spent[DIM_TOKENS] = DatumGetInt64(v[P_SPENT_TOKENS]);
	out->spent[DIM_NANOUSD] = DatumGetInt64(v[P_SPENT_NANOUSD]);
	out->row.spent_tokens = out->spent[DIM_TOKENS];
	out->row.spent_nanousd = out->spent[DIM_NANOUSD];
	out->charge_on_expiry = DatumGetBool(v[P_CHARGE_ON_EXPIRY]);
	out->resolved = DatumGetBool(v[P_RESOLVED]);
	out->settled_at = n[P_SETTLED_AT] ? 0 : DatumGetTimestampTz(v[P_SETTLED_AT]);
	row->held_tokens = out->held[DIM_TOKENS];
	row->held_nanousd = out->held[DIM_NANOUSD];
	row->held_calls = out->held[DIM_CALLS];
	MemoryContextSwitchTo(old);
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
