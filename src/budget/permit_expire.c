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
#include "budget/path_lock.h"
#include "budget/permit.h"
#include "budget/permit_charge.h"

/* permits at once: each takes a lock, and the lock table is of fixed size */
#define REAP_MAX		256

static void
expire_permits(BudgetPath *path, Permit *permits, int n)
{
	for (int i = 0; i < n; i++)
	{
		Permit	   *permit = &permits[i];
		int64		delta[BUDGET_NUSED] = {0};

		permit_give_hold_back(path, permit);
		for (int dim = 0; dim < BUDGET_NUSED; dim++)
		{
			/* a charge that is out of range must not keep other permits from expiring */
			if (permit->charge_on_expiry)
				delta[dim] = Min(permit->held[dim], PG_INT64_MAX - permit->charged[dim]);
			permit->charged[dim] += delta[dim];
		}
		permit_charge_path(path, permit, "expire", delta);
		permit->row.state = PERMIT_EXPIRED;
		permit->settled_at = path->at;
		row_permit_write(permit, NULL);
		AGC_TEST_POINT("budget_expired");
	}
	path_write(path);
}

int
permit_expire_ended(const char *tenant, const char *budget, int limit, bool must)
{
	Permit	   *permits;
	int			n = row_permits_lock_ended(tenant, agc_now(), budget, limit, CurrentMemoryContext, &permits);
	BudgetPath	path;

	if (n == 0)
		return 0;
	lock_order_note();
	path_of_permits(&path, tenant, permits, n);
	if (!path_lock(&path, NULL))
	{
		if (must)
			permit_raise_contention();
		path_unlock(&path);
		return 0;
	}
	expire_permits(&path, permits, n);
	return n;
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
	if (outcome == PERMIT_TRY_DONE)
	{
		BudgetPath	path;

		path_of_permits(&path, tenant, &permit, 1);
		if (path_lock(&path, NULL))
			expire_permits(&path, &permit, 1);
		else
			outcome = PERMIT_TRY_BUSY;
	}
	return outcome;
}
