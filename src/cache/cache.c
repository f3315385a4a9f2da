/*
 * cache.c
 *	  The cache's settings, its start, and its functions for the rooms above.
 *
 * Locking: none of its own.  Memory: results in CurrentMemoryContext.
 * On ERROR: nothing has been changed, or the transaction's callbacks undo it.
 */
#include "cache/cache.h"
#include "cache/chunk.h"
#include "cache/dump_file.h"
#include "cache/entry_read.h"
#include "cache/fill.h"
#include "cache/lease.h"
#include "cache/lookup.h"
#include "cache/publish.h"
#include "cache/queue.h"
#include "cache/ready.h"
#include "cache/session_lease.h"
#include "cache/stat.h"
#include "cache/wheel.h"
#include "cache/worker.h"

#include <limits.h>

#include "utils/guc.h"

int			agc_cache_compress = AGC_COMPRESS_DEFAULT;
int			agc_cache_compress_min = 2048;
int			agc_cache_default_ttl = 300;
bool		agc_cache_dump = false;
int			agc_cache_dump_interval = 0;
int			agc_cache_lease = 30;
int			agc_cache_max_entries = 0;
int			agc_cache_memory = 64;
int			agc_cache_negative_ttl = 10;
bool		agc_cache_on_standby = false;
int			agc_cache_pending_max = 16384;
int			agc_cache_policy = AGC_CACHE_S3_FIFO;
int			agc_cache_sweep_interval = 1000;
int			agc_cache_tenant_share = 100;
int			agc_cache_ttl_jitter = 0;
bool		agc_release_on_disconnect = false;

static const struct config_enum_entry compress_options[] = {
	{"off", AGC_COMPRESS_OFF, false},
	{"pglz", AGC_COMPRESS_PGLZ, false},
#ifdef USE_LZ4
	{"lz4", AGC_COMPRESS_LZ4, false},
#endif
	{NULL, 0, false}
};

static const struct config_enum_entry policy_options[] = {
	{"s3-fifo", AGC_CACHE_S3_FIFO, false},
	{"lru", AGC_CACHE_LRU, false},
	{NULL, 0, false}
};

