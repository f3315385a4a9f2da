/*
 * path_lock.c
 *	  The counters of a path, locked in order.
 *
 * Locks: the counters of a path in the order of lock_order.c, kept to the end of
 * the transaction.  A slot that has no room is given back at once.
 *
 * The time of the operation is read after its last counter is locked.
 *
 * Memory: the caller's context.  On ERROR: the transaction gives the locks back.
 */
#include "budget/path_lock.h"

#include "budget/lock_order.h"
#include "budget/path_peek.h"

#include "port/pg_bitutils.h"
#include "utils/inval.h"

static LockPlace
place_of(const BudgetPath *path, const PathLink *link, int slot)
{
	LockPlace	place = {.depth = link->depth, .tenant = path->tenant, .budget = link->name, .slot = slot};

	return place;
}

/* Reads into link->counter[link->n]; keep_slot() then counts it. */
static LockResult
lock_slot(BudgetPath *path, PathLink *link, int slot, bool wait)
{
	LockPlace	place = place_of(path, link, slot);

	return row_counter_lock(path->tenant, link->name, slot, wait && lock_order_may_wait(&place),
							&link->counter[link->n]);
}

static void
keep_slot(BudgetPath *path, PathLink *link, int slot)
{
	LockPlace	place = place_of(path, link, slot);

	link->n++;
	lock_order_note_counter(&place);
}

/* A new slot of a divided budget has no share until all are split. */
static void
create_slot(BudgetPath *path, PathLink *link, int slot)
{
	Counter    *counter = &link->counter[link->n];

	counter_init(counter, &link->def, agc_now());
	counter->slot = slot;
	counter->shared = counter->strained = path_link_is_divided(link);
	if (slot > 0)
		counter->since = link->counter[0].since;
	row_counter_create(path->tenant, link->name, counter);
	link->created = true;
}

/* Whether definitions have changed since they were read, by this transaction or by a COMMIT. */
static bool
is_outdated(const BudgetPath *path)
{
	AcceptInvalidationMessages();
	return path->generation != agc_generation();
}

/* The slots of a mask, in order; a budget that was dropped has none. */
static bool
lock_slots(BudgetPath *path, PathLink *link, uint64 mask)
{
	link->n = 0;
	link->whole = mask == path_all_slots(link);
	for (int slot = 0; slot < link->def.slots; slot++)
	{
		LockResult	result;

		if ((mask & path_slot_bit(slot)) == 0)
			continue;
		result = lock_slot(path, link, slot, true);
		if (result == LOCK_BUSY)
			return false;
		if (result == LOCK_MISSING && (!link->defined || !link->whole))
			continue;
		/* the last holder of the lock may have dropped the budget */
		if (result == LOCK_MISSING && is_outdated(path))
		{
			row_counter_unlock(path->tenant, link->name, slot);
			return false;
		}
		if (result == LOCK_MISSING)
			create_slot(path, link, slot);
		keep_slot(path, link, slot);
	}
	return true;
}

/* The lock is given back when the slot has no room (LOCK_MISSING). */
static LockResult
try_slot(BudgetPath *path, PathLink *link, int slot, bool wait, const int64 asked[BUDGET_NDIMS])
{
	LockResult	result = lock_slot(path, link, slot, wait);

	if (result == LOCK_TAKEN && path_slot_admits(link, &link->counter[0], asked))
	{
		keep_slot(path, link, slot);
		link->target = slot;
		return LOCK_TAKEN;
	}
	if (result != LOCK_BUSY)
		row_counter_unlock(path->tenant, link->name, slot);
	return result == LOCK_BUSY ? LOCK_BUSY : LOCK_MISSING;
}

/* The first slot after "home" that has room and is free; else -1, and *busy: one that is worth waiting for, or -1. */
static int
find_slot(BudgetPath *path, PathLink *link, int home, const int64 asked[BUDGET_NDIMS], int *busy)
{
	int			nslots = link->def.slots;
	Counter    *seen = palloc(nslots * sizeof(Counter));
	bool	   *fits = palloc0(nslots * sizeof(bool));
	int			n = row_counters_peek(path->tenant, link->name, nslots, seen);

	for (int i = 0; i < n; i++)
		if (seen[i].slot < nslots)
			fits[seen[i].slot] = path_slot_admits(link, &seen[i], asked);
	*busy = -1;
	for (int i = 0; i < nslots; i++)
	{
		int			slot = (home + i) % nslots;

		if (!fits[slot])
			continue;
		switch (try_slot(path, link, slot, false, asked))
		{
			case LOCK_TAKEN:
				return slot;
			case LOCK_BUSY:
				*busy = *busy < 0 ? slot : *busy;
				break;
			case LOCK_MISSING:
				break;
		}
	}
	return -1;
}

