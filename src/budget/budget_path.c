/*
 * budget_path.c
 *	  A budget with its parents, and the counters that were read of them.
 *
 * A path is either budgets and their parents as they are defined now, or the
 * budgets that carry the holds of some permits, whatever their parents are now.
 * Its counters are read by path_peek.c and locked by path_lock.c.
 *
 * Limits are links too, without a definition anywhere: they stand after all budgets,
 * so that everybody locks them in one order, whatever budget a first use makes.
 *
 * Memory: links, in the caller's context.  Locks: none here.  On ERROR: nothing
 * to undo.
 */
#include "budget/budget_path.h"

#include "budget/template_find.h"

#include "utils/builtins.h"

/* after the roots */
#define LIMIT_DEPTH	(-1)

/* of every limit: which windows its counter has is part of its name */
#define LIMIT_REVISION	1

static PathLink *
new_link(BudgetPath *path, const char *name)
{
	PathLink   *link;

	if (path->link == NULL)
		path->link = palloc(4 * sizeof(PathLink));
	else if (path->n >= 4 && (path->n & (path->n - 1)) == 0)
		path->link = repalloc(path->link, 2 * path->n * sizeof(PathLink));
	link = &path->link[path->n++];
	memset(link, 0, sizeof(*link));
	link->name = pstrdup(name);
	return link;
}

static PathLink *
add_link(BudgetPath *path, const char *name)
{
	PathLink   *link = new_link(path, name);

	link->defined = definition_read(path->tenant, name, &link->def);
	return link;
}

static void
define_limit(BudgetDef *def, const PermitLimit *limit)
{
	BudgetLimit *main = &def->limit[0];

	def->enabled = true;
	def->max_in_flight = NO_AMOUNT;
	def->window_revision = LIMIT_REVISION;
	def->nlimits = 1;
	main->window.kind = limit->period > 0 ? WINDOW_SLIDING : WINDOW_LIFETIME;
	main->window.span = limit->period;
	main->max[DIM_TOKENS] = NO_AMOUNT;
	main->max[DIM_NANOUSD] = limit->max_sum;
	main->max[DIM_CALLS] = limit->max_calls;
}

void
path_add_limits(BudgetPath *path, const PermitRequest *request)
{
	for (int i = 0; i < request->nlimits; i++)
	{
		const PermitLimit *limit = &request->limits[i];
		PathLink   *link;

		if (limit->counter == NULL)
			continue;
		link = new_link(path, limit->counter);
		link->depth = LIMIT_DEPTH;
		link->defined = true;
		link->limit = limit;
		link->excused = limit->excused;
		link->limit_asked[DIM_NANOUSD] = limit->sum;
		link->limit_asked[DIM_CALLS] = 1;
		define_limit(&link->def, limit);
	}
}

const int64 *
path_asked(const PathLink *link, const int64 *asked)
{
	return asked == NULL || link->limit == NULL ? asked : link->limit_asked;
}

/* Names that are typed have no control characters. */
char *
budget_limit_counter(const uint8 digest[AGC_HASH_LEN])
{
	char	   *name = palloc(2 + 2 * AGC_HASH_LEN);
	uint64		len;

	name[0] = '\001';
	len = hex_encode((const char *) digest, AGC_HASH_LEN, name + 1);
	name[1 + len] = '\0';
	return name;
}

/* The last link is not defined; "first" is where its chain begins. */
static void
refuse_unknown(const BudgetPath *path, int first, const char *budget)
{
	if (path->n == first + 1)
		budget_require(path->tenant, budget);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("parent \"%s\" of budget \"%s\" does not exist", budget, path->link[path->n - 2].name),
			 errhint("Create it, or give the budget another parent with agentcore.budget_set().")));
}

static void
refuse_depth(const char *budget)
{
	ereport(ERROR,
			(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
			 errmsg("budget \"%s\" has more than %d levels", budget, BUDGET_MAX_DEPTH)));
}

static void
refuse_links(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
			 errmsg("the budgets that were named, with all above them, are more than %d", BUDGET_MAX_LINKS),
			 errhint("Name fewer budgets, or budgets with fewer parents.")));
}

/* Only a budget that was named may be one that a template is to make. */
static PathLink *
add_or_refuse(BudgetPath *path, int first, const char *name)
{
	PathLink   *link = add_link(path, name);

	if (!link->defined && path->n == first + 1)
		link->defined = (link->unmade = template_find(path->tenant, name, &link->def)) != NULL;
	if (!link->defined)
		refuse_unknown(path, first, name);
	return link;
}

/* What is above a link that is there already is there too. */
void
path_add_chain(BudgetPath *path, const char *budget)
{
	const char *name = budget;
	int			first = path->n;
	PathLink   *link = NULL;

	while (name != NULL && (link = path_find(path, name)) == NULL)
	{
		if (path->n - first == BUDGET_MAX_DEPTH)
			refuse_depth(budget);
		if (path->n == BUDGET_MAX_LINKS)
			refuse_links();
		name = add_or_refuse(path, first, name)->def.parent;
	}
	for (int i = path->n - 1, depth = link == NULL ? 0 : link->depth + 1; i >= first; i--)
		path->link[i].depth = depth++;
}

void
path_resolve(BudgetPath *path, const char *tenant, const char *budget)
{
	memset(path, 0, sizeof(*path));
	path->tenant = tenant;
	path->resolved = true;
	path->generation = agc_generation();
	path_add_chain(path, budget);
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
path_sort(BudgetPath *path)
{
	/* a chain is in order */
	for (int i = 1; i < path->n; i++)
		if (compare_links(&path->link[i - 1], &path->link[i]) > 0)
		{
			qsort(path->link, path->n, sizeof(PathLink), compare_links);
			return;
		}
}

/* NULL: it is a root, or not defined (any more) */
const char *
path_parent(const BudgetPath *path, const char *budget)
{
	const PathLink *link = path_find((BudgetPath *) path, budget);
	BudgetDef	def;

	if (link != NULL)
		return link->defined ? link->def.parent : NULL;
	return definition_read(path->tenant, budget, &def) ? def.parent : NULL;
}

/* Bounded, because rows that were written by hand may make a circle. */
static int
depth_of(const BudgetPath *path, const char *budget)
{
	int			depth = 0;

	while (depth < BUDGET_MAX_DEPTH && (budget = path_parent(path, budget)) != NULL)
		depth++;
	return depth;
}

/* By the definitions of now, also for permits that are older: transactions of one time agree. */
static void
set_depths(BudgetPath *path)
{
	for (int i = path->n - 1; i >= 0; i--)
	{
		PathLink   *link = &path->link[i];
		const char *parent = link->defined ? link->def.parent : NULL;

		/* as in a chain */
		if (parent != NULL && i + 1 < path->n && strcmp(path->link[i + 1].name, parent) == 0)
			link->depth = path->link[i + 1].depth + 1;
		else
			link->depth = parent == NULL ? 0 : depth_of(path, link->name);
	}
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
			PathLink   *link = path_find(path, permits[i].budgets[level]);

			if (link == NULL)
				link = add_link(path, permits[i].budgets[level]);
		}
	set_depths(path);
	path_sort(path);
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
