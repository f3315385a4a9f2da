/*
 * permit_charge.c
 *	  What a permit's charge does to its budgets and to the ledger.
 *
 * Counters and ledger change together, under the locks of the counters.
 *
 * Locks: path_lock.c; the caller has locked the permit.  Memory: the caller's
 * context.  On ERROR: the transaction takes everything back.
 */
#include "budget/permit_charge.h"

#include "budget/path_lock.h"
#include "budget/permit.h"
#include "budget/threshold.h"
#include "budget/wake.h"

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
refund_reaches(const Counter *counter, const Permit *permit)
{
	return counter == NULL ||
		(counter_covers(counter, permit->settled_at) && permit->settled_at <= counter->seen);
}

void
permit_charge_path(BudgetPath *path, const Permit *permit, const char *event, const int64 amount[BUDGET_NUSED])
{
	int64		plus[BUDGET_NUSED];
	int64		minus[BUDGET_NUSED];
	char	   *reached[BUDGET_MAX_DEPTH];
	int			nreached = 0;
	bool		any_minus = false;

	for (int dim = 0; dim < BUDGET_NUSED; dim++)
	{
		plus[dim] = Max(amount[dim], 0);
		minus[dim] = Min(amount[dim], 0);
		any_minus = any_minus || minus[dim] < 0;
	}
	for (int i = 0; i < permit->depth; i++)
	{
		Counter    *counter = path_counter(path, permit, i);

		if (counter != NULL)
			counter_charge(counter, plus);
		if (any_minus && refund_reaches(counter, permit))
		{
			reached[nreached++] = permit->budgets[i];
			if (counter != NULL)
				counter_charge(counter, minus);
		}
	}
	add_ledger(path->tenant, permit, event, path->at, permit->depth, (char **) permit->budgets, plus);
	if (any_minus)
		add_ledger(path->tenant, permit, "refund", path->at, nreached, reached, minus);
	threshold_tell(path, permit);
}

void
permit_give_hold_back(BudgetPath *path, const Permit *permit)
{
	for (int i = 0; i < permit->depth; i++)
	{
		Counter    *counter = path_counter(path, permit, i);

		if (counter != NULL)
			counter_hold(counter, permit->held, -1);
	}
	if (permit->depth > 0)
		wake_note(path->tenant, permit->budgets[permit->depth - 1]);
}

/*
 * What is charged beyond a hold may take room that other slots of a divided budget
 * have.  So all slots are locked, and their shares split again afterwards.
 */
bool
permit_lock_to_charge(BudgetPath *path, const char *tenant, const Permit *permit, const int64 final[BUDGET_NUSED],
					  bool gives_back)
{
	path_of_permits(path, tenant, permit, 1);
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		if (permit_add_amounts(permit->spent[dim], final[dim]) - permit->charged[dim] >
			(gives_back ? permit->held[dim] : 0))
			path_want_all(path);
	return path_lock(path, NULL);
}

void
permit_write_charged(BudgetPath *path)
{
	static const int64 nothing[BUDGET_NDIMS] = {0};

	path_split(path, nothing);
	path_write(path);
}
