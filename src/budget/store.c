/*
 * store.c
 *	  Rows of the counter, permit and ledger tables, by SPI with kept plans.
 *
 * Locks: rows are locked FOR NO KEY UPDATE and stay locked to the end of the
 * transaction.  A caller that must not wait gets SKIP LOCKED and a second look
 * that tells a busy row from a missing one.  In REPEATABLE READ and
 * SERIALIZABLE a row changed since the snapshot raises 40001.
 *
 * Memory: what is read is copied to the context that the caller names.  On
 * ERROR: the transaction takes everything back.
 */
#include "budget/store.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#define NATTS_COUNTER	9		/* tenant budget slot since seen window_revision starts used held */

/* Columns of agentcore.permit, in the order of the table. */
enum
{
	P_TENANT = 1, P_ID, P_STATE, P_ROLE, P_BUDGET, P_BUDGETS,
	P_HELD_TOKENS, P_HELD_NANOUSD, P_HELD_CALLS,
	P_CHARGED_TOKENS, P_CHARGED_NANOUSD, P_CHARGED_CALLS, P_SPENT_TOKENS, P_SPENT_NANOUSD,
	P_CHARGE_ON_EXPIRY, P_CREATED_AT, P_LEASE_UNTIL, P_RETRY_AT, P_SETTLED_AT, P_ATTEMPT,
	P_HOLDER, P_KEY, P_REQUEST_HASH, P_AGENT, P_TOOL, P_TASK, P_SUBJECT,
	P_IS_LLM, P_IDEMPOTENT, P_RESOLVED, P_CACHE_KEY, P_CACHE_LEASE, P_RESULT
};

static AgcTable counter_table = AGC_TABLE("budget_counter", "budget_counter_pkey");
static AgcTable permit_table = AGC_TABLE("permit", "permit_pkey");

static Datum int8_array(const int64 *values, int n, Oid type);
static int	read_int8_array(Datum datum, int64 *values, int max, const char *what);
static Datum text_array(char *const *values, int n);
static Datum text_or_null(const char *value, char *null);
static void counter_from_tuple(Counter *out, HeapTuple tuple, TupleDesc desc);
static void permit_from_tuple(Permit *out, HeapTuple tuple, TupleDesc desc, MemoryContext cxt);

/* ----- counters ----- */

static void
peek_row(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Counter    *out = arg;

	counter_from_tuple(out, tuple, desc);
}

bool
store_counter_peek(const char *tenant, const char *budget, Counter *out)
{
	const char *keys[2] = {tenant, budget};
	Relation	rel = agc_table_open(&counter_table, AccessShareLock);

	out->nwindows = 0;
	agc_table_scan(&counter_table, rel, 2, keys, peek_row, out);
	agc_table_close(rel, AccessShareLock);
	return out->nwindows > 0;
}

#define COUNTER_ROW \
	"SELECT c.* FROM agentcore.budget_counter c" \
	" WHERE c.tenant = $1 AND c.budget = $2 AND c.slot = 0"

LockResult
store_counter_lock(const char *tenant, const char *budget, bool wait, Counter *out)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan waiting = {COUNTER_ROW " FOR NO KEY UPDATE", 2, types};
	static AgcPlan skipping = {COUNTER_ROW " FOR NO KEY UPDATE SKIP LOCKED", 2, types};
	static AgcPlan looking = {COUNTER_ROW, 2, types};
	Datum		values[2] = {CStringGetTextDatum(tenant), CStringGetTextDatum(budget)};

	agc_spi(wait ? &waiting : &skipping, values, NULL);
	if (SPI_processed == 1)
	{
		counter_from_tuple(out, SPI_tuptable->vals[0], SPI_tuptable->tupdesc);
		return LOCK_TAKEN;
	}
	if (wait)
		return LOCK_MISSING;
	agc_spi(&looking, values, NULL);
	return SPI_processed == 1 ? LOCK_BUSY : LOCK_MISSING;
}

