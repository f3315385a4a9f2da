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
#include "budget/path_lock.h"
#include "budget/permit_charge.h"

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

void
permit_retry(const char *tenant, const pg_uuid_t *id, int64 tokens, int64 nanousd,
			 TimestampTz retry_at, int64 lease)
{
	MemoryContext caller_cxt = CurrentMemoryContext;
	Oid			caller = GetUserId();
	int64		amount[BUDGET_NUSED] = {Max(tokens, 0), Max(nanousd, 0), 0};
	Permit		permit;

	permit_lock(tenant, id, caller, caller_cxt, &permit);
	require_open(&permit);
	guard_charge(&permit);
	permit_bound_amounts(&permit, amount);
	if (amount[DIM_TOKENS] > 0 || amount[DIM_NANOUSD] > 0)
	{
		BudgetPath	path;

		if (!permit_lock_to_charge(&path, tenant, &permit, amount, false))
			permit_raise_contention();
		overrun_leave_unbilled(&path, &permit, amount);
		for (int dim = 0; dim < BUDGET_NUSED; dim++)
		{
			permit.spent[dim] = permit_add_amounts(permit.spent[dim], amount[dim]);
			permit.charged[dim] = permit_add_amounts(permit.charged[dim], amount[dim]);
		}
		permit_charge_path(&path, &permit, "retry", amount);
		permit_write_charged(&path);
	}
	permit.row.state = PERMIT_RETRY;
	permit.row.retry_at = retry_at;
	permit.row.lease_until = permit_lease_end(agc_now(), lease);
	row_permit_write(&permit, NULL);
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

bool
permit_extend(const char *tenant, const pg_uuid_t *id, int64 lease, int64 tokens, int64 nanousd,
			  PermitDecision *out)
{
	MemoryContext caller_cxt = CurrentMemoryContext;
	Oid			caller = GetUserId();
	int64		more[BUDGET_NDIMS] = {tokens, nanousd, 0, 0};
	Permit		permit;

	memset(out, 0, sizeof(*out));
	out->retry_after = -1;
	out->granted = out->can_ever_fit = true;
	permit_lock(tenant, id, caller, caller_cxt, &permit);
	require_open(&permit);
	out->id = permit.row.id;
	if (tokens > 0 || nanousd > 0)
	{
		BudgetPath	path;

		if (permit.row.budget != NULL)
			budget_check_use(tenant, permit.row.budget);
		path_of_permits(&path, tenant, &permit, 1);
		if (!path_lock(&path, more))
			permit_raise_contention();
		if (path_admits(&path, more, out, caller_cxt))
		{
			path_split(&path, more);
			path_hold(&path, &permit, more);
			path_write(&path);
			for (int dim = 0; dim < BUDGET_NUSED; dim++)
				permit.held[dim] = permit_add_amounts(permit.held[dim], more[dim]);
		}
		else
			path_unlock(&path);
	}
	if (out->granted)
	{
		permit.row.lease_until = permit_lease_end(agc_now(), lease);
		row_permit_write(&permit, NULL);
	}
	return out->granted;
}
