/*
 * permit_settle.c
 *	  The end of a permit: committed, released or failed, at its final cost, or
 *	  unknown, at its estimate.
 *
 * Locks: the permit, then the counters of its path (lock_order.c).  Memory: the
 * caller's context.  On ERROR: the transaction takes everything back.
 */
#include "budget/permit.h"

#include "budget/guard.h"
#include "budget/overrun.h"
#include "budget/path_union.h"
#include "budget/permit_charge.h"
#include "budget/threshold.h"

/* The answer for a permit that was settled before. */
static SettleResult
compare_settled(const char *tenant, const Permit *permit, PermitState to,
				const int64 final[BUDGET_NUSED])
{
	bool		same_end = permit->row.state == to ||
		(permit->row.state == PERMIT_LATE && to == PERMIT_COMMITTED) ||
		(permit->row.state == PERMIT_DEFERRED && to == PERMIT_FAILED);
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

/* How a permit is to end. */
typedef struct Ending
{
	PermitState to;
	const char *event;			/* of the ledger */
	int64		tokens;			/* NO_AMOUNT: as estimated */
	int64		nanousd;
	bool		called;			/* counts as a call */
	TimestampTz retry_at;
	const PermitAnswer *answer;
} Ending;

/* What a call is charged that nobody names an amount for: as at its expiry, else what it holds. */
static int64
estimated(const Permit *permit, int dim)
{
	if (permit_is_unanswered(permit) && permit->charge_on_expiry)
		return permit->charged[dim] - permit->spent[dim];
	return permit->held[dim];
}

/* An end that nobody knows the answer of is no answer, so it is never late. */
static bool
is_late(const Permit *permit, const Ending *ending)
{
	/* by the clock that gave the lease, not by path.at: counters may have seen a clock that was ahead */
	return ending->to != PERMIT_UNKNOWN &&
		(permit->row.state == PERMIT_EXPIRED || permit->row.lease_until <= agc_now());
}

/* What a settlement does, worked out again whenever the time of the path moves. */
typedef struct Settlement
{
	const Permit *permit;
	int64		wanted[BUDGET_NUSED];	/* to be charged in all */
	int64		delta[BUDGET_NUSED];	/* more than was charged before */
	int64		over[BUDGET_NUSED]; /* left unbilled */
	bool		told;
} Settlement;

static void
plan(BudgetPath *path, void *arg)
{
	Settlement *settlement = arg;
	const Permit *permit = settlement->permit;

	memcpy(settlement->delta, settlement->wanted, sizeof(settlement->delta));
	settlement->told = overrun_cut(path, permit, settlement->delta, settlement->over);
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		settlement->delta[dim] = permit_add_amounts(permit->spent[dim], settlement->delta[dim]) - permit->charged[dim];
	if (permit_is_open(permit))
		permit_plan_give_back(path, permit);
	permit_plan_charge(path, permit, settlement->delta);
}

static void
charge(BudgetPath *path, Permit *permit, const char *event, const Settlement *settlement)
{
	overrun_leave_unbilled(path, permit, settlement->over, settlement->told);
	if (permit_is_open(permit))
		path_wake(path, permit);
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		permit->charged[dim] += settlement->delta[dim];
	permit_enter_charge(path, permit, event, settlement->delta);
	AGC_TEST_POINT("budget_charged");
	threshold_tell(path, permit);
	path_write(path);
	AGC_TEST_POINT("budget_counted");
}

/*
 * Closes a locked permit at its final cost; false: contention.  A permit whose lease
 * has ended is late, whether or not it was expired already, so that the answer does
 * not depend on when somebody reaped last.
 */
static bool
settle_locked(const char *tenant, Permit *permit, const Ending *ending, SettleResult *out)
{
	BudgetPath	path;
	Settlement	settlement = {.permit = permit};
	int64	   *amount = settlement.wanted;
	bool		late;

	amount[DIM_TOKENS] = ending->tokens == NO_AMOUNT ? estimated(permit, DIM_TOKENS) : ending->tokens;
	amount[DIM_NANOUSD] = ending->nanousd == NO_AMOUNT ? estimated(permit, DIM_NANOUSD) : ending->nanousd;
	amount[DIM_CALLS] = ending->called ? permit->held[DIM_CALLS] : 0;
	if (!permit_may_end(&permit->row))
	{
		*out = compare_settled(tenant, permit, ending->to, amount);
		return true;
	}

	permit_bound_amounts(permit, amount);
	if (ending->called)
		guard_charge(permit);
	path_of_permits(&path, tenant, permit, 1);
	if (path_enter(&path, NULL, plan, &settlement) != PATH_ENTERED)
		return false;
	late = is_late(permit, ending);
	charge(&path, permit, late ? "late" : ending->event, &settlement);
	permit->row.state = late && ending->to == PERMIT_COMMITTED ? PERMIT_LATE : ending->to;
	permit->row.retry_at = ending->retry_at;
	permit->settled_at = path.at;
	row_permit_write(permit, ending->answer);
	AGC_TEST_POINT("budget_settled");
	*out = late ? SETTLE_LATE : SETTLE_COMMITTED;
	return true;
}

static SettleResult
settle(const char *tenant, Permit *permit, const Ending *ending)
{
	SettleResult settled;

	if (!settle_locked(tenant, permit, ending, &settled))
		permit_raise_contention();
	return settled;
}

SettleResult
permit_commit(const char *tenant, const PermitRow *permit, int64 tokens, int64 nanousd, const PermitAnswer *answer)
{
	return settle(tenant, permit->locked, &(Ending){.to = PERMIT_COMMITTED, .event = "commit", .tokens = tokens, .nanousd = nanousd, .called = true, .answer = answer});
}

SettleResult
permit_release(const char *tenant, const PermitRow *permit)
{
	return settle(tenant, permit->locked, &(Ending){.to = PERMIT_RELEASED, .event = "release"});
}

SettleResult
permit_fail(const char *tenant, const PermitRow *permit, int64 tokens, int64 nanousd)
{
	return settle(tenant, permit->locked, &(Ending){.to = PERMIT_FAILED, .event = "fail", .tokens = Max(tokens, 0), .nanousd = Max(nanousd, 0), .called = true});
}

SettleResult
permit_defer(const char *tenant, const PermitRow *permit, int64 tokens, int64 nanousd, TimestampTz retry_at)
{
	return settle(tenant, permit->locked, &(Ending){.to = PERMIT_DEFERRED, .event = "fail", .tokens = Max(tokens, 0), .nanousd = Max(nanousd, 0), .called = true, .retry_at = retry_at});
}

/* The call was made, so it counts as one. */
static PermitTry
fail_waiting(const char *tenant, Permit *permit)
{
	Ending		ending = {.to = PERMIT_FAILED, .event = "fail", .called = true};
	SettleResult settled;

	return settle_locked(tenant, permit, &ending, &settled) ? PERMIT_TRY_DONE : PERMIT_TRY_BUSY;
}

PermitTry
permit_hand_over(const char *tenant, const pg_uuid_t *id)
{
	Permit		permit;
	PermitTry	outcome = permit_try(tenant, id, CurrentMemoryContext, &permit);

	if (outcome != PERMIT_TRY_DONE)
		return outcome;
	switch (permit.row.state)
	{
		case PERMIT_RETRY:
			return fail_waiting(tenant, &permit);
		case PERMIT_DEFERRED:
			if (permit.resolved)
				return PERMIT_TRY_NOT;
			permit.resolved = true;
			row_permit_write(&permit, NULL);
			return PERMIT_TRY_DONE;
		default:
			return PERMIT_TRY_NOT;
	}
}

void
permit_unknown(const char *tenant, const PermitRow *permit, int64 tokens, int64 nanousd)
{
	(void) settle(tenant, permit->locked, &(Ending){.to = PERMIT_UNKNOWN, .event = "expire", .tokens = tokens, .nanousd = nanousd, .called = true});
}
