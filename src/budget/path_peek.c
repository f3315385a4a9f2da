/*
 * path_peek.c
 *	  The counters of a path, read without a lock.
 *
 * An exhausted budget costs its callers no lock: who would have to wait for one
 * looks here first.
 *
 * The time of an operation is in no window that has ended for one of its counters,
 * so that a clock that steps back opens no window again.
 *
 * Memory: the caller's context.  Locks: none but those of reading.  On ERROR:
 * nothing to undo.
 */
#include "budget/path_peek.h"

void
path_key(const BudgetPath *path, PathLink *link)
{
	if (link->keyed)
		return;
	link->key.tag = row_counter_lock_of(path->tenant, link->name, &link->lock);
	link->key.tenant = path->tenant;
	link->key.budget = link->name;
	link->keyed = true;
}

/* What this transaction has in flight is not in the base, but in its rows. */
bool
path_find_entry(PathLink *link)
{
	link->ref.entry = -1;
	link->own = false;
	link->found = link->defined && escrow_find(&link->key, &link->def, &link->ref, &link->sum);
	return link->found;
}

void
path_read_rows(const BudgetPath *path, PathLink *link, Snapshot snapshot)
{
	link->ref.entry = -1;
	link->own = true;
	link->nrows = row_counters_read(path->tenant, link->name, snapshot, &link->rows);
	link->found = link->nrows > 0 || link->defined;
	if (link->nrows > 0)
		counter_sum(link->rows, link->nrows, &link->def, &link->sum);
	else if (link->defined)
		counter_init(&link->sum, &link->def, agc_now());
}

/* They do not while the definition is being changed. */
static bool
follows_definition(const PathLink *link)
{
	return link->defined && link->sum.window_revision == link->def.window_revision;
}

/* Whether a charge of the path's time would count in all windows of the counter. */
static bool
counts(const BudgetPath *path, const PathLink *link)
{
	if (link->sum.since > path->at)
		return false;
	for (int w = 0; w < link->def.nlimits; w++)
		if (link->sum.start[w] > path->at || link->sum.bucket_since[w] > path->at)
			return false;
	return true;
}

/*
 * The path's time moves on to that of a counter.  One that others use at the same time
 * is often a moment ahead, which is no matter while a charge counts in the same windows.
 */
static void
catch_up(BudgetPath *path, PathLink *link)
{
	if (link->ref.entry < 0 || !follows_definition(link) || !counts(path, link))
		path->at = Max(path->at, link->sum.seen);
}

void
path_set_time(BudgetPath *path)
{
	path->at = Max(path->at, agc_now());
	for (int i = 0; i < path->n; i++)
		if (path->link[i].found)
			catch_up(path, &path->link[i]);
	for (int i = 0; i < path->n; i++)
	{
		PathLink   *link = &path->link[i];

		if (!link->found || !follows_definition(link))
			continue;
		counter_starts(&link->def, path->at, link->start);
		/* one that was reset began later */
		for (int w = 0; w < link->def.nlimits; w++)
			link->start[w] = Max(link->start[w], link->sum.start[w]);
		counter_roll_to(&link->sum, &link->def, link->start);
	}
}

static void
peek_link(BudgetPath *path, PathLink *link)
{
	path_key(path, link);
	if (!path_find_entry(link))
		path_read_rows(path, link, NULL);
	/* it is being defined anew: as if nothing were used */
	if (link->defined && !follows_definition(link))
		counter_init(&link->sum, &link->def, link->sum.seen);
}

/* An entry's base has nothing of what this transaction did. */
static void
add_own(PathLink *link)
{
	EscrowOwn	own;

	if (link->own)
		return;
	escrow_record_own(&link->ref, &link->def, link->start, &own);
	escrow_add_own(&link->sum, &own);
	link->own = true;
}

void
path_peek(BudgetPath *path)
{
	for (int i = 0; i < path->n; i++)
		if (!path->link[i].found)
			peek_link(path, &path->link[i]);
	path_set_time(path);
	for (int i = 0; i < path->n; i++)
		add_own(&path->link[i]);
}

bool
path_is_refused_by_entries(BudgetPath *path, const int64 asked[BUDGET_NDIMS])
{
	static const int64 nothing[BUDGET_NDIMS] = {0};

	for (int i = 0; i < path->n; i++)
	{
		path_key(path, &path->link[i]);
		(void) path_find_entry(&path->link[i]);
	}
	path_set_time(path);
	for (int i = 0; i < path->n; i++)
		if (path->link[i].found)
		{
			add_own(&path->link[i]);
			if (!path->link[i].def.enabled || !counter_fits(&path->link[i].sum, &path->link[i].def, path_asked(&path->link[i], asked), nothing))
				return true;
		}
	return false;
}
