/*
 * tally_table.c
 *	  The tallies in shared memory, and how one is found.
 *
 * A fixed number of slots, and an index over them: open addressing by a hash of
 * the whole key, at most half full.  Nothing is recycled, since a tally that
 * silently began anew would be read as one that knows it all: what finds no room
 * counts in one slot more, for what has no room.  One tenant has at most three
 * quarters of the slots.  Which tenants have met that is remembered by a few
 * hashed flags, so that their rows can say that they are not everything.
 *
 * Locking: the index is read without a lock, and what it says is checked under
 * the lock of the slot, which has the whole key.  Whatever changes the index or
 * whose a slot is holds the table's lock, and then the slot's; nobody who holds a
 * slot's asks for the table's.  Nothing under a lock raises an ERROR or allocates.
 * Memory: the main shared segment; which keys have no room is kept per session.
 * On ERROR: no lock is held where one can happen.  A session that is killed under
 * a lock takes the server's shared memory with it.
 */
#include "profile/tally_table.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "port/pg_bitutils.h"
#include "profile/profile.h"
#include "storage/lwlock.h"
#include "utils/syscache.h"

#define FLAGS 64

/* keys that a session remembers to have no room */
#define REMEMBERED 64

/* how often a session looks for databases that were dropped */
#define LOOK_EVERY_NS INT64CONST(60000000000)

typedef struct IndexEntry
{
	pg_atomic_uint64 hash;		/* 0: none, and none behind it */
	int32		slot;
} IndexEntry;

typedef struct TallyShmem
{
	uint64		seed;
	uint32		mask;			/* of the index */
	pg_atomic_uint64 freed;		/* how often slots were given back */
	pg_atomic_uint64 met_no_room[FLAGS];	/* by owner: 1 */
	int			used;
	uint64		owner[FLEXIBLE_ARRAY_MEMBER];	/* of a slot; 0: free */
} TallyShmem;

static TallyShmem *shmem = NULL;
static IndexEntry *index_entries;
static TallySlot *slots;
static LWLockPadded *locks = NULL;
static LWLock *held;
static uint64 no_room_hash[REMEMBERED];
static uint64 no_room_freed[REMEMBERED];

/* ----- layout ---------------------------------------------------------------- */

/* what had no room stands behind the others */
static int
other_slot(void)
{
	return agc_stat_call_slots;
}

static uint32
index_size(void)
{
	return pg_nextpower2_32(Max(agc_stat_call_slots, 1) * 2);
}

static Size
head_size(void)
{
	return MAXALIGN(offsetof(TallyShmem, owner) + agc_stat_call_slots * sizeof(uint64));
}

static Size
index_bytes(void)
{
	return MAXALIGN(index_size() * sizeof(IndexEntry));
}

static Size
shmem_size(void)
{
	return head_size() + index_bytes() + (agc_stat_call_slots + 1) * MAXALIGN(sizeof(TallySlot));
}

static TallySlot *
slot_at(int slot)
{
	return (TallySlot *) ((char *) slots + slot * MAXALIGN(sizeof(TallySlot)));
}

/* without randomness the seed is 0: the index can then be foreseen, no more */
static void
init_shmem(void *part)
{
	TallyShmem *table = part;
	IndexEntry *entry = (IndexEntry *) ((char *) part + head_size());

	if (!pg_strong_random(&table->seed, sizeof(table->seed)))
		table->seed = 0;
	table->mask = index_size() - 1;
	pg_atomic_init_u64(&table->freed, 1);
	for (int i = 0; i < FLAGS; i++)
		pg_atomic_init_u64(&table->met_no_room[i], 0);
	for (uint32 i = 0; i <= table->mask; i++)
		pg_atomic_init_u64(&entry[i].hash, 0);
}

bool
tally_table_ready(void)
{
	if (shmem == NULL || !agc_shmem_ready())
		return false;
	if (locks == NULL)
	{
		index_entries = (IndexEntry *) ((char *) shmem + head_size());
		slots = (TallySlot *) ((char *) index_entries + index_bytes());
		locks = agc_shmem_locks("agentcore_profile");
	}
	return true;
}

