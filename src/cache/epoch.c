/*
 * epoch.c
 *	  When tools and tenants were last invalidated; tag.c has the tags.
 *
 * An entry carries the stamp up to which it knows everything (`born`).  A
 * tool, tenant or tag carries the stamp of its last invalidation: invalidating
 * it is one store, however many entries depend on it, and an entry older than
 * that is dead wherever it lies.  Stamps are microseconds of the wall clock
 * pushed forward so that they never repeat and never run backwards.
 *
 * Tools and tenants are interned: a slot each.  When the table is full, the
 * names that come later share a few slots, as a tenant's tags share buckets from
 * the start: a collision costs misses, never a wrong hit.  One tenant's tools,
 * which it may name as it likes, fill no more than a part of the table.
 *
 * Locking: stamps and fences are atomics; new slots are made under the slot
 * lock and never removed, so that looking for one takes no lock.
 * Memory: a small direct-mapped table of names a backend has used, in
 * TopMemoryContext.  On ERROR: nothing to undo.
 */
#include "cache/store.h"

#include "access/xlog.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/memutils.h"

#define MEMO_SIZE	64
#define MAX_PROBES	32

typedef struct SlotMemo
{
	pg_uuid_t	installation;
	char	   *names;			/* tenant and tool, each NUL-terminated */
	Size		names_len;
	Size		names_room;
	uint32		slot;
} SlotMemo;

static SlotMemo memo[MEMO_SIZE];

static uint32 intern(char what, const char *tenant, const char *name);
static void digest_names(uint8 *out, char what, const char *tenant, const char *name);
static uint32 find_or_make_slot(const uint8 *id, const char *tenant, const char *name, uint32 owner);
static uint32 keep_names(const char *tenant, const char *name);

uint64
epoch_clock(void)
{
	return pg_atomic_read_u64(&cache_shmem->clock);
}

uint64
epoch_tick(void)
{
	uint64		last = pg_atomic_read_u64(&cache_shmem->clock);
	uint64		next;

	do
	{
		next = Max(last + 1, (uint64) agc_now());
	} while (!pg_atomic_compare_exchange_u64(&cache_shmem->clock, &last, next));
	return next;
}

void
epoch_init(CacheEpoch *epoch)
{
	pg_atomic_init_u64(&epoch->stamp, 0);
	pg_atomic_init_u32(&epoch->fences, 0);
	pg_atomic_init_u32(&epoch->owner, 0);
}

void
epoch_fence(CacheEpoch *epoch)
{
	pg_atomic_fetch_add_u32(&epoch->fences, 1);
}

void
epoch_unfence(CacheEpoch *epoch)
{
	pg_atomic_fetch_sub_u32(&epoch->fences, 1);
}

/*
 * Returns the stamp that was there.  If that is later than ours, somebody
 * settled in between and may be about to store what he computed before we
 * committed: a fresh stamp, later than both, keeps him from it.
 */
uint64
epoch_settle(CacheEpoch *epoch, uint64 stamp)
{
	uint64		old = pg_atomic_read_u64(&epoch->stamp);
	uint64		wanted;

	do
	{
		if (old == stamp)
			break;
		wanted = old > stamp ? epoch_tick() : stamp;
	} while (!pg_atomic_compare_exchange_u64(&epoch->stamp, &old, wanted));
	return old;
}

CacheEpoch *
epoch_of_slot(uint32 slot)
{
	return &((CacheSlot *) ((char *) cache_shmem + cache_shmem->slots_off))[slot].epoch;
}

/* How many sessions of a tenant wait for leases. */
pg_atomic_uint32 *
slot_waiters(uint32 slot)
{
	return &((CacheSlot *) ((char *) cache_shmem + cache_shmem->slots_off))[slot].waiters;
}

bool
epoch_refs_open(const CacheRefs *refs, uint64 born)
{
	if (!epoch_open(epoch_of_slot(refs->tool), born) ||
		!epoch_open(epoch_of_slot(refs->tenant), born))
		return false;
	for (int i = 0; i < refs->ntags; i++)
		if (!tag_open(refs->tenant, refs->tag[i], born))
			return false;
	return true;
}

uint32
slot_of_tool(const char *tenant, const char *tool)
{
	return intern('t', tenant, tool);
}

/* No tool has an empty name, so a tenant is told from its tools. */
uint32
slot_of_tenant(const char *tenant)
{
	return intern('n', tenant, "");
}

/*
 * The bucket of a tag.  What all tenants share has a quarter of the table to
 * itself: any of them may invalidate it, and that takes no tenant's way.
 */
uint16
slot_of_tag(const char *tenant, const char *tag)
{
	uint8		id[AGC_HASH_LEN];
	uint32		shared = cache_shmem->ntags / 4;
	uint32		word;

	digest_names(id, 'g', tenant, tag);
	memcpy(&word, id, sizeof(word));
	return (uint16) (strcmp(tenant, CACHE_SHARED) == 0 ? word % shared :
					 shared + word % (cache_shmem->ntags - shared));
}

