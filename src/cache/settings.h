/*
 * settings.h
 *	  The room's settings: agc_x is agentcore.x.  cache.c defines them.
 *
 * cache.h includes this for the rooms above.
 */
#ifndef AGENTCORE_CACHE_SETTINGS_H
#define AGENTCORE_CACHE_SETTINGS_H

#include "core/core.h"

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
extern bool agc_release_on_disconnect;

#endif							/* AGENTCORE_CACHE_SETTINGS_H */