static LWLock *
table_lock(void)
{
	return &locks[agc_stat_call_slots + 1].lock;
}

static LWLock *
slot_lock_of(int slot)
{
	return &locks[slot].lock;
}

/* ----- keys ------------------------------------------------------------------ */

static uint64
owner_of(const pg_uuid_t *installation, const char *tenant)
{
	uint64		hash = hash_bytes_extended(installation->data, UUID_LEN, shmem->seed);

	return hash_bytes_extended((const unsigned char *) tenant, strlen(tenant), hash) | 1;
}

uint64
tally_owner(const char *tenant)
{
	return owner_of(agc_installation_id(), tenant);
}

static void
hash_key(TallyKey *key)
{
	const char *name = key->of.name != NULL ? key->of.name : "";

	key->hash = hash_bytes_extended((const unsigned char *) name, strlen(name),
									key->owner + 2 * key->of.is_llm + 4 * (key->of.name != NULL)) | 1;
}

void
tally_key(TallyKey *key, const ProfileKey *of)
{
	key->of = *of;
	key->installation = *agc_installation_id();
	key->owner = owner_of(&key->installation, of->tenant);
	hash_key(key);
}

static bool
is_of_key(int slot, const TallyKey *key)
{
	const TallySlot *at = slot_at(slot);

	return shmem->owner[slot] == key->owner && at->is_llm == key->of.is_llm && at->is_named == (key->of.name != NULL) &&
		strcmp(at->name, key->of.name != NULL ? key->of.name : "") == 0 && strcmp(at->tenant, key->of.tenant) == 0 &&
		memcmp(&at->installation, &key->installation, sizeof(pg_uuid_t)) == 0;
}

/* ----- the index --------------------------------------------------------------- */

/* where the hash is, or would be put */
static uint32
probe(uint64 hash)
{
	uint32		i = (uint32) (hash >> 32) & shmem->mask;

	for (;;)
	{
		uint64		at = pg_atomic_read_u64(&index_entries[i].hash);

		if (at == 0 || at == hash)
			return i;
		i = (i + 1) & shmem->mask;
	}
}

/* -1: not there.  Without the table's lock: perhaps, and perhaps not its slot. */
static int
index_find(uint64 hash)
{
	IndexEntry *entry = &index_entries[probe(hash)];

	if (pg_atomic_read_u64(&entry->hash) != hash)
		return -1;
	pg_read_barrier();
	return entry->slot;
}

static void
index_put(uint64 hash, int slot)
{
	IndexEntry *entry = &index_entries[probe(hash)];

	entry->slot = slot;
	pg_write_barrier();
	pg_atomic_write_u64(&entry->hash, hash);
}

/* Under the table's lock. */
static void
index_anew(void)
{
	for (uint32 i = 0; i <= shmem->mask; i++)
		pg_atomic_write_u64(&index_entries[i].hash, 0);
	for (int i = 0; i < agc_stat_call_slots; i++)
		if (shmem->owner[i] != 0)
			index_put(slot_at(i)->hash, i);
}

/* ----- finding and making -------------------------------------------------------- */

static void
lock_slot(int slot)
{
	held = slot_lock_of(slot);
	LWLockAcquire(held, LW_EXCLUSIVE);
}

void
tally_unlock(void)
{
	LWLockRelease(held);
}

static int
tenant_most(void)
{
	return Max(agc_stat_call_slots / 4 * 3, Min(agc_stat_call_slots, 1));
}

/* a slot for one more of the owner's keys; -1: none */
static int
find_room(uint64 owner)
{
	int			own = 0;
	int			room = -1;

	for (int i = 0; i < agc_stat_call_slots; i++)
	{
		own += shmem->owner[i] == owner;
		if (shmem->owner[i] == 0)
			room = i;
	}
	return own < tenant_most() ? room : -1;
}

