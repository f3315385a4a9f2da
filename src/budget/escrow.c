/*
 * escrow.c
 *	  The entries of budgets that many use at once.
 *
 * Entries stand in sets, chosen by the hash of the budget's name; within a set one
 * that nobody has in flight gives way to a new one, the longest unused first.
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
 * Memory: of fixed size (agentcore.budget_entries), in the main segment.  On ERROR:
 * escrow_record.c gives reservations back when the (sub)transaction ends.
 */
#include "budget/escrow.h"

#include <limits.h>

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"
#include "utils/guc.h"
#include "utils/wait_event.h"

#define MAX_SETS	64

/* databases that share one count of writers by hand; two in one place only look more often */
#define HAND_PLACES	64

typedef struct EscrowEntry
{
	bool		valid;
	uint64		tag;
	Oid			database;
	pg_uuid_t	installation;
	char		tenant[AGC_MAX_NAME + 1];
	char		budget[AGC_MAX_NAME + 1];
	uint64		incarnation;
	uint64		epoch;			/* of rows written by hand, when its rows were read */
	uint64		last_used;		/* by the set's own clock */

	/* base: a Counter without its pointers */
	int64		window_revision;
	TimestampTz since;
	TimestampTz seen;
	int			nwindows;
	TimestampTz start[BUDGET_MAX_WINDOWS];
	int64		used[BUDGET_MAX_WINDOWS][BUDGET_NUSED];
	int64		held[BUDGET_NDIMS];
	int			warned[BUDGET_MAX_WINDOWS];
	int64		step[BUDGET_MAX_WINDOWS];	/* of a sliding window; 0: it does not slide */
	TimestampTz bucket_since[BUDGET_MAX_WINDOWS];
	int64		ring[BUDGET_MAX_WINDOWS][SLIDING_NUMBERS];

	/* in flight */
	int64		reserved[BUDGET_NDIMS]; /* the most that it may add to used + held */
	int64		charging[BUDGET_NUSED]; /* the most that it may add to used */
	uint64		rows;			/* one bit per row in use */
	int			records;
	ConditionVariable ended;
} EscrowEntry;

typedef struct EscrowSet
{
	uint64		clock;
	uint64		incarnations;
} EscrowSet;

typedef struct EscrowShmem
{
	pg_atomic_uint64 count[COUNT_KINDS];
	pg_atomic_uint64 hand_epoch[HAND_PLACES];
	pg_atomic_uint32 hand_writers[HAND_PLACES];
	EscrowSet	set[MAX_SETS];
	EscrowEntry entry[FLEXIBLE_ARRAY_MEMBER];
} EscrowShmem;

static EscrowShmem *shmem = NULL;
static int	budget_entries = 256;
static int	nsets = 1;

bool		agc_debug_budget_entries = false;

/* ----- places and locks ----- */

static inline int
set_of(uint64 tag)
{
	return (tag >> 48) % nsets;
}

static inline int
per_set(void)
{
	return budget_entries / nsets;
}

static LWLock *
lock_set(int set, LWLockMode mode)
{
	static LWLockPadded *locks = NULL;
	LWLock	   *lock;

	if (locks == NULL)
		locks = agc_shmem_locks("agentcore budget");
	lock = &locks[set].lock;
	LWLockAcquire(lock, mode);
	return lock;
}

static inline int
set_of_entry(int entry)
{
	return entry / per_set();
}

/* ----- writing by hand ----- */

static int
hand_place(void)
{
	return MyDatabaseId % HAND_PLACES;
}

bool
escrow_epoch(uint64 *epoch)
{
	if (shmem == NULL)
		return false;
	*epoch = pg_atomic_read_u64(&shmem->hand_epoch[hand_place()]);
	pg_read_barrier();
	return pg_atomic_read_u32(&shmem->hand_writers[hand_place()]) == 0;
}

void
escrow_hand_begins(void)
{
	if (shmem == NULL)
		return;
	pg_atomic_fetch_add_u32(&shmem->hand_writers[hand_place()], 1);
	pg_atomic_fetch_add_u64(&shmem->hand_epoch[hand_place()], 1);
}

void
escrow_hand_ends(void)
{
	if (shmem == NULL)
		return;
	pg_atomic_fetch_add_u64(&shmem->hand_epoch[hand_place()], 1);
	pg_atomic_fetch_sub_u32(&shmem->hand_writers[hand_place()], 1);
}

