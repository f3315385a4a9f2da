/*
 * log_verify.c
 *	  log_verify(): whether the log's rows are those that were sealed.
 *
 * Batches and rows are read under one snapshot, so nothing that goes on meanwhile is
 * taken for tampering.  Batches of one sealing share a range of ids, and are looked
 * at together: each row of the range belongs to the batch that has its id, or to
 * none.
 *
 * Memory: 56 bytes per row of a range, and the batches.  Locks: AccessShareLock on
 * both tables.  On ERROR: nothing to undo.
 */
#include "record/seal.h"

#include "catalog/pg_type.h"
#include "core/row.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define IDS_SHOWN	5

/* What is wrong with a batch; of several the first is its state. */
typedef enum Wrong
{
	WRONG_SEAL = 1 << 0,
	WRONG_MISSING = 1 << 1,
	WRONG_EXTRA = 1 << 2,
	WRONG_CHANGED = 1 << 3,
	RETIRED = 1 << 4
} Wrong;

/* One batch under examination. */
typedef struct Examined
{
	const SealBatch *batch;
	SealIds		ids;
	SealTree	tree;
	int64		found;			/* rows with its ids */
	int64		distinct;
	int64		last;			/* the id of the last row found */
	int			nmissing;
	int64		missing[IDS_SHOWN];
	int			wrong;
	StringInfoData detail;
} Examined;

typedef struct Verification
{
	SealHasher	hasher;
	SealBatch  *batches;
	int			n;
	TimestampTz retired_before; /* the latest of the batches that follow */
	ReturnSetInfo *result;
} Verification;

/* ----- one batch --------------------------------------------------------------------- */

static void
tell(Examined *e, Wrong wrong, const char *what)
{
	e->wrong |= wrong;
	appendStringInfo(&e->detail, "%s%s", e->detail.len > 0 ? "; " : "", what);
}

static void
note_id(char **list, int64 n, int64 id)
{
	if (n < IDS_SHOWN)
		*list = psprintf("%s%s" INT64_FORMAT, *list, n > 0 ? ", " : "", id);
	else if (n == IDS_SHOWN)
		*list = psprintf("%s and others", *list);
}

/* Its seal, and that it follows the batch before. */
static void
examine_seal(Verification *v, Examined *e, const SealBatch *before)
{
	const SealBatch *batch = e->batch;
	uint8		seal[SEAL_LEN];

	batch_seal(&v->hasher, batch, seal);
	if (memcmp(seal, batch->seal, SEAL_LEN) != 0)
		tell(e, WRONG_SEAL, "the batch is not what was sealed");
	if (batch->batch != (before == NULL ? 1 : before->batch + 1))
		tell(e, WRONG_SEAL, "the batch before is missing");
	else if (before != NULL && (!batch->has_previous || memcmp(batch->previous, before->seal, SEAL_LEN) != 0))
		tell(e, WRONG_SEAL, "it was sealed after another batch than the one before");
}

/* Its rows come in the order of their ids. */
static void
examine_row(Verification *v, Examined *e, const SealedRow *row)
{
	e->distinct += e->found == 0 || row->id != e->last;
	e->found++;
	e->last = row->id;
	seal_add(&v->hasher, &e->tree, row->leaf);
}

/* Which ids have no row; the rows of the range are in the order of their ids. */
static char *
missing_ids(const Examined *e, const SealedRows *rows)
{
	char	   *list = "";
	int64		n = 0;
	int64		at = 0;

	for (int i = 0; i < e->ids.n; i++)
		for (int64 id = e->ids.ranges[i].first; id < e->ids.ranges[i].next && n <= IDS_SHOWN; id++)
		{
			while (at < rows->n && rows->items[at].id < id)
				at++;
			if (at == rows->n || rows->items[at].id != id)
				note_id(&list, n++, id);
		}
	return list;
}

static void
judge_rows(Verification *v, Examined *e, const SealedRows *rows)
{
	const SealBatch *batch = e->batch;
	uint8		root[SEAL_LEN];

	seal_root(&v->hasher, &e->tree, root);
	if (batch->rows > 0 && e->found == 0 && v->retired_before > batch->to_at)
		tell(e, RETIRED, "its rows were removed by retention");
	else if (e->distinct < batch_count_ids(&e->ids))
		tell(e, WRONG_MISSING, psprintf("rows are missing: %s", missing_ids(e, rows)));
	if (e->found - e->distinct > batch->rows - batch_count_ids(&e->ids))
		tell(e, WRONG_EXTRA, "an id has more rows than were sealed");
	if ((e->wrong & ~WRONG_SEAL) == 0 && memcmp(root, batch->root, SEAL_LEN) != 0)
		tell(e, WRONG_CHANGED, "a row was changed");
}

static void
store_state(Verification *v, const SealBatch *batch, const char *state, int64 found, const char *detail)
{
	AgcRow		row;

	agc_row_init(&row);
	agc_put_datum(&row, Int64GetDatum(batch == NULL ? 0 : batch->batch), batch == NULL);
	agc_put_text(&row, state);
	agc_put_datum(&row, Int64GetDatum(batch == NULL ? 0 : batch->rows), batch == NULL);
	agc_put_datum(&row, Int64GetDatum(found), found < 0);
	agc_put_text(&row, detail);
	agc_row_store(v->result, &row);
}

