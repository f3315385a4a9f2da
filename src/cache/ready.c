/*
 * ready.c
 *	  Whether there is a cache to use: preloaded, with memory, and not left over
 *	  from before a promotion, or by a database of which another has the number now.
 *
 * Locking: the area's lock while what a standby held is invalidated.
 * Memory: none.  On ERROR: nothing has been changed.
 */
#include "cache/ready.h"
#include "cache/dump_file.h"
#include "cache/name.h"
#include "cache/stat.h"

#include "access/xlog.h"

/* Also maps the partitions, and notices a promotion. */
void
ready_require(const char *what)
{
	agc_require_shmem(what);
	if (cache_shmem == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s needs the cache, which is turned off", what),
				 errdetail("agentcore.cache_memory is 0."),
				 errhint("Set agentcore.cache_memory and restart the server.")));
	(void) area_part_at(0);
	ready_follow_recovery();
}

/*
 * A standby hears of no invalidation, so what its cache held does not outlive
 * its promotion: the first use of the cache after it invalidates all of it.
 */
void
ready_follow_recovery(void)
{
	uint32		known = pg_atomic_read_u32(&cache_shmem->in_recovery);
	bool		recovering = RecoveryInProgress();
	bool		promoted = false;
	uint64		stamp;

	if (likely((known != 0) == recovering))
		return;
	LWLockAcquire(area_lock(), LW_EXCLUSIVE);
	if (recovering)
		pg_atomic_write_u32(&cache_shmem->in_recovery, 1);
	else if (pg_atomic_read_u32(&cache_shmem->in_recovery) != 0)
	{
		stamp = epoch_tick();
		for (uint32 name = 0; name < name_count(); name++)
			(void) epoch_settle(name_epoch(name), stamp);
		pg_atomic_write_u32(&cache_shmem->in_recovery, 0);
		promoted = true;
	}
	LWLockRelease(area_lock());
	if (promoted)
		(void) dump_file_revoke();
}

/*
 * What a database of this number has left is invalidated before the dump is revoked:
 * one that is written or read meanwhile brings nothing of it back.  Names that share
 * a number may be of that database, so their entries go too.
 */
static void
forget_database(Oid database)
{
	uint64		stamp;

	if (cache_shmem == NULL)
		return;
	stamp = epoch_tick();
	for (uint32 name = 0; name < name_count(); name++)
		if (name_may_be_of(name, database))
		{
			(void) epoch_settle(name_epoch(name), stamp);
			stat_tool_reset_counters(name);
		}
	dump_file_revoke_or_fail();
}

void
ready_init(void)
{
	agc_database_register(forget_database);
}