/*
 * One slot with room, if possible one that is free.  All slots are locked only when
 * none has room by itself, to move room between them.
 */
static bool
lock_any_slot(BudgetPath *path, PathLink *link, const int64 asked[BUDGET_NDIMS])
{
	int			home = path_home_slot(link);
	int			busy;

	link->whole = false;
	if (try_slot(path, link, home, false, asked) == LOCK_TAKEN ||
		find_slot(path, link, home, asked, &busy) >= 0)
		return true;
	if (busy >= 0)
		switch (try_slot(path, link, busy, true, asked))
		{
			case LOCK_TAKEN:
				return true;
			case LOCK_BUSY:
				return false;
			case LOCK_MISSING:
				break;
		}
	link->target = home;
	return lock_slots(path, link, path_all_slots(link));
}

/* What a permit asks for in addition goes to the slot that it is in. */
static bool
lock_its_slot(BudgetPath *path, PathLink *link, const int64 asked[BUDGET_NDIMS])
{
	int			slot = pg_rightmost_one_pos64(link->want);

	link->whole = false;
	switch (try_slot(path, link, slot, true, asked))
	{
		case LOCK_TAKEN:
			return true;
		case LOCK_BUSY:
			return false;
		case LOCK_MISSING:
			break;
	}
	link->target = slot;
	return lock_slots(path, link, path_all_slots(link));
}

static bool
lock_link(BudgetPath *path, PathLink *link, const int64 *asked)
{
	if (asked == NULL || !path_link_is_divided(link))
		return lock_slots(path, link, path_link_is_divided(link) ? link->want : path_all_slots(link));
	return link->want == 0 ? lock_any_slot(path, link, asked) : lock_its_slot(path, link, asked);
}

/*
 * Definitions may have changed during the wait.  A path that now has other links or
 * slots is not the one that was locked (false).
 */
static bool
refresh_definitions(BudgetPath *path)
{
	if (!is_outdated(path))
		return true;
	path->generation = agc_generation();
	for (int i = 0; i < path->n; i++)
	{
		PathLink   *link = &path->link[i];
		const char *parent = i + 1 < path->n ? path->link[i + 1].name : "";
		int			slots = link->def.slots;

		link->defined = definition_read(path->tenant, link->name, &link->def);
		if (link->defined && link->def.slots != slots)
			return false;
		if (!path->resolved)
			continue;
		if (!link->defined || link->n == 0 ||
			strcmp(link->def.parent == NULL ? "" : link->def.parent, parent) != 0)
			return false;
	}
	return true;
}

bool
path_lock(BudgetPath *path, const int64 *asked)
{
	for (int i = 0; i < path->n; i++)
	{
		path->link[i].n = 0;
		path->link[i].created = false;
	}
	for (int i = 0; i < path->n; i++)
		if (!lock_link(path, &path->link[i], asked))
			return false;
	AGC_TEST_POINT("budget_locked");
	if (!refresh_definitions(path))
		return false;
	/* limits are compared only with windows of their own definition */
	for (int i = 0; i < path->n; i++)
		if (path->resolved && !path_follows_definition(&path->link[i]))
			return false;
	path_set_time(path);
	/* the slot had room by an earlier definition; what the others have is not known */
	for (int i = 0; i < path->n; i++)
		if (asked != NULL && !path->link[i].whole &&
			!path_slot_admits(&path->link[i], &path->link[i].counter[0], asked))
			return false;
	return true;
}

void
path_unlock(BudgetPath *path)
{
	for (int i = 0; i < path->n; i++)
	{
		PathLink   *link = &path->link[i];

		for (int s = 0; s < link->n && !link->created; s++)
			row_counter_unlock(path->tenant, link->name, link->counter[s].slot);
		link->n = 0;
	}
}
