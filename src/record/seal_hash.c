/*
 * seal_hash.c
 *	  The hashes of seals: a row as a leaf, and the Merkle tree over leaves.
 *
 * The tree is that of RFC 6962, section 2.1: a leaf is hashed after a byte 0, a
 * node after a byte 1, so that no leaf can be taken for a node.  A seal is hashed
 * after a byte 2.  What is hashed of a value does not depend on settings or on the
 * encoding of the database, so that anybody can compute it (doc/seals.md).
 *
 * Memory: the hasher's buffer in CurrentMemoryContext.  Locks: none.  On ERROR:
 * the transaction's resource owner frees the digest.
 */
#include "record/seal.h"

#include "catalog/pg_type.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#define PREFIX_LEAF	0
#define PREFIX_NODE	1

static void
check(int result)
{
	if (result < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("a SHA-256 digest could not be computed")));
}

void
seal_open_hasher(SealHasher *hasher)
{
	hasher->ctx = pg_cryptohash_create(PG_SHA256);
	initStringInfo(&hasher->buffer);
}

void
seal_close_hasher(SealHasher *hasher)
{
	pg_cryptohash_free(hasher->ctx);
	pfree(hasher->buffer.data);
}

/* ----- fields ------------------------------------------------------------------ */

static void
put_bytes(StringInfo out, const void *bytes, Size len)
{
	uint32		prefix = pg_hton32((uint32) len);

	appendStringInfoChar(out, 1);
	appendBinaryStringInfo(out, (const char *) &prefix, sizeof(prefix));
	appendBinaryStringInfo(out, bytes, len);
}

static void
put_text(StringInfo out, const char *text, Size len)
{
	char	   *utf8 = pg_server_to_any(text, len, PG_UTF8);

	put_bytes(out, utf8, utf8 == text ? len : strlen(utf8));
	if (utf8 != text)
		pfree(utf8);
}

static void
put_int64(StringInfo out, int64 value)
{
	uint64		bytes = pg_hton64((uint64) value);

	put_bytes(out, &bytes, sizeof(bytes));
}

static void
put_int32(StringInfo out, int32 value)
{
	uint32		bytes = pg_hton32((uint32) value);

	put_bytes(out, &bytes, sizeof(bytes));
}

/* The elements are fields of their own, within the field. */
static void
put_array(StringInfo out, ArrayType *array)
{
	Oid			type = ARR_ELEMTYPE(array);
	StringInfoData elements;
	Datum	   *values;
	bool	   *nulls;
	int			n;
	int16		len;
	bool		by_value;
	char		align;

	get_typlenbyvalalign(type, &len, &by_value, &align);
	deconstruct_array(array, type, len, by_value, align, &values, &nulls, &n);
	initStringInfo(&elements);
	for (int i = 0; i < n; i++)
		seal_put_field(&elements, values[i], nulls[i], type);
	put_bytes(out, elements.data, elements.len);
	pfree(elements.data);
	pfree(values);
	pfree(nulls);
}

static void
put_jsonb(StringInfo out, Jsonb *document)
{
	char	   *text = JsonbToCString(NULL, &document->root, VARSIZE(document));

	put_text(out, text, strlen(text));
	pfree(text);
}

static void
put_varlena(StringInfo out, const struct varlena *value, Oid type)
{
	if (type == TEXTOID)
		put_text(out, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	else
		put_bytes(out, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

void
seal_put_field(StringInfo out, Datum value, bool isnull, Oid type)
{
	if (isnull)
	{
		appendStringInfoChar(out, 0);
		return;
	}
	switch (type)
	{
		case TEXTOID:
		case BYTEAOID:
			put_varlena(out, PG_DETOAST_DATUM_PACKED(value), type);
			break;
		case TIMESTAMPTZOID:
		case INT8OID:
			put_int64(out, DatumGetInt64(value));
			break;
		case INT4OID:
			put_int32(out, DatumGetInt32(value));
			break;
		case BOOLOID:
			put_bytes(out, DatumGetBool(value) ? "\001" : "\000", 1);
			break;
		case UUIDOID:
			put_bytes(out, DatumGetUUIDP(value)->data, UUID_LEN);
			break;
		case JSONBOID:
			put_jsonb(out, DatumGetJsonbP(value));
			break;
		case TEXTARRAYOID:
		case INT4ARRAYOID:
			put_array(out, DatumGetArrayTypeP(value));
			break;
		default:
			elog(ERROR, "a value of type %u cannot be sealed", type);
	}
}

/* ----- leaves and nodes ------------------------------------------------------------ */

void
seal_of_buffer(SealHasher *hasher, uint8 prefix, uint8 out[SEAL_LEN])
{
	check(pg_cryptohash_init(hasher->ctx));
	check(pg_cryptohash_update(hasher->ctx, &prefix, 1));
	check(pg_cryptohash_update(hasher->ctx, (const uint8 *) hasher->buffer.data, hasher->buffer.len));
	check(pg_cryptohash_final(hasher->ctx, out, SEAL_LEN));
}

void
seal_leaf(SealHasher *hasher, HeapTuple row, TupleDesc desc, int fields, uint8 out[SEAL_LEN])
{
	resetStringInfo(&hasher->buffer);
	for (int i = 0; i < fields; i++)
	{
		bool		isnull;
		Datum		value = heap_getattr(row, i + 1, desc, &isnull);

		seal_put_field(&hasher->buffer, value, isnull, TupleDescAttr(desc, i)->atttypid);
	}
	seal_of_buffer(hasher, PREFIX_LEAF, out);
}

void
seal_node(SealHasher *hasher, const uint8 *left, const uint8 *right, uint8 out[SEAL_LEN])
{
	const uint8 prefix = PREFIX_NODE;

	check(pg_cryptohash_init(hasher->ctx));
	check(pg_cryptohash_update(hasher->ctx, &prefix, 1));
	check(pg_cryptohash_update(hasher->ctx, left, SEAL_LEN));
	check(pg_cryptohash_update(hasher->ctx, right, SEAL_LEN));
	check(pg_cryptohash_final(hasher->ctx, out, SEAL_LEN));
}

/* As counting in binary: two full subtrees of one size become one. */
void
seal_add(SealHasher *hasher, SealTree *tree, const uint8 *leaf)
{
	uint8		node[SEAL_LEN];
	int			i = 0;

	memcpy(node, leaf, SEAL_LEN);
	for (int64 n = tree->count; n & 1; n >>= 1, i++)
		seal_node(hasher, tree->level[i], node, node);
	memcpy(tree->level[i], node, SEAL_LEN);
	tree->count++;
}

void
seal_root(SealHasher *hasher, const SealTree *tree, uint8 out[SEAL_LEN])
{
	bool		begun = false;

	if (tree->count == 0)
	{
		check(pg_cryptohash_init(hasher->ctx));
		check(pg_cryptohash_final(hasher->ctx, out, SEAL_LEN));
	}
	for (int i = 0; i < SEAL_LEVELS; i++)
	{
		if ((tree->count >> i & 1) == 0)
			continue;
		if (begun)
			seal_node(hasher, tree->level[i], out, out);
		else
			memcpy(out, tree->level[i], SEAL_LEN);
		begun = true;
	}
}