/* ----- finding ----- */

static bool
is_entry_of(const EscrowEntry *entry, const EscrowKey *key, const pg_uuid_t *installation)
{
	return entry->valid && entry->tag == key->tag && entry->database == MyDatabaseId &&
		memcmp(&entry->installation, installation, UUID_LEN) == 0 &&
		strcmp(entry->budget, key->budget) == 0 && strcmp(entry->tenant, key->tenant) == 0;
}

/* The set is locked. */
static EscrowEntry *
find_entry(const EscrowKey *key, const pg_uuid_t *installation)
{
	int			first = set_of(key->tag) * per_set();

	for (int i = first; i < first + per_set(); i++)
		if (is_entry_of(&shmem->entry[i], key, installation))
			return &shmem->entry[i];
	return NULL;
}

/* The counter's rings are those of the entry. */
static void
read_base(EscrowEntry *entry, Counter *out)
{
	memset(out, 0, offsetof(Counter, start));
	out->since = entry->since;
	out->seen = entry->seen;
	out->window_revision = entry->window_revision;
	out->nwindows = entry->nwindows;
	memcpy(out->start, entry->start, sizeof(out->start));
	memcpy(out->used, entry->used, sizeof(out->used));
	memcpy(out->held, entry->held, sizeof(out->held));
	memcpy(out->warned, entry->warned, sizeof(out->warned));
	memcpy(out->bucket_since, entry->bucket_since, sizeof(out->bucket_since));
	for (int w = 0; w < BUDGET_MAX_WINDOWS; w++)
		out->bucket[w] = w < entry->nwindows && entry->step[w] > 0 ? entry->ring[w] : NULL;
}

static void
write_base(EscrowEntry *entry, const Counter *base)
{
	memcpy(entry->start, base->start, sizeof(entry->start));
	memcpy(entry->used, base->used, sizeof(entry->used));
	memcpy(entry->warned, base->warned, sizeof(entry->warned));
}

/* Into the caller's own counter, whose rings are its own; "rings" were there before. */
static void
copy_out(Counter *out, const Counter *base, int64 *const rings[BUDGET_MAX_WINDOWS])
{
	*out = *base;
	for (int w = 0; w < base->nwindows; w++)
	{
		out->bucket[w] = base->bucket[w] == NULL ? NULL : rings[w];
		if (out->bucket[w] != NULL)
			memcpy(out->bucket[w], base->bucket[w], SLIDING_NUMBERS * sizeof(int64));
	}
}

/* Rings for the windows of a definition that slide. */
static void
make_rings(const BudgetDef *def, int64 *rings[BUDGET_MAX_WINDOWS])
{
	for (int w = 0; w < BUDGET_MAX_WINDOWS; w++)
		rings[w] = w < def->nlimits && def->limit[w].window.kind == WINDOW_SLIDING ?
			palloc(SLIDING_NUMBERS * sizeof(int64)) : NULL;
}

/* A sliding window without a ring to copy to is none of the definition's. */
static bool
follows(const EscrowEntry *entry, const BudgetDef *def)
{
	return entry->window_revision == def->window_revision && entry->nwindows == def->nlimits;
}

bool
escrow_find(const EscrowKey *key, const BudgetDef *def, EscrowRef *ref, Counter *out)
{
	int64	   *rings[BUDGET_MAX_WINDOWS];
	const pg_uuid_t *installation;
	uint64		epoch;
	LWLock	   *lock;
	EscrowEntry *entry;

	ref->entry = -1;
	if (shmem == NULL)
		return false;
	installation = agc_installation_id();
	make_rings(def, rings);
	lock = lock_set(set_of(key->tag), LW_SHARED);
	entry = find_entry(key, installation);
	if (entry != NULL && follows(entry, def) && escrow_epoch(&epoch) && epoch == entry->epoch)
	{
		Counter		base;

		read_base(entry, &base);
		copy_out(out, &base, rings);
		ref->entry = entry - shmem->entry;
		ref->incarnation = entry->incarnation;
	}
	LWLockRelease(lock);
	return ref->entry >= 0;
}

/* ----- making and dropping ----- */

static EscrowEntry *
free_entry(int set, EscrowCount *cause)
{
	EscrowEntry *oldest = NULL;

	for (int i = set * per_set(); i < (set + 1) * per_set(); i++)
	{
		EscrowEntry *entry = &shmem->entry[i];

		if (!entry->valid)
			return entry;
		if (entry->records == 0 && (oldest == NULL || entry->last_used < oldest->last_used))
			oldest = entry;
	}
	*cause = oldest == NULL ? COUNT_NO_ROOM : COUNT_EVICTED;
	return oldest;
}

