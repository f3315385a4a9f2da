/*
 * log_proof.c
 *	  log_proof(): that a row is one of its batch, by the hashes beside its way to the
 *	  root (RFC 6962, section 2.1.1).
 *
 * Memory: 56 bytes per row of the batch.  Locks: AccessShareLock on both tables.  On
 * ERROR: nothing to undo.
 */
#include "record/seal.h"

#include "catalog/pg_type.h"
#include "core/row.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"

typedef struct Path
{
	int			n;
	Datum		hashes[SEAL_LEVELS];	/* from the leaf up */
} Path;

static Datum
hash_datum(const uint8 *hash)
{
	bytea	   *datum = palloc(VARHDRSZ + SEAL_LEN);

	SET_VARSIZE(datum, VARHDRSZ + SEAL_LEN);
	memcpy(VARDATA(datum), hash, SEAL_LEN);
	return PointerGetDatum(datum);
}

static void
root_of(SealHasher *hasher, const SealedRow *rows, int64 n, uint8 out[SEAL_LEN])
{
	SealTree	tree = {0};

	for (int64 i = 0; i < n; i++)
		seal_add(hasher, &tree, rows[i].leaf);
	seal_root(hasher, &tree, out);
}

/* The left subtree of n leaves: the largest power of two below n. */
static int64
left_size(int64 n)
{
	int64		size = 1;

	while (size * 2 < n)
		size *= 2;
	return size;
}

static void
find_path(SealHasher *hasher, const SealedRow *rows, int64 n, int64 place, Path *path)
{
	uint8		beside[SEAL_LEVELS][SEAL_LEN];
	int			depth = 0;

	while (n > 1)
	{
		int64		left = left_size(n);

		if (place < left)
			root_of(hasher, rows + left, n - left, beside[depth++]);
		else
			root_of(hasher, rows, left, beside[depth++]);
		rows += place < left ? 0 : left;
		n = place < left ? left : n - left;
		place -= place < left ? 0 : left;
	}
	while (depth > 0)
		path->hashes[path->n++] = hash_datum(beside[--depth]);
}

/* The batch that has the id; false: none has. */
static bool
find_batch(int64 id, SealBatch *batch)
{
	static const Oid types[] = {INT8OID};
	static AgcPlan plan = {
		"SELECT min(batch) FROM agentcore.log_batch WHERE tenant = '*' AND ids @> $1", lengthof(types), types
	};
	AgcRow		row;
	bool		isnull;
	int64		number;
	int			n;

	agc_row_init(&row);
	agc_put_int64(&row, id);
	agc_spi_read_row(&plan, &row);
	number = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	if (!isnull)
		*batch = *batch_read(number, number, &n);
	return !isnull;
}

/* The rows of a batch, and the place of one among them; -1: it is not there any more. */
static int64
read_batch_rows(SealHasher *hasher, const SealBatch *batch, int64 id, SealedRows *rows)
{
	SealIds		ids = batch_read_ids(batch->ids);
	int64		place = -1;
	int64		n = 0;

	seal_read_rows(hasher, ids.ranges[0].first, ids.ranges[ids.n - 1].next - 1, batch->fields, true, rows);
	for (int64 i = 0; i < rows->n; i++)
	{
		if (!batch_has_id(&ids, rows->items[i].id))
			continue;
		if (rows->items[i].id == id)
			place = n;
		rows->items[n++] = rows->items[i];
	}
	rows->n = n;
	return place;
}

static void
put_proof(AgcRow *row, SealHasher *hasher, const SealBatch *batch, const SealedRows *rows, int64 place)
{
	Path		path = {0};

	find_path(hasher, rows->items, rows->n, place, &path);
	agc_put_int64(row, batch->batch);
	agc_put(row, hash_datum(rows->items[place].leaf));
	agc_put_int64(row, place);
	agc_put_int64(row, rows->n);
	agc_put_pointer(row, construct_array(path.hashes, path.n, BYTEAOID, -1, false, TYPALIGN_INT));
	agc_put(row, hash_datum(batch->root));
	agc_put(row, hash_datum(batch->seal));
}

/* log_proof(id) -> (batch, leaf, place, rows, path, root, seal); no row: it is not sealed, or not there */
AGC_FUNCTION(log_proof)
{
	int64		id;
	SealHasher	hasher;
	SealBatch	batch;
	SealedRows	rows = {0};
	int64		place = -1;
	AgcOwner	owner;
	AgcRow		row;

	if (PG_ARGISNULL(0))
		agc_refuse_null("id");
	id = PG_GETARG_INT64(0);
	agc_enter(ALL_TENANTS, AGC_READER);
	agc_row_init(&row);
	agc_owner_begin(&owner);
	seal_open_hasher(&hasher);
	if (find_batch(id, &batch))
		place = read_batch_rows(&hasher, &batch, id, &rows);
	if (place >= 0)
		put_proof(&row, &hasher, &batch, &rows, place);
	seal_close_hasher(&hasher);
	agc_owner_end(&owner);
	return place >= 0 ? agc_row_return(fcinfo, &row) : agc_no_row(fcinfo);
}

/* ----- checking one ------------------------------------------------------------------ */

/* NULL where it is no hash */
static const uint8 *
hash_of(Datum value)
{
	bytea	   *bytes = DatumGetByteaPP(value);

	return VARSIZE_ANY_EXHDR(bytes) == SEAL_LEN ? (const uint8 *) VARDATA_ANY(bytes) : NULL;
}

/* The root that a leaf and its path come to; false: they cannot be of such a tree. */
static bool
climb(SealHasher *hasher, uint8 node[SEAL_LEN], uint64 place, uint64 last, const Datum *path, int n)
{
	for (int i = 0; i < n; i++)
	{
		const uint8 *beside = hash_of(path[i]);

		if (last == 0 || beside == NULL)
			return false;
		if ((place & 1) != 0 || place == last)
		{
			seal_node(hasher, beside, node, node);
			while ((place & 1) == 0 && place != 0)
			{
				place >>= 1;
				last >>= 1;
			}
		}
		else
			seal_node(hasher, node, beside, node);
		place >>= 1;
		last >>= 1;
	}
	return last == 0;
}

/* log_proof_valid(leaf, place, rows, path, root) -> boolean; strict */
AGC_FUNCTION(log_proof_valid)
{
	const uint8 *leaf = hash_of(PG_GETARG_DATUM(0));
	int64		place = PG_GETARG_INT64(1);
	int64		rows = PG_GETARG_INT64(2);
	const uint8 *root = hash_of(PG_GETARG_DATUM(4));
	bool		valid = leaf != NULL && root != NULL && place >= 0 && place < rows;
	uint8		node[SEAL_LEN];
	SealHasher	hasher;
	Datum	   *path;
	int			n;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(3), BYTEAOID, -1, false, TYPALIGN_INT, &path, NULL, &n);
	if (!valid)
		PG_RETURN_BOOL(false);
	memcpy(node, leaf, SEAL_LEN);
	seal_open_hasher(&hasher);
	valid = climb(&hasher, node, place, rows - 1, path, n) && memcmp(node, root, SEAL_LEN) == 0;
	seal_close_hasher(&hasher);
	PG_RETURN_BOOL(valid);
}
