/*
 * compress.c
 *	  Larger values are stored compressed.
 *
 * A value is compressed where it is given and decompressed where it is used, in
 * this backend and outside every lock, by PostgreSQL's own TOAST routines.  A
 * compressed value begins with its raw length, as the routines keep it; no more
 * than that is ever allocated to decompress it.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: XX001 for bytes that
 * do not decompress to the length they claim; nothing was changed.
 */
#include "cache/compress.h"

#include "access/toast_compression.h"

/* Saving less than an eighth does not pay for decompressing at every hit. */
#define WORTH_IT(raw, stored)	((stored) < (raw) - (raw) / 8)

/* Sets the item's bytes: the value's own, in place, or compressed. */
void
compress_value(CacheItem *item, Jsonb *value)
{
	uint32		raw = VARSIZE(value) - VARHDRSZ;
	struct varlena *stored = NULL;

	item->data = VARDATA(value);
	item->len = raw;
	if (agc_cache_compress == AGC_COMPRESS_OFF || raw < (uint32) agc_cache_compress_min)
		return;
	if (agc_cache_compress == AGC_COMPRESS_LZ4)
		stored = lz4_compress_datum((struct varlena *) value);
	else
		stored = pglz_compress_datum((struct varlena *) value);
	if (stored == NULL)
		return;
	if (!WORTH_IT(raw, VARSIZE(stored) - VARHDRSZ))
	{
		pfree(stored);
		return;
	}
	((varattrib_4b *) stored)->va_compressed.va_tcinfo = raw;
	item->data = VARDATA(stored);
	item->len = VARSIZE(stored) - VARHDRSZ;
	item->flags |= agc_cache_compress == AGC_COMPRESS_LZ4 ? CACHE_LZ4 : CACHE_PGLZ;
}

/* What compression took from an item's value. */
uint32
compress_saved(const CacheItem *item)
{
	uint32		raw;

	if ((item->flags & CACHE_COMPRESSED) == 0)
		return 0;
	memcpy(&raw, item->data, sizeof(raw));
	return raw - item->len;
}

/* A copy of the value that these bytes are. */
Jsonb *
compress_undo(const char *data, uint32 len, uint8 flags)
{
	struct varlena *stored = palloc(VARHDRSZ + len);
	struct varlena *value;
	uint32		raw;

	memcpy(VARDATA(stored), data, len);
	SET_VARSIZE(stored, VARHDRSZ + len);
	if ((flags & CACHE_COMPRESSED) == 0)
		return (Jsonb *) stored;

	SET_VARSIZE_COMPRESSED(stored, VARHDRSZ + len);
	memcpy(&raw, data, sizeof(raw));
	if (len < sizeof(raw) || raw > VARLENA_EXTSIZE_MASK)
		value = NULL;
	else if (flags & CACHE_LZ4)
		value = lz4_decompress_datum(stored);
	else
		value = pglz_decompress_datum(stored);
	if (value == NULL || VARSIZE(value) - VARHDRSZ != raw)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a compressed cache entry is corrupt"),
				 errhint("Restart the server to empty the cache, and report this.")));
	pfree(stored);
	return (Jsonb *) value;
}