static void
fill_entry(EscrowEntry *entry, const EscrowKey *key, const pg_uuid_t *installation, uint64 epoch,
		   const BudgetDef *def, const Counter *sum)
{
	entry->tag = key->tag;
	entry->database = MyDatabaseId;
	entry->installation = *installation;
	strlcpy(entry->tenant, key->tenant, sizeof(entry->tenant));
	strlcpy(entry->budget, key->budget, sizeof(entry->budget));
	entry->epoch = epoch;
	entry->window_revision = sum->window_revision;
	entry->since = sum->since;
	entry->seen = sum->seen;
	entry->nwindows = sum->nwindows;
	memcpy(entry->held, sum->held, sizeof(entry->held));
	memcpy(entry->bucket_since, sum->bucket_since, sizeof(entry->bucket_since));
	write_base(entry, sum);
	for (int w = 0; w < sum->nwindows; w++)
	{
		entry->step[w] = sum->bucket[w] == NULL ? 0 : window_sliding_step(&def->limit[w].window);
		if (sum->bucket[w] != NULL)
			memcpy(entry->ring[w], sum->bucket[w], SLIDING_NUMBERS * sizeof(int64));
	}
	memset(entry->reserved, 0, sizeof(entry->reserved));
	memset(entry->charging, 0, sizeof(entry->charging));
	entry->rows = 0;
	entry->records = 0;
	entry->valid = true;
}

bool
escrow_make(const EscrowKey *key, uint64 epoch, const BudgetDef *def, const Counter *sum, EscrowRef *ref)
{
	int			set = set_of(key->tag);
	const pg_uuid_t *installation = agc_installation_id();
	EscrowEntry *entry;
	EscrowCount cause = COUNT_MADE;
	LWLock	   *lock;

	ref->entry = -1;
	if (shmem == NULL)
		return false;
	lock = lock_set(set, LW_EXCLUSIVE);
	entry = find_entry(key, installation);
	/* one that was not usable: rows have been written by hand since it was made */
	if (entry != NULL)
		cause = COUNT_DROP_HAND;
	else
		entry = free_entry(set, &cause);
	if (entry != NULL)
	{
		fill_entry(entry, key, installation, epoch, def, sum);
		entry->incarnation = ++shmem->set[set].incarnations;
		entry->last_used = ++shmem->set[set].clock;
		ref->entry = entry - shmem->entry;
		ref->incarnation = entry->incarnation;
	}
	LWLockRelease(lock);
	if (entry != NULL)
		escrow_count(COUNT_MADE);
	if (cause != COUNT_MADE)
		escrow_count(cause);
	return entry != NULL;
}

static void
drop_entry(EscrowEntry *entry, LWLock *lock, EscrowCount cause)
{
	entry->valid = false;
	LWLockRelease(lock);
	ConditionVariableBroadcast(&entry->ended);
	escrow_count(cause);
}

void
escrow_forget(const EscrowKey *key, EscrowCount cause)
{
	const pg_uuid_t *installation;
	LWLock	   *lock;
	EscrowEntry *entry;

	if (shmem == NULL)
		return;
	installation = agc_installation_id();
	lock = lock_set(set_of(key->tag), LW_EXCLUSIVE);
	entry = find_entry(key, installation);
	if (entry != NULL)
		drop_entry(entry, lock, cause);
	else
		LWLockRelease(lock);
}

/* The set is locked.  NULL: the entry that was meant is gone. */
static EscrowEntry *
entry_of(const EscrowRef *ref)
{
	EscrowEntry *entry = &shmem->entry[ref->entry];

	return entry->valid && entry->incarnation == ref->incarnation ? entry : NULL;
}

