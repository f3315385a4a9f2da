/*
 * budget_path.c
 *	  A budget with its parents: definitions, counters, and the order of locks.
 *
 * Locks: a permit (or its key) first, then counters, the deepest budget first
 * and the root last, so that the row which most transactions share is held
 * shortest and nobody waits in a circle.  A transaction that comes back for
 * more could still close one: so once it holds anything, it waits for no
 * permit and no key, and for no counter that is ahead in the order of the
 * last one it took; it reports contention instead.  Within a budget slots are
 * in order of their numbers; a slot that has no room is given back at once.
 *
 * The time of an operation is read after its last counter is locked and is
 * never before the time stored in any of them.
 *
 * Memory: links in the caller's context; the position of the last lock is a
 * static variable, reset at transaction end (after a ROLLBACK TO SAVEPOINT it
 * is merely too careful).  On ERROR: the transaction gives the locks back.
 */
#include "budget/budget_path.h"

#include "budget/share.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "port/pg_bitutils.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"

typedef struct LockPosition
{
	int			depth;
	char		tenant[AGC_MAX_NAME + 1];
	char		name[AGC_MAX_NAME + 1];
	int			slot;
} LockPosition;

static bool locks_held = false;
static bool counters_held = false;
static LockPosition last_counter;

static void *compile_budget(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name);

static AgcTable budget_table = AGC_TABLE("budget", "budget_pkey");
static AgcTable limit_table = AGC_TABLE("budget_limit", "budget_limit_pkey");
static const AgcObjectClass budget_class = {"budget", &budget_table, compile_budget};

/* ----- definitions ----- */

/* The columns that a budget and its further limits have in common. */
static void
compile_limit(BudgetLimit *limit, HeapTuple tuple, TupleDesc desc)
{
	bool		no_period;
	bool		no_anchor;
	Datum		period = agc_col(tuple, desc, "period", &no_period);
	Datum		anchor = agc_col(tuple, desc, "anchor", &no_anchor);

	window_define(&limit->window, agc_col_text(tuple, desc, "kind"),
				  no_period ? NULL : DatumGetIntervalP(period),
				  agc_col_text(tuple, desc, "tz"),
				  !no_anchor, no_anchor ? 0 : DatumGetTimestampTz(anchor));
	limit->max[DIM_TOKENS] = agc_col_int64(tuple, desc, "max_tokens", NO_AMOUNT);
	limit->max[DIM_NANOUSD] = agc_col_int64(tuple, desc, "max_nanousd", NO_AMOUNT);
	limit->max[DIM_CALLS] = agc_col_int64(tuple, desc, "max_calls", NO_AMOUNT);
}

static void
add_limit(HeapTuple tuple, TupleDesc desc, void *arg)
{
	BudgetDef  *def = arg;
	BudgetLimit *limit;

	if (def->nlimits == BUDGET_MAX_WINDOWS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a budget has more than %d limits", BUDGET_MAX_WINDOWS)));
	limit = &def->limit[def->nlimits++];
	limit->name = agc_col_text(tuple, desc, "name");
	compile_limit(limit, tuple, desc);
}

static int
compare_limits(const void *a, const void *b)
{
	return strcmp(((const BudgetLimit *) a)->name, ((const BudgetLimit *) b)->name);
}

static void
compile_thresholds(BudgetDef *def, HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	ArrayType  *array = DatumGetArrayTypeP(agc_col(tuple, desc, "thresholds", &isnull));

	def->nthresholds = Min(ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)), BUDGET_MAX_THRESHOLDS);
	memcpy(def->threshold, ARR_DATA_PTR(array), def->nthresholds * sizeof(int32));
}

