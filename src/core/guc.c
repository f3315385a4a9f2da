/*
 * guc.c
 *	  Definition of every setting.
 *
 * Limits, audit, logging and posture are SUSET: a role that may only call the
 * functions cannot loosen them.  Sizes of shared memory are POSTMASTER.  The
 * definitions stand in alphabetical order (make lint checks it) and
 * doc/reference.md lists each (a test compares it with pg_settings).
 *
 * Memory: static variables.  Locks: none.  Errors: guc.c of PostgreSQL raises
 * them for values out of range.
 */
#include "postgres.h"

#include <limits.h>

#include "core/guc.h"
#include "core/test_point.h"
#include "miscadmin.h"
#include "utils/guc.h"

int			agc_audit = AGC_AUDIT_NONE;
int			agc_budget_guard = AGC_GUARD_WARNING;
int			agc_budget_lock_wait = 1000;
int			agc_budget_max_xact_age = 5000;
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
int			agc_compiled_cache_size = 16384;
int			agc_debug_clock_offset = 0;
int			agc_inline_schema_cache_size = 8192;
int			agc_lease_default = 300;
bool		agc_log_denials = false;
int			agc_loop_limit = 0;
int			agc_max_args_size = 4096;
int			agc_max_depth = 512;
int			agc_max_errors = 20;
int			agc_max_lease = 24 * 3600;
int			agc_max_node_visits = 10000000;
int			agc_max_open_approvals = 100;
double		agc_max_overrun = 10;
int			agc_max_targets = 4096;
int			agc_missing_shmem = AGC_MISSING_SHMEM_MISS;
int			agc_pattern_depth_limit = 100000;
int			agc_pattern_heap_limit = 8192;
bool		agc_pattern_jit = true;
int			agc_pattern_match_limit = 1000000;
int			agc_pattern_timeout = 40;
int			agc_policy_cache_max_rules = 100000;
bool		agc_require_tenant = false;

static const struct config_enum_entry audit_options[] = {
	{"none", AGC_AUDIT_NONE, false},
	{"denied", AGC_AUDIT_DENIED, false},
	{"all", AGC_AUDIT_ALL, false},
	{NULL, 0, false}
};

static const struct config_enum_entry guard_options[] = {
	{"off", AGC_GUARD_OFF, false},
	{"warning", AGC_GUARD_WARNING, false},
	{"error", AGC_GUARD_ERROR, false},
	{NULL, 0, false}
};

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

static const struct config_enum_entry missing_shmem_options[] = {
	{"miss", AGC_MISSING_SHMEM_MISS, false},
	{"error", AGC_MISSING_SHMEM_ERROR, false},
	{NULL, 0, false}
};

