/*
 * template_place.c
 *	  Whether a template may make a budget, and how many: each has a place of its own.
 *
 * There are max_budgets places, and a budget that a template made stands in one
 * (budget.place).  Whoever makes one takes the lock of a place that no row has, and
 * never waits for it.  So no two first uses wait for each other, and together they
 * never make too many: a count would need either a lock for all of them, or to see
 * what is not committed.
 *
 * A few places are tried at random; that finds one as long as some are free.  Then all
 * rows of the template are read.  Where max_budgets was lowered, rows stand beyond it:
 * as many of the lowest free places are out of use.
 *
 * Locks: those of places and templates, to the end of the transaction.  Memory: the
 * caller's context.  On ERROR: nothing to undo.
 */
#include "budget/template_place.h"

#include "budget/lock.h"
#include "budget/lock_order.h"

#include "common/pg_prng.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/rel.h"

#define PROBES	4

static AgcTable place_table = AGC_TABLE("budget", "budget_template_place");
static AgcTable template_table = AGC_TABLE("budget_template", NULL);

/* What one search for a place knows. */
typedef struct Search
{
	Relation	rel;
	const char *tenant;
	const BudgetTemplate *template;
	bool		take;
	bool		busy;			/* a place that no row has is another's */
	bool	   *used;			/* one per place, once all rows were read */
	int			nused;			/* those beyond the last place too */
} Search;

/* The class is the table of templates, and no other lock of a key has that class. */
static void
lock_of_template(BudgetLock *lock, const char *tenant, const char *pattern, const char *part)
{
	Relation	rel = agc_table_open(&template_table, AccessShareLock);

	lock_of_key(lock, RelationGetRelid(rel), tenant, pattern, part);
	agc_table_close(rel, AccessShareLock);
}

bool
template_hold(const char *tenant, const char *pattern)
{
	BudgetLock	lock;
	bool		taken;

	lock_of_template(&lock, tenant, pattern, "");
	taken = lock_take_mode(&lock, ShareLock, false);
	AcceptInvalidationMessages();
	return taken;
}

void
template_lock(const char *tenant, const char *pattern)
{
	BudgetLock	lock;

	lock_of_template(&lock, tenant, pattern, "");
	if (!lock_take(&lock, !lock_order_held()))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("another transaction is making a budget of template \"%s\"", pattern),
				 errhint("Try again; define budgets in a transaction of its own.")));
	AcceptInvalidationMessages();
}

static bool
has_row(const Search *search, AgcKey place)
{
	AgcKey		keys[3] = {agc_key_text(search->tenant), agc_key_text(search->template->pattern), place};

	return agc_table_row(&place_table, search->rel, lengthof(keys), keys) != NULL;
}

static bool
has_rows_beyond(const Search *search)
{
	AgcKey		beyond = {Int32GetDatum(search->template->max_budgets), F_INT4GE, BTGreaterEqualStrategyNumber};

	return has_row(search, beyond);
}

static bool
try_place(Search *search, int place)
{
	BudgetLock	lock;

	if (has_row(search, agc_key_int4(place)))
		return false;
	if (!search->take)
		return true;
	lock_of_template(&lock, search->tenant, search->template->pattern, psprintf("%d", place));
	if (!lock_take(&lock, false))
	{
		search->busy = true;
		return false;
	}
	if (!has_row(search, agc_key_int4(place)))
		return true;
	lock_drop_mode(&lock, ExclusiveLock);
	return false;
}

static void
note_used(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Search	   *search = arg;
	bool		isnull;
	int			place = DatumGetInt32(agc_col(tuple, desc, "place", &isnull));

	search->nused++;
	if (!isnull && place < search->template->max_budgets)
		search->used[place] = true;
}

/* By all rows there are; *place is one of the lowest free ones, from a random one of them on. */
static bool
search_all(Search *search, int *place)
{
	const char *keys[2] = {search->tenant, search->template->pattern};
	int			max = search->template->max_budgets;
	int		   *candidate = palloc(Max(max, 1) * sizeof(int));
	int			n = 0;
	int			start;

	search->used = palloc0(Max(max, 1) * sizeof(bool));
	agc_table_scan(&place_table, search->rel, lengthof(keys), keys, note_used, search);
	for (int i = 0; i < max && n < max - search->nused; i++)
		if (!search->used[i])
			candidate[n++] = i;
	start = n == 0 ? 0 : pg_prng_uint64_range(&pg_global_prng_state, 0, n - 1);
	for (int i = 0; i < n; i++)
	{
		*place = candidate[(start + i) % n];
		if (try_place(search, *place))
			return true;
	}
	return false;
}

TemplatePlace
template_place(const char *tenant, const BudgetTemplate *template, bool take, int *place)
{
	Search		search = {.tenant = tenant, .template = template, .take = take};
	bool		found = false;

	if (template->max_budgets == 0)
		return PLACE_FULL;
	search.rel = agc_table_open(&place_table, AccessShareLock);
	for (int i = 0; i < PROBES && !found && (i > 0 || !has_rows_beyond(&search)); i++)
	{
		*place = pg_prng_uint64_range(&pg_global_prng_state, 0, template->max_budgets - 1);
		found = try_place(&search, *place);
	}
	search.busy = false;
	found = found || search_all(&search, place);
	agc_table_close(search.rel, AccessShareLock);
	return found ? PLACE_FREE : search.busy ? PLACE_BUSY : PLACE_FULL;
}

/* ----- whether a budget may be made ------------------------------------------- */

static bool
has_limit(const BudgetDef *def)
{
	for (int w = 0; w < def->nlimits; w++)
		for (int dim = 0; dim < BUDGET_NUSED; dim++)
			if (def->limit[w].max[dim] != NO_AMOUNT)
				return true;
	return false;
}

/* The path may lack budgets that do not count the call, and go on above them. */
bool
template_is_limited(const BudgetPath *path, const char *budget)
{
	for (int level = 0; budget != NULL && level < BUDGET_MAX_DEPTH; level++)
	{
		const PathLink *link = path_find((BudgetPath *) path, budget);

		if (link != NULL && has_limit(&link->def))
			return true;
		budget = path_parent(path, budget);
	}
	return false;
}

static char *
no_limit_above(const PathLink *link)
{
	return psprintf("Budget %s is made of template %s at its first use, and no budget above it has a limit.",
					agc_quoted_name(link->name), agc_quoted_name(link->unmade->pattern));
}

char *
template_too_many(const PathLink *link)
{
	return psprintf("Budget %s does not exist yet, and template %s has its max_budgets of %d already.",
					agc_quoted_name(link->name), agc_quoted_name(link->unmade->pattern), link->unmade->max_budgets);
}

bool
template_admits(const BudgetPath *path, const PathLink *link, char **detail)
{
	int			place;

	*detail = NULL;
	if (link->unmade == NULL)
		return true;
	if (!template_is_limited(path, link->def.parent))
		*detail = no_limit_above(link);
	else if (template_place(path->tenant, link->unmade, false, &place) == PLACE_FULL)
		*detail = template_too_many(link);
	return *detail == NULL;
}

void
template_check_parent(const BudgetPath *path)
{
	const PathLink *link = &path->link[0];

	if (link->unmade == NULL && !link->def.made)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("budget \"%s\" cannot be a parent", link->name),
			 errdetail("It is one that a template makes at its first use."),
			 errhint("Make it one of its own with agentcore.budget_set() first.")));
}
