/*
 * permit_acquire.c
 *	  The beginning of a permit: what is asked for is held, or refused.
 *
 * Locks: the key, then the budgets in order (path_lock.c); after a refusal none, nor when the key
 * has a permit already.
 *
 * Memory: the caller's context.  On ERROR: the transaction takes everything
 * back.
 */
#include "budget/permit.h"

#include "budget/budget_template.h"
#include "budget/guard.h"
#include "budget/lock_order.h"
#include "budget/min_hold.h"
#include "budget/path_admit.h"
#include "budget/path_ask.h"
#include "budget/path_lock.h"
#include "budget/path_peek.h"
#include "budget/path_union.h"
#include "budget/permit_expire.h"

#include "miscadmin.h"

/* how many ended leases of a budget an acquire expires before that budget refuses it */
#define REAP_INLINE		16

/*
 * A hold whose lease has ended no longer counts.  If there is one, the answer is
 * left to permit_acquire(), which expires it first.
 */
bool
budget_peek(const PermitRequest *request, bool rows, PermitDecision *out)
{
	MemoryContext caller_cxt = CurrentMemoryContext;
	PermitDecision soonest = {.retry_after = -1};
	int64		asked[BUDGET_NDIMS];
	BudgetPath	path;

	memset(out, 0, sizeof(*out));
	out->retry_after = -1;
	out->can_ever_fit = true;
	path_ask(request, asked);
	path_of_request(&path, request);
	min_hold_ask(&path, asked);
	out->hold_tokens = Max(asked[DIM_TOKENS], 0);
	if (!rows && !path_is_refused_by_entries(&path, asked))
		return out->granted = true;
	do
	{
		out->hold_tokens = Max(asked[DIM_TOKENS], 0);
		path_peek(&path);
		if (path_admits(&path, asked, out, caller_cxt))
			return true;
	} while (path_goes_on(&path, asked, out, &soonest));
	path_refused(out, &soonest);
	/* no lease that ends gives back what a limit has counted */
	if (!out->can_ever_fit || out->limit != NULL)
		return false;
	out->granted = row_permits_any_ended(request->tenant, agc_now());
	if (out->granted)
	{
		out->reason = out->denied_by = out->denied_limit = out->detail = NULL;
		memset(&out->denied, 0, sizeof(out->denied));
		out->on_full = ON_FULL_DENY;
		out->asks = false;
	}
	return out->granted;
}

/* true: a permit has the key; 22023 unless it is of the same request, or the gate has more to say */
static bool
find_duplicate(const PermitRequest *request, const char *holder, PermitDecision *out)
{
	Permit		first;

	if (!row_permit_by_key(request->tenant, holder, request->key, CurrentMemoryContext, &first))
		return false;
	out->conflict = !permit_is_same(&first.row, request);
	if (out->conflict && request->agent == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key \"%s\" was used for another request", request->key),
				 errhint("Use a new key for a new request, and the same arguments when a request is repeated.")));
	out->duplicate = true;
	out->id = first.row.id;
	return true;
}

/* A budget of a template is made only when nothing that can be seen refuses the request. */
static PathAnswer
make_missing(BudgetPath *path, const int64 asked[BUDGET_NDIMS], PermitDecision *out, MemoryContext cxt)
{
	if (!template_is_needed(path))
		return PATH_ENTERED;
	for (int i = 0; i < path->n; i++)
		path->link[i].found = false;
	path_peek(path);
	return path_admits(path, asked, out, cxt) ? template_make(path, out, cxt) : PATH_REFUSED;
}

/* PATH_REFUSED: the decision says by whom. */
static PathAnswer
enter(BudgetPath *path, const int64 asked[BUDGET_NDIMS], PermitDecision *out, MemoryContext cxt)
{
	PathAnswer	answer = make_missing(path, asked, out, cxt);

	if (answer != PATH_ENTERED)
		return answer;
	answer = path_enter(path, asked, path_plan_hold, (void *) asked);
	if (answer == PATH_BUSY)
		permit_report_contention(out);
	else if (answer == PATH_REFUSED)
	{
		path_peek(path);
		/* who had no counter at all then may have one now */
		if (path_admits(path, asked, out, cxt))
			permit_report_contention(out);
	}
	return answer;
}

