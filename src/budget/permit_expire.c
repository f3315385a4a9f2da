/*
 * permit_expire.c
 *	  Permits whose lease has ended: released or charged.
 *
 * Locks: the permits (those that somebody else is settling are left out), then
 * their counters in order (lock_order.c).  Memory: the caller's context.  On
 * ERROR: the transaction takes everything back.
 */
#include "budget/permit_expire.h"

#include "budget/lock_order.h"
#include "budget/path_union.h"
#include "budget/permit.h"
#include "budget/permit_charge.h"
#include "budget/threshold.h"

/* permits at once: each takes a lock, and the lock table is of fixed size */
#define REAP_MAX		256

/* Permits that end together. */
typedef struct Ended
{
	Permit	   *permit;
	int			n;
} Ended;

/* A charge that is out of range must not keep other permits from expiring. */
static void
charge_of(const Permit *permit, int64 delta[BUDGET_NUSED])
{
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		delta[dim] = permit->charge_on_expiry ? Min(permit->held[dim], PG_INT64_MAX - permit->charged[dim]) : 0;
}

static void
plan(BudgetPath *path, void *arg)
{
	const Ended *ended = arg;

	for (int i = 0; i < ended->n; i++)
	{
		int64		delta[BUDGET_NUSED];

		charge_of(&ended->permit[i], delta);
		permit_plan_give_back(path, &ended->permit[i]);
		permit_plan_charge(path, &ended->permit[i], delta);
	}
}

static void
expire_one(BudgetPath *path, Permit *permit)
{
	int64		delta[BUDGET_NUSED];

	charge_of(permit, delta);
	path_wake(path, permit);
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		permit->charged[dim] += delta[dim];
	permit_enter_charge(path, permit, "expire", delta);
	permit->row.state = PERMIT_EXPIRED;
	permit->settled_at = path->at;
	row_permit_write(permit, NULL);
	AGC_TEST_POINT("budget_expired");
}

/* false: contention */
static bool
expire_permits(const char *tenant, Permit *permits, int n)
{
	Ended		ended = {permits, n};
	BudgetPath	path;

	path_of_permits(&path, tenant, permits, n);
	if (path_enter(&path, NULL, plan, &ended) != PATH_ENTERED)
		return false;
	for (int i = 0; i < n; i++)
		expire_one(&path, &permits[i]);
	threshold_tell(&path, n == 1 ? permits : NULL);
	path_write(&path);
	return true;
}

int
permit_expire_ended(const char *tenant, const char *budget, int limit, bool must)
{
	Permit	   *permits;
	int			n = row_permits_lock_ended(tenant, agc_now(), budget, limit, CurrentMemoryContext, &permits);

	if (n == 0)
		return 0;
	lock_order_note();
	if (expire_permits(tenant, permits, n))
		return n;
	if (must)
		permit_raise_contention();
	return 0;
}

int
permit_reap(const char *tenant, int limit)
{
	return permit_expire_ended(tenant, NULL, Min(limit, REAP_MAX), true);
}

PermitTry
permit_expire(const char *tenant, const pg_uuid_t *id)
{
	MemoryContext caller_cxt = CurrentMemoryContext;
	PermitTry	outcome;
	Permit		permit;

	outcome = permit_try(tenant, id, caller_cxt, &permit);
	if (outcome == PERMIT_TRY_DONE && (!permit_is_open(&permit) || permit.row.lease_until > agc_now()))
		outcome = PERMIT_TRY_NOT;
	if (outcome == PERMIT_TRY_DONE && !expire_permits(tenant, &permit, 1))
		outcome = PERMIT_TRY_BUSY;
	return outcome;
}
