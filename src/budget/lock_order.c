/*
 * lock_order.c
 *	  What this transaction has locked of budgets, and what it may wait for.
 *
 * Everybody locks in one order: a permit (or its key) first, then counters, the
 * deepest budget first and the root last.  So nobody waits in a circle, and the
 * row that most transactions share is held for the shortest time.
 *
 * A transaction that comes back for more could still close a circle.  So once
 * it holds anything, it waits for no permit and no key, and for no counter that
 * comes before the last one it locked.  It reports contention instead.
 *
 * Memory: one position in static variables, reset at the end of the transaction.
 * After ROLLBACK TO SAVEPOINT it is only more careful than it would have to be.
 * Locks: none; lock.c takes them.  On ERROR: the position is reset with the
 * transaction.
 */
#include "budget/budget.h"
#include "budget/lock.h"
#include "budget/lock_order.h"

#include "access/xact.h"

typedef struct LastCounter
{
	int			depth;
	char		tenant[AGC_MAX_NAME + 1];
	char		budget[AGC_MAX_NAME + 1];
} LastCounter;

static bool locks_held = false;
static bool counters_held = false;
static LastCounter last_counter;

bool
lock_order_held(void)
{
	return locks_held;
}

void
lock_order_note(void)
{
	locks_held = true;
}

static int
compare_to_last(const LockPlace *place)
{
	int			order;

	if (place->depth != last_counter.depth)
		return place->depth > last_counter.depth ? -1 : 1;
	order = strcmp(place->tenant, last_counter.tenant);
	if (order == 0)
		order = strcmp(place->budget, last_counter.budget);
	return order;
}

bool
lock_order_may_wait(const LockPlace *place)
{
	return !counters_held || compare_to_last(place) >= 0;
}

void
lock_order_note_counter(const LockPlace *place)
{
	locks_held = true;
	if (counters_held && compare_to_last(place) <= 0)
		return;
	counters_held = true;
	last_counter.depth = place->depth;
	strlcpy(last_counter.tenant, place->tenant, sizeof(last_counter.tenant));
	strlcpy(last_counter.budget, place->budget, sizeof(last_counter.budget));
}

/* A higher room's queue is in the order too: it comes where a permit or a key does. */
bool
budget_queue(Oid relid, const uint8 digest[AGC_HASH_LEN])
{
	BudgetLock	lock;

	lock_of_digest(&lock, relid, digest);
	if (!lock_take(&lock, !locks_held))
		return false;
	lock_order_note();
	return true;
}

static void
forget(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		locks_held = counters_held = false;
}

void
lock_order_init(void)
{
	RegisterXactCallback(forget, NULL);
}