/* Both locks are held. */
static void
begin_slot(int slot, const TallyKey *key)
{
	TallySlot  *at = slot_at(slot);

	memset(at, 0, sizeof(TallySlot));
	at->installation = key->installation;
	at->database = MyDatabaseId;
	at->hash = key->hash;
	at->is_llm = key->of.is_llm;
	at->is_named = key->of.name != NULL;
	strlcpy(at->tenant, key->of.tenant, sizeof(at->tenant));
	strlcpy(at->name, at->is_named ? key->of.name : "", sizeof(at->name));
	at->tally.since = agc_now();
	shmem->owner[slot] = key->owner;
	shmem->used++;
	index_put(key->hash, slot);
}

static bool
has_no_room(const TallyKey *key)
{
	return no_room_hash[key->hash % REMEMBERED] == key->hash &&
		no_room_freed[key->hash % REMEMBERED] == pg_atomic_read_u64(&shmem->freed);
}

static void
note_no_room(const TallyKey *key)
{
	no_room_hash[key->hash % REMEMBERED] = key->hash;
	no_room_freed[key->hash % REMEMBERED] = pg_atomic_read_u64(&shmem->freed);
	pg_atomic_write_u64(&shmem->met_no_room[key->owner / 2 % FLAGS], 1);
}

/* Under the table's lock. */
static void
free_slot(int slot)
{
	LWLockAcquire(slot_lock_of(slot), LW_EXCLUSIVE);
	shmem->owner[slot] = 0;
	LWLockRelease(slot_lock_of(slot));
	shmem->used--;
}

/* Under the table's lock, after slots were freed. */
static void
note_freed(int freed)
{
	if (freed == 0)
		return;
	index_anew();
	pg_atomic_fetch_add_u64(&shmem->freed, 1);
}

/* What this database counted before the extension was created anew: nobody can see it any more. */
static void
free_dead(const TallyKey *key)
{
	int			freed = 0;

	for (int i = 0; i < agc_stat_call_slots; i++)
		if (shmem->owner[i] != 0 && slot_at(i)->database == MyDatabaseId &&
			memcmp(&slot_at(i)->installation, &key->installation, sizeof(pg_uuid_t)) != 0)
		{
			free_slot(i);
			freed++;
		}
	note_freed(freed);
}

/* The slot of a key that was not found without a lock; locked. */
static int
lock_made(const TallyKey *key)
{
	int			slot;

	LWLockAcquire(table_lock(), LW_EXCLUSIVE);
	if (shmem->used == agc_stat_call_slots)
		free_dead(key);
	slot = index_find(key->hash);
	if (slot >= 0)
		slot = is_of_key(slot, key) ? slot : other_slot();
	else
		slot = find_room(key->owner);
	if (slot < 0 || slot == other_slot())
	{
		slot = other_slot();
		note_no_room(key);
	}
	lock_slot(slot);
	if (slot != other_slot() && shmem->owner[slot] == 0)
		begin_slot(slot, key);
	LWLockRelease(table_lock());
	return slot;
}

Tally *
tally_lock(const TallyKey *key)
{
	int			slot = has_no_room(key) ? other_slot() : index_find(key->hash);

	if (slot >= 0)
	{
		lock_slot(slot);
		if (slot == other_slot() || is_of_key(slot, key))
			return &slot_at(slot)->tally;
		tally_unlock();
	}
	return &slot_at(lock_made(key))->tally;
}

/* A key without a slot, where there would be room for one, was never counted. */
static bool
is_unknown(const TallyKey *key)
{
	bool		unknown;

	LWLockAcquire(table_lock(), LW_SHARED);
	unknown = index_find(key->hash) < 0 && find_room(key->owner) >= 0;
	LWLockRelease(table_lock());
	return unknown;
}

Tally *
tally_lock_known(const TallyKey *key)
{
	TallyKey	unnamed = *key;

	if (index_find(key->hash) >= 0 || !is_unknown(key))
		return tally_lock(key);
	unnamed.of.name = NULL;
	hash_key(&unnamed);
	return tally_lock(&unnamed);
}

/* ----- reading ---------------------------------------------------------------------- */

