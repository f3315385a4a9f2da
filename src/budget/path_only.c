/*
 * path_only.c
 *	  Budgets that count the calls of some models and tools only.
 *
 * A call is known by the name that it was begun with, and a model call also by the
 * name that an alias prices it by: either makes it count, or a second name would be a
 * way around the limit.  Who acquires a budget without the gate says of no call what it
 * is, so all budgets count.
 *
 * It is decided once, when a permit is acquired.  Those that are left out are not in
 * the permit's path, so whatever settles it knows nothing of this.
 *
 * Memory: none.  Locks: none.  On ERROR: nothing to undo.
 */
#include "budget/path_only.h"

/* Whether all that one list names is counted by a link with the other; a pattern is covered as a name that begins so. */
static bool
counts_all(const PathLink *link, const void *only)
{
	const BudgetDef *def = &link->def;
	char	  **names;
	int			n = 0;

	if (def->nonly == 0 || def->parent == NULL)
		return true;
	names = only == NULL ? NULL : agc_texts_of(PointerGetDatum(only), &n);
	for (int i = 0; i < n; i++)
		if (!agc_patterns_cover(def->only, def->nonly, names[i]))
			return false;
	return n > 0;
}

/* Roots count always: budget_set() gives them no such list. */
bool
path_counts(const BudgetDef *def, const PermitRequest *request)
{
	return def->nonly == 0 || def->parent == NULL || request->tool == NULL ||
		agc_patterns_cover(def->only, def->nonly, request->tool) ||
		(request->priced_as != NULL && agc_patterns_cover(def->only, def->nonly, request->priced_as));
}

static bool
counts(const PathLink *link, const void *arg)
{
	return path_counts(&link->def, arg);
}

static void
leave_out(BudgetPath *path, bool (*stays) (const PathLink *link, const void *arg), const void *arg)
{
	int			kept = 0;

	for (int i = 0; i < path->n; i++)
		if (stays(&path->link[i], arg))
		{
			if (kept < i)
				path->link[kept] = path->link[i];
			kept++;
		}
	path->n = kept;
}

void
path_leave_out(BudgetPath *path, const PermitRequest *request)
{
	leave_out(path, counts, request);
}

void
path_leave_out_partial(BudgetPath *path, const ArrayType *only)
{
	leave_out(path, counts_all, only);
}
