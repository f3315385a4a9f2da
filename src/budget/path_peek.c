/*
 * path_peek.c
 *	  The counters of a path, read without a lock.
 *
 * An acquire looks here first, and takes its locks only if the request seems to
 * fit, so that an exhausted budget costs its callers no lock.
 *
 * The time of an operation is never before the time stored in any of its
 * counters, so that a clock that steps back opens no window again.
 *
 * Memory: the caller's context.  Locks: none but those of reading.  On ERROR:
 * nothing to undo.
 */
#include "budget/path_peek.h"

#include "budget/share.h"

int
path_home_slot(const PathLink *link)
{
	return agc_proc_number() % link->def.slots;
}

bool
path_slot_admits(const PathLink *link, Counter *slot, const int64 asked[BUDGET_NDIMS])
{
	BudgetDef	part = link->def;
	Refusal		refusal;

	if (slot->strained)
		return false;
	slot->seen = Max(slot->seen, agc_now());
	counter_roll(slot, &link->def, slot->seen);
	share_limits(slot, &part);
	return counter_admits(slot, &part, asked, slot->seen, &refusal);
}

void
path_roll_link(PathLink *link, TimestampTz at)
{
	for (int s = 0; s < link->n; s++)
	{
		link->counter[s].seen = at;
		if (link->defined)
			counter_roll(&link->counter[s], &link->def, at);
	}
}

void
path_set_time(BudgetPath *path)
{
	path->at = agc_now();
	for (int i = 0; i < path->n; i++)
		for (int s = 0; s < path->link[i].n; s++)
			path->at = Max(path->at, path->link[i].counter[s].seen);
	for (int i = 0; i < path->n; i++)
		path_roll_link(&path->link[i], path->at);
}

/* They do not while the definition is being changed; path_lock() waits for that. */
bool
path_follows_definition(const PathLink *link)
{
	for (int s = 0; s < link->n; s++)
		if (link->counter[s].window_revision != link->def.window_revision)
			return false;
	return true;
}

void
path_peek_all(const char *tenant, PathLink *link)
{
	link->whole = true;
	if (path_link_is_divided(link))
		link->n = row_counters_peek(tenant, link->name, link->def.slots, link->counter);
	else
		link->n = row_counter_peek(tenant, link->name, 0, &link->counter[0]) ? 1 : 0;
	if (link->n > 0 && path_follows_definition(link))
		return;
	counter_init(&link->counter[0], &link->def, link->n > 0 ? link->counter[0].seen : agc_now());
	link->n = 1;
}

static void
peek_link(BudgetPath *path, PathLink *link, const int64 *asked)
{
	link->whole = false;
	link->n = 1;
	if (asked == NULL || !path_link_is_divided(link) ||
		!row_counter_peek(path->tenant, link->name, path_home_slot(link), &link->counter[0]) ||
		!path_follows_definition(link) || !path_slot_admits(link, &link->counter[0], asked))
		path_peek_all(path->tenant, link);
}

void
path_peek(BudgetPath *path, const int64 *asked)
{
	for (int i = 0; i < path->n; i++)
		peek_link(path, &path->link[i], asked);
	path_set_time(path);
}
