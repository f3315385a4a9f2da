/*
 * lock.h
 *	  The queues in front of counters, permits, keys and a tenant's definitions.
 */
#ifndef AGENTCORE_BUDGET_LOCK_H
#define AGENTCORE_BUDGET_LOCK_H

#include "budget/window.h"

#include "storage/lock.h"

typedef LOCKTAG BudgetLock;

/* the whole hash, of which the lock has the lower 48 bits */
extern uint64 lock_of_counter(BudgetLock *lock, Oid relid, const char *tenant, const char *budget);
extern void lock_of_permit(BudgetLock *lock, Oid relid, const pg_uuid_t *id);
extern void lock_of_key(BudgetLock *lock, Oid relid, const char *tenant, const char *holder,
						const char *key);
extern void lock_of_digest(BudgetLock *lock, Oid relid, const uint8 digest[AGC_HASH_LEN]);
extern void lock_of_definitions(BudgetLock *lock, Oid relid, const char *tenant);

/*
 * To the end of the transaction.  false: another transaction has the lock.  With
 * "wait", it did not give it up within agentcore.budget_lock_wait.
 */
extern bool lock_take(const BudgetLock *lock, bool wait);

/*
 * The same in a mode.  ShareLock and ExclusiveLock: whoever queues for the second
 * stops those that come after it, so nobody starves.
 */
extern bool lock_take_mode(const BudgetLock *lock, LOCKMODE mode, bool wait);

/* before the end, when nothing was written under it */
extern void lock_drop_mode(const BudgetLock *lock, LOCKMODE mode);

/* From ExclusiveLock to ShareLock, at once, whoever waits. */
extern void lock_downgrade(const BudgetLock *lock);

#endif							/* AGENTCORE_BUDGET_LOCK_H */
