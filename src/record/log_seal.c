/*
 * log_seal.c
 *	  log_seal(): one Merkle root per batch of rows that were written since the last.
 *
 * A batch has every row with an id up to a horizon that no batch before has.  Ids are
 * taken by transactions that COMMIT in another order, so a row with a lower id may
 * appear later.  Whoever takes an id holds the log's lock from before until his
 * transaction ends (record_write()), so those that hold it now, after the highest
 * id was read, are the ones to wait for.  If one of them does not end in time,
 * the batch ends before the first id that is missing: the rest is for the next.
 *
 * Rows of one month (UTC) are a batch of their own, because retention removes whole
 * months.  Removed rows are no tampering: what was removed is told by a row of the
 * chain (log_seal_retired()).
 *
 * Locks: AccessShareLock on the log, then ShareRowExclusiveLock on the batches, both
 * to the end of the transaction; retention takes its locks in the same order.
 * Memory: 56 bytes per row of a batch.  On ERROR: the transaction takes everything
 * back.
 */
#include "record/seal.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "core/row.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/lsyscache.h"
#include "utils/wait_event.h"

#define MAX_ROWS	100000000	/* of a batch */
#define POLL_MS		10

typedef struct Sealing
{
	int64		max_rows;
	int64		patience;		/* us */
	const char *role;
	ReturnSetInfo *result;
	SealHasher	hasher;
	SealBatch	last;			/* the newest batch */
	int64		horizon;		/* the last id that is sealed now */
	bool		complete;		/* nobody can write a row up to the horizon any more */
	int64		left;			/* rows that were seen and are left for the next time */
} Sealing;

static void
lock_tables(void)
{
	static AgcPlan log = {"LOCK TABLE agentcore.call_log_entry IN ACCESS SHARE MODE", 0, NULL};
	static AgcPlan batches = {"LOCK TABLE agentcore.log_batch IN SHARE ROW EXCLUSIVE MODE", 0, NULL};

	agc_spi(&log, NULL, NULL);
	agc_spi(&batches, NULL, NULL);
}

/* ----- the horizon ------------------------------------------------------------------ */

/* The highest id that was taken so far; 0: none was. */
static int64
last_id(void)
{
	static AgcPlan plan = {"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM agentcore.call_log_seq", 0, NULL};
	bool		isnull;

	agc_spi(&plan, NULL, NULL);
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* The transactions that may have taken an id and not ended, but for this one. */
static VirtualTransactionId *
writers(int *n)
{
	Oid			log = get_relname_relid("call_log_entry", get_namespace_oid(AGC_SCHEMA, false));
	LOCKTAG		tag;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, log);
	return GetLockConflicts(&tag, ShareLock, n);
}

/* False: one of them has not ended in time. */
static bool
wait_for_writers(int64 patience)
{
	TimestampTz until = agc_now() + patience;
	int			n;
	VirtualTransactionId *writer = writers(&n);

	for (int i = 0; i < n; i++)
		while (!VirtualXactLock(writer[i], false))
		{
			CHECK_FOR_INTERRUPTS();
			if (agc_now() >= until)
				return false;
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, POLL_MS, PG_WAIT_EXTENSION);
			ResetLatch(MyLatch);
		}
	return true;
}

/* ----- batches -------------------------------------------------------------------------- */

/* The ids of rows in their order, as an int8multirange is written. */
static char *
ids_text(const SealedRow *rows, int64 n)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoChar(&text, '{');
	for (int64 i = 0; i < n;)
	{
		int64		first = rows[i].id;
		int64		next = first;

		while (i < n && rows[i].id <= next)
			next = rows[i++].id + 1;
		appendStringInfo(&text, "%s[" INT64_FORMAT "," INT64_FORMAT ")", text.len > 1 ? "," : "", first, next);
	}
	appendStringInfoChar(&text, '}');
	return text.data;
}

static void
write_next(Sealing *s, SealBatch *batch)
{
	AgcRow		row;
	bytea	   *root = palloc(VARHDRSZ + SEAL_LEN);
	bytea	   *seal = palloc(VARHDRSZ + SEAL_LEN);

	batch->batch = s->last.batch + 1;
	batch->at = agc_now();
	batch->role = unconstify(char *, s->role);
	batch->has_previous = s->last.batch > 0;
	memcpy(batch->previous, s->last.seal, SEAL_LEN);
	batch_write(&s->hasher, batch);
	s->last = *batch;
	if (s->result == NULL)
		return;
	SET_VARSIZE(root, VARHDRSZ + SEAL_LEN);
	memcpy(VARDATA(root), batch->root, SEAL_LEN);
	SET_VARSIZE(seal, VARHDRSZ + SEAL_LEN);
	memcpy(VARDATA(seal), batch->seal, SEAL_LEN);
	agc_row_init(&row);
	agc_put_int64(&row, batch->batch);
	agc_put_int64(&row, batch->rows);
	agc_put_pointer(&row, root);
	agc_put_pointer(&row, seal);
	agc_row_store(s->result, &row);
}

/* Rows of one month. */
static void
seal_month(Sealing *s, const SealedRow *rows, int64 n, int fields, int64 from_id, int64 to_id)
{
	SealBatch	batch = {.from_id = from_id, .to_id = to_id, .rows = n, .fields = fields};
	SealTree	tree = {0};

	batch.ids = ids_text(rows, n);
	batch.from_at = batch.to_at = rows[0].at;
	for (int64 i = 0; i < n; i++)
	{
		batch.from_at = Min(batch.from_at, rows[i].at);
		batch.to_at = Max(batch.to_at, rows[i].at);
		seal_add(&s->hasher, &tree, rows[i].leaf);
	}
	seal_root(&s->hasher, &tree, batch.root);
	write_next(s, &batch);
}

