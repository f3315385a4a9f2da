/*
 * guc.h
 *	  Every setting of the extension, in alphabetical order of its SQL name.
 */
#ifndef AGENTCORE_GUC_H
#define AGENTCORE_GUC_H

#include "postgres.h"

typedef enum AgcAudit
{
	AGC_AUDIT_NONE,
	AGC_AUDIT_DENIED,
	AGC_AUDIT_ALL
} AgcAudit;

typedef enum AgcBudgetGuard
{
	AGC_GUARD_OFF,
	AGC_GUARD_WARNING,
	AGC_GUARD_ERROR
} AgcBudgetGuard;

typedef enum AgcCachePolicy
{
	AGC_CACHE_S3_FIFO,
	AGC_CACHE_LRU
} AgcCachePolicy;

typedef enum AgcCompress
{
	AGC_COMPRESS_OFF,
	AGC_COMPRESS_PGLZ,
	AGC_COMPRESS_LZ4
} AgcCompress;

#ifdef USE_LZ4
#define AGC_COMPRESS_DEFAULT	AGC_COMPRESS_LZ4
#else
#define AGC_COMPRESS_DEFAULT	AGC_COMPRESS_PGLZ
#endif

typedef enum AgcMissingShmem
{
	AGC_MISSING_SHMEM_MISS,
	AGC_MISSING_SHMEM_ERROR
} AgcMissingShmem;

extern int	agc_audit;
extern int	agc_budget_guard;
extern int	agc_budget_lock_wait;	/* ms */
extern int	agc_budget_max_xact_age;	/* ms */
extern int	agc_cache_compress;
extern int	agc_cache_compress_min; /* bytes */
extern int	agc_cache_default_ttl;	/* seconds */
extern bool agc_cache_dump;
extern int	agc_cache_dump_interval;	/* seconds */
extern int	agc_cache_lease;	/* seconds */
extern int	agc_cache_max_entries;
extern int	agc_cache_memory;	/* MB */
extern int	agc_cache_negative_ttl; /* seconds */
extern bool agc_cache_on_standby;
extern int	agc_cache_pending_max;	/* kB */
extern int	agc_cache_policy;
extern int	agc_cache_sweep_interval;	/* ms */
extern int	agc_cache_tenant_share; /* percent */
extern int	agc_cache_ttl_jitter;	/* percent */
extern int	agc_compiled_cache_size;	/* kB */
extern int	agc_debug_clock_offset; /* ms */
extern int	agc_inline_schema_cache_size;	/* kB */
extern int	agc_lease_default;	/* seconds */
extern bool agc_log_denials;
extern int	agc_loop_limit;
extern int	agc_max_args_size;	/* kB */
extern int	agc_max_depth;
extern int	agc_max_errors;
extern int	agc_max_lease;		/* seconds */
extern int	agc_max_node_visits;
extern int	agc_max_open_approvals;
extern double agc_max_overrun;	/* times a hold */
extern int	agc_max_targets;
extern int	agc_missing_shmem;
extern int	agc_pattern_depth_limit;
extern int	agc_pattern_heap_limit; /* kB */
extern bool agc_pattern_jit;
extern int	agc_pattern_match_limit;
extern int	agc_pattern_timeout;	/* ms */
extern int	agc_policy_cache_max_rules;
extern bool agc_require_tenant;

extern void agc_guc_init(void);

#endif							/* AGENTCORE_GUC_H */
