/*
 * path_lock.c
 *	  Operations on the counters of a path: locked, judged, reserved and written.
 *
 * Every budget has one lock (lock.c).  Who shares it uses the budget through its
 * entry (escrow_judge.c) and writes a row of its own; so it waits for nobody's COMMIT.
 * Who has it alone knows that nobody is in flight, and that the rows are all there
 * is.  A budget without an entry is used alone, to the end of the transaction.  Who
 * had to wait for that makes the entry, and shares the lock from then on.
 *
 * What depends on others in flight is looked at again for some milliseconds.  Then
 * the locks are given back and the budget is locked alone, which waits for them;
 * once it is decided, the lock is shared again, so that no COMMIT is waited for
 * twice.  A transaction that has the budget in flight itself does not wait for the
 * lock alone (two would wait for each other): that is contention.
 *
 * Locks: those of the budgets in the order of lock_order.c, kept to the end of the
 * transaction unless the operation is refused.
 *
 * Memory: the caller's context.  On ERROR: the (sub)transaction gives locks and
 * reservations back.
 */
#include "budget/path_lock.h"

#include "budget/lock_order.h"
#include "budget/path_admit.h"
#include "budget/path_peek.h"
#include "budget/path_union.h"

#include "portability/instr_time.h"
#include "storage/condition_variable.h"
#include "utils/inval.h"

/* how long what depends on others is looked at again, and at most how long between two looks */
#define LOOK_MS		10

/* tries to find definitions and entries that do not change under them */
#define MAX_ROUNDS	20

/* What came of one step; only the first two end the operation. */
typedef enum Step
{
	STEP_DONE,
	STEP_REFUSED,
	STEP_BUSY,
	STEP_LATER,					/* again, at a later time */
	STEP_LOOK,					/* again, when something has changed */
	STEP_ALONE,					/* again, with link->exact */
	STEP_AGAIN					/* again, from the beginning */
} Step;

static const int64 nothing[BUDGET_NDIMS] = {0};

/* ----- locks ----- */

/* Whether definitions have changed since they were read, by this transaction or by a COMMIT. */
static bool
is_outdated(const BudgetPath *path)
{
	AcceptInvalidationMessages();
	return path->generation != agc_generation();
}

/*
 * Definitions may have changed during a wait.  A path that now has other links is
 * not the one that was asked for (false).
 */
static bool
refresh_definitions(BudgetPath *path)
{
	path->generation = agc_generation();
	for (int i = 0; i < path->n; i++)
	{
		PathLink   *link = &path->link[i];

		if (link->limit != NULL)
			continue;
		link->defined = definition_read(path->tenant, link->name, &link->def);
		if (path->resolved && !link->defined)
			return false;
	}
	return !path->resolved || path_is_as_asked(path);
}

static void
unlock(PathLink *link)
{
	if (link->mode != NoLock)
		lock_drop_mode(&link->lock, link->mode);
	link->mode = NoLock;
}

static void
unlock_all(BudgetPath *path)
{
	for (int i = 0; i < path->n; i++)
		unlock(&path->link[i]);
}

static bool
lock_in(PathLink *link, LOCKMODE mode, bool wait)
{
	if (!lock_take_mode(&link->lock, mode, wait))
		return false;
	link->mode = mode;
	return true;
}

/* A person may let the request pass the limits of a budget; nobody can let it pass what can be counted. */
static bool
fits(const PathLink *link, const int64 *asked)
{
	const int64 *own = path_asked(link, asked);

	return link->excused ? counter_can_hold(&link->sum, own) : counter_fits(&link->sum, &link->def, own, nothing);
}

/* Before a wait: whether a budget of the path refuses in any case. */
static bool
is_refused(BudgetPath *path, const int64 *asked)
{
	bool		refused = false;

	if (asked == NULL)
		return false;
	path_peek(path);
	for (int i = 0; i < path->n && !refused; i++)
	{
		const PathLink *link = &path->link[i];

		refused = !link->defined || !link->def.enabled || !fits(link, asked);
	}
	for (int i = 0; i < path->n && !refused; i++)
		path->link[i].found = path->link[i].mode != NoLock;
	return refused;
}

/* ----- under the lock alone ----- */

