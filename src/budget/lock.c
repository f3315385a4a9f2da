/*
 * lock.c
 *	  The queues in front of counters, permits, keys and a tenant's definitions.
 *
 * Changing a row locks it to the end of the transaction.  What SELECT ... FOR
 * UPDATE would add in front of that is an object lock of PostgreSQL's lock manager
 * here.  It can do what a row lock cannot: end a wait after a time without failing
 * the transaction, be given back when the row did not fit, and cost no WAL.  Its
 * holder reads the row by the latest snapshot and may write it.  pg_locks shows it
 * as a lock on an object of the table.
 *
 * Tags are keyed hashes (core/secret.c).  So nobody can search for a name that has
 * another tenant's tag, or recognise a name in pg_locks.  Two names have the same
 * tag by chance, once in 2^48; then they wait for each other, and nothing worse.
 *
 * A lock taken in one statement can be dropped in another, because its owner is
 * the (sub)transaction and not the portal that runs the statement.
 *
 * Memory: none that lasts.  On ERROR: PostgreSQL releases the locks.
 */
#include "budget/budget.h"
#include "budget/lock.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

static void
add_text(AgcSecretHash *hash, const char *text)
{
	agc_secret_field(hash, text, strlen(text));
}

static uint64
set_tag(BudgetLock *lock, Oid relid, AgcSecretHash *hash)
{
	uint64		tag = agc_secret_end(hash);

	SET_LOCKTAG_OBJECT(*lock, MyDatabaseId, relid, (uint32) tag, (uint16) (tag >> 32));
	return tag;
}

uint64
lock_of_counter(BudgetLock *lock, Oid relid, const char *tenant, const char *budget)
{
	AgcSecretHash hash;

	agc_secret_begin(&hash, 'c');
	add_text(&hash, tenant);
	add_text(&hash, budget);
	return set_tag(lock, relid, &hash);
}

/* The tag reveals nothing of the id, which is all that one needs to know of a call. */
void
lock_of_permit(BudgetLock *lock, Oid relid, const pg_uuid_t *id)
{
	AgcSecretHash hash;

	agc_secret_begin(&hash, 'p');
	agc_secret_field(&hash, id->data, UUID_LEN);
	set_tag(lock, relid, &hash);
}

void
lock_of_key(BudgetLock *lock, Oid relid, const char *tenant, const char *holder, const char *key)
{
	AgcSecretHash hash;

	agc_secret_begin(&hash, 'k');
	add_text(&hash, tenant);
	add_text(&hash, holder);
	add_text(&hash, key);
	set_tag(lock, relid, &hash);
}

void
lock_of_digest(BudgetLock *lock, Oid relid, const uint8 digest[AGC_HASH_LEN])
{
	AgcSecretHash hash;

	agc_secret_begin(&hash, 'q');
	agc_secret_field(&hash, digest, AGC_HASH_LEN);
	set_tag(lock, relid, &hash);
}

/* The class is the table of definitions, and no other lock has that class. */
void
lock_of_definitions(BudgetLock *lock, Oid relid, const char *tenant)
{
	AgcSecretHash hash;

	agc_secret_begin(&hash, 'd');
	add_text(&hash, tenant);
	set_tag(lock, relid, &hash);
}

static bool
acquire(const BudgetLock *lock, LOCKMODE mode, bool wait)
{
	ResourceOwner owner = CurrentResourceOwner;
	LockAcquireResult result;

	CurrentResourceOwner = CurTransactionResourceOwner;
	result = LockAcquire(lock, mode, false, !wait);
	CurrentResourceOwner = owner;
	return result != LOCKACQUIRE_NOT_AVAIL;
}

/*
 * LockAcquire() can only fail by an ERROR, so it runs in a subtransaction, which
 * undoes the error.  A subtransaction that ends well hands the lock to its parent.
 * A circle that is closed by rows of the caller's own tables is broken here as
 * well: a caller that gives up waiting holds up no one.
 */
static bool
wait_in_subtransaction(const BudgetLock *lock, LOCKMODE mode)
{
	ResourceOwner owner = CurrentResourceOwner;
	MemoryContext cxt = CurrentMemoryContext;
	int			outer_timeout = LockTimeout;
	volatile bool taken = true;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		LockTimeout = agc_budget_lock_wait;
		(void) acquire(lock, mode, true);
		LockTimeout = outer_timeout;
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		LockTimeout = outer_timeout;
		MemoryContextSwitchTo(cxt);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(cxt);
		CurrentResourceOwner = owner;
		if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE &&
			error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED)
			ReThrowError(error);
		FreeErrorData(error);
		taken = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
	CurrentResourceOwner = owner;
	return taken;
}

static bool
take(const BudgetLock *lock, LOCKMODE mode, bool wait)
{
	if (acquire(lock, mode, false))
		return true;
	if (!wait)
		return false;
	/* a shorter lock_timeout is the caller's own, and raises its own error */
	if (agc_budget_lock_wait > 0 &&
		(LockTimeout == 0 || agc_budget_lock_wait <= LockTimeout))
		return wait_in_subtransaction(lock, mode);
	return acquire(lock, mode, true);
}

/*
 * The transaction owns the lock, not the portal that runs the statement.  So it can
 * be dropped, whether or not a subtransaction has waited for it.
 */
bool
lock_take_mode(const BudgetLock *lock, LOCKMODE mode, bool wait)
{
	ResourceOwner owner = CurrentResourceOwner;
	bool		taken;

	CurrentResourceOwner = CurTransactionResourceOwner;
	taken = take(lock, mode, wait);
	CurrentResourceOwner = owner;
	return taken;
}

bool
lock_take(const BudgetLock *lock, bool wait)
{
	return lock_take_mode(lock, ExclusiveLock, wait);
}

void
lock_drop_mode(const BudgetLock *lock, LOCKMODE mode)
{
	ResourceOwner owner = CurrentResourceOwner;

	CurrentResourceOwner = CurTransactionResourceOwner;
	(void) LockRelease(lock, mode, false);
	CurrentResourceOwner = owner;
}

/*
 * A request that may wait, although it never does: behind somebody who waits for
 * the exclusive lock one that may not wait would fail, while this one is put in
 * front of those whom its holder keeps waiting, and so is granted at once.
 */
void
lock_downgrade(const BudgetLock *lock)
{
	(void) acquire(lock, ShareLock, true);
	lock_drop_mode(lock, ExclusiveLock);
}
