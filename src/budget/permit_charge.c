/*
 * permit_charge.c
 *	  What a permit's charge does to its budgets and to the ledger.
 *
 * Counters and ledger change together, in one transaction.
 *
 * Locks: path_lock.c; the caller has locked the permit.  Memory: the caller's
 * context.  On ERROR: the transaction takes everything back.
 */
#include "budget/permit_charge.h"

#include "budget/permit.h"

static void
add_ledger(const char *tenant, const Permit *permit, const char *event, TimestampTz at,
		   int nbudgets, char **budgets, const int64 amount[BUDGET_NUSED])
{
	LedgerEntry entry = {.at = at, .event = event, .nbudgets = nbudgets, .budgets = budgets};

	memcpy(entry.amount, amount, sizeof(entry.amount));
	row_ledger_add(tenant, permit, &entry);
}

/*
 * A refund (negative amounts) must not lower a window that the charge was not part
 * of: it does not reach budgets whose window has changed since.
 */
static bool
refund_reaches(const PathLink *link, const Permit *permit)
{
	return link == NULL ||
		(counter_covers(&link->sum, permit->settled_at) && permit->settled_at <= link->sum.seen);
}

/* plus + minus = amount; whether anything is taken back */
static bool
divide(const int64 amount[BUDGET_NUSED], int64 plus[BUDGET_NUSED], int64 minus[BUDGET_NUSED])
{
	bool		any_minus = false;

	for (int dim = 0; dim < BUDGET_NUSED; dim++)
	{
		plus[dim] = Max(amount[dim], 0);
		minus[dim] = Min(amount[dim], 0);
		any_minus = any_minus || minus[dim] < 0;
	}
	return any_minus;
}

static void
plan(PathLink *link, const int64 amount[BUDGET_NUSED])
{
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		link->change.used[dim] = counter_add(link->change.used[dim], amount[dim]);
}

void
permit_plan_charge(BudgetPath *path, const Permit *permit, const int64 amount[BUDGET_NUSED])
{
	int64		plus[BUDGET_NUSED];
	int64		minus[BUDGET_NUSED];
	bool		any_minus = divide(amount, plus, minus);

	for (int i = 0; i < permit->depth; i++)
	{
		PathLink   *link = path_link_of(path, permit, i);

		if (link == NULL)
			continue;
		plan(link, plus);
		if (any_minus && refund_reaches(link, permit))
			plan(link, minus);
	}
}

void
permit_plan_give_back(BudgetPath *path, const Permit *permit)
{
	for (int i = 0; i < permit->depth; i++)
	{
		PathLink   *link = path_link_of(path, permit, i);

		for (int dim = 0; link != NULL && dim < BUDGET_NDIMS; dim++)
			link->change.held[dim] = counter_add(link->change.held[dim], -permit->held[dim]);
	}
}

void
permit_enter_charge(BudgetPath *path, const Permit *permit, const char *event, const int64 amount[BUDGET_NUSED])
{
	int64		plus[BUDGET_NUSED];
	int64		minus[BUDGET_NUSED];
	char	   *reached[BUDGET_MAX_LINKS];
	int			nreached = 0;
	bool		any_minus = divide(amount, plus, minus);

	add_ledger(path->tenant, permit, event, path->at, permit->depth, (char **) permit->budgets, plus);
	if (!any_minus)
		return;
	for (int i = 0; i < permit->depth; i++)
		if (refund_reaches(path_link_of(path, permit, i), permit))
			reached[nreached++] = permit->budgets[i];
	add_ledger(path->tenant, permit, "refund", path->at, nreached, reached, minus);
}
