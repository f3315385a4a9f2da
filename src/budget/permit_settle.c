/*
 * permit_settle.c
 *	  The end of a permit: committed, released or failed, at its final cost.
 *
 * Locks: the permit, then the counters of its path (lock_order.c).  Memory: the
 * caller's context.  On ERROR: the transaction takes everything back.
 */
#include "budget/permit.h"

#include "budget/guard.h"
#include "budget/overrun.h"
#include "budget/permit_charge.h"

#include "miscadmin.h"

/* The answer for a permit that was settled before. */
static SettleResult
compare_settled(const char *tenant, const Permit *permit, PermitState to,
				const int64 final[BUDGET_NUSED])
{
	bool		same_end = permit->row.state == to ||
		(permit->row.state == PERMIT_LATE && to == PERMIT_COMMITTED);
	int64		unbilled[BUDGET_NUSED] = {0};

	/* more than was charged: some of it may have stayed unbilled */
	for (int dim = 0; dim < BUDGET_NUSED && same_end; dim++)
		if (final[dim] > permit->charged[dim] - permit->spent[dim])
		{
			AgcOwner	owner;

			agc_owner_begin(&owner);
			row_ledger_unbilled(tenant, permit, unbilled);
			agc_owner_end(&owner);
			break;
		}
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		if (permit->charged[dim] - permit->spent[dim] != final[dim] - unbilled[dim])
			same_end = false;
	return same_end ? SETTLE_REPLAYED : SETTLE_CONFLICT;
}

/*
 * Closes a permit at its final cost.  A permit whose lease has ended is late,
 * whether or not it was expired already, so that the answer does not depend on when
 * somebody reaped last.
 */
static SettleResult
settle(const char *tenant, const pg_uuid_t *id, PermitState to, const char *event,
	   int64 tokens, int64 nanousd, bool called, Jsonb *result)
{
	MemoryContext caller_cxt = CurrentMemoryContext;
	Oid			caller = GetUserId();
	SettleResult answer = SETTLE_COMMITTED;
	int64		delta[BUDGET_NUSED];
	Permit		permit;

	permit_lock(tenant, id, caller, caller_cxt, &permit);
	delta[DIM_TOKENS] = tokens == NO_AMOUNT ? permit.held[DIM_TOKENS] : tokens;
	delta[DIM_NANOUSD] = nanousd == NO_AMOUNT ? permit.held[DIM_NANOUSD] : nanousd;
	delta[DIM_CALLS] = called ? permit.held[DIM_CALLS] : 0;

	if (!permit_is_open(&permit) && permit.row.state != PERMIT_EXPIRED)
		answer = compare_settled(tenant, &permit, to, delta);
	else
	{
		BudgetPath	path;

		if (called)
			guard_charge(&permit);
		if (!permit_lock_to_charge(&path, tenant, &permit, delta, permit_is_open(&permit)))
			permit_raise_contention();
		/* by the clock that gave the lease, not by path.at: counters may have seen a clock that was ahead */
		if (permit.row.state == PERMIT_EXPIRED || permit.row.lease_until <= agc_now())
			answer = SETTLE_LATE;
		overrun_leave_unbilled(&path, &permit, delta);
		if (permit_is_open(&permit))
			permit_give_hold_back(&path, &permit);
		for (int dim = 0; dim < BUDGET_NUSED; dim++)
		{
			int64		before = permit.charged[dim];

			permit.charged[dim] = permit_add_amounts(permit.spent[dim], delta[dim]);
			delta[dim] = permit.charged[dim] - before;
		}
		permit_charge_path(&path, &permit, answer == SETTLE_LATE ? "late" : event, delta);
		AGC_TEST_POINT("budget_charged");
		permit_write_charged(&path);
		AGC_TEST_POINT("budget_counted");
		permit.row.state = answer == SETTLE_LATE && to == PERMIT_COMMITTED ? PERMIT_LATE : to;
		permit.settled_at = path.at;
		row_permit_write(&permit, result);
		AGC_TEST_POINT("budget_settled");
	}
	return answer;
}

SettleResult
permit_commit(const char *tenant, const pg_uuid_t *id, int64 tokens, int64 nanousd, Jsonb *result)
{
	return settle(tenant, id, PERMIT_COMMITTED, "commit", tokens, nanousd, true, result);
}

SettleResult
permit_release(const char *tenant, const pg_uuid_t *id)
{
	return settle(tenant, id, PERMIT_RELEASED, "release", 0, 0, false, NULL);
}

SettleResult
permit_fail(const char *tenant, const pg_uuid_t *id, int64 tokens, int64 nanousd)
{
	return settle(tenant, id, PERMIT_FAILED, "fail", Max(tokens, 0), Max(nanousd, 0), true, NULL);
}
