/*
 * worker.c
 *	  The background worker that removes expired and invalidated entries.
 *
 * Nothing depends on it: an expired entry is a miss, whether or not it is still
 * there, and each write removes a few.  The worker frees the memory of entries
 * that are no longer asked for before it is needed.  It never waits for a
 * partition: a busy one is left to its writers until the next round.
 *
 * Locking: each partition's lock, exclusive if it is free at once, for a bounded
 * number of entries at a time.  Memory: none.  On ERROR: the worker
 * exits and the postmaster starts it again.
 */
#include "cache/worker.h"
#include "cache/chunk.h"
#include "cache/dump.h"
#include "cache/evict.h"
#include "cache/stat.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/guc.h"

#define DRAIN_STEPS		256		/* entries per hold of the lock */
#define SWEEP_CHUNKS	2048
#define RESTART_SECONDS	5

AGC_EXPORT_BEGIN
extern PGDLLEXPORT void agentcore_cache_sweeper(Datum arg);
AGC_EXPORT_END

static void sweep_partition(CachePart *part);

/* Only the postmaster can, and only while it loads its libraries. */
void
worker_register(void)
{
	BackgroundWorker worker = {0};

	if (!process_shared_preload_libraries_in_progress)
		return;
	snprintf(worker.bgw_name, BGW_MAXLEN, "agentcore cache sweeper");
	snprintf(worker.bgw_type, BGW_MAXLEN, "agentcore cache sweeper");
	snprintf(worker.bgw_library_name, BGW_MAXLEN, "agentcore");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "agentcore_cache_sweeper");
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = RESTART_SECONDS;
	RegisterBackgroundWorker(&worker);
}

void
agentcore_cache_sweeper(Datum arg)
{
	uint32		event = agc_wait_event("AgentcoreCacheSweep");

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();

	/* to no database: for pg_stat_activity to show it */
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	if (cache_shmem == NULL)
		proc_exit(0);

	dump_at_start();
	while (!ShutdownRequestPending)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 agc_cache_sweep_interval, event);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		for (uint32 i = 0; i < cache_shmem->npartitions && !ShutdownRequestPending; i++)
			sweep_partition(area_part_at(i));
		stat_flush();
		dump_if_due(false);
	}
	dump_if_due(true);

	/* with 1 the postmaster starts another worker, but not while it shuts down */
	proc_exit(1);
}

/* All expired entries, as long as the lock is free; some of the invalidated ones. */
static void
sweep_partition(CachePart *part)
{
	uint32		removed;

	do
	{
		int64		now = agc_now();

		if (!LWLockConditionalAcquire(part->lock, LW_EXCLUSIVE))
			return;
		removed = entry_drain(part, now, cache_shmem->nchunks, DRAIN_STEPS);
		if (removed == 0)
			(void) evict_sweep(part, SWEEP_CHUNKS, now);
		chunk_reap_limbo(part);
		LWLockRelease(part->lock);
	} while (removed > 0 && !ShutdownRequestPending);
}