/* Does nothing if somebody else was faster. */
void
store_counter_create(const char *tenant, const char *budget, const Counter *counter)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID,
								 TIMESTAMPTZARRAYOID, INT8ARRAYOID, INT8ARRAYOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.budget_counter"
		" (tenant, budget, slot, since, seen, window_revision, starts, used, held)"
		" VALUES ($1, $2, 0, $3, $4, $5, $6, $7, $8)"
		" ON CONFLICT (tenant, budget, slot) DO NOTHING", 8, types
	};
	Datum		values[8] = {
		CStringGetTextDatum(tenant), CStringGetTextDatum(budget),
		TimestampTzGetDatum(counter->since), TimestampTzGetDatum(counter->seen),
		Int64GetDatum(counter->window_revision),
		int8_array(counter->start, counter->nwindows, TIMESTAMPTZOID),
		int8_array(counter->used[0], counter->nwindows * BUDGET_NUSED, INT8OID),
		int8_array(counter->held, BUDGET_NDIMS, INT8OID)
	};

	agc_spi(&plan, values, NULL);
}

void
store_counter_write(const char *tenant, const char *budget, const Counter *counter)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID, INT8OID,
								 TIMESTAMPTZARRAYOID, INT8ARRAYOID, INT8ARRAYOID};
	static AgcPlan plan = {
		"UPDATE agentcore.budget_counter"
		" SET seen = $3, window_revision = $4, starts = $5, used = $6, held = $7"
		" WHERE tenant = $1 AND budget = $2 AND slot = 0", 7, types
	};
	Datum		values[7] = {
		CStringGetTextDatum(tenant), CStringGetTextDatum(budget),
		TimestampTzGetDatum(counter->seen), Int64GetDatum(counter->window_revision),
		int8_array(counter->start, counter->nwindows, TIMESTAMPTZOID),
		int8_array(counter->used[0], counter->nwindows * BUDGET_NUSED, INT8OID),
		int8_array(counter->held, BUDGET_NDIMS, INT8OID)
	};

	agc_spi(&plan, values, NULL);
	if (SPI_processed != 1)
		elog(ERROR, "counter of budget \"%s\" vanished", budget);
}

void
store_counter_delete(const char *tenant, const char *budget)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.budget_counter WHERE tenant = $1 AND budget = $2", 2, types
	};
	Datum		values[2] = {CStringGetTextDatum(tenant), CStringGetTextDatum(budget)};

	agc_spi(&plan, values, NULL);
}

static void
counter_from_tuple(Counter *out, HeapTuple tuple, TupleDesc desc)
{
	Datum		values[NATTS_COUNTER];
	bool		nulls[NATTS_COUNTER];
	int			nused;

	Assert(desc->natts >= NATTS_COUNTER);
	heap_deform_tuple(tuple, desc, values, nulls);
	out->since = DatumGetTimestampTz(values[3]);
	out->seen = DatumGetTimestampTz(values[4]);
	out->window_revision = DatumGetInt64(values[5]);
	out->nwindows = read_int8_array(values[6], out->start, BUDGET_MAX_WINDOWS, "starts");
	nused = read_int8_array(values[7], out->used[0], BUDGET_MAX_WINDOWS * BUDGET_NUSED, "used");
	if (out->nwindows < 1 || nused != out->nwindows * BUDGET_NUSED ||
		read_int8_array(values[8], out->held, BUDGET_NDIMS, "held") != BUDGET_NDIMS)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("counter of budget \"%s\" has arrays of the wrong length",
						TextDatumGetCString(values[1]))));
}

/* ----- permits ----- */