bool
tally_is_incomplete(uint64 owner)
{
	return pg_atomic_read_u64(&shmem->met_no_room[owner / 2 % FLAGS]) != 0;
}

int
tally_nslots(void)
{
	return agc_stat_call_slots + 1;
}

bool
tally_is_other(int slot)
{
	return slot == other_slot();
}

bool
tally_copy(int slot, TallySlot *copy)
{
	bool		used;

	LWLockAcquire(slot_lock_of(slot), LW_SHARED);
	used = tally_is_other(slot) || shmem->owner[slot] != 0;
	if (used)
		*copy = *slot_at(slot);
	LWLockRelease(slot_lock_of(slot));
	return used;
}

bool
tally_is_ours(const TallySlot *slot)
{
	return memcmp(&slot->installation, agc_installation_id(), sizeof(pg_uuid_t)) == 0;
}

void
tally_room(TallyRoom *room)
{
	LWLockAcquire(table_lock(), LW_SHARED);
	room->used = shmem->used;
	LWLockRelease(table_lock());
	room->slots = agc_stat_call_slots;
	room->tenant_most = tenant_most();
}

/* ----- forgetting ------------------------------------------------------------------- */

/* what had no room, and who met it */
static void
forget_other(void)
{
	lock_slot(other_slot());
	memset(&slot_at(other_slot())->tally, 0, sizeof(Tally));
	slot_at(other_slot())->tally.since = agc_now();
	tally_unlock();
	for (int i = 0; i < FLAGS; i++)
		pg_atomic_write_u64(&shmem->met_no_room[i], 0);
}

int
tally_forget(const char *tenant, const char *name)
{
	pg_uuid_t	installation = *agc_installation_id();
	int			forgotten = 0;

	LWLockAcquire(table_lock(), LW_EXCLUSIVE);
	for (int i = 0; i < agc_stat_call_slots; i++)
	{
		const TallySlot *at = slot_at(i);

		if (shmem->owner[i] == 0 || memcmp(&at->installation, &installation, sizeof(pg_uuid_t)) != 0 ||
			(tenant != NULL && strcmp(at->tenant, tenant) != 0) ||
			(name != NULL && (!at->is_named || strcmp(at->name, name) != 0)))
			continue;
		free_slot(i);
		forgotten++;
	}
	if (tenant == NULL && name == NULL)
		forget_other();
	note_freed(forgotten);
	LWLockRelease(table_lock());
	return forgotten;
}

/* A database of this number is made, or is no more. */
static void
forget_database(Oid database)
{
	int			forgotten = 0;

	if (!tally_table_ready())
		return;
	LWLockAcquire(table_lock(), LW_EXCLUSIVE);
	for (int i = 0; i < agc_stat_call_slots; i++)
		if (shmem->owner[i] != 0 && slot_at(i)->database == database)
		{
			free_slot(i);
			forgotten++;
		}
	note_freed(forgotten);
	LWLockRelease(table_lock());
}

static bool
is_dropped(Oid database)
{
	return !SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(database));
}

/* The databases that hold slots, each once. */
static List *
databases(void)
{
	List	   *found = NIL;

	for (int i = 0; i < agc_stat_call_slots; i++)
		if (shmem->owner[i] != 0)
			found = list_append_unique_oid(found, slot_at(i)->database);
	return found;
}

/*
 * Nobody is told of a database that is dropped before it is certain that it is, so
 * its slots are looked for when the table is full, and not often.
 */
void
tally_free_dropped(void)
{
	static int64 looked = 0;
	ListCell   *cell;

	if (shmem->used < agc_stat_call_slots || (looked != 0 && profile_now() - looked < LOOK_EVERY_NS))
		return;
	looked = profile_now();
	foreach(cell, databases())
		if (is_dropped(lfirst_oid(cell)))
			forget_database(lfirst_oid(cell));
}

void
tally_table_init(void)
{
	if (agc_stat_call_slots == 0)
		return;
	agc_shmem_register("agentcore profile", shmem_size(), init_shmem, (void **) &shmem, "agentcore_profile",
					   agc_stat_call_slots + 2);
	agc_database_register(forget_database);
}