static void *
compile_budget(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name)
{
	BudgetDef  *def = palloc0(sizeof(BudgetDef));
	const char *keys[2] = {tenant, name};
	Relation	limits;
	bool		no_limit;
	bool		no_slots;
	bool		no_overrun;
	Datum		in_flight = agc_col(tuple, desc, "max_in_flight", &no_limit);
	Datum		overrun = agc_col(tuple, desc, "max_overrun", &no_overrun);

	def->parent = agc_col_text(tuple, desc, "parent");
	def->enabled = agc_col_bool(tuple, desc, "enabled");
	def->charge_on_expiry = strcmp(agc_col_text(tuple, desc, "on_expiry"), "release") != 0;
	def->max_in_flight = no_limit ? NO_AMOUNT : DatumGetInt32(in_flight);
	def->window_revision = agc_col_int64(tuple, desc, "window_revision", 0);
	def->slots = DatumGetInt32(agc_col(tuple, desc, "slots", &no_slots));
	def->cap_overrun = strcmp(agc_col_text(tuple, desc, "overrun"), "cap") == 0;
	def->max_overrun = no_overrun ? 0 : DatumGetFloat8(DirectFunctionCall1(numeric_float8, overrun));
	compile_thresholds(def, tuple, desc);
	def->nlimits = 1;
	compile_limit(&def->limit[0], tuple, desc);
	limits = agc_table_open(&limit_table, AccessShareLock);
	agc_table_scan(&limit_table, limits, 2, keys, add_limit, def);
	agc_table_close(limits, AccessShareLock);
	qsort(&def->limit[1], def->nlimits - 1, sizeof(BudgetLimit), compare_limits);
	return def;
}

/* A copy, so that it stays what it is while locks are waited for. */
bool
definition_read(const char *tenant, const char *budget, BudgetDef *out)
{
	AgcObject  *object = agc_object_pin(&budget_class, tenant, budget);

	if (object == NULL)
		return false;
	*out = *(BudgetDef *) object->data;
	if (out->parent != NULL)
		out->parent = pstrdup(out->parent);
	for (int w = 1; w < out->nlimits; w++)
		out->limit[w].name = pstrdup(out->limit[w].name);
	agc_object_unpin(object);
	return true;
}

bool
budget_exists(const char *tenant, const char *budget)
{
	BudgetDef	def;

	return definition_read(tenant, budget, &def);
}

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
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("budget \"%s\" does not exist", budget),
					 path->n > 1 ? errdetail("It is the parent of budget \"%s\".", path->link[path->n - 2].name) : 0,
					 errhint("Create it with agentcore.budget_set().")));
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

static uint64
slot_bit(int slot)
{
	return UINT64CONST(1) << slot;
}

