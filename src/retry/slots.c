/*
 * slots.c
 *	  The bounded table that breaker and rate limiter keep their states in.
 *
 * Fixed partitions of 128 slots, found by a scan over 128 hashes (1 kB, no
 * chains to mend) and a comparison of the full key, because a 64-bit hash
 * alone could be forged.  When a partition is full, the least recently used
 * slot that no longer matters (busy_until has passed) is recycled; when every
 * slot matters the claim is refused and counted, and the caller says no.  One
 * tenant may fill three quarters of a partition; beyond that it recycles its
 * own slots only, so it cannot shut others out alone.
 *
 * Time is the monotonic clock, which all processes of a machine share: a wall
 * clock that steps back would freeze a bucket or a breaker.  The states do not
 * outlive the server, so neither needs the clock.
 *
 * Locking: one LWLock per partition, one held at a time; nothing in here raises
 * an ERROR or allocates.  Memory: the main shared segment, offsets only.
 */
#include "retry/retry.h"
#include "retry/slots.h"

#include "common/hashfn.h"
#include "core/row.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"

#define SLOT_MAGIC		0x41675354
#define SLOT_VERSION	1
#define TENANT_SHARE	(SLOTS_PER_PARTITION / 4 * 3)

static SlotTable *tables[2];
static int	ntables = 0;

/* kept from the last use, because giving back must not read a table */
static pg_uuid_t installation;

static Size
slot_size(Size state_size)
{
	return MAXALIGN(sizeof(SlotName)) + MAXALIGN(state_size);
}

static Size
partition_size(Size state_size)
{
	return MAXALIGN(sizeof(SlotPartition)) + SLOTS_PER_PARTITION * slot_size(state_size);
}

static int
partitions(void)
{
	return (agc_max_targets + SLOTS_PER_PARTITION - 1) / SLOTS_PER_PARTITION;
}

static SlotPartition *
slot_partition(SlotTable *table, int n)
{
	return (SlotPartition *) ((char *) table->shared + MAXALIGN(sizeof(SlotHeader)) +
							  n * partition_size(table->state_size));
}

static void
forget_slots(SlotTable *table, int n, Oid database)
{
	SlotPartition *part = slot_partition(table, n);

	LWLockAcquire(&table->locks[n].lock, LW_EXCLUSIVE);
	for (int i = 0; i < SLOTS_PER_PARTITION; i++)
		if (part->hash[i] != 0 && slot_name(table, part, i)->database == database)
			part->hash[i] = part->owner[i] = 0;
	LWLockRelease(&table->locks[n].lock);
}

/* A database of this number is made. */
static void
forget_database(Oid database)
{
	for (int t = 0; t < ntables; t++)
		for (int n = 0; slot_table_ready(tables[t]) && n < tables[t]->shared->npartitions; n++)
			forget_slots(tables[t], n, database);
}

/* Without randomness the seed is 0: partitions can then be foreseen, no more. */
static void
init_table(void *part)
{
	SlotHeader *shared = part;

	shared->magic = SLOT_MAGIC;
	shared->version = SLOT_VERSION;
	shared->npartitions = partitions();
	if (!pg_strong_random(&shared->seed, sizeof(shared->seed)))
		shared->seed = 0;
}

void
slot_table_register(SlotTable *table)
{
	Assert(ntables < lengthof(tables));
	if (ntables == 0)
		agc_database_register(forget_database);
	tables[ntables++] = table;
	agc_shmem_register(table->name, MAXALIGN(sizeof(SlotHeader)) + partitions() * partition_size(table->state_size),
					   init_table, (void **) &table->shared, table->name, partitions());
}

bool
slot_table_ready(SlotTable *table)
{
	if (table->shared == NULL || !agc_shmem_ready())
		return false;
	if (table->locks == NULL)
		table->locks = agc_shmem_locks(table->name);
	return true;
}

/* A step of the wall clock does not reach this one; debug_clock_offset does, for tests. */
int64
slot_clock(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return Max((int64) INSTR_TIME_GET_MICROSEC(now) + agc_clock_offset(), 0) + 1;
}

void
slot_note_installation(void)
{
	installation = *agc_installation_id();
}

void
slot_known_key(const SlotTable *table, SlotKey *key, char kind, const char *tenant, const char *name)
{
	uint64		seed = table->shared->seed;

	key->kind = kind;
	key->installation = &installation;
	key->tenant = tenant;
	key->name = name;
	key->owner = hash_bytes_extended(installation.data, UUID_LEN, seed);
	key->owner = hash_bytes_extended((const unsigned char *) tenant, strlen(tenant), key->owner);
	key->hash = hash_bytes_extended((const unsigned char *) name, strlen(name), key->owner + kind);
	key->partition = (int) ((key->hash >> 32) % table->shared->npartitions);
	key->hash |= 1;
}

void
slot_key(const SlotTable *table, SlotKey *key, char kind, const char *tenant, const char *name)
{
	slot_note_installation();
	slot_known_key(table, key, kind, tenant, name);
}

SlotPartition *
slot_lock(SlotTable *table, const SlotKey *key, LWLockMode mode)
{
	LWLockAcquire(&table->locks[key->partition].lock, mode);
	return slot_partition(table, key->partition);
}