static bool
same_numbers(const Counter *a, const Counter *b)
{
	if (memcmp(a->held, b->held, sizeof(a->held)) != 0)
		return false;
	for (int w = 0; w < a->nwindows; w++)
		if (memcmp(a->used[w], b->used[w], sizeof(a->used[w])) != 0)
			return false;
	return true;
}

/* The entry has to be the rows, but for what this transaction has written itself. */
static void
check_entry(BudgetPath *path, PathLink *link, EscrowRef *ref)
{
	Counter		rows;
	Counter		base;
	EscrowOwn	own;
	TimestampTz start[BUDGET_MAX_WINDOWS];

	if (!escrow_find(&link->key, &link->def, ref, &base))
		return;
	counter_copy(&rows, &link->sum);
	counter_starts(&link->def, Max(Max(rows.seen, base.seen), agc_now()), start);
	for (int w = 0; w < link->def.nlimits; w++)
		start[w] = Max(start[w], rows.start[w]);
	counter_roll_to(&rows, &link->def, start);
	counter_roll_to(&base, &link->def, start);
	escrow_record_own(ref, &link->def, start, &own);
	escrow_add_own(&base, &own);
	if (same_numbers(&rows, &base))
		return;
	escrow_forget(&link->key, COUNT_REPAIRED);
	ref->entry = -1;
	ereport(WARNING,
			(errmsg("the entry of budget \"%s\" was not the sum of its rows, and is made anew", link->name)));
}

static bool
is_large(const PathLink *link)
{
	for (int i = 0; i < link->nrows; i++)
		if (counter_is_large(&link->rows[i]))
			return true;
	return counter_is_large(&link->sum);
}

/*
 * Reads the rows.  waited: others want the budget too, so it gets an entry, unless
 * this transaction's own rows are in the sum.
 */
static void
read_alone(BudgetPath *path, PathLink *link, bool waited)
{
	EscrowRef	ref = {.entry = -1};
	uint64		epoch;
	bool		by_hand = !escrow_epoch(&epoch);

	path_read_rows(path, link, NULL);
	if (!link->defined || link->sum.window_revision != link->def.window_revision)
		return;
	check_entry(path, link, &ref);
	if (ref.entry >= 0 && is_large(link))
	{
		escrow_forget(&link->key, COUNT_DROP_LARGE);
		ref.entry = -1;
	}
	else if (ref.entry < 0 && (waited || agc_debug_budget_entries) && !by_hand && link->nrows > 0 && !is_large(link) &&
			 !escrow_record_any(link->key.tag))
		(void) escrow_make(&link->key, epoch, &link->def, &link->sum, &ref);
	link->ref = ref;
}

/* ----- one link ----- */

/* A settlement does not fail for a threshold. */
static Step
tell_upper(PathLink *link)
{
	link->exact = link->telling = false;
	link->tells_upper = true;
	return STEP_AGAIN;
}

static Step
lock_alone(BudgetPath *path, PathLink *link, const int64 *asked, bool may_wait, bool waited)
{
	if (!lock_in(link, ExclusiveLock, false))
	{
		if (is_refused(path, asked))
			return STEP_REFUSED;
		if (!may_wait || !lock_in(link, ExclusiveLock, true))
			return link->telling ? tell_upper(link) : STEP_BUSY;
		link->waited = waited = true;
	}
	if (is_outdated(path) && !refresh_definitions(path))
		return STEP_BUSY;
	read_alone(path, link, waited);
	return STEP_DONE;
}

/* Sharing a lock waits for who has it alone; with one's own in flight it is granted at once. */
static Step
lock_link(BudgetPath *path, PathLink *link, const int64 *asked)
{
	LockPlace	place = {.depth = link->depth, .tenant = path->tenant, .budget = link->name};
	bool		may_wait = lock_order_may_wait(&place);
	bool		in_flight;
	bool		waited = link->waited;

	path_key(path, link);
	in_flight = escrow_record_any(link->key.tag);
	if (!link->exact && path_find_entry(link))
	{
		AGC_TEST_POINT("budget_entry_found");
		if (!lock_in(link, ShareLock, may_wait))
			return is_refused(path, asked) ? STEP_REFUSED : STEP_BUSY;
		if (is_outdated(path) && !refresh_definitions(path))
			return STEP_BUSY;
		if (path_find_entry(link))
			return STEP_DONE;
		/* it was dropped meanwhile */
		unlock(link);
		link->waited = waited = true;
	}
	return lock_alone(path, link, asked, may_wait && !in_flight, waited);
}