/* A full budget is entered again once leases of its permits that have ended are expired. */
static bool
enter_or_reap(BudgetPath *path, const int64 asked[BUDGET_NDIMS], PermitDecision *out, MemoryContext cxt)
{
	bool		may_reap = !lock_order_held();

	/* each round expires those of the budget that refuses */
	for (int i = 0;; i++)
		switch (enter(path, asked, out, cxt))
		{
			case PATH_ENTERED:
				return true;
			case PATH_BUSY:
				return false;
			case PATH_REFUSED:
				if (i == path->n || !may_reap || !out->can_ever_fit || out->denied_by == NULL ||
					permit_expire_ended(path->tenant, out->denied_by, REAP_INLINE, false) == 0)
					return false;
		}
}

/* A full budget whose overflow pays is left out, and all is tried anew. */
static bool
enter_or_overflow(BudgetPath *path, int64 asked[BUDGET_NDIMS], PermitDecision *out, MemoryContext cxt)
{
	PermitDecision soonest = {.retry_after = -1};

	while (!enter_or_reap(path, asked, out, cxt))
		if (!path_goes_on(path, asked, out, &soonest))
		{
			path_refused(out, &soonest);
			return false;
		}
	return true;
}

static bool
charges_on_expiry(const BudgetPath *path, const PermitRequest *request)
{
	const BudgetDef *def = path_payer(path, request->budget);

	return def != NULL && def->charge_on_expiry;
}

static void
hold(BudgetPath *path, Permit *permit, const int64 asked[BUDGET_NDIMS], const char *holder, PermitDecision *out)
{
	const PermitRequest *request = path->request;

	for (int dim = 0; dim < BUDGET_NDIMS; dim++)
		permit->held[dim] = Max(asked[dim], 0);
	agc_uuid_v7(&permit->row.id);
	for (int i = 0; i < path->n; i++)
	{
		if (path->link[i].limit != NULL)
			continue;
		permit->budgets[permit->depth++] = path->link[i].name;
		if (path->link[i].passed)
			permit->excused[permit->nexcused++] = path->link[i].name;
	}
	permit->row.created_at = agc_now();
	permit->row.lease_until = permit_lease_end(permit->row.created_at, request->lease);
	if (request->key != NULL)
		permit_claim(&permit->row, request);
	permit->charge_on_expiry = request->charge_on_expiry ||
		charges_on_expiry(path, request);
	row_permit_insert(request->tenant, permit, request, holder);
	AGC_TEST_POINT("budget_inserted");
	path_write(path);
	guard_begun(&permit->row.id);
	AGC_TEST_POINT("budget_held");
	out->granted = out->can_ever_fit = true;
	/* an earlier look may have refused it */
	out->limit = NULL;
	out->reason = out->denied_by = out->denied_limit = out->detail = NULL;
	memset(&out->denied, 0, sizeof(out->denied));
	out->asks = out->has_remaining = false;
	out->excused = permit->nexcused > 0;
	out->on_full = ON_FULL_DENY;
	out->npaid_by = path->nfull;
	out->paid_by = path->paid_by;
	out->retry_after = -1;
	out->id = permit->row.id;
	if (request->want_remaining)
		path_remaining(path, out);
}

static void
check_use(const PermitRequest *request)
{
	if (request->budget != NULL)
		budget_check_use(request->tenant, request->budget);
	for (int i = 0; i < request->nalso; i++)
		budget_check_use(request->tenant, request->also[i]);
}

void
permit_acquire(const PermitRequest *request, PermitDecision *out)
{
	MemoryContext caller_cxt = CurrentMemoryContext;
	int64		asked[BUDGET_NDIMS];
	Permit		permit = {0};
	char	   *holder;
	BudgetPath	path;

	memset(out, 0, sizeof(*out));
	out->retry_after = -1;
	out->can_ever_fit = true;
	if (!request->may_use)
		check_use(request);
	if (request->budget != NULL)
		guard_acquire();
	path_ask(request, asked);
	permit.row.role = GetUserNameFromId(GetUserId(), false);
	holder = permit_holder(request->agent, permit.row.role);
	path_of_request(&path, request);
	min_hold_take(&path, asked);
	if (request->key != NULL)
	{
		if (!row_key_lock(request->tenant, holder, request->key, !lock_order_held()))
		{
			permit_report_contention(out);
			return;
		}
	}
	if (request->key == NULL || !find_duplicate(request, holder, out))
	{
		if (enter_or_overflow(&path, asked, out, caller_cxt))
			hold(&path, &permit, asked, holder, out);
	}
	if (request->key != NULL && out->granted)
		lock_order_note();
	else if (request->key != NULL)
		row_key_unlock(request->tenant, holder, request->key);
}
