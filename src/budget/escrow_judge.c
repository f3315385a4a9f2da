/*
 * escrow_judge.c
 *	  Judging, reserving and ending what is in flight on busy budgets.
 *
 * Why nothing is ever overspent.  A record is reserved with the most that it can add
 * to what is used and held, whatever part of its transaction is rolled back, and stays
 * reserved until COMMIT has moved it into the base.  A request is granted only if it
 * fits beside the reservations of all others and beside what its own transaction did.
 * Nobody is refused for what others may yet take back: that is "undecided", and is
 * decided by who has the budget's lock alone.  test/model/escrow.py walks through
 * the interleavings.
 *
 * Locks: one LWLock per set, held for the arithmetic of one budget.  Nothing is
 * allocated or raised under it: the begins of windows are computed before.  Callers
 * share the budget's lock (lock.c), or have it exclusively.
 *
 * Memory: the entries (escrow_entry.c).  On ERROR: escrow_record.c gives reservations back when the (sub)transaction ends.
 */
#include "budget/escrow_entry.h"

#include "port/pg_bitutils.h"
#include "utils/wait_event.h"

/* ----- judging and reserving ----- */

/*
 * The own part is in it for good or will be taken back together with what is asked
 * now.  Rings may be the entry's, so they are left alone.
 */
static void
add_own(Counter *counter, const EscrowOwn *own)
{
	for (int dim = 0; dim < BUDGET_NDIMS; dim++)
		counter->held[dim] = counter_add(counter->held[dim], own->held[dim]);
	for (int w = 0; w < counter->nwindows; w++)
	{
		for (int dim = 0; dim < BUDGET_NUSED; dim++)
			counter->used[w][dim] = counter_add(counter->used[w][dim], own->used[w][dim]);
		counter->warned[w] = Max(counter->warned[w], own->warned[w]);
	}
}

static void
add_to_ring(Counter *counter, const EscrowOwn *own)
{
	for (int w = 0; w < counter->nwindows; w++)
		for (int dim = 0; dim < BUDGET_NUSED && counter->bucket[w] != NULL; dim++)
			counter->bucket[w][dim] = counter_add(counter->bucket[w][dim], own->used[w][dim]);
}

void
escrow_add_own(Counter *counter, const EscrowOwn *own)
{
	add_own(counter, own);
	add_to_ring(counter, own);
}

/* Which thresholds the charge reaches if all that is in flight commits. */
static bool
tells(const EscrowEntry *entry, const Counter *base, const EscrowAsk *ask, const EscrowOwn *own)
{
	bool		any = false;

	for (int w = 0; w < base->nwindows; w++)
	{
		int64		more[BUDGET_NUSED];
		int			reached;

		for (int dim = 0; dim < BUDGET_NUSED; dim++)
			more[dim] = counter_add(ask->change->used[dim], entry->charging[dim] - own->charging[dim]);
		reached = counter_threshold(base, ask->def, w, more);
		ask->change->warned[w] = reached > base->warned[w] ? reached : 0;
		any = any || ask->change->warned[w] != 0;
	}
	return any;
}

/* The sums of what is in flight must not leave bigint either. */
static bool
reserves_too_much(const EscrowEntry *entry, const CounterChange *change)
{
	for (int dim = 0; dim < BUDGET_NDIMS; dim++)
		if (counter_add(entry->reserved[dim], Max(change->held[dim], 0)) > COUNTER_BOUND ||
			(dim < BUDGET_NUSED && counter_add(entry->charging[dim], Max(change->used[dim], 0)) > COUNTER_BOUND))
			return true;
	return false;
}

/* "base" is rolled and has the own part in it. */
static EscrowAnswer
judge(const EscrowEntry *entry, const Counter *base, const EscrowAsk *ask, const EscrowOwn *own)
{
	static const int64 nothing[BUDGET_NDIMS] = {0};
	int64		others[BUDGET_NDIMS];

	if (ask->asked != NULL)
	{
		if (!counter_fits(base, ask->def, ask->asked, nothing))
			return ESCROW_REFUSED;
		for (int dim = 0; dim < BUDGET_NDIMS; dim++)
			others[dim] = entry->reserved[dim] - own->reserved[dim];
		if (!counter_fits(base, ask->def, ask->asked, others))
			return ESCROW_UNDECIDED;
	}
	if ((own->row < 0 && entry->rows == PG_UINT64_MAX) || reserves_too_much(entry, ask->change))
		return ESCROW_UNDECIDED;
	memset(ask->change->warned, 0, sizeof(ask->change->warned));
	if (ask->def->nthresholds > 0 && counter_change_charges(ask->change) && tells(entry, base, ask, own) && !ask->tell)
		return ESCROW_TELLS;
	return ESCROW_RESERVED;
}