/* of the memory that all share, and of the background worker */
static void
define_shared_settings(void)
{
	DefineCustomBoolVariable("agentcore.cache_dump",
							 "Keep the cache's entries in a file across a restart.",
							 "Written at shutdown, read at start, unencrypted and readable by the server's user only. "
							 "Entries keep their expiry; the first invalidation after a dump removes the file.",
							 &agc_cache_dump, false,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.cache_dump_interval",
							"How often the cache is also dumped while the server runs.",
							"After a crash the last dump is read; entries replaced since then come back with their old value. "
							"0 dumps at shutdown only.",
							&agc_cache_dump_interval, 0, 0, 24 * 3600,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.cache_max_entries",
							"Largest number of entries of a cache whose policy is lru.",
							"Fixed at server start; 0 leaves agentcore.cache_memory as the only limit. "
							"Has no effect with agentcore.cache_policy = s3-fifo.",
							&agc_cache_max_entries, 0, 0, INT_MAX,
							agc_at_start(), 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.cache_memory",
							"Shared memory of the tool-result cache.",
							"Fixed at server start; 0 turns the cache off.",
							&agc_cache_memory, 64, 0, 1024 * 1024,
							agc_at_start(), GUC_UNIT_MB, NULL, NULL, NULL);
	DefineCustomEnumVariable("agentcore.cache_policy",
							 "Which entries leave a full cache.",
							 "Fixed at server start. s3-fifo: entries that were not used again soon; lru: exactly the least recently used. "
							 "lru costs speed: the cache is a single partition, and a hit takes its lock exclusively.",
							 &agc_cache_policy, AGC_CACHE_S3_FIFO, policy_options,
							 agc_at_start(), 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.cache_sweep_interval",
							"How often the background worker removes expired cache entries.",
							"An expired entry is never served, swept or not; sweeping frees its memory before a writer needs it.",
							&agc_cache_sweep_interval, 1000, 10, 3600 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.cache_tenant_share",
							"Percentage of the cache above which a tenant evicts only its own entries.",
							"Measured in memory, per partition of the cache, and only while the partition is full; 100 lets every tenant evict any entry. "
							"tenant_share_set() overrides it for one tenant.",
							&agc_cache_tenant_share, 100, 1, 100,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
}

/* of what one session stores and looks up */
static void
define_session_settings(void)
{
	DefineCustomEnumVariable("agentcore.cache_compress",
							 "Compression of large cached values.",
							 "lz4 needs a PostgreSQL built with it; off stores values as they are. "
							 "A change leaves stored values as they are.",
							 &agc_cache_compress, AGC_COMPRESS_DEFAULT, compress_options,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.cache_compress_min",
							"Smallest value that the cache compresses.",
							"A value stays compressed only if that saves at least an eighth of it; every hit decompresses it.",
							&agc_cache_compress_min, 2048, 64, INT_MAX / 2,
							PGC_SUSET, GUC_UNIT_BYTE, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.cache_default_ttl",
							"Time to live of a cache entry when none is given.",
							"Used by cache_set and cache_fill when ttl is NULL.",
							&agc_cache_default_ttl, 300, 1, INT_MAX / 1000,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.cache_lease",
							"Lease of cache_fetch when none is given.",
							"A leader that has neither filled nor abandoned by then loses the lease, and the next caller leads.",
							&agc_cache_lease, 30, 1, 24 * 3600,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.cache_negative_ttl",
							"Time to live of a negative cache entry when none is given.",
							"Used by cache_set and cache_fill with negative => true when ttl is NULL; the gate uses the tool's own.",
							&agc_cache_negative_ttl, 10, 1, INT_MAX / 1000,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomBoolVariable("agentcore.cache_on_standby",
							 "Let the gate use its cache on a hot standby.",
							 "Invalidations do not reach a standby: there only the time to live limits the age of an answer.",
							 &agc_cache_on_standby, false,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.cache_pending_max",
							"Backend memory for cache entries that wait for COMMIT.",
							"Beyond it cache_set returns false and does not cache the entry, and an invalidation of a single call widens to its tool.",
							&agc_cache_pending_max, 16384, 64, INT_MAX / 1024,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.cache_ttl_jitter",
							"Percentage by which times to live are shortened at random.",
							"Keeps entries that were stored together from expiring together; 0 leaves every time to live as given.",
							&agc_cache_ttl_jitter, 0, 0, 50,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("agentcore.release_on_disconnect",
							 "Give the cache leases of this session back when it ends.",
							 "Of calls without key and holder, and of cache_fetch(), taken while it is on. "
							 "For a session that is one client's; behind a pooler it takes leases from clients that still run.",
							 &agc_release_on_disconnect, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);
}

/* Runs in the postmaster, once per start of the shared memory. */
static void
init_area(void *area)
{
	area_init();
	epoch_init_clock();
	stat_init();
	name_init();
	tag_init();
	lease_init();
	dump_file_init();
	for (uint32 i = 0; i < cache_shmem->npartitions; i++)
	{
		CachePart	part;

		area_bind(&part, i);
		chunk_init_partition(&part);
		queue_init_partition(&part);
		wheel_init_partition(&part, agc_now());
		lease_init_partition(&part);
	}
}

void
cache_init(void)
{
	define_shared_settings();
	define_session_settings();
	if (agc_cache_memory == 0)
		dump_file_discard();
	else
	{
		area_register(init_area);
		ready_init();
		worker_register();
	}
	publish_init();
}

bool
cache_ready(void)
{
	return cache_shmem != NULL;
}

void
cache_lookup(const CacheTarget *target, bool lead, int64 lease_us, CacheResult *out)
{
	ready_require("the cache");
	memset(out, 0, sizeof(*out));
	out->status = lookup_lead(target, lead, lease_us, out);
}

void
cache_count(const CacheTarget *target, const CacheResult *result)
{
	lookup_count(target, result);
}

bool
cache_has_answer(const CacheKey *key)
{
	CacheFound	found;
	Jsonb	   *value;

	return cache_ready() && entry_read(key, agc_now(), &found, &value) &&
		(found.flags & CACHE_NEGATIVE_ENTRY) == 0;
}

bool
cache_store_lease(const CacheKey *key, const char *tenant, const char *tool,
				  int64 lease, Jsonb *value, const CacheTerms *terms)
{
	CacheRefs	refs;

	ready_require("the cache");
	if (lease == 0)
		return false;
	if (terms->ttl <= 0 || terms->ntags > AGC_MAX_TAGS)
	{
		lease_release(key, lease);
		return false;
	}
	refs_make(&refs, tenant, tool, terms->ntags, terms->tags);
	return fill_add(key, CACHE_GATE, &refs, tenant, lease, value, terms);
}

void
cache_extend_lease(const CacheKey *key, int64 lease, int64 lease_us)
{
	if (cache_ready() && lease != 0)
		lease_extend(key, lease, lease_us);
}

void
cache_bind_lease(const CacheKey *key, int64 lease)
{
	session_lease_note(key, lease);
}

void
cache_abandon_lease(const CacheKey *key, int64 lease)
{
	if (cache_ready() && lease != 0)
		lease_release(key, lease);
}