void
store_permit_insert(const char *tenant, const Permit *permit,
					const PermitRequest *request, const char *holder)
{
	static const Oid types[] = {TEXTOID, UUIDOID, TEXTOID, TEXTOID, TEXTARRAYOID,
								 INT8OID, INT8OID, INT8OID, BOOLOID, TIMESTAMPTZOID, TIMESTAMPTZOID,
								 TEXTOID, TEXTOID, BYTEAOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
								 BOOLOID, BOOLOID, BYTEAOID, INT8OID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.permit (tenant, id, state, role, budget, budgets,"
		" held_tokens, held_nanousd, held_calls, charge_on_expiry, created_at, lease_until,"
		" holder, key, request_hash, agent, tool, task, subject,"
		" is_llm, idempotent, cache_key, cache_lease)"
		" VALUES ($1, $2, 'o', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,"
		" $17, $18, $19, $20, $21, $22)", lengthof(types), types
	};
	const PermitRow *row = &permit->row;
	char		nulls[lengthof(types) + 1];
	bytea	   *request_hash = palloc(VARHDRSZ + AGC_HASH_LEN);
	bytea	   *cache_key = palloc(VARHDRSZ + AGC_HASH_LEN);
	Datum		values[lengthof(types)];

	SET_VARSIZE(request_hash, VARHDRSZ + AGC_HASH_LEN);
	memcpy(VARDATA(request_hash), request->request_hash, AGC_HASH_LEN);
	SET_VARSIZE(cache_key, VARHDRSZ + AGC_HASH_LEN);
	memcpy(VARDATA(cache_key), request->cache_key, AGC_HASH_LEN);

	memset(nulls, ' ', sizeof(nulls));
	values[0] = CStringGetTextDatum(tenant);
	values[1] = UUIDPGetDatum(&row->id);
	values[2] = CStringGetTextDatum(row->role);
	values[3] = text_or_null(request->budget, &nulls[3]);
	values[4] = text_array(permit->budgets, permit->depth);
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		values[5 + dim] = Int64GetDatum(permit->held[dim]);
	values[8] = BoolGetDatum(permit->charge_on_expiry);
	values[9] = TimestampTzGetDatum(row->created_at);
	values[10] = TimestampTzGetDatum(row->lease_until);
	values[11] = text_or_null(request->key == NULL ? NULL : holder, &nulls[11]);
	values[12] = text_or_null(request->key, &nulls[12]);
	values[13] = PointerGetDatum(request_hash);
	if (request->key == NULL)
		nulls[13] = 'n';
	values[14] = text_or_null(request->agent, &nulls[14]);
	values[15] = text_or_null(request->tool, &nulls[15]);
	values[16] = text_or_null(request->task, &nulls[16]);
	values[17] = text_or_null(request->subject, &nulls[17]);
	values[18] = BoolGetDatum(request->is_llm);
	values[19] = BoolGetDatum(request->idempotent);
	values[20] = PointerGetDatum(cache_key);
	if (!request->has_cache_key)
		nulls[20] = 'n';
	values[21] = Int64GetDatum(request->cache_lease);
	agc_spi(&plan, values, nulls);
}

void
store_permit_delete(const char *tenant, const pg_uuid_t *id)
{
	static const Oid types[] = {TEXTOID, UUIDOID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.permit WHERE tenant = $1 AND id = $2", 2, types
	};
	Datum		values[2] = {CStringGetTextDatum(tenant), UUIDPGetDatum(id)};

	agc_spi(&plan, values, NULL);
}

#define PERMIT_ROW "SELECT p.* FROM agentcore.permit p WHERE p.tenant = $1 AND p.id = $2"

bool
store_permit_read(const char *tenant, const pg_uuid_t *id, MemoryContext cxt, Permit *out)
{
	static const Oid types[] = {TEXTOID, UUIDOID};
	static AgcPlan plan = {PERMIT_ROW, 2, types};
	Datum		values[2] = {CStringGetTextDatum(tenant), UUIDPGetDatum(id)};

	agc_spi(&plan, values, NULL);
	if (SPI_processed != 1)
		return false;
	permit_from_tuple(out, SPI_tuptable->vals[0], SPI_tuptable->tupdesc, cxt);
	return true;
}

/*
 * By the latest snapshot, also in REPEATABLE READ: the answer must be the
 * permit that another session has just made.  The index holds live states only.
 */
bool
store_permit_by_key(const char *tenant, const char *holder, const char *key,
					MemoryContext cxt, Permit *out)
{
	static AgcTable by_key = AGC_TABLE("permit", "permit_key");
	const char *keys[3] = {tenant, holder, key};
	Relation	rel = agc_table_open(&by_key, AccessShareLock);
	HeapTuple	tuple = agc_table_get(&by_key, rel, 3, keys);

	if (tuple != NULL)
		permit_from_tuple(out, tuple, RelationGetDescr(rel), cxt);
	agc_table_close(rel, AccessShareLock);
	return tuple != NULL;
}

LockResult
store_permit_lock(const char *tenant, const pg_uuid_t *id, bool wait, MemoryContext cxt,
				  Permit *out)
{
	static const Oid types[] = {TEXTOID, UUIDOID};
	static AgcPlan waiting = {PERMIT_ROW " FOR NO KEY UPDATE", 2, types};
	static AgcPlan skipping = {PERMIT_ROW " FOR NO KEY UPDATE SKIP LOCKED", 2, types};
	static AgcPlan looking = {PERMIT_ROW, 2, types};
	Datum		values[2] = {CStringGetTextDatum(tenant), UUIDPGetDatum(id)};

	agc_spi(wait ? &waiting : &skipping, values, NULL);
	if (SPI_processed == 1)
	{
		permit_from_tuple(out, SPI_tuptable->vals[0], SPI_tuptable->tupdesc, cxt);
		return LOCK_TAKEN;
	}
	if (wait)
		return LOCK_MISSING;
	agc_spi(&looking, values, NULL);
	return SPI_processed == 1 ? LOCK_BUSY : LOCK_MISSING;
}

/* Open permits whose lease has ended, oldest first, those being settled left out. */
int
store_permits_lock_ended(const char *tenant, TimestampTz now, int limit, MemoryContext cxt,
						 Permit **out)
{
	static const Oid types[] = {TEXTOID, TIMESTAMPTZOID, INT8OID};
	static AgcPlan plan = {
		"SELECT p.* FROM agentcore.permit p"
		" WHERE p.tenant = $1 AND p.state IN ('o', 'r') AND p.lease_until <= $2"
		" ORDER BY p.lease_until LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED", 3, types
	};
	Datum		values[3] = {CStringGetTextDatum(tenant), TimestampTzGetDatum(now),
						Int64GetDatum(limit)};
	int			n;

	agc_spi(&plan, values, NULL);
	n = (int) SPI_processed;
	*out = MemoryContextAlloc(cxt, Max(n, 1) * sizeof(Permit));
	for (int i = 0; i < n; i++)
		permit_from_tuple(&(*out)[i], SPI_tuptable->vals[i], SPI_tuptable->tupdesc, cxt);
	return n;
}

bool
store_permits_any_ended(const char *tenant, TimestampTz now)
{
	static const Oid types[] = {TEXTOID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"SELECT FROM agentcore.permit p"
		" WHERE p.tenant = $1 AND p.state IN ('o', 'r') AND p.lease_until <= $2 LIMIT 1", 2, types
	};
	Datum		values[2] = {CStringGetTextDatum(tenant), TimestampTzGetDatum(now)};

	agc_spi(&plan, values, NULL);
	return SPI_processed > 0;
}

void
store_permit_write(const char *tenant, const Permit *permit, Jsonb *result)
{
	static const Oid types[] = {TEXTOID, UUIDOID, CHAROID, INT8OID, INT8OID,
								 INT8OID, INT8OID, INT8OID, INT8OID, INT8OID,
								 TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, INT8OID, JSONBOID, TEXTOID};
	static AgcPlan plan = {
		"UPDATE agentcore.permit SET state = $3, held_tokens = $4, held_nanousd = $5,"
		" charged_tokens = $6, charged_nanousd = $7, charged_calls = $8,"
		" spent_tokens = $9, spent_nanousd = $10, lease_until = $11, retry_at = $12,"
		" settled_at = $13, attempt = $14, cache_lease = $15, result = coalesce($16, result),"
		" role = $17"
		" WHERE tenant = $1 AND id = $2", lengthof(types), types
	};
	const PermitRow *row = &permit->row;
	char		nulls[lengthof(types) + 1];
	Datum		values[lengthof(types)] = {
		CStringGetTextDatum(tenant), UUIDPGetDatum(&row->id), CharGetDatum((char) row->state),
		Int64GetDatum(permit->held[DIM_TOKENS]), Int64GetDatum(permit->held[DIM_NANOUSD]),
		Int64GetDatum(permit->charged[DIM_TOKENS]), Int64GetDatum(permit->charged[DIM_NANOUSD]),
		Int64GetDatum(permit->charged[DIM_CALLS]),
		Int64GetDatum(permit->spent[DIM_TOKENS]), Int64GetDatum(permit->spent[DIM_NANOUSD]),
		TimestampTzGetDatum(row->lease_until), TimestampTzGetDatum(row->retry_at),
		TimestampTzGetDatum(permit->settled_at), Int32GetDatum(row->attempt),
		Int64GetDatum(row->cache_lease), PointerGetDatum(result), CStringGetTextDatum(row->role)
	};

	memset(nulls, ' ', sizeof(nulls));
	nulls[11] = row->retry_at == 0 ? 'n' : ' ';
	nulls[12] = permit->settled_at == 0 ? 'n' : ' ';
	nulls[15] = result == NULL ? 'n' : ' ';
	agc_spi(&plan, values, nulls);
	if (SPI_processed != 1)
		elog(ERROR, "permit vanished while it was locked");
}

bool
store_permit_resolve(const char *tenant, const pg_uuid_t *id)
{
	static const Oid types[] = {TEXTOID, UUIDOID};
	static AgcPlan plan = {
		"UPDATE agentcore.permit SET resolved = true"
		" WHERE tenant = $1 AND id = $2 AND state IN ('e', 'f')", 2, types
	};
	Datum		values[2] = {CStringGetTextDatum(tenant), UUIDPGetDatum(id)};

	agc_spi(&plan, values, NULL);
	return SPI_processed > 0;
}

/*
 * Taken before a keyed insert, so that the insert itself never waits for
 * another transaction's row of the same key: waiting happens here, where a
 * caller that already holds counters can decline to.
 */
bool
store_key_lock(const char *tenant, const char *holder, const char *key, bool wait)
{
	LOCKTAG		tag;
	uint32		hash = hash_bytes((const unsigned char *) tenant, strlen(tenant));
	Relation	rel = agc_table_open(&permit_table, AccessShareLock);

	hash = hash_combine(hash, hash_bytes((const unsigned char *) holder, strlen(holder)));
	hash = hash_combine(hash, hash_bytes((const unsigned char *) key, strlen(key)));
	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationGetRelid(rel), hash, 0);
	agc_table_close(rel, AccessShareLock);
	return LockAcquire(&tag, ExclusiveLock, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
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
	Datum	   *v = palloc((desc->natts + 1) * sizeof(Datum));
	bool	   *n = palloc((desc->natts + 1) * sizeof(bool));
	PermitRow  *row = &out->row;
	Datum	   *budgets;

	Assert(desc->natts >= P_RESULT);
	heap_deform_tuple(tuple, desc, v + 1, n + 1);
	memset(out, 0, sizeof(*out));

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

void
store_ledger_add(const char *tenant, const Permit *permit, const LedgerEntry *entry)
{
	static const Oid types[] = {TEXTOID, TIMESTAMPTZOID, UUIDOID, UUIDOID, TEXTARRAYOID, TEXTOID,
								 INT8OID, INT8OID, INT8OID, TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.budget_ledger"
		" (tenant, at, id, permit, budgets, event, tokens, nanousd, calls, agent, tool)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)", lengthof(types), types
	};
	pg_uuid_t	id;
	char		nulls[lengthof(types) + 1];
	Datum		values[lengthof(types)];

	agc_uuid_v7(&id);
	memset(nulls, ' ', sizeof(nulls));
	values[0] = CStringGetTextDatum(tenant);
	values[1] = TimestampTzGetDatum(entry->at);
	values[2] = UUIDPGetDatum(&id);
	values[3] = UUIDPGetDatum(&permit->row.id);
	values[4] = text_array(entry->budgets, entry->nbudgets);
	values[5] = CStringGetTextDatum(entry->event);
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		values[6 + dim] = Int64GetDatum(entry->amount[dim]);
	values[9] = text_or_null(permit->row.agent, &nulls[9]);
	values[10] = text_or_null(permit->row.tool, &nulls[10]);
	agc_spi(&plan, values, nulls);
}

void
store_ledger_sum(const char *tenant, const char *budget, TimestampTz from,
				 int64 out[BUDGET_NUSED])
{
	static const Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"SELECT coalesce(sum(l.tokens), 0)::bigint, coalesce(sum(l.nanousd), 0)::bigint,"
		" coalesce(sum(l.calls), 0)::bigint FROM agentcore.budget_ledger l"
		" WHERE l.tenant = $1 AND $2 = ANY (l.budgets) AND l.at >= $3", 3, types
	};
	Datum		values[3] = {CStringGetTextDatum(tenant), CStringGetTextDatum(budget),
						TimestampTzGetDatum(from)};
	bool		isnull;

	agc_spi(&plan, values, NULL);
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		out[dim] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
											   dim + 1, &isnull));
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
	Datum		elems[BUDGET_MAX_WINDOWS * BUDGET_NUSED];

	Assert(n <= lengthof(elems));
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
text_or_null(const char *value, char *null)
{
	*null = value == NULL ? 'n' : ' ';
	return value == NULL ? (Datum) 0 : CStringGetTextDatum(value);
}
