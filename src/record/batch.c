/*
 * batch.c
 *	  agentcore.log_batch: one row per seal, each with the hash of the one before.
 *
 * Memory: CurrentMemoryContext.  Locks: those of the statements.  On ERROR: the
 * transaction takes everything back.
 */
#include "record/seal.h"

#include "catalog/pg_type.h"
#include "core/row.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define PREFIX_SEAL	2

/* 0 stands for no time */
static void
put_time(StringInfo out, TimestampTz at)
{
	seal_put_field(out, TimestampTzGetDatum(at), at == 0, TIMESTAMPTZOID);
}

static bytea *
hash_datum(const uint8 *hash)
{
	bytea	   *datum = palloc(VARHDRSZ + SEAL_LEN);

	SET_VARSIZE(datum, VARHDRSZ + SEAL_LEN);
	memcpy(VARDATA(datum), hash, SEAL_LEN);
	return datum;
}

static void
put_hash(StringInfo out, const uint8 *hash, bool isnull)
{
	seal_put_field(out, PointerGetDatum(hash_datum(hash)), isnull, BYTEAOID);
}

void
batch_seal(SealHasher *hasher, const SealBatch *batch, uint8 out[SEAL_LEN])
{
	StringInfo	fields = &hasher->buffer;

	resetStringInfo(fields);
	seal_put_field(fields, Int64GetDatum(batch->batch), false, INT8OID);
	seal_put_field(fields, Int64GetDatum(batch->from_id), false, INT8OID);
	seal_put_field(fields, Int64GetDatum(batch->to_id), false, INT8OID);
	seal_put_field(fields, CStringGetTextDatum(batch->ids), false, TEXTOID);
	put_time(fields, batch->from_at);
	put_time(fields, batch->to_at);
	seal_put_field(fields, Int64GetDatum(batch->rows), false, INT8OID);
	seal_put_field(fields, Int32GetDatum(batch->fields), false, INT4OID);
	put_hash(fields, batch->root, false);
	put_time(fields, batch->at);
	seal_put_field(fields, CStringGetTextDatum(batch->role), false, TEXTOID);
	put_time(fields, batch->retired_before);
	put_hash(fields, batch->previous, !batch->has_previous);
	seal_of_buffer(hasher, PREFIX_SEAL, out);
}

/* ----- ids ---------------------------------------------------------------------- */

/* Out of an int8multirange's text, which the type itself has written. */
SealIds
batch_read_ids(const char *text)
{
	SealIds		ids = {0};
	int			size = 8;

	ids.ranges = palloc(size * sizeof(SealIdRange));
	for (const char *at = strchr(text, '['); at != NULL; at = strchr(at, '['))
	{
		char	   *end;

		if (ids.n == size)
			ids.ranges = repalloc_huge(ids.ranges, (size *= 2) * sizeof(SealIdRange));
		ids.ranges[ids.n].first = strtoll(at + 1, &end, 10);
		ids.ranges[ids.n].next = *end == ',' ? strtoll(end + 1, &end, 10) : 0;
		ids.n++;
		at = end;
	}
	return ids;
}

bool
batch_has_id(const SealIds *ids, int64 id)
{
	int			low = 0;
	int			high = ids->n;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (ids->ranges[middle].next <= id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ids->n && ids->ranges[low].first <= id;
}

int64
batch_count_ids(const SealIds *ids)
{
	int64		n = 0;

	for (int i = 0; i < ids->n; i++)
		n += ids->ranges[i].next - ids->ranges[i].first;
	return n;
}

/* ----- the table -------------------------------------------------------------------- */

#define COLUMNS \
	"batch, from_id, to_id, ids::text, from_at, to_at, rows, fields, root, at, role, retired_before, previous, seal"

static Datum
column(uint64 row, int n, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, n, isnull);
}