void
escrow_forget_entry(const EscrowRef *ref, EscrowCount cause)
{
	LWLock	   *lock = lock_set(set_of_entry(ref->entry), LW_EXCLUSIVE);
	EscrowEntry *entry = entry_of(ref);

	if (entry != NULL)
		drop_entry(entry, lock, cause);
	else
		LWLockRelease(lock);
}

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
	int			set = set_of_entry(ref->entry);
	int64	   *rings[BUDGET_MAX_WINDOWS];
	uint64		epoch;
	Counter		base;
	EscrowEntry *entry;
	LWLock	   *lock;

	memcpy(rings, out->bucket, sizeof(rings));
	record->ref = *ref;
	lock = lock_set(set, LW_EXCLUSIVE);
	entry = entry_of(ref);
	if (entry != NULL && follows(entry, ask->def) && escrow_epoch(&epoch) && epoch == entry->epoch)
	{
		*seen = entry->seen;
		if (is_ahead(entry, ask))
			answer = ESCROW_EARLY;
		else
		{
			read_base(entry, &base);
			counter_roll_to(&base, ask->def, ask->start);
			write_base(entry, &base);
			entry->seen = Max(entry->seen, ask->at);
			add_own(&base, own);
			answer = judge(entry, &base, ask, own);
			copy_out(out, &base, rings);
			add_to_ring(out, own);
			if (answer == ESCROW_RESERVED)
			{
				reserve(entry, ask, own, record);
				entry->last_used = ++shmem->set[set].clock;
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
	LWLock	   *lock = lock_set(set_of_entry(record->ref.entry), LW_EXCLUSIVE);
	EscrowEntry *entry = entry_of(&record->ref);

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
			entry->rows &= ~(UINT64CONST(1) << record->row);
		entry->records--;
	}
	LWLockRelease(lock);
	ConditionVariableBroadcast(&shmem->entry[record->ref.entry].ended);
}

void
escrow_wait(const EscrowRef *ref, long ms)
{
	EscrowEntry *entry = &shmem->entry[ref->entry];

	(void) ConditionVariableTimedSleep(&entry->ended, ms, PG_WAIT_EXTENSION);
}

/* ----- how often ----- */

void
escrow_count(EscrowCount kind)
{
	if (shmem != NULL)
		pg_atomic_fetch_add_u64(&shmem->count[kind], 1);
}

void
escrow_totals(int64 count[COUNT_KINDS], int64 *entries, int64 *in_flight)
{
	*entries = *in_flight = 0;
	memset(count, 0, COUNT_KINDS * sizeof(int64));
	if (shmem == NULL)
		return;
	for (int kind = 0; kind < COUNT_KINDS; kind++)
		count[kind] = pg_atomic_read_u64(&shmem->count[kind]);
	for (int set = 0; set < nsets; set++)
	{
		LWLock	   *lock = lock_set(set, LW_SHARED);

		for (int i = set * per_set(); i < (set + 1) * per_set(); i++)
			if (shmem->entry[i].valid)
			{
				*entries += 1;
				*in_flight += shmem->entry[i].records;
			}
		LWLockRelease(lock);
	}
}

void
escrow_reset_counts(void)
{
	for (int kind = 0; shmem != NULL && kind < COUNT_KINDS; kind++)
		pg_atomic_write_u64(&shmem->count[kind], 0);
}

/* ----- start ----- */

static void
init_shmem(void *part)
{
	EscrowShmem *new = part;

	for (int kind = 0; kind < COUNT_KINDS; kind++)
		pg_atomic_init_u64(&new->count[kind], 0);
	for (int place = 0; place < HAND_PLACES; place++)
	{
		pg_atomic_init_u64(&new->hand_epoch[place], 0);
		pg_atomic_init_u32(&new->hand_writers[place], 0);
	}
	for (int i = 0; i < budget_entries; i++)
		ConditionVariableInit(&new->entry[i].ended);
}

/* Sets of four at least, as far as there are so many entries. */
void
escrow_init(void)
{
	DefineCustomIntVariable("agentcore.budget_entries",
							"Budgets that many sessions may use at once without waiting for each other.",
							"A budget that somebody had to wait for gets one of these entries of shared memory (6 kB each); the longest unused gives way. "
							"A budget without one is used by one transaction at a time.",
							&budget_entries, 256, 1, 65536,
							agc_at_start(), 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("agentcore.debug_budget_entries",
							 "Gives every budget an entry at once, and not when somebody has waited for it; for tests.",
							 NULL, &agc_debug_budget_entries, false,
							 PGC_SUSET, GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	nsets = Max(1, Min(MAX_SETS, budget_entries / 4));
	agc_shmem_register("agentcore budget entries",
					   offsetof(EscrowShmem, entry) + budget_entries * sizeof(EscrowEntry),
					   init_shmem, (void **) &shmem, "agentcore budget", nsets);
}