static Step
lock_links(BudgetPath *path, const int64 *asked)
{
	for (int i = 0; i < path->n; i++)
		path->link[i].found = false;
	for (int i = 0; i < path->n; i++)
	{
		Step		step = lock_link(path, &path->link[i], asked);

		if (step != STEP_DONE)
			return step;
		if (path->link[i].found && path->link[i].defined &&
			path->link[i].sum.window_revision != path->link[i].def.window_revision)
			return STEP_BUSY;
	}
	AGC_TEST_POINT("budget_locked");
	return STEP_DONE;
}

/* ----- judging and reserving ----- */

/* Under the lock alone, without an entry: the sum is all there is. */
static Step
decide_alone(PathLink *link, const int64 *asked)
{
	if (asked != NULL && !counter_fits(&link->sum, &link->def, asked, nothing))
		return STEP_REFUSED;
	for (int w = 0; link->defined && counter_change_charges(&link->change) && w < link->sum.nwindows; w++)
	{
		int			reached = counter_threshold(&link->sum, &link->def, w, link->change.used);

		link->change.warned[w] = reached > link->sum.warned[w] ? reached : 0;
	}
	memcpy(link->warned, link->sum.warned, sizeof(link->warned));
	return STEP_DONE;
}

/* Whether the link can still be locked alone: not while this transaction has it in flight. */
static bool
may_be_alone(const BudgetPath *path, const PathLink *link)
{
	LockPlace	place = {.depth = link->depth, .tenant = path->tenant, .budget = link->name};

	return link->mode == ShareLock && !escrow_record_any(link->key.tag) && lock_order_may_wait(&place);
}

static Step
decide_shared(BudgetPath *path, PathLink *link, const int64 *asked, bool look)
{
	EscrowAsk	ask = {.def = &link->def, .start = link->start, .at = path->at, .asked = asked, .change = &link->change};
	EscrowRecord record = {.tag = link->key.tag};
	EscrowAnswer answer;
	EscrowOwn	own;
	TimestampTz seen = 0;
	bool		may_be_alone_later = may_be_alone(path, link);

	escrow_record_prepare();
	escrow_record_own(&link->ref, &link->def, link->start, &own);
	ask.tell = !may_be_alone_later || link->tells_upper;
	answer = escrow_reserve(&link->key, &link->ref, &ask, &own, &record, &link->sum, &seen);
	link->own = link->own || (answer != ESCROW_EARLY && answer != ESCROW_GONE);
	switch (answer)
	{
		case ESCROW_RESERVED:
			escrow_record_add(&record);
			link->row_is_new = own.row < 0;
			link->row = link->row_is_new ? record.row : own.row;
			link->place = link->row_is_new ? record.place : (RowPlace){0};
			memcpy(link->warned, link->sum.warned, sizeof(link->warned));
			return STEP_DONE;
		case ESCROW_REFUSED:
			return STEP_REFUSED;
		case ESCROW_TELLS:
			link->exact = link->telling = true;
			return STEP_ALONE;
		case ESCROW_EARLY:
			path->at = Max(path->at, seen);
			return STEP_LATER;
		case ESCROW_GONE:
			return STEP_AGAIN;
		case ESCROW_UNDECIDED:
			break;
	}
	if (link->mode == ExclusiveLock)
	{
		/* nobody else is in flight: the numbers are too large to be reserved */
		escrow_forget(&link->key, COUNT_DROP_LARGE);
		return STEP_AGAIN;
	}
	escrow_count(COUNT_UNDECIDED);
	if (look)
		return STEP_LOOK;
	if (!may_be_alone_later)
		return STEP_BUSY;
	link->exact = true;
	return STEP_ALONE;
}

/* A change that no reservation can hold is made alone. */
static bool
is_too_large(PathLink *link)
{
	return link->ref.entry >= 0 && counter_change_is_large(&link->change);
}

static Step
decide(BudgetPath *path, PathLink *link, const int64 *asked, bool look)
{
	asked = path_asked(link, asked);
	return link->ref.entry < 0 ? decide_alone(link, asked) : decide_shared(path, link, asked, look);
}