void
agc_guc_init(void)
{
	/*
	 * A session that loads the library by itself cannot define a POSTMASTER
	 * setting (FATAL); there the sizes size nothing, but may stand in the
	 * configuration file.
	 */
	GucContext	at_start = process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP;

	DefineCustomEnumVariable("agentcore.audit",
							 "Which calls the gate writes to agentcore.call_log.",
							 "none: no call; denied: refusals; all: every verdict. "
							 "The row belongs to the calling transaction and goes with its ROLLBACK.",
							 &agc_audit, AGC_AUDIT_NONE, audit_options,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("agentcore.budget_guard",
							 "What happens to transactions that lock budgets for too long.",
							 "Judged are those that begin a permit and charge it too, and those that acquire later than agentcore.budget_max_xact_age. "
							 "warning: one of each kind a transaction; error: 25001.",
							 &agc_budget_guard, AGC_GUARD_WARNING, guard_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.budget_lock_wait",
							"How long a budget or permit that another transaction is changing is waited for.",
							"Then an acquire reports contention and a settlement raises 55P03; neither is a denial. 0: as long as lock_timeout says.",
							&agc_budget_lock_wait, 1000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.budget_max_xact_age",
							"How old a transaction block may be when it acquires from a budget.",
							"One that has been open for long will be for longer, and keeps the budget locked; agentcore.budget_guard says what happens. 0: any age.",
							&agc_budget_max_xact_age, 5000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomEnumVariable("agentcore.cache_compress",
							 "How large cached values are compressed.",
							 "lz4 where PostgreSQL was built with it; off stores them as they are. What is stored already stays as it is.",
							 &agc_cache_compress, AGC_COMPRESS_DEFAULT, compress_options,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.cache_compress_min",
							"Smallest value that the cache compresses.",
							"Compression is kept where it saves an eighth of the value or more; every hit undoes it.",
							&agc_cache_compress_min, 2048, 64, INT_MAX / 2,
							PGC_SUSET, GUC_UNIT_BYTE, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.cache_default_ttl",
							"Time to live of a cache entry that names none.",
							"Used by cache_set and cache_fill when ttl is NULL.",
							&agc_cache_default_ttl, 300, 1, INT_MAX / 1000,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomBoolVariable("agentcore.cache_dump",
							 "Keep the cache's entries in a file over a restart.",
							 "Written at shutdown, read at start, in the clear and readable by the server's user only. "
							 "Entries keep their expiry; the first invalidation after a dump removes the file.",
							 &agc_cache_dump, false,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.cache_dump_interval",
							"How often the cache is also dumped while the server runs.",
							"After a crash the last dump is read; entries that were only replaced since come back as they were. 0 dumps at shutdown alone.",
							&agc_cache_dump_interval, 0, 0, 24 * 3600,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.cache_lease",
							"Lease of cache_fetch that names none.",
							"A leader that has neither filled nor abandoned by then is given up, and the next to ask leads.",
							&agc_cache_lease, 30, 1, 24 * 3600,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.cache_max_entries",
							"Most entries of a cache whose policy is lru.",
							"Fixed at server start; 0 sets no limit but agentcore.cache_memory. Has no effect with agentcore.cache_policy = s3-fifo.",
							&agc_cache_max_entries, 0, 0, INT_MAX,
							at_start, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.cache_memory",
							"Shared memory of the tool-result cache.",
							"Fixed at server start; 0 turns the cache off.",
							&agc_cache_memory, 64, 0, 1024 * 1024,
							at_start, GUC_UNIT_MB, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.cache_negative_ttl",
							"Time to live of a negative cache entry that names none.",
							"Used by cache_set and cache_fill with negative => true when ttl is NULL; the gate uses its tools' own.",
							&agc_cache_negative_ttl, 10, 1, INT_MAX / 1000,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomBoolVariable("agentcore.cache_on_standby",
							 "Let the gate use its cache on a hot standby.",
							 "Invalidations do not reach a standby: there the time to live is the only bound on an answer's age.",
							 &agc_cache_on_standby, false,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.cache_pending_max",
							"Backend memory for cache entries that wait for COMMIT.",
							"Beyond it cache_set returns false and the entry is not cached, and invalidations of single calls widen to their tool.",
							&agc_cache_pending_max, 16384, 64, INT_MAX / 1024,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomEnumVariable("agentcore.cache_policy",
							 "Which entries leave a full cache.",
							 "Fixed at server start. s3-fifo: those that were not used again soon; lru: the least recently used, exactly, "
							 "for whom the order matters more than speed: the cache is one partition and a hit takes its lock exclusively.",
							 &agc_cache_policy, AGC_CACHE_S3_FIFO, policy_options,
							 at_start, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.cache_sweep_interval",
							"How often the background worker removes expired cache entries.",
							"What has expired is never served, swept or not; sweeping gives its memory back before a writer needs it.",
							&agc_cache_sweep_interval, 1000, 10, 3600 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.cache_tenant_share",
							"Percentage of the cache past which a tenant evicts only its own entries.",
							"Counted in memory, in each partition of the cache, and only while that is full; 100 lets every tenant evict any. "
							"tenant_share_set() sets another for one tenant.",
							&agc_cache_tenant_share, 100, 1, 100,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.cache_ttl_jitter",
							"Percentage by which times to live are shortened at random.",
							"Keeps entries that were stored together from expiring together; 0 leaves every time to live as given.",
							&agc_cache_ttl_jitter, 0, 0, 50,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.compiled_cache_size",
							"Backend memory for compiled schemas, policies and settings.",
							"The least recently used objects go first; agentcore.stat_compiled shows them. "
							"A tool whose schema alone takes more, or patterns of one schema that do, is refused with 54000.",
							&agc_compiled_cache_size, 16384, 256, INT_MAX / 1024,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.debug_clock_offset",
							"Moves the clock by which agentcore decides, for tests.",
							"Set in the configuration file it moves everybody's clock, else this session's alone.",
							&agc_debug_clock_offset, 0, -INT_MAX, INT_MAX,
							PGC_SUSET, GUC_UNIT_MS | GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.inline_schema_cache_size",
							"Backend memory for compiled schemas that were given as an argument.",
							"The least recently used go first, but never the one in use; agentcore.stat_compiled shows them.",
							&agc_inline_schema_cache_size, 8192, 64, INT_MAX / 1024,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.lease_default",
							"Lease of a permit that names none.",
							"A permit neither settled nor extended by then counts as abandoned.",
							&agc_lease_default, 300, 1, 7 * 24 * 3600,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomBoolVariable("agentcore.log_denials",
							 "Write every refusal of the gate to the server log.",
							 "No ROLLBACK takes the line back. Argument values are never logged.",
							 &agc_log_denials, false,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.loop_limit",
							"Identical calls of one task before the gate says loop_detected.",
							"Counts calls with the same agent, task, tool and arguments, as they run, within ten minutes; 0 turns the guard off.",
							&agc_loop_limit, 0, 0, 10000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.max_args_size",
							"Largest argument or result document that a function takes.",
							"Measured on the stored jsonb (or the text of args_text). Larger ones are refused with 54000.",
							&agc_max_args_size, 4096, 1, 1024 * 1024,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.max_depth",
							"Deepest nesting that validation follows.",
							"Applies to schemas and instances; deeper ones raise 54001.",
							&agc_max_depth, 512, 8, 100000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.max_errors",
							"Most errors that args_validate reports for one document.",
							"Validation stops collecting there; the document stays invalid.",
							&agc_max_errors, 20, 1, 10000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.max_lease",
							"Longest lease of a permit, a call, a tool or a cache entry.",
							"A longer one is refused with 22023; a tool's that was set before ends here. "
							"What a lease holds is kept from everybody else when its holder is gone.",
							&agc_max_lease, 24 * 3600, 1, 366 * 24 * 3600,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.max_node_visits",
							"Steps that validating one document may take.",
							"One step applies one subschema to one value; nested anyOf and oneOf multiply. "
							"Long strings, wide objects and huge numbers count as more, by their size. More raise 54001.",
							&agc_max_node_visits, 10000000, 1024, INT_MAX,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.max_open_approvals",
							"Open requests for approval that one agent may have.",
							"Beyond it its calls wait without a new request, until some are decided or purged; 0 sets no limit.",
							&agc_max_open_approvals, 100, 0, 1000000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomRealVariable("agentcore.max_overrun",
							 "How many times its hold a permit is charged at most by a role of level agent.",
							 "100,000 tokens and 1 USD are charged in any case. What is beyond stands in the ledger as unbilled, with a WARNING. "
							 "An administrator charges all; budget_set(max_overrun) says otherwise for one budget.",
							 &agc_max_overrun, 10, 1, 1e9,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.max_targets",
							"Circuit breakers, and also rate-limit buckets, that shared memory holds.",
							"Fixed at server start, rounded up to a multiple of 128; about 1.5 kB each, of which one tenant may fill three quarters. "
							"When all of them matter, new ones are refused and counted in agentcore.stat_target_slots.",
							&agc_max_targets, 4096, 128, 65536,
							at_start, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("agentcore.missing_shmem",
							 "What the gate does where the library was not preloaded.",
							 "miss: every cache lookup is a miss, with one WARNING a session; error: 55000.",
							 &agc_missing_shmem, AGC_MISSING_SHMEM_MISS, missing_shmem_options,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.pattern_depth_limit",
							"Backtracking points that the match of a regular expression may keep where there is no JIT.",
							"A match that needs more raises 54001; it never counts as valid.",
							&agc_pattern_depth_limit, 100000, 100, INT_MAX,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.pattern_heap_limit",
							"Memory that the match of a regular expression may take where there is no JIT.",
							"A match that needs more raises 54001. A backend keeps what its largest match took.",
							&agc_pattern_heap_limit, 8192, 64, MAX_KILOBYTES,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomBoolVariable("agentcore.pattern_jit",
							 "Turn regular expressions into machine code where the platform allows it.",
							 "off: PCRE2 interprets those compiled from now on. Answers are the same, apart from what a limit refuses.",
							 &agc_pattern_jit, true,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.pattern_match_limit",
							"Steps that one regular-expression match may take.",
							"A match that needs more raises 54001; it never counts as valid.",
							&agc_pattern_match_limit, 1000000, 100, INT_MAX,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.pattern_timeout",
							"Time that one regular-expression match may take.",
							"Ends what takes few but long steps; a match that needs more raises 54001. The time also counts towards agentcore.max_node_visits, 100 ns a visit.",
							&agc_pattern_timeout, 40, 1, 60000,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.policy_cache_max_rules",
							"Most rules of a policy that a session keeps compiled.",
							"Those of a larger policy, and of one that would fill three quarters of agentcore.compiled_cache_size, stay in "
							"their table, where each decision looks them up by index. A policy follows when it is next compiled.",
							&agc_policy_cache_max_rules, 100000, 0, INT_MAX,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("agentcore.require_tenant",
							 "Refuse the empty tenant.",
							 "For databases that serve several tenants, where a forgotten argument must not reach a shared one.",
							 &agc_require_tenant, false,
							 PGC_SUSET, 0, NULL, NULL, NULL);

	agc_test_point_init();
	MarkGUCPrefixReserved("agentcore");
}
