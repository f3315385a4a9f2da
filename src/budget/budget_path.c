/*
 * budget_path.c
 *	  A budget with its parents, and the counters that were read of them.
 *
 * A path is either one budget and its parents as they are defined now, or the
 * budgets that carry the holds of some permits, whatever their parents are now.
 * Its counters are read by path_peek.c and locked by path_lock.c.
 *
 * Memory: links, in the caller's context.  Locks: none here.  On ERROR: nothing
 * to undo.
 */
#include "budget/budget_path.h"

#include "budget/template_find.h"

static PathLink *
add_link(BudgetPath *path, const char *name)
{
	PathLink   *link;

	if (path->link == NULL)
		path->link = palloc(4 * sizeof(PathLink));
	else if (path->n >= 4 && (path->n & (path->n - 1)) == 0)
		path->link = repalloc(path->link, 2 * path->n * sizeof(PathLink));
	link = &path->link[path->n++];
	memset(link, 0, sizeof(*link));
	link->name = pstrdup(name);
	link->defined = definition_read(path->tenant, name, &link->def);
	return link;
}

/* The last link is not defined. */
static void
refuse_unknown(const BudgetPath *path, const char *tenant, const char *budget)
{
	if (path->n == 1)
		budget_require(tenant, budget);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("parent \"%s\" of budget \"%s\" does not exist", budget, path->link[path->n - 2].name),
			 errhint("Create it, or give the budget another parent with agentcore.budget_set().")));
}

void
path_resolve(BudgetPath *path, const char *tenant, const char *budget)
{
	memset(path, 0, sizeof(*path));
	path->tenant = tenant;
	path->resolved = true;
	path->generation = agc_generation();
	while (budget != NULL)
	{
		PathLink   *link;

		if (path->n == BUDGET_MAX_DEPTH)
			ereport(ERROR,
					(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
					 errmsg("budget \"%s\" has more than %d levels", path->link[0].name, BUDGET_MAX_DEPTH)));
		link = add_link(path, budget);
		if (!link->defined && path->n == 1)
			link->defined = (link->unmade = template_find(tenant, budget, &link->def)) != NULL;
		if (!link->defined)
			refuse_unknown(path, tenant, budget);
		budget = link->def.parent;
	}
	for (int i = 0; i < path->n; i++)
		path->link[i].depth = path->n - 1 - i;
}

static int
compare_links(const void *a, const void *b)
{
	const PathLink *x = a;
	const PathLink *y = b;

	if (x->depth != y->depth)
		return x->depth > y->depth ? -1 : 1;
	return strcmp(x->name, y->name);
}

void
path_of_permits(BudgetPath *path, const char *tenant, const Permit *permits, int n)
{
	memset(path, 0, sizeof(*path));
	path->tenant = tenant;
	path->generation = agc_generation();
	for (int i = 0; i < n; i++)
		for (int level = 0; level < permits[i].depth; level++)
		{
			int			depth = permits[i].depth - 1 - level;
			PathLink   *link = path_find(path, permits[i].budgets[level]);

			if (link == NULL)
				link = add_link(path, permits[i].budgets[level]);
			link->depth = Max(link->depth, depth);
		}
	if (n > 1 && path->n > 1)
		qsort(path->link, path->n, sizeof(PathLink), compare_links);
}

PathLink *
path_find(BudgetPath *path, const char *budget)
{
	for (int i = 0; i < path->n; i++)
		if (strcmp(path->link[i].name, budget) == 0)
			return &path->link[i];
	return NULL;
}

PathLink *
path_link_of(BudgetPath *path, const Permit *permit, int level)
{
	PathLink   *link = path_find(path, permit->budgets[level]);

	return link == NULL || !link->found ? NULL : link;
}
