/*
 * entries.c
 *	  cache_entries(): what the cache holds, without the values.
 *
 * Locking: each partition's lock, shared, for a few hundred buckets at a time;
 * entries are copied out and turned into rows after the lock is released, so
 * the list is no snapshot: an entry that moves meanwhile may be missing.
 * Memory: one batch, and the tuplestore of the result.  On ERROR: raised with
 * no lock held.
 */
#include "cache/entry.h"
#include "cache/ready.h"
#include "core/row.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/tuplestore.h"

static const char *const scope_names[] = {"private", "named", "subject", "agent", "tenant", "shared"};
static const char *const queue_names[] = {"small", "main"};

/* The texts of the names met last, and whether the caller may see them. */
typedef struct Names
{
	uint32		name;
	bool		visible;
	char	   *tenant;
	char	   *tool;
} Names;

static const Names *
names_of(uint32 name)
{
	static Names known[64];
	Names	   *names = &known[name % lengthof(known)];

	/* access may have changed since the last call */
	if (name == CACHE_NONE)
		for (int i = 0; i < lengthof(known); i++)
			known[i].name = CACHE_NONE;
	else if (names->name != name)
	{
		names->visible = name_texts(name, &names->tenant, &names->tool) &&
			agc_level(GetUserId(), names->tenant) >= AGC_READER;
		names->name = name;
	}
	return names;
}

static void
put_row(ReturnSetInfo *rsinfo, const CacheEntry *entry, const Names *names, int64 now)
{
	bytea	   *key = palloc(VARHDRSZ + AGC_HASH_LEN);
	AgcRow		row;

	SET_VARSIZE(key, VARHDRSZ + AGC_HASH_LEN);
	memcpy(VARDATA(key), entry->key.hash, AGC_HASH_LEN);
	agc_row_init(&row);
	agc_put_text(&row, names->tenant);
	agc_put_pointer(&row, key);
	agc_put_text(&row, names->tool);
	agc_put_text(&row, entry_kind(entry) == CACHE_GATE ? "gate" : "raw");
	agc_put_text(&row, scope_names[entry->scope]);
	agc_put_int64(&row, entry->len);
	agc_put_interval(&row, Max(now - entry->stored_at, 0));
	agc_put_interval(&row, entry->expires - now);
	agc_put_int64(&row, entry->hits);
	agc_put_bool(&row, (entry->flags & CACHE_NEGATIVE_ENTRY) != 0);
	agc_put_bool(&row, entry_soft_due(entry->stored_at, entry->soft_ms, now));
	agc_put_bool(&row, (entry->flags & CACHE_COMPRESSED) != 0);
	agc_put_int64(&row, entry->cost_ms);
	agc_put_usd(&row, (int64) entry->cost_nanousd);
	agc_put_text(&row, queue_names[entry->queue]);
	agc_row_store(rsinfo, &row);
}

/* cache_entries() -> setof agentcore.cache_entry, of the tenants that the caller may read */
AGC_FUNCTION(cache_entries)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CacheEntry *batch;
	MemoryContext row_cxt;
	int64		now;

	AcceptInvalidationMessages();
	agc_watch_registry();
	ready_require("cache_entries");
	InitMaterializedSRF(fcinfo, 0);
	batch = palloc(ENTRY_BATCH * sizeof(CacheEntry));
	row_cxt = AllocSetContextCreate(CurrentMemoryContext, "agentcore cache entries", ALLOCSET_DEFAULT_SIZES);
	now = agc_now();
	(void) names_of(CACHE_NONE);
	for (uint32 p = 0; p < cache_shmem->npartitions; p++)
		for (uint32 bucket = 0; bucket < cache_shmem->nbuckets;)
		{
			int			n = entry_copy_live(area_part_at(p), &bucket, now, batch);
			MemoryContext old = MemoryContextSwitchTo(row_cxt);

			CHECK_FOR_INTERRUPTS();
			for (int i = 0; i < n; i++)
			{
				const Names *names = names_of(batch[i].tool);

				if (names->visible)
					put_row(rsinfo, &batch[i], names, now);
			}
			MemoryContextSwitchTo(old);
			MemoryContextReset(row_cxt);
		}
	return (Datum) 0;
}
