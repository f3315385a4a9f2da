/*
 * core.c
 *	  What the core does when the library is loaded: its settings, and its parts
 *	  that hear of changes and of the end of a transaction.
 *
 * Every room defines its settings in ROOM/ROOM.c and declares them in
 * ROOM/ROOM.h; the variable of agentcore.x is agc_x.  Limits, audit, logging and
 * posture are SUSET: a role that may only call the functions cannot loosen them.
 * Sizes of shared memory are fixed at server start.  Each function defines its
 * settings in alphabetical order (make lint checks it), and doc/reference.md
 * lists all of them (a test compares it with pg_settings).
 *
 * Memory: static variables.  Locks: none.  On ERROR: the library is not loaded;
 * PostgreSQL itself raises for a value out of range.
 */
#include "core/core.h"

#include <limits.h>

#include "miscadmin.h"

/* a century, ms: as far as tests need, and no time leaves its type */
#define MAX_CLOCK_OFFSET	(100.0 * 366 * 24 * 3600 * 1000)

int			agc_budget_lock_wait = 1000;
int			agc_compiled_cache_size = 16384;
double		agc_debug_clock_offset = 0;
int			agc_lease_default = 300;
int			agc_max_args_size = 4096;
int			agc_max_depth = 512;
int			agc_max_lease = 24 * 3600;
bool		agc_require_tenant = false;

/*
 * A session that loads the library by itself cannot define a setting that is
 * fixed at server start (FATAL).  There the sizes have no effect, but they may
 * stand in the configuration file.
 */
GucContext
agc_at_start(void)
{
	return process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP;
}

static void
define_settings(void)
{
	DefineCustomIntVariable("agentcore.budget_lock_wait",
							"How long to wait for a budget, permit, approval or setting that another transaction is changing.",
							"After that an acquire and call_begin report contention, which is no denial; a settlement, a setter, a grant and call_approve raise 55P03. "
							"0 waits as long as lock_timeout allows.",
							&agc_budget_lock_wait, 1000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.compiled_cache_size",
							"Backend memory for compiled schemas, policies and settings.",
							"The least recently used objects go first; agentcore.stat_compiled shows them. "
							"A tool whose schema, or the patterns of whose schema, would take more is refused with 54000.",
							&agc_compiled_cache_size, 16384, 256, INT_MAX / 1024,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomRealVariable("agentcore.debug_clock_offset",
							 "Moves the clock by which agentcore decides; for tests.",
							 "In the configuration file it moves the clock of every session, otherwise that of this session only.",
							 &agc_debug_clock_offset, 0, -MAX_CLOCK_OFFSET, MAX_CLOCK_OFFSET,
							 PGC_SUSET, GUC_UNIT_MS | GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.lease_default",
							"Lease of a permit when none is given.",
							"A permit that was neither settled nor extended by then counts as abandoned.",
							&agc_lease_default, 300, 1, 7 * 24 * 3600,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.max_args_size",
							"Largest argument or result document that a function takes.",
							"Measured on the stored jsonb, or on the text of args_text. Larger documents are refused with 54000.",
							&agc_max_args_size, 4096, 1, 1024 * 1024,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.max_depth",
							"Deepest nesting that validation follows.",
							"Applies to schemas and instances; deeper ones raise 54001.",
							&agc_max_depth, 512, 8, 100000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.max_lease",
							"Longest lease of a permit, a call, a tool or a cache entry.",
							"A longer one is refused with 22023; a longer lease that a tool was given earlier is cut to this. "
							"When a holder is gone, nobody else gets what it holds before its lease ends.",
							&agc_max_lease, 24 * 3600, 1, 366 * 24 * 3600,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomBoolVariable("agentcore.require_tenant",
							 "Refuse the empty tenant.",
							 "For databases that serve several tenants, where a forgotten argument must not reach a shared one.",
							 &agc_require_tenant, false,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	agc_test_point_init();
}

void
agc_core_init(void)
{
	define_settings();
	agc_invalidation_init();
	agc_object_init();
	agc_access_init();
	agc_table_init();
	agc_overlay_init();
	agc_heap_init();
}
