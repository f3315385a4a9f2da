/*
 * loop.c
 *	  The loop guard's memory: how often was this call made lately?
 *
 * A fixed table in shared memory, in sets of WAYS slots; the call's digest picks
 * the set, and a full set forgets its oldest slot.  An agent that goes round in
 * circles makes one call often, so a forgotten rare call costs nothing.
 *
 * Locking: one LWLock per group of sets, held for a few comparisons; nothing
 * inside allocates or raises.  Memory: main shared memory.  On ERROR: a count
 * is not taken back; it only ever errs towards the guard.  A call that was given
 * up is counted back at COMMIT (takes.c).
 */
#include "call/loop.h"

#include "miscadmin.h"
#include "storage/lwlock.h"

#define SETS 4096
#define WAYS 4
#define LOCKS 16
#define TRANCHE "agentcore_loop"

typedef struct LoopSlot
{
	uint64		tag;
	TimestampTz since;
	uint32		count;
	Oid			database;
} LoopSlot;

static LoopSlot *slots = NULL;

static void
init_slots(void *part)
{
	/* zeroed memory is an empty table */
}

/* A database of this number is made. */
static void
forget_database(Oid database)
{
	for (int lock = 0; lock < LOCKS; lock++)
	{
		LWLockAcquire(&agc_shmem_locks(TRANCHE)[lock].lock, LW_EXCLUSIVE);
		for (int set = lock; set < SETS; set += LOCKS)
			for (int i = set * WAYS; i < (set + 1) * WAYS; i++)
				if (slots[i].database == database)
					slots[i].count = 0;
		LWLockRelease(&agc_shmem_locks(TRANCHE)[lock].lock);
	}
}

void
loop_init(void)
{
	agc_shmem_register("agentcore loop guard", sizeof(LoopSlot) * SETS * WAYS,
					   init_slots, (void **) &slots, TRANCHE, LOCKS);
	agc_database_register(forget_database);
}

/*
 * A secret hash: another database, or a re-created extension, has loops of its
 * own, and no tenant can search for calls that push another tenant's out of a set.
 */
uint64
loop_tag(const uint8 *digest)
{
	AgcSecretHash hash;

	agc_secret_begin(&hash, 'l');
	agc_secret_field(&hash, digest, AGC_HASH_LEN);
	return agc_secret_end(&hash);
}

static LWLock *
lock_of(uint64 tag)
{
	return &agc_shmem_locks(TRANCHE)[tag % SETS % LOCKS].lock;
}

static bool
is_current(const LoopSlot *slot, uint64 tag, TimestampTz now)
{
	return slot->tag == tag && slot->count > 0 &&
		now - slot->since < LOOP_WINDOW_US && slot->since <= now;
}

int
loop_count(uint64 tag)
{
	TimestampTz now = agc_now();
	LoopSlot   *set;
	int			count = 0;

	if (slots == NULL)
		return 0;
	set = &slots[tag % SETS * WAYS];
	LWLockAcquire(lock_of(tag), LW_SHARED);
	for (int i = 0; i < WAYS; i++)
		if (is_current(&set[i], tag, now))
			count = set[i].count;
	LWLockRelease(lock_of(tag));
	return count;
}

void
loop_note(uint64 tag)
{
	TimestampTz now = agc_now();
	LoopSlot   *set;
	LoopSlot   *mine = NULL;

	if (slots == NULL)
		return;
	set = &slots[tag % SETS * WAYS];
	LWLockAcquire(lock_of(tag), LW_EXCLUSIVE);
	for (int i = 0; i < WAYS && mine == NULL; i++)
		if (is_current(&set[i], tag, now))
			mine = &set[i];
	if (mine != NULL)
		mine->count++;
	else
	{
		mine = &set[0];
		for (int i = 1; i < WAYS; i++)
			if (set[i].since < mine->since)
				mine = &set[i];
		*mine = (LoopSlot)
		{
			tag, now, 1, MyDatabaseId
		};
	}
	LWLockRelease(lock_of(tag));
}

/* A slot that counts nothing keeps its place until another needs it. */
void
loop_forget(uint64 tag)
{
	LoopSlot   *set = slots == NULL ? NULL : &slots[tag % SETS * WAYS];
	TimestampTz now = agc_now();

	if (set == NULL)
		return;
	LWLockAcquire(lock_of(tag), LW_EXCLUSIVE);
	for (int i = 0; i < WAYS; i++)
		if (is_current(&set[i], tag, now))
			set[i].count--;
	LWLockRelease(lock_of(tag));
}