static void
reserve(EscrowEntry *entry, const EscrowAsk *ask, const EscrowOwn *own, EscrowRecord *record)
{
	record->nwindows = entry->nwindows;
	memcpy(record->start, entry->start, sizeof(record->start));
	record->change = *ask->change;
	for (int dim = 0; dim < BUDGET_NDIMS; dim++)
	{
		int64		used = dim < BUDGET_NUSED ? ask->change->used[dim] : 0;

		record->reserved[dim] = Max(used + ask->change->held[dim], 0);
		entry->reserved[dim] += record->reserved[dim];
		if (dim < BUDGET_NUSED)
			entry->charging[dim] += record->charging[dim] = Max(used, 0);
	}
	record->row = -1;
	if (own->row < 0)
	{
		record->row = pg_rightmost_one_pos64(~entry->rows);
		record->place = entry->place[record->row];
		entry->rows |= UINT64CONST(1) << record->row;
	}
	entry->records++;
}

/* Whether a charge at that time would not count in all windows. */
static bool
is_ahead(const EscrowEntry *entry, const EscrowAsk *ask)
{
	if (entry->since > ask->at)
		return true;
	for (int w = 0; w < entry->nwindows; w++)
		if (entry->start[w] > ask->at || entry->bucket_since[w] > ask->at)
			return true;
	return false;
}

EscrowAnswer
escrow_reserve(const EscrowKey *key, const EscrowRef *ref, const EscrowAsk *ask, const EscrowOwn *own,
			   EscrowRecord *record, Counter *out, TimestampTz *seen)
{
	EscrowAnswer answer = ESCROW_GONE;
	int64	   *rings[BUDGET_MAX_WINDOWS];
	Counter		base;
	EscrowEntry *entry;
	LWLock	   *lock;

	memcpy(rings, out->bucket, sizeof(rings));
	record->ref = *ref;
	lock = escrow_lock(ref, LW_EXCLUSIVE);
	entry = escrow_entry_of(ref);
	if (entry != NULL && escrow_is_good(entry, ask->def))
	{
		*seen = entry->seen;
		if (is_ahead(entry, ask))
			answer = ESCROW_EARLY;
		else
		{
			escrow_read(entry, &base);
			counter_roll_to(&base, ask->def, ask->start);
			escrow_write(entry, &base);
			entry->seen = Max(entry->seen, ask->at);
			add_own(&base, own);
			answer = judge(entry, &base, ask, own);
			escrow_copy(out, &base, rings);
			add_to_ring(out, own);
			if (answer == ESCROW_RESERVED)
			{
				reserve(entry, ask, own, record);
				escrow_touch(entry);
			}
		}
	}
	LWLockRelease(lock);
	return answer;
}

/* ----- the end of what is in flight ----- */

/* A charge goes into the windows that it was made in, and into no later one. */
static void
add_to_base(EscrowEntry *entry, const EscrowRecord *record)
{
	for (int dim = 0; dim < BUDGET_NDIMS; dim++)
		entry->held[dim] = counter_add(entry->held[dim], record->change.held[dim]);
	for (int w = 0; w < entry->nwindows; w++)
	{
		int64		steps = entry->step[w] == 0 ? 0 : (entry->start[w] - record->start[w]) / entry->step[w];

		if (entry->step[w] == 0 ? entry->start[w] != record->start[w] : steps >= SLIDING_BUCKETS)
			continue;
		for (int dim = 0; dim < BUDGET_NUSED; dim++)
		{
			int64	   *bucket = &entry->ring[w][steps * BUDGET_NUSED + dim];

			entry->used[w][dim] = counter_add(entry->used[w][dim], record->change.used[dim]);
			if (entry->step[w] > 0)
				*bucket = counter_add(*bucket, record->change.used[dim]);
		}
		entry->warned[w] = Max(entry->warned[w], record->change.warned[w]);
	}
}

void
escrow_end(const EscrowRecord *record, bool committed)
{
	LWLock	   *lock = escrow_lock(&record->ref, LW_EXCLUSIVE);
	EscrowEntry *entry = escrow_entry_of(&record->ref);

	if (entry != NULL)
	{
		if (committed)
			add_to_base(entry, record);
		for (int dim = 0; dim < BUDGET_NDIMS; dim++)
		{
			entry->reserved[dim] -= record->reserved[dim];
			if (dim < BUDGET_NUSED)
				entry->charging[dim] -= record->charging[dim];
		}
		if (record->row >= 0)
		{
			if (committed)
				entry->place[record->row] = record->place;
			entry->rows &= ~(UINT64CONST(1) << record->row);
		}
		entry->records--;
	}
	LWLockRelease(lock);
	ConditionVariableBroadcast(&escrow_shmem->entry[record->ref.entry].ended);
}

void
escrow_wait(const EscrowRef *ref, long ms)
{
	EscrowEntry *entry = &escrow_shmem->entry[ref->entry];

	(void) ConditionVariableTimedSleep(&entry->ended, ms, PG_WAIT_EXTENSION);
}