void
slot_refs(CacheRefs *refs, const char *tenant, const char *tool, int ntags, char **tags)
{
	Assert(ntags <= AGC_MAX_TAGS);
	memset(refs, 0, sizeof(*refs));
	refs->tool = slot_of_tool(tenant, tool);
	refs->tenant = slot_of_tenant(tenant);
	refs->ntags = ntags;
	for (int i = 0; i < ntags; i++)
		refs->tag[i] = slot_of_tag(tenant, tags[i]);
}

static uint32
intern(char what, const char *tenant, const char *name)
{
	const pg_uuid_t *installation = agc_installation_id();
	Size		tenant_len = strlen(tenant) + 1;
	Size		len = tenant_len + strlen(name) + 1;
	uint32		hash = hash_combine(hash_bytes((const unsigned char *) tenant, tenant_len),
									hash_bytes((const unsigned char *) name, len - tenant_len));
	SlotMemo   *known = &memo[hash % MEMO_SIZE];
	uint8		id[AGC_HASH_LEN];
	uint32		owner;

	if (known->names_len == len &&
		memcmp(known->names, tenant, tenant_len) == 0 &&
		memcmp(known->names + tenant_len, name, len - tenant_len) == 0 &&
		memcmp(&known->installation, installation, sizeof(pg_uuid_t)) == 0)
		return known->slot;

	owner = what == 't' ? slot_of_tenant(tenant) : CACHE_NONE;
	digest_names(id, what, tenant, name);
	known->names_len = 0;
	if (known->names_room < len)
	{
		Size		room = Max(len, 64);

		known->names = known->names ? repalloc(known->names, room) :
			MemoryContextAlloc(TopMemoryContext, room);
		known->names_room = room;
	}
	memcpy(known->names, tenant, tenant_len);
	memcpy(known->names + tenant_len, name, len - tenant_len);
	known->installation = *installation;
	known->slot = find_or_make_slot(id, tenant, name, owner);
	known->names_len = len;
	return known->slot;
}

static void
digest_names(uint8 *out, char what, const char *tenant, const char *name)
{
	const pg_uuid_t *installation = agc_installation_id();
	uint32		database = pg_hton32(MyDatabaseId);
	AgcDigest  *digest = agc_digest_begin();

	agc_digest_field(digest, &what, 1);
	agc_digest_field(digest, installation, sizeof(pg_uuid_t));
	agc_digest_field(digest, &database, sizeof(database));
	agc_digest_field(digest, tenant, strlen(tenant));
	agc_digest_field(digest, name, strlen(name));
	agc_digest_end(digest, out);
}

/* *end is where the probing stopped: the slot found, a free one, or nslots. */
static bool
probe(CacheSlot *slots, const uint8 *id, uint32 start, uint32 *end)
{
	for (uint32 i = 0; i < MAX_PROBES; i++)
	{
		uint32		at = (start + i) & (cache_shmem->nslots - 1);

		*end = at;
		if (pg_atomic_read_u32(&slots[at].used) == 0)
			return false;
		pg_read_barrier();
		if (memcmp(slots[at].id, id, AGC_HASH_LEN) == 0)
			return true;
	}
	*end = cache_shmem->nslots;
	return false;
}

/* Under the slot lock.  Without room the slot works, but no view can name it. */
static uint32
keep_names(const char *tenant, const char *name)
{
	char	   *names = (char *) cache_shmem + cache_shmem->names_off;
	uint32		at = cache_shmem->names_used;
	Size		tenant_len = strlen(tenant) + 1;
	Size		name_len = strlen(name) + 1;

	if (tenant_len + name_len > cache_shmem->names_size - at)
		return CACHE_NONE;
	memcpy(names + at, tenant, tenant_len);
	memcpy(names + at + tenant_len, name, name_len);
	cache_shmem->names_used += tenant_len + name_len;
	return at;
}

/*
 * The names of a slot, in place, if they are of this database and
 * installation; a tenant's own slot has an empty tool.
 */
bool
slot_names(uint32 slot, char **tenant, char **tool)
{
	CacheSlot  *slots = (CacheSlot *) ((char *) cache_shmem + cache_shmem->slots_off);
	uint8		id[AGC_HASH_LEN];

	if (slot >= cache_shmem->nslots || pg_atomic_read_u32(&slots[slot].used) == 0)
		return false;
	pg_read_barrier();
	if (slots[slot].names == CACHE_NONE)
		return false;
	*tenant = (char *) cache_shmem + cache_shmem->names_off + slots[slot].names;
	*tool = *tenant + strlen(*tenant) + 1;
	digest_names(id, (*tool)[0] != '\0' ? 't' : 'n', *tenant, *tool);
	return memcmp(id, slots[slot].id, AGC_HASH_LEN) == 0;
}

/*
 * A standby hears of no invalidation, so what its cache held does not outlive
 * its promotion: whoever is first to use the cache then invalidates all of it.
 */