static Step
decide_link(BudgetPath *path, PathLink *link, const int64 *asked, bool look)
{
	Step		step;

	link->passed = false;
	if (!link->found)
		return asked == NULL ? STEP_DONE : STEP_REFUSED;
	if (asked != NULL && !(link->defined && link->def.enabled))
		return STEP_REFUSED;
	if (is_too_large(link))
	{
		if (link->mode == ExclusiveLock)
		{
			escrow_forget(&link->key, COUNT_DROP_LARGE);
			link->ref.entry = -1;
		}
		else if (!may_be_alone(path, link))
			return STEP_BUSY;
		else
		{
			link->exact = true;
			return STEP_ALONE;
		}
	}
	step = decide(path, link, asked, look);
	if (step != STEP_REFUSED || !link->excused || !counter_can_hold(&link->sum, path_asked(link, asked)))
		return step;
	/* it does not fit, and a person said that it may pass */
	link->passed = true;
	return decide(path, link, NULL, look);
}

static void
undo(int from)
{
	while (escrow_record_count() > from)
		escrow_record_undo();
}

static Step
decide_links(BudgetPath *path, const int64 *asked, PathPlan plan, void *arg, int from, bool look)
{
	Step		step = STEP_DONE;

	do
	{
		path_set_time(path);
		for (int i = 0; i < path->n; i++)
			memset(&path->link[i].change, 0, sizeof(CounterChange));
		plan(path, arg);
		for (int i = 0; i < path->n; i++)
			if ((step = decide_link(path, &path->link[i], asked, look)) != STEP_DONE)
			{
				undo(from);
				if (step == STEP_LOOK)
					escrow_wait(&path->link[i].ref, LOOK_MS);
				break;
			}
	} while (step == STEP_LATER);
	return step;
}

/* The wait is short, so other locks of the path are kept. */
static Step
look_again(BudgetPath *path, const int64 *asked, PathPlan plan, void *arg, int from)
{
	instr_time	begun;
	instr_time	now;
	bool		slept = false;
	Step		step;

	INSTR_TIME_SET_CURRENT(begun);
	for (;;)
	{
		INSTR_TIME_SET_CURRENT(now);
		INSTR_TIME_SUBTRACT(now, begun);
		step = decide_links(path, asked, plan, arg, from, INSTR_TIME_GET_MILLISEC(now) < LOOK_MS);
		if (step != STEP_LOOK)
			break;
		slept = true;
	}
	/* a caller that is at a bell (wait.c) stays there */
	if (slept)
		ConditionVariableCancelSleep();
	return step;
}

void
path_plan_hold(BudgetPath *path, void *arg)
{
	const int64 *asked = arg;

	for (int i = 0; i < path->n; i++)
	{
		PathLink   *link = &path->link[i];

		for (int dim = 0; dim < BUDGET_NDIMS && link->limit == NULL; dim++)
			link->change.held[dim] = Max(asked[dim], 0);
		for (int dim = 0; dim < BUDGET_NUSED && link->limit != NULL; dim++)
			link->change.used[dim] = link->limit_asked[dim];
	}
}

/* ----- the whole ----- */

static void
count_admission(const PathLink *link)
{
	if (link->ref.entry < 0)
		escrow_count(COUNT_COLD);
	else
		escrow_count(link->mode == ExclusiveLock ? COUNT_EXACT : COUNT_ESCROW);
}

static void
entered(BudgetPath *path, const int64 *asked, int from)
{
	escrow_record_merge(from);
	for (int i = 0; i < path->n; i++)
	{
		PathLink   *link = &path->link[i];
		LockPlace	place = {.depth = link->depth, .tenant = path->tenant, .budget = link->name};

		lock_order_note_counter(&place);
		if (asked != NULL)
			count_admission(link);
		if (link->ref.entry < 0)
			escrow_record_written(link->key.tag);
		else if (link->mode == ExclusiveLock)
		{
			lock_downgrade(&link->lock);
			link->mode = ShareLock;
		}
	}
}

