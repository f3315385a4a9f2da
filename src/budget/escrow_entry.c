/*
 * escrow_entry.c
 *	  The entries of busy budgets: found, made, dropped and counted.
 *
 * Entries stand in sets, chosen by the hash of the budget's name; within a set one
 * that nobody has in flight gives way to a new one, the longest unused first.
 *
 * Locks: one LWLock per set.  Nothing is allocated or raised under it.
 *
 * Memory: of fixed size (agentcore.budget_entries), in the main segment.  On ERROR:
 * nothing to undo.
 */
#include "budget/escrow_entry.h"

#include "miscadmin.h"

EscrowShmem *escrow_shmem = NULL;

static int	nsets = 1;

/* ----- places and locks ----- */

static inline int
set_of(uint64 tag)
{
	return (tag >> 48) % nsets;
}

static inline int
per_set(void)
{
	return agc_budget_entries / nsets;
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

LWLock *
escrow_lock(const EscrowRef *ref, LWLockMode mode)
{
	return lock_set(ref->entry / per_set(), mode);
}

void
escrow_touch(EscrowEntry *entry)
{
	entry->last_used = ++escrow_shmem->set[(entry - escrow_shmem->entry) / per_set()].clock;
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
	if (escrow_shmem == NULL)
		return false;
	*epoch = pg_atomic_read_u64(&escrow_shmem->hand_epoch[hand_place()]);
	pg_read_barrier();
	return pg_atomic_read_u32(&escrow_shmem->hand_writers[hand_place()]) == 0;
}

void
escrow_hand_begins(void)
{
	if (escrow_shmem == NULL)
		return;
	pg_atomic_fetch_add_u32(&escrow_shmem->hand_writers[hand_place()], 1);
	pg_atomic_fetch_add_u64(&escrow_shmem->hand_epoch[hand_place()], 1);
}

void
escrow_hand_ends(void)
{
	if (escrow_shmem == NULL)
		return;
	pg_atomic_fetch_add_u64(&escrow_shmem->hand_epoch[hand_place()], 1);
	pg_atomic_fetch_sub_u32(&escrow_shmem->hand_writers[hand_place()], 1);
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
		if (is_entry_of(&escrow_shmem->entry[i], key, installation))
			return &escrow_shmem->entry[i];
	return NULL;
}

void
escrow_read(EscrowEntry *entry, Counter *out)
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

void
escrow_write(EscrowEntry *entry, const Counter *base)
{
	memcpy(entry->start, base->start, sizeof(entry->start));
	memcpy(entry->used, base->used, sizeof(entry->used));
	memcpy(entry->warned, base->warned, sizeof(entry->warned));
}

void
escrow_copy(Counter *out, const Counter *base, int64 *const rings[BUDGET_MAX_WINDOWS])
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

/* With the same windows every ring has another to be copied to. */
bool
escrow_is_good(const EscrowEntry *entry, const BudgetDef *def)
{
	uint64		epoch;

	return entry->window_revision == def->window_revision && entry->nwindows == def->nlimits &&
		escrow_epoch(&epoch) && epoch == entry->epoch;
}

bool
escrow_find(const EscrowKey *key, const BudgetDef *def, EscrowRef *ref, Counter *out)
{
	int64	   *rings[BUDGET_MAX_WINDOWS];
	const pg_uuid_t *installation;
	LWLock	   *lock;
	EscrowEntry *entry;

	ref->entry = -1;
	if (escrow_shmem == NULL)
		return false;
	installation = agc_installation_id();
	make_rings(def, rings);
	lock = lock_set(set_of(key->tag), LW_SHARED);
	entry = find_entry(key, installation);
	if (entry != NULL && escrow_is_good(entry, def))
	{
		Counter		base;

		escrow_read(entry, &base);
		escrow_copy(out, &base, rings);
		ref->entry = entry - escrow_shmem->entry;
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
		EscrowEntry *entry = &escrow_shmem->entry[i];

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
	escrow_write(entry, sum);
	for (int w = 0; w < sum->nwindows; w++)
	{
		entry->step[w] = sum->bucket[w] == NULL ? 0 : window_sliding_step(&def->limit[w].window);
		if (sum->bucket[w] != NULL)
			memcpy(entry->ring[w], sum->bucket[w], SLIDING_NUMBERS * sizeof(int64));
	}
	memset(entry->reserved, 0, sizeof(entry->reserved));
	memset(entry->charging, 0, sizeof(entry->charging));
	entry->rows = 0;
	memset(entry->place, 0, sizeof(entry->place));
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
	if (escrow_shmem == NULL)
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
		entry->incarnation = ++escrow_shmem->set[set].incarnations;
		escrow_touch(entry);
		ref->entry = entry - escrow_shmem->entry;
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

	if (escrow_shmem == NULL)
		return;
	installation = agc_installation_id();
	lock = lock_set(set_of(key->tag), LW_EXCLUSIVE);
	entry = find_entry(key, installation);
	if (entry != NULL)
		drop_entry(entry, lock, cause);
	else
		LWLockRelease(lock);
}

EscrowEntry *
escrow_entry_of(const EscrowRef *ref)
{
	EscrowEntry *entry = &escrow_shmem->entry[ref->entry];

	return entry->valid && entry->incarnation == ref->incarnation ? entry : NULL;
}

void
escrow_forget_entry(const EscrowRef *ref, EscrowCount cause)
{
	LWLock	   *lock = escrow_lock(ref, LW_EXCLUSIVE);
	EscrowEntry *entry = escrow_entry_of(ref);

	if (entry != NULL)
		drop_entry(entry, lock, cause);
	else
		LWLockRelease(lock);
}

/* A database of this number is made. */
static void
forget_database(Oid database)
{
	for (int set = 0; set < nsets; set++)
	{
		LWLock	   *lock = lock_set(set, LW_EXCLUSIVE);

		for (int i = set * per_set(); i < (set + 1) * per_set(); i++)
			if (escrow_shmem->entry[i].database == database)
				escrow_shmem->entry[i].valid = false;
		LWLockRelease(lock);
	}
}

/* ----- how often ----- */

void
escrow_count(EscrowCount kind)
{
	if (escrow_shmem != NULL)
		pg_atomic_fetch_add_u64(&escrow_shmem->count[kind], 1);
}

void
escrow_totals(int64 count[COUNT_KINDS], int64 *entries, int64 *in_flight)
{
	*entries = *in_flight = 0;
	memset(count, 0, COUNT_KINDS * sizeof(int64));
	if (escrow_shmem == NULL)
		return;
	for (int kind = 0; kind < COUNT_KINDS; kind++)
		count[kind] = pg_atomic_read_u64(&escrow_shmem->count[kind]);
	for (int set = 0; set < nsets; set++)
	{
		LWLock	   *lock = lock_set(set, LW_SHARED);

		for (int i = set * per_set(); i < (set + 1) * per_set(); i++)
			if (escrow_shmem->entry[i].valid)
			{
				*entries += 1;
				*in_flight += escrow_shmem->entry[i].records;
			}
		LWLockRelease(lock);
	}
}

void
escrow_reset_counts(void)
{
	for (int kind = 0; escrow_shmem != NULL && kind < COUNT_KINDS; kind++)
		pg_atomic_write_u64(&escrow_shmem->count[kind], 0);
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
	for (int i = 0; i < agc_budget_entries; i++)
		ConditionVariableInit(&new->entry[i].ended);
}

/* Sets of four at least, as far as there are so many entries. */
void
escrow_init(void)
{
	nsets = Max(1, Min(MAX_SETS, agc_budget_entries / 4));
	agc_shmem_register("agentcore budget entries",
					   offsetof(EscrowShmem, entry) + agc_budget_entries * sizeof(EscrowEntry),
					   init_shmem, (void **) &escrow_shmem, "agentcore budget", nsets);
	agc_database_register(forget_database);
}
