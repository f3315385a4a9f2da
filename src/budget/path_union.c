/*
 * path_union.c
 *	  The budgets of one request as one path: the chains of all that it names.
 *
 * A budget has one place in its tree, so chains that meet go on together, and each
 * budget is there once.  Its depth is its own distance from its root, whatever it was
 * named with; so everybody locks the budgets of all trees in one order, whichever of
 * them they name, and in which order.  Depths are those of the definitions of now, also
 * for permits that are older: two transactions of one time agree.
 *
 * A budget that is full may have another pay in its place.  Then the path is another
 * one, which is judged and locked from the beginning, so the order of locks stays.  It
 * is not looked for further: there is one way to each union, and it ends.
 *
 * Memory: links, in the caller's context.  Locks: none here.  On ERROR: nothing
 * to undo.
 */
#include "budget/path_union.h"

#include "budget/path_only.h"
#include "budget/template_find.h"
#include "budget/wake.h"

/* What a person lets the request pass. */
static void
excuse(BudgetPath *path, const PermitRequest *request)
{
	for (int i = 0; i < request->nexcused; i++)
	{
		PathLink   *link = path_find(path, request->excused[i]);

		if (link != NULL)
			link->excused = true;
	}
}

void
path_of_request(BudgetPath *path, const PermitRequest *request)
{
	path_resolve(path, request->tenant, request->budget);
	path->request = request;
	for (int i = 0; i < request->nalso; i++)
		path_add_chain(path, request->also[i]);
	path_leave_out(path, request);
	path_add_limits(path, request);
	path_sort(path);
	excuse(path, request);
}

static void
note_overflow(BudgetPath *path, char *full, char *overflow)
{
	if (path->full == NULL)
	{
		path->full = palloc(BUDGET_MAX_LINKS * sizeof(char *));
		path->paid_by = palloc(BUDGET_MAX_LINKS * sizeof(char *));
	}
	path->full[path->nfull] = full;
	path->paid_by[path->nfull++] = overflow;
}

static bool
overflow_of(BudgetPath *path, const char *budget)
{
	PathLink   *link = path_find(path, budget);
	char	   *full;
	char	   *overflow;
	BudgetDef	def;
	int			others = path->n - 1;

	if (link == NULL || !link->defined || link->instead_of != NULL || link->def.overflow == NULL)
		return false;
	full = link->name;
	overflow = link->def.overflow;
	/* one that such calls pass by would pay nothing */
	if (!definition_read(path->tenant, overflow, &def) || !path_counts(&def, path->request))
		return false;
	memmove(link, link + 1, (&path->link[path->n] - (link + 1)) * sizeof(PathLink));
	path->n = others;
	path_add_chain(path, overflow);
	for (int i = others; i < path->n; i++)
		path->link[i].instead_of = full;
	path_leave_out(path, path->request);
	path_sort(path);
	excuse(path, path->request);
	note_overflow(path, full, overflow);
	return true;
}

/* One that is disabled, or that its template may not make, is not full. */
bool
path_overflow(BudgetPath *path, const PermitDecision *refusal)
{
	return refusal->limit == NULL && refusal->denied.dimension != NULL && overflow_of(path, refusal->denied_by);
}

bool
path_is_as_asked(const BudgetPath *path)
{
	BudgetPath	now;

	if (path->request != NULL)
	{
		path_of_request(&now, path->request);
		for (int i = 0; i < path->nfull; i++)
			(void) overflow_of(&now, path->full[i]);
	}
	else
		path_resolve(&now, path->tenant, path->link[0].name);
	if (now.n != path->n)
		return false;
	for (int i = 0; i < now.n; i++)
		if (strcmp(now.link[i].name, path->link[i].name) != 0)
			return false;
	return true;
}

const BudgetDef *
path_payer(const BudgetPath *path, const char *budget)
{
	for (int level = 0; budget != NULL && level < BUDGET_MAX_DEPTH; level++)
	{
		const PathLink *link = path_find((BudgetPath *) path, budget);
		BudgetDef	def;

		/* it was full, and its overflow pays */
		if (link == NULL && definition_read(path->tenant, budget, &def) && def.overflow != NULL)
			link = path_find((BudgetPath *) path, def.overflow);
		if (link != NULL)
			return link->defined ? &link->def : NULL;
		budget = path_parent(path, budget);
	}
	return NULL;
}

const char *
path_root(const char *tenant, const char *budget)
{
	for (int level = 0; level < BUDGET_MAX_DEPTH; level++)
	{
		BudgetDef	def;

		if ((!definition_read(tenant, budget, &def) && template_find(tenant, budget, &def) == NULL) || def.parent == NULL)
			break;
		budget = def.parent;
	}
	return budget;
}

void
path_wake(BudgetPath *path, const Permit *permit)
{
	for (int i = 0; i < permit->depth; i++)
	{
		const char *parent = path_parent(path, permit->budgets[i]);

		/* its parent's turn comes, or came */
		if (parent == NULL)
			wake_note(path->tenant, permit->budgets[i]);
		else if (path_find(path, parent) == NULL)
			wake_note(path->tenant, path_root(path->tenant, parent));
	}
}