static void
store_examined(Verification *v, const Examined *e)
{
	static const char *const states[] = {"seal", "missing", "extra", "changed", "retired"};
	const char *state = "ok";

	for (int i = lengthof(states) - 1; i >= 0; i--)
		if (e->wrong & (1 << i))
			state = states[i];
	store_state(v, e->batch, state, e->found, e->detail.len > 0 ? e->detail.data : NULL);
}

/* ----- batches of one range of ids -------------------------------------------------------- */

static void
begin_group(Verification *v, Examined *group, int first, int n)
{
	for (int i = 0; i < n; i++)
	{
		const SealBatch *batch = &v->batches[first + i];
		Examined   *e = &group[i];

		memset(e, 0, sizeof(*e));
		e->batch = batch;
		e->ids = batch_read_ids(batch->ids);
		initStringInfo(&e->detail);
		examine_seal(v, e, first + i > 0 ? batch - 1 : NULL);
	}
}

/* Rows of the range that no batch has are told with its first batch. */
static void
sort_rows(Verification *v, Examined *group, int n, const SealedRows *rows)
{
	char	   *list = "";
	int64		nextra = 0;

	for (int64 r = 0; r < rows->n; r++)
	{
		int			i = 0;

		while (i < n && !batch_has_id(&group[i].ids, rows->items[r].id))
			i++;
		if (i < n)
			examine_row(v, &group[i], &rows->items[r]);
		else
			note_id(&list, nextra++, rows->items[r].id);
	}
	if (nextra > 0)
		tell(&group[0], WRONG_EXTRA, psprintf("rows that were not sealed: %s", list));
}

static void
examine_group(Verification *v, int first, int n)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "agentcore sealed batches", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	Examined   *group = palloc(n * sizeof(Examined));
	const SealBatch *batch = &v->batches[first];
	SealedRows	rows = {0};

	begin_group(v, group, first, n);
	/* from where the batch before ended, whatever this one says; the first has everything before it */
	seal_read_rows(&v->hasher, first > 0 ? batch[-1].to_id + 1 : PG_INT64_MIN, batch->to_id, batch->fields, true, &rows);
	sort_rows(v, group, n, &rows);
	for (int i = 0; i < n; i++)
	{
		judge_rows(v, &group[i], &rows);
		store_examined(v, &group[i]);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
}

/* Which batches follow the first and share its range; a row of retention has none, and follows the last. */
static int
group_size(const Verification *v, int first)
{
	int			n = 1;

	while (first + n < v->n && v->batches[first + n].to_id == v->batches[first].to_id)
		n++;
	return n;
}

static TimestampTz
retired_after(const Verification *v, int first)
{
	TimestampTz latest = 0;

	for (int i = first; i < v->n; i++)
		latest = Max(latest, v->batches[i].retired_before);
	return latest;
}

static void
examine_batches(Verification *v, int first_shown)
{
	for (int i = first_shown, n; i < v->n; i += n)
	{
		n = group_size(v, i);
		v->retired_before = retired_after(v, i);
		examine_group(v, i, n);
	}
}

/* ----- the whole chain --------------------------------------------------------------------- */

static void
look_for_witness(Verification *v, const bytea *witness)
{
	for (int i = 0; i < v->n && VARSIZE_ANY_EXHDR(witness) == SEAL_LEN; i++)
		if (memcmp(v->batches[i].seal, VARDATA_ANY(witness), SEAL_LEN) == 0)
			return;
	store_state(v, NULL, "seal", -1, "the witness is the seal of no batch: batches were removed or replaced");
}

/* Rows beyond the last batch are for the next seal. */
static void
count_unsealed(Verification *v)
{
	static const Oid types[] = {INT8OID};
	static AgcPlan plan = {
		"SELECT count(*) FROM agentcore.call_log_entry WHERE id > $1", lengthof(types), types
	};
	bool		isnull;
	int64		found;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_int64(&row, v->n > 0 ? v->batches[v->n - 1].to_id : 0);
	agc_spi_read_row(&plan, &row);
	found = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	if (found > 0)
		store_state(v, NULL, "unsealed", found, NULL);
}

/* log_verify(from_batch, witness) -> setof (batch, state, rows, found, detail) */
AGC_FUNCTION(log_verify)
{
	int64		from_batch = PG_ARGISNULL(0) ? 1 : PG_GETARG_INT64(0);
	Verification v = {0};
	int			first = 0;
	AgcOwner	owner;

	agc_enter(ALL_TENANTS, AGC_READER);
	InitMaterializedSRF(fcinfo, 0);
	v.result = (ReturnSetInfo *) fcinfo->resultinfo;
	agc_owner_begin(&owner);
	seal_open_hasher(&v.hasher);
	v.batches = batch_read(1, PG_INT64_MAX, &v.n);
	while (first < v.n && v.batches[first].batch < from_batch)
		first++;
	/* never begin in the middle of a range */
	while (first > 0 && first < v.n && v.batches[first - 1].to_id == v.batches[first].to_id)
		first--;
	examine_batches(&v, first);
	if (!PG_ARGISNULL(1))
		look_for_witness(&v, PG_GETARG_BYTEA_PP(1));
	count_unsealed(&v);
	seal_close_hasher(&v.hasher);
	agc_owner_end(&owner);
	return (Datum) 0;
}
