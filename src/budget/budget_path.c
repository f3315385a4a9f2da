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

#include "budget/share.h"

static PathLink *
add_link(BudgetPath *path, const char *name)
{
	PathLink   *link;

	if (path->link == NULL)
		path->link = palloc(4 * sizeof(PathLink));
	else if (path->n >= 4 && (path->n & (path->n - 1)) == 0)
		path->link = repalloc(path->link, 2 * path->n * sizeof(PathLink));
	link = &path->link[path->n++];
	link->name = pstrdup(name);
	link->depth = 0;
	link->want = 0;
	link->whole = link->created = false;
	link->target = 0;
	link->n = 0;
	link->defined = definition_read(path->tenant, name, &link->def);
	if (!link->defined)
		link->def.slots = 1;
	link->counter = palloc(link->def.slots * sizeof(Counter));
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
			link->want |= path_slot_bit(permits[i].slots[level] % link->def.slots);
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

bool
path_is_divided(const BudgetPath *path)
{
	for (int i = 0; i < path->n; i++)
		if (path_link_is_divided(&path->link[i]))
			return true;
	return false;
}

void
path_want_all(BudgetPath *path)
{
	for (int i = 0; i < path->n; i++)
		if (path_link_is_divided(&path->link[i]))
			path->link[i].want = path_all_slots(&path->link[i]);
}

static Counter *
find_counter(PathLink *link, int slot)
{
	for (int s = 0; s < link->n; s++)
		if (link->counter[s].slot == slot)
			return &link->counter[s];
	return NULL;
}

Counter *
path_counter(BudgetPath *path, const Permit *permit, int level)
{
	PathLink   *link = path_find(path, permit->budgets[level]);

	return link == NULL ? NULL : find_counter(link, permit->slots[level] % link->def.slots);
}

void
path_hold(BudgetPath *path, Permit *permit, const int64 amount[BUDGET_NDIMS])
{
	for (int i = 0; i < path->n; i++)
	{
		permit->slots[i] = path->link[i].target;
		counter_hold(find_counter(&path->link[i], permit->slots[i]), amount, 1);
	}
}

void
path_split(BudgetPath *path, const int64 asked[BUDGET_NDIMS])
{
	for (int i = 0; i < path->n; i++)
	{
		PathLink   *link = &path->link[i];

		if (link->defined && path_link_is_divided(link) && link->n == link->def.slots)
			share_split(link->counter, link->n, &link->def, link->target, asked);
	}
}

void
path_write(BudgetPath *path)
{
	for (int i = 0; i < path->n; i++)
		for (int s = 0; s < path->link[i].n; s++)
			row_counter_write(path->tenant, path->link[i].name, &path->link[i].counter[s]);
}
