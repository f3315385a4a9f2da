/*
 * template_find.c
 *	  The template that covers the name of a budget.
 *
 * Templates are looked at only for a name that has no row, so they are read each time
 * and nothing is kept of them.
 *
 * Memory: the caller's context.  Locks: those of reading.  On ERROR: nothing to undo.
 */
#include "budget/template_find.h"

#include "budget/budget.h"

#include "utils/rel.h"

static AgcTable template_table = AGC_TABLE("budget_template", "budget_template_pkey");

typedef struct TemplateScan
{
	const char *name;
	char	   *pattern;		/* of those that match the longest */
	int			length;
} TemplateScan;

/* A name that ends where the star stands is more likely a mistake than a customer. */
static void
look_at_template(HeapTuple tuple, TupleDesc desc, void *arg)
{
	TemplateScan *scan = arg;
	char	   *pattern = agc_col_text(tuple, desc, "name");
	int			length = strlen(pattern) - 1;

	if (length <= scan->length || strncmp(pattern, scan->name, length) != 0 || scan->name[length] == '\0')
		return;
	scan->pattern = pattern;
	scan->length = length;
}

Relation
template_open(void)
{
	return agc_table_open(&template_table, AccessShareLock);
}

HeapTuple
template_row(Relation rel, const char *tenant, const char *name, BudgetTemplate *out)
{
	TemplateScan scan = {.name = name};
	const char *keys[2] = {tenant};
	HeapTuple	row = NULL;

	agc_table_scan(&template_table, rel, 1, &tenant, look_at_template, &scan);
	keys[1] = out->pattern = scan.pattern;
	if (scan.pattern != NULL)
		row = agc_table_get(&template_table, rel, 2, keys);
	if (row != NULL)
		out->max_budgets = agc_col_int64(row, RelationGetDescr(rel), "max_budgets", 0);
	return row;
}

BudgetTemplate *
template_find(const char *tenant, const char *name, BudgetDef *def)
{
	Relation	rel = template_open();
	BudgetTemplate *template = palloc(sizeof(BudgetTemplate));
	HeapTuple	row = template_row(rel, tenant, name, template);

	if (row != NULL)
		definition_of_row(row, RelationGetDescr(rel), def);
	agc_table_close(rel, AccessShareLock);
	return row == NULL ? NULL : template;
}

/* A name that a template covers exists as far as anybody can tell who only looks. */
bool
budget_exists(const char *tenant, const char *budget)
{
	BudgetDef	def;

	return definition_read(tenant, budget, &def) || template_find(tenant, budget, &def) != NULL;
}