void
slots_follow_recovery(void)
{
	uint32		known = pg_atomic_read_u32(&cache_shmem->in_recovery);
	bool		recovering = RecoveryInProgress();
	bool		promoted = false;
	uint64		stamp;

	if (likely((known != 0) == recovering))
		return;
	LWLockAcquire(store_slot_lock(), LW_EXCLUSIVE);
	if (recovering)
		pg_atomic_write_u32(&cache_shmem->in_recovery, 1);
	else if (pg_atomic_read_u32(&cache_shmem->in_recovery) != 0)
	{
		stamp = epoch_tick();
		for (uint32 slot = 0; slot < cache_shmem->nslots + CACHE_SHARED_SLOTS; slot++)
			(void) epoch_settle(epoch_of_slot(slot), stamp);
		pg_atomic_write_u32(&cache_shmem->in_recovery, 0);
		promoted = true;
	}
	LWLockRelease(store_slot_lock());
	if (promoted)
		(void) dump_revoke();
}

/*
 * For a dump: what a slot stands for, whichever database it is of.  names are
 * the tenant's and the tool's, each with its NUL; both empty if not kept.
 */
bool
slot_export(uint32 slot, uint8 *id, const char **names, uint16 *tenant_len, uint16 *tool_len)
{
	CacheSlot  *slots = (CacheSlot *) ((char *) cache_shmem + cache_shmem->slots_off);

	if (slot >= cache_shmem->nslots || pg_atomic_read_u32(&slots[slot].used) == 0)
		return false;
	pg_read_barrier();
	memcpy(id, slots[slot].id, AGC_HASH_LEN);
	if (names == NULL)
		return true;
	*names = slots[slot].names == CACHE_NONE ? "\0" :
		(char *) cache_shmem + cache_shmem->names_off + slots[slot].names;
	*tenant_len = strlen(*names) + 1;
	*tool_len = strlen(*names + *tenant_len) + 1;
	return true;
}

/* What a tool's slot takes of its tenant's part; tenant is NULL where names are not kept. */
static uint32
slot_cost(const char *tenant, const char *name)
{
	return tenant == NULL ? CACHE_NAME_BYTES : Max(CACHE_NAME_BYTES, strlen(tenant) + strlen(name) + 2);
}

static bool
past_part(const CacheSlot *tenant, uint32 cost)
{
	return tenant->tools + cost > cache_shmem->names_size / CACHE_TENANT_NAMES;
}

/* The slot of what a dump's slot stood for; tenant is NULL where names were not kept. */
uint32
slot_adopt(const uint8 *id, const char *tenant, const char *name, uint32 owner)
{
	return find_or_make_slot(id, tenant, name, owner);
}

/* Whether slot_of_tool() would take no new slot: the tool has one, or must share one. */
bool
slot_is_taken(const char *tenant, const char *tool)
{
	CacheSlot  *slots = (CacheSlot *) ((char *) cache_shmem + cache_shmem->slots_off);
	uint32		owner = slot_of_tenant(tenant);
	uint8		id[AGC_HASH_LEN];
	uint32		start;
	uint32		at;

	digest_names(id, 't', tenant, tool);
	memcpy(&start, id, sizeof(start));
	return probe(slots, id, start, &at) || at == cache_shmem->nslots ||
		past_part(&slots[owner], slot_cost(tenant, tool));
}

/* Whether the slot is a tenant's of this database, as far as can be told. */
bool
slot_may_be_tenant(uint32 slot)
{
	CacheSlot  *slots = (CacheSlot *) ((char *) cache_shmem + cache_shmem->slots_off);
	char	   *tenant;
	char	   *tool;

	if (slot >= cache_shmem->nslots)
		return true;
	if (pg_atomic_read_u32(&slots[slot].used) == 0)
		return false;
	pg_read_barrier();
	return slots[slot].names == CACHE_NONE ||
		(slot_names(slot, &tenant, &tool) && tool[0] == '\0');
}

/* owner: the slot of a tool's tenant; CACHE_NONE: it is a tenant itself */
static uint32
find_or_make_slot(const uint8 *id, const char *tenant, const char *name, uint32 owner)
{
	CacheSlot  *slots = (CacheSlot *) ((char *) cache_shmem + cache_shmem->slots_off);
	LWLock	   *lock = store_slot_lock();
	uint32		start;
	uint32		at;

	memcpy(&start, id, sizeof(start));
	if (probe(slots, id, start, &at))
		return at;

	LWLockAcquire(lock, LW_EXCLUSIVE);
	if (!probe(slots, id, start, &at))
	{
		uint32		cost = slot_cost(tenant, name);

		if (at == cache_shmem->nslots ||
			(owner != CACHE_NONE && past_part(&slots[owner], cost)))
			at = cache_shmem->nslots + start % CACHE_SHARED_SLOTS;
		else
		{
			if (owner != CACHE_NONE)
				slots[owner].tools += cost;
			memcpy(slots[at].id, id, AGC_HASH_LEN);
			slots[at].names = tenant ? keep_names(tenant, name) : CACHE_NONE;
			pg_write_barrier();
			pg_atomic_write_u32(&slots[at].used, 1);
		}
	}
	LWLockRelease(lock);
	return at;
}