PathAnswer
path_enter(BudgetPath *path, const int64 *asked, PathPlan plan, void *arg)
{
	int			from = escrow_record_count();
	Step		step = STEP_AGAIN;

	path->at = 0;
	if (path->n > 0)
		row_counter_require_write();
	for (int round = 0; round < MAX_ROUNDS && (step == STEP_AGAIN || step == STEP_ALONE); round++)
	{
		unlock_all(path);
		step = lock_links(path, asked);
		if (step == STEP_DONE)
			step = look_again(path, asked, plan, arg, from);
	}
	if (step == STEP_DONE)
	{
		AGC_TEST_POINT("budget_reserved");
		entered(path, asked, from);
		return PATH_ENTERED;
	}
	unlock_all(path);
	return step == STEP_REFUSED ? PATH_REFUSED : PATH_BUSY;
}

/* ----- writing ----- */

/* The first of its kind: nothing is in it yet. */
static void
init_row(Counter *row, const PathLink *link)
{
	memset(row, 0, sizeof(*row));
	row->slot = link->row;
	row->since = link->sum.since;
	row->window_revision = link->def.window_revision;
	row->nwindows = link->def.nlimits;
	memcpy(row->start, link->start, sizeof(row->start));
	memcpy(row->bucket_since, link->sum.bucket_since, sizeof(row->bucket_since));
	for (int w = 0; w < row->nwindows; w++)
		if (link->sum.bucket[w] != NULL)
			row->bucket[w] = palloc0(SLIDING_NUMBERS * sizeof(int64));
}

static void
write_own_row(BudgetPath *path, PathLink *link)
{
	Counter		row;
	bool		exists = row_counter_read(path->tenant, link->name, link->row, &link->place, &row);

	if (!exists)
		init_row(&row, link);
	else if (row.window_revision != link->def.window_revision)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("row %d of budget \"%s\" follows another definition of its windows", link->row, link->name)));
	counter_roll_row(&row, &link->def, link->start);
	counter_change(&row, &link->change);
	/* a mark that the window has slid below is not kept beyond the time at which that is known */
	for (int w = 0; w < row.nwindows; w++)
		row.warned[w] = Min(row.warned[w], link->sum.warned[w]);
	row.seen = Max(row.seen, path->at);
	if (exists)
		row_counter_write(path->tenant, link->name, &row);
	else
		row_counter_create(path->tenant, link->name, &row);
	/* what is written twice is looked for again: the second may be rolled back alone */
	escrow_record_place(&link->ref, link->row, link->row_is_new ? &row.place : &(RowPlace){0});
	if (counter_is_large(&row))
		escrow_forget(&link->key, COUNT_DROP_LARGE);
}

/* All of it goes into row 0, which is the only one from then on. */
static void
write_sum(BudgetPath *path, PathLink *link)
{
	bool		exists = link->nrows > 0 && link->rows[0].slot == 0;

	for (int i = exists ? 1 : 0; i < link->nrows; i++)
		row_counter_delete(&link->rows[i]);
	link->sum.slot = 0;
	if (exists)
	{
		link->sum.place = link->rows[0].place;
		row_counter_write(path->tenant, link->name, &link->sum);
	}
	else
		row_counter_create(path->tenant, link->name, &link->sum);
}

void
path_write(BudgetPath *path)
{
	for (int i = 0; i < path->n; i++)
	{
		PathLink   *link = &path->link[i];

		if (!link->found)
			continue;
		counter_change(&link->sum, &link->change);
		link->sum.seen = Max(link->sum.seen, path->at);
		if (link->ref.entry >= 0)
			write_own_row(path, link);
		else
			write_sum(path, link);
	}
}

bool
path_take_alone(BudgetPath *path, PathLink *link, const BudgetDef *def, bool wait)
{
	row_counter_require_write();
	path_key(path, link);
	if (!lock_in(link, ExclusiveLock, false) &&
		(!wait || escrow_record_any(link->key.tag) || !lock_in(link, ExclusiveLock, true)))
		return false;
	AcceptInvalidationMessages();
	if (def != NULL)
		link->def = *def;
	link->defined = def != NULL || definition_read(path->tenant, link->name, &link->def);
	escrow_forget(&link->key, COUNT_DROP_CHANGED);
	escrow_record_written(link->key.tag);
	path_read_rows(path, link, NULL);
	link->found = link->nrows > 0;
	return true;
}

void
path_write_alone(BudgetPath *path, PathLink *link)
{
	write_sum(path, link);
}
