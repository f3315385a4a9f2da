/*
 * overrun.c
 *	  What was spent beyond a hold: how much of it is charged.
 *
 * A hold is what a budget has admitted.  More than that is charged without asking,
 * because the money is gone.  The permit's own budget can bound it in two ways.
 * With overrun "cap" no more than the hold is charged.  And a role of level agent
 * charges a permit no more than max_overrun times its hold, retries included, so
 * that one false report cannot empty a budget.  What is left out stands in the
 * ledger as "unbilled" and charges nothing.
 *
 * Locks: none but those of the caller, who has the permit and its counters.
 * Memory: the caller's context.  On ERROR: the transaction takes the row back.
 */
#include "budget/overrun.h"

#include "budget/path_union.h"

#include "miscadmin.h"
#include "utils/fmgrprotos.h"

/* charged in any case, however small the hold, if the permit counts as a call: tokens, nano-USD */
static const int64 least[] = {100000, 1000000000};

/*
 * The most that the permit may be charged.  A permit that counts as no call has
 * no least amount: max_calls bounds how many permits have one, but nothing
 * bounds the number of permits that hold nothing.
 */
static int64
most_charged(const BudgetPath *path, const Permit *permit, int dim)
{
	int64		held = permit->held[dim];
	int64		floor = permit->held[DIM_CALLS] > 0 ? least[dim] : 0;
	const BudgetDef *def = path_payer(path, permit->row.budget);
	double		most = held * (def != NULL && def->max_overrun > 0 ? def->max_overrun : agc_max_overrun);

	return most >= (double) PG_INT64_MAX ? PG_INT64_MAX : Max((int64) most, floor);
}

static bool
is_capped(const BudgetPath *path, const Permit *permit)
{
	const BudgetDef *def = path_payer(path, permit->row.budget);

	return def != NULL && def->cap_overrun;
}

/* Lowers one amount; returns what was cut, and notes whether max_overrun cut it. */
static int64
cut(const BudgetPath *path, const Permit *permit, bool bounded, int dim, int64 *amount, bool *told)
{
	int64		wanted = *amount;

	if (is_capped(path, permit))
		*amount = Min(*amount, permit->held[dim]);
	if (bounded)
	{
		int64		most = Max(most_charged(path, permit, dim) - permit->spent[dim], 0);

		*told = *told || *amount > most;
		*amount = Min(*amount, most);
	}
	return wanted - *amount;
}

static void
tell(const Permit *permit, const int64 over[BUDGET_NUSED])
{
	char	   *usd = DatumGetCString(DirectFunctionCall1(numeric_out,
														  DirectFunctionCall1(numeric_trim_scale, agc_nanousd_numeric(over[DIM_NANOUSD]))));

	ereport(WARNING,
			(errmsg("%lld tokens and %s USD were left unbilled", (long long) over[DIM_TOKENS], usd),
			 errdetail("Permit %s has used more than the multiple of its hold that agentcore.max_overrun or its budget allows; a permit that counts as a call is charged 100000 tokens and 1 USD in any case.",
					   DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&permit->row.id)))),
			 errhint("Hold what a call may cost. An administrator can charge the rest with agentcore.budget_adjust().")));
}

bool
overrun_cut(const BudgetPath *path, const Permit *permit, int64 amount[BUDGET_NUSED], int64 over[BUDGET_NUSED])
{
	return overrun_cut_as(path, permit, agc_level(GetUserId(), path->tenant) < AGC_ADMIN, amount, over);
}

bool
overrun_cut_as(const BudgetPath *path, const Permit *permit, bool bounded, int64 amount[BUDGET_NUSED], int64 over[BUDGET_NUSED])
{
	bool		told = false;

	memset(over, 0, BUDGET_NUSED * sizeof(int64));
	/* it has no budget */
	if (permit->depth == 0)
		return false;
	for (int dim = DIM_TOKENS; dim <= DIM_NANOUSD; dim++)
		over[dim] = cut(path, permit, bounded, dim, &amount[dim], &told);
	return told;
}

void
overrun_leave_unbilled(const BudgetPath *path, const Permit *permit, const int64 over[BUDGET_NUSED], bool told)
{
	LedgerEntry entry = {.at = path->at, .event = "unbilled"};
	char	   *text;

	if (over[DIM_TOKENS] == 0 && over[DIM_NANOUSD] == 0)
		return;
	entry.nbudgets = permit->depth;
	entry.budgets = (char **) permit->budgets;
	text = psprintf("{\"tokens\": %lld, \"nanousd\": %lld}", (long long) over[DIM_TOKENS],
					(long long) over[DIM_NANOUSD]);
	entry.detail = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
	row_ledger_add(path->tenant, permit, &entry);
	if (told)
		tell(permit, over);
}
