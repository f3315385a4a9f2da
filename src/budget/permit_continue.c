/*
 * permit_continue.c
 *	  A permit that goes on: retried, reopened, renewed, extended.
 *
 * Locks: the permit, then the counters of its path (lock_order.c).  Memory: the
 * caller's context.  On ERROR: the transaction takes everything back.
 */
#include "budget/permit.h"

#include "budget/guard.h"
#include "budget/overrun.h"
#include "budget/path_admit.h"
#include "budget/path_peek.h"
#include "budget/permit_charge.h"
#include "budget/threshold.h"

#include "miscadmin.h"

static void
require_open(const Permit *permit)
{
	if (!permit_is_open(permit))
		ereport(ERROR,
				(errcode(ERRCODE_AGC_LOST_LEASE),
				 errmsg("permit is no longer open"),
				 permit_is_unanswered(permit) ?
					 errdetail("Its lease ended and it was taken back.") :
					 errdetail("It has been settled.")));
}

/* What an attempt used so far. */
typedef struct Attempt
{
	const Permit *permit;
	int64		wanted[BUDGET_NUSED];
	int64		amount[BUDGET_NUSED];
	int64		over[BUDGET_NUSED];
	bool		told;
} Attempt;

static void
plan_attempt(BudgetPath *path, void *arg)
{
	Attempt    *attempt = arg;

	memcpy(attempt->amount, attempt->wanted, sizeof(attempt->amount));
	attempt->told = overrun_cut(path, attempt->permit, attempt->amount, attempt->over);
	permit_plan_charge(path, attempt->permit, attempt->amount);
}

static void
charge_attempt(const char *tenant, Permit *permit, Attempt *attempt)
{
	BudgetPath	path;

	path_of_permits(&path, tenant, permit, 1);
	if (path_enter(&path, NULL, plan_attempt, attempt) != PATH_ENTERED)
		permit_raise_contention();
	overrun_leave_unbilled(&path, permit, attempt->over, attempt->told);
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
	{
		permit->spent[dim] = permit_add_amounts(permit->spent[dim], attempt->amount[dim]);
		permit->charged[dim] = permit_add_amounts(permit->charged[dim], attempt->amount[dim]);
	}
	permit_enter_charge(&path, permit, "retry", attempt->amount);
	threshold_tell(&path, permit);
	path_write(&path);
}

void
permit_retry(const char *tenant, const PermitRow *row, int64 tokens, int64 nanousd,
			 TimestampTz retry_at, int64 lease)
{
	Permit	   *permit = row->locked;
	Attempt		attempt = {.permit = permit, .wanted = {Max(tokens, 0), Max(nanousd, 0), 0}};

	require_open(permit);
	guard_charge(permit);
	permit_bound_amounts(permit, attempt.wanted);
	if (attempt.wanted[DIM_TOKENS] > 0 || attempt.wanted[DIM_NANOUSD] > 0)
		charge_attempt(tenant, permit, &attempt);
	permit->row.state = PERMIT_RETRY;
	permit->row.retry_at = retry_at;
	permit->row.lease_until = permit_lease_end(agc_now(), lease);
	row_permit_write(permit, NULL);
}

static void
write_claim(Permit *permit, const PermitRequest *request)
{
	permit_claim(&permit->row, request);
	permit->claimed = true;
	row_permit_write(permit, NULL);
	guard_begun(&permit->row.id);
}

PermitTry
permit_reopen(const PermitRequest *request, const pg_uuid_t *id)
{
	Oid			caller = GetUserId();
	PermitTry	outcome;
	Permit		permit;

	outcome = permit_try(request->tenant, id, CurrentMemoryContext, &permit);
	if (outcome == PERMIT_TRY_DONE &&
		(permit.row.state != PERMIT_RETRY || permit.row.retry_at > agc_now()))
		outcome = PERMIT_TRY_NOT;
	if (outcome == PERMIT_TRY_DONE)
	{
		permit.row.state = PERMIT_OPEN;
		permit.row.role = GetUserNameFromId(caller, false);
		permit.row.attempt++;
		permit.row.retry_at = 0;
		permit.row.lease_until = permit_lease_end(agc_now(), request->lease);
		permit.row.cache_lease = request->cache_lease;
		write_claim(&permit, request);
	}
	return outcome;
}

PermitTry
permit_renew(const PermitRequest *request, const pg_uuid_t *id)
{
	TimestampTz now;
	PermitTry	outcome;
	Permit		permit;

	outcome = permit_try(request->tenant, id, CurrentMemoryContext, &permit);
	now = agc_now();			/* after the wait */
	if (outcome == PERMIT_TRY_DONE &&
		(permit.row.state != PERMIT_OPEN || permit.row.lease_until <= now ||
		 !permit_is_held_by(request->tenant, &permit.row, request->run_holder)))
		outcome = PERMIT_TRY_NOT;
	if (outcome == PERMIT_TRY_DONE)
	{
		permit.row.lease_until = Max(permit.row.lease_until, permit_lease_end(now, request->lease));
		write_claim(&permit, request);
	}
	return outcome;
}

static void
check_use(const char *tenant, const PermitRow *permit)
{
	if (permit->budget != NULL)
		budget_check_use(tenant, permit->budget);
	for (int i = 0; i < permit->nalso; i++)
		budget_check_use(tenant, permit->also[i]);
}

/* false: refused, and the decision says by whom */
static bool
hold_more(const char *tenant, Permit *permit, const int64 more[BUDGET_NDIMS], bool may_use, PermitDecision *out)
{
	BudgetPath	path;

	if (!may_use)
		check_use(tenant, &permit->row);
	path_of_permits(&path, tenant, permit, 1);
	switch (path_enter(&path, more, path_plan_hold, (void *) more))
	{
		case PATH_BUSY:
			permit_raise_contention();
			break;
		case PATH_REFUSED:
			path_peek(&path);
			/* a window may have ended meanwhile; nothing is held then */
			if (path_admits(&path, more, out, CurrentMemoryContext))
				permit_raise_contention();
			return false;
		case PATH_ENTERED:
			path_write(&path);
			break;
	}
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		permit->held[dim] = permit_add_amounts(permit->held[dim], more[dim]);
	return true;
}

bool
permit_extend(const char *tenant, const PermitRow *row, int64 lease, int64 tokens, int64 nanousd,
			  bool may_use, PermitDecision *out)
{
	int64		more[BUDGET_NDIMS] = {tokens, nanousd, 0, 0};
	Permit	   *permit = row->locked;

	memset(out, 0, sizeof(*out));
	out->retry_after = -1;
	out->granted = out->can_ever_fit = true;
	require_open(permit);
	out->id = permit->row.id;
	if (tokens > 0 || nanousd > 0)
		out->granted = hold_more(tenant, permit, more, may_use, out);
	if (out->granted)
	{
		permit->row.lease_until = permit_lease_end(agc_now(), lease);
		row_permit_write(permit, NULL);
	}
	return out->granted;
}
