/*
 * session_locks.c
 *	  Keeps the advisory locks of the session as they are while a function of the
 *	  business runs: pg_advisory_lock() and its siblings work past every rollback.
 *
 * PostgreSQL tells nobody which locks a session holds and how often.  But what
 * this process holds hangs on its entry in shared memory, where advisory locks
 * always are; and whoever takes a lock once more is given the local entry, which
 * counts for each owner.  A session without advisory locks pays for sixteen
 * glances at empty lists.
 *
 * Memory: CurrentMemoryContext.  Locks: each partition of the lock table, shared,
 * one after another, if something hangs there; a lock more of the transaction on
 * each that is held.  On ERROR: the transaction lets go of those.
 */
#include "allow/session_locks.h"

#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/proc.h"

static void
add_lock(SessionLocks *held, const LOCKTAG *tag, LOCKMODE mode)
{
	held->items = held->n == 0 ? palloc(sizeof(SessionLock)) : repalloc(held->items, (held->n + 1) * sizeof(SessionLock));
	held->items[held->n++] = (SessionLock){.tag = *tag, .mode = mode};
}

static void
add_modes(SessionLocks *held, const PROCLOCK *lock)
{
	const LOCKTAG *tag = &lock->tag.myLock->tag;

	if (tag->locktag_lockmethodid != USER_LOCKMETHOD)
		return;
	for (LOCKMODE mode = 1; mode <= MaxLockMode; mode++)
		if (lock->holdMask & LOCKBIT_ON(mode))
			add_lock(held, tag, mode);
}

static void
add_list(SessionLocks *held, AgcProcLocks *list, LWLock *partition)
{
	PROCLOCK   *lock = NULL;

	LWLockAcquire(partition, LW_SHARED);
	for (lock = agc_proc_locks_next(list, lock); lock != NULL; lock = agc_proc_locks_next(list, lock))
		add_modes(held, lock);
	LWLockRelease(partition);
}

/* Others move locks of ours into the lists, but none of these, so an empty one can be believed. */
static void
find_held(SessionLocks *held)
{
	AgcProcLocks *lists = MyProc->myProcLocks;

	held->n = 0;
	for (int i = 0; i < NUM_LOCK_PARTITIONS; i++)
		if (!agc_proc_locks_empty(&lists[i]))
			add_list(held, &lists[i], LockHashPartitionLockByIndex(i));
}

/* Once more for the transaction, of what is held: nobody has to wait or be asked. */
static LOCALLOCK *
hold_also(const SessionLock *lock)
{
	LOCALLOCK  *local = NULL;

	(void) agc_lock_acquire(&lock->tag, lock->mode, false, true, &local);
	return local;
}

static void
let_go(const SessionLock *lock, bool session)
{
	(void) LockRelease(&lock->tag, lock->mode, session);
}

static int64
session_count(const LOCALLOCK *local)
{
	for (int i = 0; i < local->numLockOwners; i++)
		if (local->lockOwners[i].owner == NULL)
			return local->lockOwners[i].nLocks;
	return 0;
}

/* The transaction holds it meanwhile. */
static void
set_session_count(const SessionLock *lock)
{
	LOCALLOCK  *ignored;

	while (session_count(lock->local) > lock->count)
		let_go(lock, true);
	while (session_count(lock->local) < lock->count)
		(void) agc_lock_acquire(&lock->tag, lock->mode, true, true, &ignored);
}

void
session_locks_note(SessionLocks *held)
{
	find_held(held);
	for (int i = 0; i < held->n; i++)
	{
		held->items[i].local = hold_also(&held->items[i]);
		held->items[i].count = session_count(held->items[i].local);
	}
}

/* What was noted the transaction holds already, beside what is held here. */
static void
let_go_of_new(SessionLock *lock)
{
	lock->local = hold_also(lock);
	if (lock->local->nLocks - session_count(lock->local) == 1)
		set_session_count(lock);
	let_go(lock, false);
}

void
session_locks_restore(SessionLocks *held)
{
	SessionLocks now;

	for (int i = 0; i < held->n; i++)
		set_session_count(&held->items[i]);
	find_held(&now);
	for (int i = 0; i < now.n; i++)
		let_go_of_new(&now.items[i]);
	for (int i = 0; i < held->n; i++)
		let_go(&held->items[i], false);
}