static int64
int64_column(uint64 row, int n)
{
	bool		isnull;
	Datum		value = column(row, n, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

static char *
text_column(uint64 row, int n)
{
	bool		isnull;
	Datum		value = column(row, n, &isnull);

	return isnull ? pstrdup("") : TextDatumGetCString(value);
}

/* A hash of another length is none that could be right. */
static bool
read_hash(uint64 row, int n, uint8 out[SEAL_LEN])
{
	bool		isnull;
	Datum		value = column(row, n, &isnull);
	bytea	   *bytes = isnull ? NULL : DatumGetByteaPP(value);

	memset(out, 0, SEAL_LEN);
	if (bytes != NULL && VARSIZE_ANY_EXHDR(bytes) == SEAL_LEN)
		memcpy(out, VARDATA_ANY(bytes), SEAL_LEN);
	return bytes != NULL;
}

static void
read_batch(uint64 row, SealBatch *batch)
{
	bool		isnull;

	batch->batch = int64_column(row, 1);
	batch->from_id = int64_column(row, 2);
	batch->to_id = int64_column(row, 3);
	batch->ids = text_column(row, 4);
	batch->from_at = int64_column(row, 5);
	batch->to_at = int64_column(row, 6);
	batch->rows = int64_column(row, 7);
	batch->fields = DatumGetInt32(column(row, 8, &isnull));
	(void) read_hash(row, 9, batch->root);
	batch->at = int64_column(row, 10);
	batch->role = text_column(row, 11);
	batch->retired_before = int64_column(row, 12);
	batch->has_previous = read_hash(row, 13, batch->previous);
	(void) read_hash(row, 14, batch->seal);
}

bool
batch_read_last(SealBatch *batch)
{
	static AgcPlan plan = {
		"SELECT " COLUMNS " FROM agentcore.log_batch WHERE tenant = '*' ORDER BY batch DESC LIMIT 1", 0, NULL
	};

	memset(batch, 0, sizeof(*batch));
	agc_spi(&plan, NULL, NULL);
	if (SPI_processed == 0)
		return false;
	read_batch(0, batch);
	return true;
}

SealBatch *
batch_read(int64 first, int64 last, int *n)
{
	static const Oid types[] = {INT8OID, INT8OID};
	static AgcPlan plan = {
		"SELECT " COLUMNS " FROM agentcore.log_batch WHERE tenant = '*' AND batch >= $1 AND batch <= $2 ORDER BY batch", lengthof(types), types
	};
	SealBatch  *batches;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_int64(&row, first);
	agc_put_int64(&row, last);
	agc_spi_read_row(&plan, &row);
	*n = (int) SPI_processed;
	batches = MemoryContextAllocHuge(CurrentMemoryContext, (*n + 1) * sizeof(SealBatch));
	for (int i = 0; i < *n; i++)
		read_batch(i, &batches[i]);
	return batches;
}

static void
put_optional_time(AgcRow *row, TimestampTz at)
{
	agc_put_datum(row, TimestampTzGetDatum(at), at == 0);
}

void
batch_write(SealHasher *hasher, SealBatch *batch)
{
	static const Oid types[] = {
		INT8OID, INT8OID, INT8OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT4OID, BYTEAOID, TIMESTAMPTZOID,
		TEXTOID, TIMESTAMPTZOID, BYTEAOID, BYTEAOID
	};
	static AgcPlan plan = {
		"INSERT INTO agentcore.log_batch (batch, from_id, to_id, ids, from_at, to_at, rows, fields, root, at, role, retired_before, previous, seal)"
		" VALUES ($1, $2, $3, $4::int8multirange, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)", lengthof(types), types
	};
	AgcRow		row;

	batch_seal(hasher, batch, batch->seal);
	agc_row_init(&row);
	agc_put_int64(&row, batch->batch);
	agc_put_int64(&row, batch->from_id);
	agc_put_int64(&row, batch->to_id);
	agc_put_text(&row, batch->ids);
	put_optional_time(&row, batch->from_at);
	put_optional_time(&row, batch->to_at);
	agc_put_int64(&row, batch->rows);
	agc_put_int32(&row, batch->fields);
	agc_put_pointer(&row, hash_datum(batch->root));
	agc_put_time(&row, batch->at);
	agc_put_text(&row, batch->role);
	put_optional_time(&row, batch->retired_before);
	agc_put_pointer(&row, batch->has_previous ? hash_datum(batch->previous) : NULL);
	agc_put_pointer(&row, hash_datum(batch->seal));
	agc_spi_row(&plan, &row);
}
