/*
 * task_lock.c
 *	  Locks on tasks, for what no row can say before it is committed.
 *
 * A call leaves labels, facts and what runs once on the root of its task.  Two setters
 * may not miss what a call in an open transaction leaves: task_set(), which places a
 * task below another, so that its root changes; and task_clear(), which takes off a
 * label that the call found and so did not write.  Calls share a lock, to the end
 * of the transaction, and the setter has it alone.
 *
 * Locking: object locks of PostgreSQL's lock manager on the table of tasks, known by a
 * keyed hash as those of budgets are (budget/lock.c); names that share one by chance
 * wait for each other.  A call never waits: it does without the lock.
 * Memory: none that lasts.  On ERROR: PostgreSQL releases the locks.
 */
#include "task/tasks.h"

#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/rel.h"

static AgcTable task_table = AGC_TABLE("task", "task_pkey");

static void
make_tag(LOCKTAG *lock, TaskLock what, const char *tenant, const char *task)
{
	Relation	rel = agc_table_open(&task_table, AccessShareLock);
	Oid			relid = RelationGetRelid(rel);
	AgcSecretHash hash;
	uint64		tag;

	agc_table_close(rel, AccessShareLock);
	agc_secret_begin(&hash, what);
	agc_secret_field(&hash, tenant, strlen(tenant));
	agc_secret_field(&hash, task, strlen(task));
	tag = agc_secret_end(&hash);
	SET_LOCKTAG_OBJECT(*lock, MyDatabaseId, relid, (uint32) tag, (uint16) (tag >> 32));
}

bool
task_lock_share(TaskLock what, const char *tenant, const char *task)
{
	LOCKTAG		lock;

	make_tag(&lock, what, tenant, task);
	return LockAcquire(&lock, ShareLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

void
task_hold_place(const char *tenant, const char *task)
{
	if (!task_lock_share(TASK_LOCK_PLACE, tenant, task))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("task %s is being placed below another", agc_quoted_name(task)),
				 errdetail("Another transaction has called task_set() for it, and has not ended."),
				 errhint("Try again when it has ended; call task_set() before the first call of a task.")));
}

void
task_lock_alone(TaskLock what, const char *tenant, const char *task)
{
	AgcOwner	owner;
	LOCKTAG		lock;

	make_tag(&lock, what, tenant, task);
	agc_owner_begin_bounded(&owner);
	(void) LockAcquire(&lock, ExclusiveLock, false, false);
	agc_owner_end(&owner);
}