void
slot_unlock(SlotTable *table, const SlotKey *key)
{
	LWLockRelease(&table->locks[key->partition].lock);
}

const SlotName *
slot_name(SlotTable *table, SlotPartition *part, int slot)
{
	return (const SlotName *) ((char *) part + MAXALIGN(sizeof(SlotPartition)) +
							   slot * slot_size(table->state_size));
}

void *
slot_state(SlotTable *table, SlotPartition *part, int slot)
{
	return (char *) slot_name(table, part, slot) + MAXALIGN(sizeof(SlotName));
}

int
slot_find(SlotTable *table, SlotPartition *part, const SlotKey *key)
{
	for (int i = 0; i < SLOTS_PER_PARTITION; i++)
	{
		const SlotName *name;

		if (part->hash[i] != key->hash)
			continue;
		name = slot_name(table, part, i);
		if (name->kind == key->kind && strcmp(name->name, key->name) == 0 &&
			strcmp(name->tenant, key->tenant) == 0 &&
			memcmp(&name->installation, key->installation, sizeof(pg_uuid_t)) == 0)
			return i;
	}
	return -1;
}

/* The slot to (re)use for a new key, -1 when there is none. */
static int
find_room(SlotPartition *part, const SlotKey *key, int64 now, int64 *free_at)
{
	int			free = -1;
	int			idle = -1;
	int			idle_own = -1;
	int			own = 0;

	*free_at = PG_INT64_MAX;
	for (int i = 0; i < SLOTS_PER_PARTITION; i++)
	{
		bool		mine = part->owner[i] == key->owner;

		if (part->hash[i] == 0)
		{
			free = i;
			continue;
		}
		own += mine;
		if (part->busy_until[i] > now)
		{
			if (mine)
				*free_at = Min(*free_at, part->busy_until[i]);
			continue;
		}
		if (idle < 0 || part->used[i] < part->used[idle])
			idle = i;
		if (mine && (idle_own < 0 || part->used[i] < part->used[idle_own]))
			idle_own = i;
	}
	if (own >= TENANT_SHARE)
		return idle_own;
	return free >= 0 ? free : idle;
}

bool
slot_claimable(SlotTable *table, SlotPartition *part, const SlotKey *key, int64 now, int64 *free_at)
{
	return slot_find(table, part, key) >= 0 || find_room(part, key, now, free_at) >= 0;
}

int
slot_claim(SlotTable *table, SlotPartition *part, const SlotKey *key, int64 now, int64 *free_at)
{
	int			slot = slot_find(table, part, key);
	SlotName   *name;

	if (slot < 0)
	{
		slot = find_room(part, key, now, free_at);
		if (slot < 0)
		{
			part->refused++;
			return -1;
		}
		if (part->hash[slot] != 0)
			part->recycled++;
		name = (SlotName *) slot_name(table, part, slot);
		memset(name, 0, slot_size(table->state_size));
		name->kind = key->kind;
		name->installation = *key->installation;
		name->database = MyDatabaseId;
		strlcpy(name->tenant, key->tenant, sizeof(name->tenant));
		strlcpy(name->name, key->name, sizeof(name->name));
		part->hash[slot] = key->hash;
		part->owner[slot] = key->owner;
		part->busy_until[slot] = 0;
	}
	part->used[slot] = now;
	return slot;
}

Size
slot_partition_size(SlotTable *table)
{
	return partition_size(table->state_size);
}

void
slot_partition_copy(SlotTable *table, int n, SlotPartition *copy)
{
	LWLockAcquire(&table->locks[n].lock, LW_SHARED);
	memcpy(copy, slot_partition(table, n), partition_size(table->state_size));
	LWLockRelease(&table->locks[n].lock);
}

static void
put_counts(ReturnSetInfo *rsinfo, SlotTable *table)
{
	SlotPartition *copy = palloc(slot_partition_size(table));
	int64		now = slot_clock();
	int64		used = 0;
	int64		busy = 0;
	int64		recycled = 0;
	int64		refused = 0;
	AgcRow		row;

	for (int n = 0; n < table->shared->npartitions; n++)
	{
		CHECK_FOR_INTERRUPTS();
		slot_partition_copy(table, n, copy);
		for (int i = 0; i < SLOTS_PER_PARTITION; i++)
		{
			used += copy->hash[i] != 0;
			busy += copy->hash[i] != 0 && copy->busy_until[i] > now;
		}
		recycled += copy->recycled;
		refused += copy->refused;
	}
	agc_row_init(&row);
	agc_put_text(&row, table->kind);
	agc_put_int64(&row, (int64) table->shared->npartitions * SLOTS_PER_PARTITION);
	agc_put_int64(&row, used);
	agc_put_int64(&row, busy);
	agc_put_int64(&row, recycled);
	agc_put_int64(&row, refused);
	agc_row_store(rsinfo, &row);
}

/*
 * target_slots() -> setof (kind, slots, used, busy, recycled, refused): of the
 * whole server, so only for roles that may read every tenant
 */
AGC_FUNCTION(target_slots)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	agc_enter("*", AGC_READER);
	InitMaterializedSRF(fcinfo, 0);
	for (int n = 0; n < ntables; n++)
		if (slot_table_ready(tables[n]))
			put_counts(rsinfo, tables[n]);
	return (Datum) 0;
}