static uint64
all_slots(const PathLink *link)
{
	return slot_bit(link->def.slots - 1) | (slot_bit(link->def.slots - 1) - 1);
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
			link->want |= slot_bit(permits[i].slots[level] % link->def.slots);
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

/* ----- counters ----- */

static bool
divided(const PathLink *link)
{
	return link->def.slots > 1;
}

bool
path_is_divided(const BudgetPath *path)
{
	for (int i = 0; i < path->n; i++)
		if (divided(&path->link[i]))
			return true;
	return false;
}

static int
home_slot(const PathLink *link)
{
	return agc_proc_number() % link->def.slots;
}

/* By the slot's own share, at whatever time it has come to. */
static bool
slot_admits(const PathLink *link, Counter *slot, const int64 asked[BUDGET_NDIMS])
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

static void
roll_link(PathLink *link, TimestampTz at)
{
	for (int s = 0; s < link->n; s++)
	{
		link->counter[s].seen = at;
		if (link->defined)
			counter_roll(&link->counter[s], &link->def, at);
	}
}

static void
set_time(BudgetPath *path)
{
	path->at = agc_now();
	for (int i = 0; i < path->n; i++)
		for (int s = 0; s < path->link[i].n; s++)
			path->at = Max(path->at, path->link[i].counter[s].seen);
	for (int i = 0; i < path->n; i++)
		roll_link(&path->link[i], path->at);
}

/* Counters that do not follow the definition: one is just being changed, the lock will tell. */
static bool
follows_definition(const PathLink *link)
{
	for (int s = 0; s < link->n; s++)
		if (link->counter[s].window_revision != link->def.window_revision)
			return false;
	return true;
}

static void
peek_all(const char *tenant, PathLink *link)
{
	link->whole = true;
	if (divided(link))
		link->n = row_counters_peek(tenant, link->name, link->def.slots, link->counter);
	else
		link->n = row_counter_peek(tenant, link->name, 0, &link->counter[0]) ? 1 : 0;
	if (link->n > 0 && follows_definition(link))
		return;
	counter_init(&link->counter[0], &link->def, link->n > 0 ? link->counter[0].seen : agc_now());
	link->n = 1;
}

static void
peek_link(BudgetPath *path, PathLink *link, const int64 *asked)
{
	link->whole = false;
	link->n = 1;
	if (asked == NULL || !divided(link) ||
		!row_counter_peek(path->tenant, link->name, home_slot(link), &link->counter[0]) ||
		!follows_definition(link) || !slot_admits(link, &link->counter[0], asked))
		peek_all(path->tenant, link);
}

void
path_peek(BudgetPath *path, const int64 *asked)
{
	for (int i = 0; i < path->n; i++)
		peek_link(path, &path->link[i], asked);
	set_time(path);
}

static int
compare_to_last(const BudgetPath *path, const PathLink *link, int slot)
{
	int			order;

	if (link->depth != last_counter.depth)
		return link->depth > last_counter.depth ? -1 : 1;
	order = strcmp(path->tenant, last_counter.tenant);
	if (order == 0)
		order = strcmp(link->name, last_counter.name);
	return order != 0 ? order : slot - last_counter.slot;
}

/* What is taken is added to link->counter, and counts once it is kept. */
static LockResult
lock_slot(BudgetPath *path, PathLink *link, int slot, bool wait)
{
	bool		in_order = !counters_held || compare_to_last(path, link, slot) >= 0;

	return row_counter_lock(path->tenant, link->name, slot, wait && in_order,
							&link->counter[link->n]);
}

static void
keep_slot(BudgetPath *path, PathLink *link, int slot)
{
	link->n++;
	locks_held = true;
	if (counters_held && compare_to_last(path, link, slot) <= 0)
		return;
	counters_held = true;
	last_counter.depth = link->depth;
	last_counter.slot = slot;
	strlcpy(last_counter.tenant, path->tenant, sizeof(last_counter.tenant));
	strlcpy(last_counter.name, link->name, sizeof(last_counter.name));
}

/* A new slot of several has no share until all are split. */
static void
create_slot(BudgetPath *path, PathLink *link, int slot)
{
	Counter    *counter = &link->counter[link->n];

	counter_init(counter, &link->def, agc_now());
	counter->slot = slot;
	counter->shared = counter->strained = divided(link);
	if (slot > 0)
		counter->since = link->counter[0].since;
	row_counter_create(path->tenant, link->name, counter);
	link->created = true;
}

/* Definitions have changed since they were read, in this transaction or by a COMMIT. */
static bool
is_outdated(const BudgetPath *path)
{
	AcceptInvalidationMessages();
	return path->generation != agc_generation();
}

/* Those of a mask, in order; a budget that is no more has none. */
static bool
lock_slots(BudgetPath *path, PathLink *link, uint64 mask)
{
	link->n = 0;
	link->whole = mask == all_slots(link);
	for (int slot = 0; slot < link->def.slots; slot++)
	{
		LockResult	result;

		if ((mask & slot_bit(slot)) == 0)
			continue;
		result = lock_slot(path, link, slot, true);
		if (result == LOCK_BUSY)
			return false;
		if (result == LOCK_MISSING && (!link->defined || !link->whole))
			continue;
		/* whoever had the lock may have dropped the budget */
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

/* Not kept when it has no room. */
static LockResult
try_slot(BudgetPath *path, PathLink *link, int slot, bool wait, const int64 asked[BUDGET_NDIMS])
{
	LockResult	result = lock_slot(path, link, slot, wait);

	if (result == LOCK_TAKEN && slot_admits(link, &link->counter[0], asked))
	{
		keep_slot(path, link, slot);
		link->target = slot;
		return LOCK_TAKEN;
	}
	if (result != LOCK_BUSY)
		row_counter_unlock(path->tenant, link->name, slot);
	return result == LOCK_BUSY ? LOCK_BUSY : LOCK_MISSING;
}

/* The first slot after "home" that seems to have room and is free, else -1 and which to wait for. */
static int
find_slot(BudgetPath *path, PathLink *link, int home, const int64 asked[BUDGET_NDIMS], int *busy)
{
	int			nslots = link->def.slots;
	Counter    *seen = palloc(nslots * sizeof(Counter));
	bool	   *fits = palloc0(nslots * sizeof(bool));
	int			n = row_counters_peek(path->tenant, link->name, nslots, seen);

	for (int i = 0; i < n; i++)
		if (seen[i].slot < nslots)
			fits[seen[i].slot] = slot_admits(link, &seen[i], asked);
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
 * One slot with room, that nobody else is in if there is such a one.  Only
 * when no slot has room by itself are all taken, to move room between them.
 */
static bool
lock_any_slot(BudgetPath *path, PathLink *link, const int64 asked[BUDGET_NDIMS])
{
	int			home = home_slot(link);
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
	return lock_slots(path, link, all_slots(link));
}

/* More for a permit goes to the slot that it is in. */
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
	return lock_slots(path, link, all_slots(link));
}

static bool
lock_link(BudgetPath *path, PathLink *link, const int64 *asked)
{
	if (asked == NULL || !divided(link))
		return lock_slots(path, link, divided(link) ? link->want : all_slots(link));
	return link->want == 0 ? lock_any_slot(path, link, asked) : lock_its_slot(path, link, asked);
}

/*
 * Definitions may have changed while this waited.  A path that now has other
 * links or slots is not the one that was locked.
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
	/* limits are judged by the windows they were made for, or not at all */
	for (int i = 0; i < path->n; i++)
		if (path->resolved && !follows_definition(&path->link[i]))
			return false;
	set_time(path);
	/* by an earlier definition it had room; what the budget has is not known */
	for (int i = 0; i < path->n; i++)
		if (asked != NULL && !path->link[i].whole &&
			!slot_admits(&path->link[i], &path->link[i].counter[0], asked))
			return false;
	return true;
}

void
path_want_all(BudgetPath *path)
{
	for (int i = 0; i < path->n; i++)
		if (divided(&path->link[i]))
			path->link[i].want = all_slots(&path->link[i]);
}

void
path_split(BudgetPath *path, const int64 asked[BUDGET_NDIMS])
{
	for (int i = 0; i < path->n; i++)
	{
		PathLink   *link = &path->link[i];

		if (link->defined && divided(link) && link->n == link->def.slots)
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

/* ----- admission ----- */

static char *
format_amount(int dim, int64 amount)
{
	char	   *text;
	char	   *end;

	if (dim != DIM_NANOUSD)
		return psprintf("%lld", (long long) amount);
	text = psprintf("%lld.%09lld", (long long) (amount / 1000000000), (long long) (amount % 1000000000));
	for (end = text + strlen(text) - 1; *end == '0' && end[-1] != '.'; end--)
		*end = '\0';
	return text;
}

const char *
definition_limit_name(const BudgetLimit *limit)
{
	return limit->name == NULL ? MAIN_LIMIT : limit->name;
}

static char *
describe(const PathLink *link, const Refusal *refusal)
{
	static const char *const units[] = {"tokens", "USD", "calls"};
	const char *unit;
	const char *in = "";

	if (refusal->dim == DIM_IN_FLIGHT)
		return psprintf("Budget %s has %lld of %lld calls in flight.", agc_quoted_name(link->name),
						(long long) refusal->held, (long long) refusal->max);
	unit = units[refusal->dim];
	if (refusal->window > 0)
		in = psprintf(" in its limit %s", agc_quoted_name(link->def.limit[refusal->window].name));
	if (refusal->max == NO_AMOUNT)
		return psprintf("Budget %s cannot count %s more %s.", agc_quoted_name(link->name),
						format_amount(refusal->dim, refusal->asked), unit);
	return psprintf("Budget %s has %s %s used and %s held of %s%s; %s more asked.",
					agc_quoted_name(link->name), format_amount(refusal->dim, refusal->used), unit,
					format_amount(refusal->dim, refusal->held),
					format_amount(refusal->dim, refusal->max), in,
					format_amount(refusal->dim, refusal->asked));
}

static void
deny(PermitDecision *out, const PathLink *link, int window, char *detail, int64 retry_after,
	 bool can_ever_fit)
{
	if (out->reason == NULL)
	{
		out->reason = REASON_BUDGET_EXCEEDED;
		out->denied_by = pstrdup(link->name);
		out->denied_limit = window < 0 ? NULL : pstrdup(definition_limit_name(&link->def.limit[window]));
		out->detail = detail;
		out->retry_after = retry_after;
		out->can_ever_fit = can_ever_fit;
		return;
	}
	out->can_ever_fit = out->can_ever_fit && can_ever_fit;
	if (out->retry_after < 0 || retry_after < 0)
		out->retry_after = -1;
	else
		out->retry_after = Max(out->retry_after, retry_after);
}

static bool
link_admits(const PathLink *link, const int64 asked[BUDGET_NDIMS], TimestampTz at, Refusal *refusal)
{
	Counter		sum;

	if (!link->whole)
		return true;			/* path_lock() and path_peek() have looked */
	share_sum(link->counter, link->n, &sum);
	return counter_admits(&sum, &link->def, asked, at, refusal);
}

/* Named is the refusing budget nearest to the caller; the prospects are of them all. */
bool
path_admits(const BudgetPath *path, const int64 asked[BUDGET_NDIMS], PermitDecision *out,
			MemoryContext cxt)
{
	MemoryContext old = MemoryContextSwitchTo(cxt);

	/* nothing of an earlier look may be left: a permit that is granted was denied by nobody */
	out->granted = false;
	out->reason = out->denied_by = out->denied_limit = out->detail = NULL;
	out->has_remaining = false;
	out->retry_after = -1;
	out->can_ever_fit = true;
	for (int i = 0; i < path->n; i++)
	{
		const PathLink *link = &path->link[i];
		Refusal		refusal;

		if (!link->defined || !link->def.enabled)
			deny(out, link, -1, psprintf("Budget %s is disabled.", agc_quoted_name(link->name)), -1, false);
		else if (!link_admits(link, asked, path->at, &refusal))
			deny(out, link, refusal.window, describe(link, &refusal), refusal.can_ever_fit ? refusal.retry_after : -1,
				 refusal.can_ever_fit);
	}
	MemoryContextSwitchTo(old);
	out->granted = out->reason == NULL;
	if (!out->can_ever_fit)
		out->retry_after = -1;
	if (!out->granted)
		path_remaining(path, out);
	return out->granted;
}

void
path_remaining(const BudgetPath *path, PermitDecision *out)
{
	for (int dim = 0; dim < BUDGET_NDIMS; dim++)
		out->remaining[dim] = NO_AMOUNT;
	for (int i = 0; i < path->n; i++)
	{
		PathLink	link = path->link[i];
		Counter		sum;

		if (!link.defined || !link.def.enabled)
		{
			memset(out->remaining, 0, sizeof(out->remaining));
			continue;
		}
		/* what the other slots have is only looked at */
		if (!link.whole)
		{
			link.counter = palloc(link.def.slots * sizeof(Counter));
			peek_all(path->tenant, &link);
			roll_link(&link, path->at);
		}
		share_sum(link.counter, link.n, &sum);
		counter_left(&sum, &link.def, out->remaining);
	}
	out->has_remaining = true;
}

/* ----- what this transaction holds ----- */

bool
path_locks_held(void)
{
	return locks_held;
}

void
path_note_lock(void)
{
	locks_held = true;
}

static void
forget_locks(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		locks_held = counters_held = false;
}

void
path_init(void)
{
	RegisterXactCallback(forget_locks, NULL);
}
