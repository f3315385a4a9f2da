/*
 * core.h
 *	  Public face of src/core: what every room of the house may use.
 *
 * What changes together has a header of its own, which this one includes.  Sections
 * here: settings, secret hashes, shared memory, small things.
 */
#ifndef AGENTCORE_CORE_H
#define AGENTCORE_CORE_H

#include "core/compat.h"

#include "core/errors.h"
#include "core/test_point.h"
#include "lib/stringinfo.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#define AGC_SCHEMA		"agentcore"
#define AGC_MAX_NAME	255		/* bytes, for every name but a URL */
#define AGC_HASH_LEN	32		/* SHA-256 */
#define AGC_MAX_LEASE	(INT64CONST(366) * USECS_PER_DAY)
#define AGC_MAX_TAGS	8		/* of one cache entry, and so of one tool */

/*
 * A C symbol that SQL calls.  The suffix is the version of its signature, so
 * that a newer library can serve an older install script.
 */
#define AGC_FUNCTION(name) \
	AGC_EXPORT_BEGIN \
	PG_FUNCTION_INFO_V1(agentcore_##name##_v1); \
	AGC_EXPORT_END \
	Datum agentcore_##name##_v1(PG_FUNCTION_ARGS)

/* ----- settings (core.c): agc_x is agentcore.x ----- */
extern int	agc_budget_lock_wait;	/* ms; 0: no limit */
extern int	agc_compiled_cache_size;	/* kB */
extern double agc_debug_clock_offset;	/* ms */
extern int	agc_lease_default;	/* seconds */
extern int	agc_max_args_size;	/* kB */
extern int	agc_max_depth;
extern int	agc_max_lease;		/* seconds */
extern bool agc_require_tenant;

/* when a size of shared memory can be set: at server start, or never */
extern GucContext agc_at_start(void);

/* ----- rows (row.c; row.h has the builder) ----------------------------------
 *
 * A function that returns a set of at most one row returns the tuple
 * (agc_row_return()), or agc_no_row(), which ends the set.
 */
extern Datum agc_no_row(FunctionCallInfo fcinfo);

#include "core/access.h"
#include "core/args.h"
#include "core/canon.h"
#include "core/revision.h"
#include "core/nearest.h"
#include "core/object.h"
#include "core/overlay.h"
#include "core/owner.h"
#include "core/quote.h"
#include "core/setter.h"
#include "core/table.h"

/* ----- hashes that nobody outside can compute (secret.c) ------------------
 *
 * SipHash-2-4 under a secret of this database: for what is shown to others
 * (pg_locks) or shared with them (slots, queues), so that nobody finds a name
 * that meets another tenant's, nor recognises one.  agc_enter() was called.
 */
typedef struct AgcSecretHash
{
	uint64		v[4];
	uint64		word;			/* bytes that do not fill one yet */
	uint64		len;
} AgcSecretHash;

extern void agc_secret_begin(AgcSecretHash *hash, char purpose);
extern void agc_secret_field(AgcSecretHash *hash, const void *data, Size len);
extern uint64 agc_secret_end(AgcSecretHash *hash);

/* ----- shared memory (shmem.c) --------------------------------------------
 *
 * A room registers its part once, in its init function; init() runs under
 * AddinShmemInitLock on zeroed memory.  *address is NULL where the library was
 * not in shared_preload_libraries.
 */
extern void agc_shmem_register(const char *name, Size size, void (*init) (void *part),
							   void **address, const char *tranche, int nlocks);
extern union LWLockPadded *agc_shmem_locks(const char *tranche);
extern bool agc_shmem_ready(void);

/* raises 55000 with a HINT naming shared_preload_libraries */
extern void agc_require_shmem(const char *what);

/* forget() is called for a database that is made (database.c): by each room that keeps states by installation */
extern void agc_database_register(void (*forget) (Oid database));

/* false while tenant_set(enabled => false) is in force (tenant.c) */
extern bool agc_tenant_enabled(const char *tenant);

/* The last tenant of which nothing was found, and at which generation: what most tenants never have is asked for per call. */
typedef struct AgcLack
{
	uint64		generation;		/* 0: never */
	char		tenant[AGC_MAX_NAME + 1];
} AgcLack;

extern bool agc_tenant_lacks(const AgcLack *lack, const char *tenant);

/* generation: from before it was looked for */
extern void agc_note_lack(AgcLack *lack, const char *tenant, uint64 generation);

/* percent of the cache by tenant_share_set(), 0: none of its own; after agc_enter() */
extern int	agc_tenant_cache_share(const char *tenant);

/* ----- small things (util.c) ---------------------------------------------- */

/* RFC 9562 version 7; the 74 random bits come from pg_strong_random */
extern void agc_uuid_v7(pg_uuid_t *out);

/* this database's random identity, made by CREATE EXTENSION; no other database's, copies of this one included */
extern const pg_uuid_t *agc_installation_id(void);

/* the key of its keyed hashes; shown to nobody */
extern const pg_uuid_t *agc_installation_secret(void);

/* What agentcore.debug_clock_offset adds to every clock, in microseconds. */
static inline int64
agc_clock_offset(void)
{
	return (int64) (agc_debug_clock_offset * 1000);
}

/* While this session judges again what was recorded (src/replay): when that was; else 0. */
extern TimestampTz agc_recorded_time;

/*
 * The time by which everything is decided: the wall clock.  It may step back.
 * Code that relies on a time that only grows has to clamp it (a budget's counter
 * does, under its row lock).
 */
static inline TimestampTz
agc_now(void)
{
	if (unlikely(agc_recorded_time != 0))
		return agc_recorded_time;
	return GetCurrentTimestamp() + agc_clock_offset();
}

/* when this transaction began, by the same clock */
extern TimestampTz agc_xact_start(void);

/* microseconds until "t", never negative */
extern int64 agc_until_us(TimestampTz now, TimestampTz t);
extern void agc_core_init(void);
extern void agc_shmem_install_hooks(void);
extern void agc_access_init(void);
extern void agc_invalidation_init(void);
extern void agc_object_init(void);

#include "core/row.h"

#endif							/* AGENTCORE_CORE_H */
