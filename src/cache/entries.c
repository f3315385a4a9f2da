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
	Datum		values[15];
	bool		nulls[15] = {false};
	bytea	   *key = palloc(VARHDRSZ + AGC_HASH_LEN);
	int			n = 0;

	SET_VARSIZE(key, VARHDRSZ + AGC_HASH_LEN);
	memcpy(VARDATA(key), entry->key.hash, AGC_HASH_LEN);
	values[n++] = CStringGetTextDatum(names->tenant);
	values[n++] = PointerGetDatum(key);
	values[n++] = CStringGetTextDatum(names->tool);
	values[n++] = CStringGetTextDatum(entry_kind(entry) == CACHE_GATE ? "gate" : "raw");
	values[n++] = CStringGetTextDatum(scope_names[entry->scope]);
	values[n++] = Int64GetDatum(entry->len);
	values[n++] = IntervalPGetDatum(agc_us_interval(Max(now - entry->stored_at, 0)));
	values[n++] = IntervalPGetDatum(agc_us_interval(entry->expires - now));
	values[n++] = Int64GetDatum(entry->hits);
	values[n++] = BoolGetDatum((entry->flags & CACHE_NEGATIVE_ENTRY) != 0);
	values[n++] = BoolGetDatum(entry_soft_due(entry->stored_at, entry->soft_ms, now));
	values[n++] = BoolGetDatum((entry->flags & CACHE_COMPRESSED) != 0);
	values[n++] = Int64GetDatum(entry->cost_ms);
	values[n++] = agc_nanousd_numeric((int64) entry->cost_nanousd);
	values[n++] = CStringGetTextDatum(queue_names[entry->queue]);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
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
