/*
 * min_hold.c
 *	  What an amount that nobody stated holds.
 *
 * An unknown amount is admitted while anything is left, so many calls at once can
 * spend a limit many times.  A budget can have such an amount hold a minimum; of a
 * path the largest counts, because one hold stands in all its budgets.
 *
 * Memory: strings of a message, in the caller's context; whether this session was
 * told is static.  Locks: those of a statement that reads budgets.  On ERROR: nothing
 * to undo.
 */
#include "budget/min_hold.h"

#include "budget/budget.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"

#define BUDGETS_SHOWN 3

static bool told = false;

void
min_hold_ask(const BudgetPath *path, int64 asked[BUDGET_NDIMS])
{
	for (int dim = DIM_TOKENS; dim <= DIM_NANOUSD; dim++)
	{
		int64		most = 0;

		if (asked[dim] != NO_AMOUNT)
			continue;
		for (int i = 0; i < path->n; i++)
			most = Max(most, path->link[i].def.min_hold[dim]);
		if (most > 0)
			asked[dim] = most;
	}
}

static bool
limits_money(const BudgetDef *def)
{
	for (int w = 0; w < def->nlimits; w++)
		if (def->limit[w].max[DIM_NANOUSD] != NO_AMOUNT)
			return true;
	return false;
}

void
min_hold_take(const BudgetPath *path, int64 asked[BUDGET_NDIMS])
{
	min_hold_ask(path, asked);
	for (int i = 0; i < path->n && asked[DIM_NANOUSD] == NO_AMOUNT && !told; i++)
		if (limits_money(&path->link[i].def))
		{
			told = true;
			ereport(NOTICE,
					(errmsg("budget \"%s\" limits money, and the cost of a call is unknown", path->link[i].name),
					 errdetail("Such a call holds no money, so many at once can pass the limit. This is told once per session."),
					 errhint("State its cost (0 for a call that is free), or have it hold a minimum with agentcore.budget_set(min_hold_usd).")));
		}
}

/* For tool_lint(): the names of budgets that limit money and have no minimum. */
char *
budget_names_without_min_hold(const char *tenant)
{
	static const Oid types[] = {TEXTOID};
	static AgcPlan plan = {
		"SELECT b.name FROM agentcore.budget b WHERE b.tenant = $1 AND coalesce(b.min_hold_nanousd, 0) = 0"
		" AND (b.max_nanousd IS NOT NULL OR EXISTS (SELECT FROM agentcore.budget_limit l"
		" WHERE l.tenant = b.tenant AND l.budget = b.name AND l.max_nanousd IS NOT NULL))"
		" ORDER BY b.name LIMIT 4", lengthof(types), types
	};
	StringInfoData out;
	AgcOwner	owner;
	AgcRow		row;

	initStringInfo(&out);
	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_owner_begin(&owner);
	agc_spi_row(&plan, &row);
	for (uint64 i = 0; i < Min(SPI_processed, BUDGETS_SHOWN); i++)
		appendStringInfo(&out, "%s%s", i > 0 ? ", " : "",
						 agc_quoted_name(SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1)));
	if (SPI_processed > BUDGETS_SHOWN)
		appendStringInfoString(&out, " and others");
	agc_owner_end(&owner);
	return out.len > 0 ? out.data : NULL;
}