static void
seal_months(Sealing *s, SealedRows *rows, int64 from_id, int64 to_id)
{
	seal_sort_by_month(rows);
	for (int64 i = 0, next; i < rows->n; i = next)
	{
		for (next = i + 1; next < rows->n && rows->items[next].month == rows->items[i].month; next++)
			;
		seal_month(s, rows->items + i, next - i, rows->fields, from_id, to_id);
	}
}

/* Rows in the order of their ids; how many come before the first id that is missing. */
static int64
before_gap(const SealedRows *rows, int64 from_id)
{
	int64		expected = from_id;

	for (int64 i = 0; i < rows->n; i++)
	{
		if (rows->items[i].id > expected)
			return i;
		expected = rows->items[i].id + 1;
	}
	return rows->n;
}

/* The rows from first to to_id, before which there are none from from_id on; false: the horizon is reached. */
static bool
seal_window(Sealing *s, SealedRows *rows, int64 from_id, int64 first, int64 to_id)
{
	int64		n;

	seal_read_rows(&s->hasher, first, to_id, 0, false, rows);
	n = s->complete ? rows->n : before_gap(rows, from_id);
	s->left += rows->n - n;
	if (!s->complete && (n == 0 || rows->items[n - 1].id < to_id))
		s->horizon = to_id = n == 0 ? from_id - 1 : rows->items[n - 1].id;
	rows->n = n;
	if (n > 0)
		seal_months(s, rows, from_id, to_id);
	return to_id < s->horizon;
}

/* The lowest id from that one on; beyond the horizon: there is none. */
static int64
next_id(const Sealing *s, int64 from_id)
{
	static const Oid types[] = {INT8OID, INT8OID};
	static AgcPlan plan = {
		"SELECT min(id) FROM agentcore.call_log_entry WHERE id >= $1 AND id <= $2", lengthof(types), types
	};
	AgcRow		row;
	bool		isnull;
	Datum		id;

	agc_row_init(&row);
	agc_put_int64(&row, from_id);
	agc_put_int64(&row, s->horizon);
	agc_spi_row(&plan, &row);
	id = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return isnull ? s->horizon + 1 : DatumGetInt64(id);
}

static void
seal_windows(Sealing *s)
{
	SealedRows	rows = {0};
	bool		more = true;

	while (more && s->last.to_id < s->horizon)
	{
		int64		from_id = s->last.to_id + 1;
		int64		first = s->complete ? next_id(s, from_id) : from_id;

		more = first <= s->horizon &&
			seal_window(s, &rows, from_id, first, Min(first + s->max_rows - 1, s->horizon));
	}
}

static void
seal_all(Sealing *s)
{
	AgcOwner	owner;

	agc_owner_begin(&owner);
	lock_tables();
	(void) batch_read_last(&s->last);
	s->horizon = last_id();
	s->complete = wait_for_writers(s->patience);
	seal_open_hasher(&s->hasher);
	seal_windows(s);
	seal_close_hasher(&s->hasher);
	agc_owner_end(&owner);
}

/* A snapshot from before the lock would miss what others have sealed meanwhile. */
static void
require_fresh_snapshots(void)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("the log can be sealed in READ COMMITTED only"),
				 errhint("Call it in a transaction of its own, at ISOLATION LEVEL READ COMMITTED.")));
}

/* log_seal(patience, max_rows) -> setof (batch, rows, root, seal) */
AGC_FUNCTION(log_seal)
{
	Sealing		s = {.role = GetUserNameFromId(GetUserId(), false)};

	s.patience = agc_opt_interval(fcinfo, 0, "patience", -1);
	s.max_rows = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);
	if (s.patience < 0)
		agc_refuse_null("patience");
	if (s.max_rows < 1 || s.max_rows > MAX_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_rows must be between 1 and %d", MAX_ROWS)));
	agc_enter(ALL_TENANTS, AGC_ADMIN);
	require_fresh_snapshots();
	InitMaterializedSRF(fcinfo, 0);
	s.result = (ReturnSetInfo *) fcinfo->resultinfo;
	seal_all(&s);
	if (s.left > 0)
		ereport(NOTICE,
				(errmsg("rows of the log were left for the next seal: " INT64_FORMAT, s.left),
				 errdetail("A transaction that has not ended may still write a row before them.")));
	return (Datum) 0;
}

/* ----- retention ------------------------------------------------------------------------- */

static char *
writer_name(void)
{
	static AgcPlan plan = {"SELECT agentcore.history_writer()", 0, NULL};

	agc_spi(&plan, NULL, NULL);
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

/*
 * log_seal_retired(before) -> void: the removal of rows before a time, as a row of
 * the chain.  Where nothing was ever sealed there is nothing to tell.
 */
AGC_FUNCTION(log_seal_retired)
{
	Sealing		s = {0};
	SealBatch	batch = {.ids = "{}"};
	SealTree	none = {0};
	AgcOwner	owner;

	agc_owner_begin(&owner);
	lock_tables();
	if (batch_read_last(&s.last))
	{
		s.role = writer_name();
		batch.from_id = s.last.from_id;
		batch.to_id = s.last.to_id;
		batch.retired_before = PG_GETARG_TIMESTAMPTZ(0);
		seal_open_hasher(&s.hasher);
		seal_root(&s.hasher, &none, batch.root);
		write_next(&s, &batch);
		seal_close_hasher(&s.hasher);
	}
	agc_owner_end(&owner);
	PG_RETURN_VOID();
}
