/*
 * min_hold.c
 *	  What an amount that nobody stated holds.
 *
 * An unknown amount is admitted while anything is left, so many calls at once can
 * spend a limit many times.  A budget can have such an amount hold a minimum; of a
 * path the largest counts, because one hold stands in all its budgets.
 *
 * Memory: strings of a message, in the caller's context; whether this session was
 * told is static.  Locks: AccessShareLock on the tables of budgets while they are
 * read.  On ERROR: nothing to undo.
 */
#include "budget/min_hold.h"

#include "budget/budget.h"

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

#define BUDGETS_SHOWN 3

static AgcTable budget_table = AGC_TABLE("budget", "budget_pkey");
static AgcTable limit_table = AGC_TABLE("budget_limit", "budget_limit_pkey");

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
		if (path->link[i].limit == NULL && limits_money(&path->link[i].def))
		{
			told = true;
			ereport(NOTICE,
					(errmsg("budget \"%s\" limits money, and the cost of a call is unknown", path->link[i].name),
					 errdetail("Such a call holds no money, so many at once can pass the limit. This is told once per session."),
					 errhint("State its cost (0 for a call that is free), or have it hold a minimum with agentcore.budget_set(min_hold_usd).")));
		}
}

/* The names of budgets that limit money and have no minimum. */
typedef struct Unheld
{
	const char *tenant;
	List	   *names;			/* one more than are shown, at most */
} Unheld;

static void
add_name(Unheld *found, char *name)
{
	if (list_length(found->names) <= BUDGETS_SHOWN)
		found->names = lappend(found->names, name);
}

static void
note_budget(HeapTuple tuple, TupleDesc desc, void *arg)
{
	if (agc_col_int64(tuple, desc, "max_nanousd", NO_AMOUNT) != NO_AMOUNT &&
		agc_col_int64(tuple, desc, "min_hold_nanousd", 0) == 0)
		add_name(arg, agc_col_text(tuple, desc, "name"));
}

/* Of a budget that limits money in a further window only. */
static void
note_limit(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Unheld	   *found = arg;
	char	   *budget = agc_col_text(tuple, desc, "budget");
	BudgetDef	def;

	if (agc_col_int64(tuple, desc, "max_nanousd", NO_AMOUNT) != NO_AMOUNT &&
		list_length(found->names) <= BUDGETS_SHOWN &&
		definition_read(found->tenant, budget, &def) &&
		def.limit[0].max[DIM_NANOUSD] == NO_AMOUNT && def.min_hold[DIM_NANOUSD] == 0 &&
		(found->names == NIL || strcmp(llast(found->names), budget) != 0))
		add_name(found, budget);
}

static void
scan(AgcTable *table, Unheld *found, void (*note) (HeapTuple, TupleDesc, void *))
{
	Relation	rel = agc_table_open(table, AccessShareLock);

	agc_table_scan(table, rel, 1, &found->tenant, note, found);
	agc_table_close(rel, AccessShareLock);
}

char *
budget_names_without_min_hold(const char *tenant)
{
	Unheld		found = {.tenant = tenant};
	StringInfoData out;
	ListCell   *cell;

	scan(&budget_table, &found, note_budget);
	scan(&limit_table, &found, note_limit);
	initStringInfo(&out);
	foreach(cell, found.names)
	{
		int			i = foreach_current_index(cell);

		if (i < BUDGETS_SHOWN)
			appendStringInfo(&out, "%s%s", i > 0 ? ", " : "", agc_quoted_name(lfirst(cell)));
		else
			appendStringInfoString(&out, " and others");
	}
	return found.names != NIL ? out.data : NULL;
}
