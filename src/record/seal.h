/*
 * seal.h
 *	  Seals of the log: rows as leaves, one root per batch, and reading batches.
 */
#ifndef AGENTCORE_RECORD_SEAL_H
#define AGENTCORE_RECORD_SEAL_H

#include "record/record.h"

#include "common/cryptohash.h"
#include "lib/stringinfo.h"

#define SEAL_LEN	32			/* bytes of SHA-256 */
#define SEAL_LEVELS	63

/* ----- hashes (seal_hash.c) ----- */

typedef struct SealHasher
{
	pg_cryptohash_ctx *ctx;
	StringInfoData buffer;
} SealHasher;

extern void seal_open_hasher(SealHasher *hasher);
extern void seal_close_hasher(SealHasher *hasher);

/* A value as a field: 0 where it is null; else 1, its length in four bytes, and its bytes. */
extern void seal_put_field(StringInfo out, Datum value, bool isnull, Oid type);

/* of the first columns of a row: SHA-256 of 0 and its fields */
extern void seal_leaf(SealHasher *hasher, HeapTuple row, TupleDesc desc, int fields, uint8 out[SEAL_LEN]);

/* of what stands in the buffer, after that byte */
extern void seal_of_buffer(SealHasher *hasher, uint8 prefix, uint8 out[SEAL_LEN]);

extern void seal_node(SealHasher *hasher, const uint8 *left, const uint8 *right, uint8 out[SEAL_LEN]);

/* A tree in the making: the roots of its full subtrees. */
typedef struct SealTree
{
	int64		count;
	uint8		level[SEAL_LEVELS][SEAL_LEN];
} SealTree;

extern void seal_add(SealHasher *hasher, SealTree *tree, const uint8 *leaf);

/* of a tree without leaves: SHA-256 of nothing */
extern void seal_root(SealHasher *hasher, const SealTree *tree, uint8 out[SEAL_LEN]);

/* ----- rows of the log (seal_rows.c) ----- */

typedef struct SealedRow
{
	int64		id;
	TimestampTz at;
	int32		month;			/* since year 0, in UTC; rows of one month go together when the log is cut */
	uint8		leaf[SEAL_LEN];
} SealedRow;

typedef struct SealedRows
{
	int64		n;
	int64		size;
	SealedRow  *items;
	int			fields;			/* columns of the log */
} SealedRows;

/*
 * The rows with ids from first to last, in the order of their ids; between
 * agc_owner_begin() and agc_owner_end().  fields 0: all columns.  read_only: under
 * the snapshot of the caller's statement.
 */
extern void seal_read_rows(SealHasher *hasher, int64 first, int64 last, int fields, bool read_only, SealedRows *rows);
extern void seal_sort_by_month(SealedRows *rows);

/* ----- batches (batch.c) ----- */

typedef struct SealBatch
{
	int64		batch;
	int64		from_id;		/* every row from here to to_id is sealed by this batch, or by another of the same */
	int64		to_id;
	char	   *ids;			/* text of an int8multirange */
	TimestampTz from_at;		/* of its rows; both 0: it has none */
	TimestampTz to_at;
	int64		rows;
	int			fields;
	uint8		root[SEAL_LEN];
	TimestampTz at;
	char	   *role;
	TimestampTz retired_before; /* 0: it is one of rows; else rows before that time were removed by retention */
	bool		has_previous;
	uint8		previous[SEAL_LEN];
	uint8		seal[SEAL_LEN];
} SealBatch;

/* what its seal has to be */
extern void batch_seal(SealHasher *hasher, const SealBatch *batch, uint8 out[SEAL_LEN]);

/* between agc_owner_begin() and agc_owner_end(), under the table's lock; false: there is none */
extern bool batch_read_last(SealBatch *batch);
extern void batch_write(SealHasher *hasher, SealBatch *batch);

/* those of these numbers, in order, under the snapshot of the caller's statement */
extern SealBatch *batch_read(int64 first, int64 last, int *n);

/* The ids of a batch, in order: [first, next) each. */
typedef struct SealIdRange
{
	int64		first;
	int64		next;
} SealIdRange;

typedef struct SealIds
{
	int			n;
	SealIdRange *ranges;
} SealIds;

extern SealIds batch_read_ids(const char *text);
extern bool batch_has_id(const SealIds *ids, int64 id);
extern int64 batch_count_ids(const SealIds *ids);

/* Every batch of a log belongs to no tenant, so its functions ask for a level on all. */
#define ALL_TENANTS		"*"

#endif							/* AGENTCORE_RECORD_SEAL_H */
