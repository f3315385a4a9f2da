/*
 * name.c
 *	  Interned names: a number for each tenant, and for each tool of a tenant.
 *
 * A name has an epoch, counters and, as far as there is room, its texts.  When
 * the table is full, the names that come later share a few numbers, as a tenant's
 * tags share buckets from the start: a collision costs misses, never a wrong hit.
 * One tenant's tools, which it may call as it likes, fill no more than a part of
 * the table.
 *
 * Locking: new names are made under the area's lock and never removed, so that
 * looking for one takes no lock.
 * Memory: a small direct-mapped table of the names that a backend has used, in
 * TopMemoryContext.  On ERROR: nothing to undo.
 */
#include "cache/name.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/memutils.h"

#define MEMO_SIZE	64
#define MAX_PROBES	32

typedef struct NameMemo
{
	pg_uuid_t	installation;
	char	   *texts;			/* tenant and tool, each NUL-terminated */
	Size		texts_len;
	Size		texts_room;
	uint32		name;
} NameMemo;

static NameMemo memo[MEMO_SIZE];

static uint32 intern(char what, const char *tenant, const char *tool);
static uint32 find_or_make(const uint8 *id, Oid database, const char *tenant, const char *tool, uint32 owner);

void
name_init(void)
{
	for (uint32 i = 0; i < name_count(); i++)
	{
		CacheName  *name = name_at(i);

		pg_atomic_init_u32(&name->used, 0);
		name->text = CACHE_NONE;
		name->tools = 0;
		name->database = InvalidOid;
		pg_atomic_init_u32(&name->waiters, 0);
		epoch_init(&name->epoch);
	}
}

uint32
name_of_tool(const char *tenant, const char *tool)
{
	return intern('t', tenant, tool);
}

/* No tool has an empty name, so a tenant is told from its tools. */
uint32
name_of_tenant(const char *tenant)
{
	return intern('n', tenant, "");
}

static uint32
intern(char what, const char *tenant, const char *tool)
{
	const pg_uuid_t *installation = agc_installation_id();
	Size		tenant_len = strlen(tenant) + 1;
	Size		len = tenant_len + strlen(tool) + 1;
	uint32		hash = hash_combine(hash_bytes((const unsigned char *) tenant, tenant_len),
									hash_bytes((const unsigned char *) tool, len - tenant_len));
	NameMemo   *known = &memo[hash % MEMO_SIZE];
	uint8		id[AGC_HASH_LEN];
	uint32		owner;

	if (known->texts_len == len &&
		memcmp(known->texts, tenant, tenant_len) == 0 &&
		memcmp(known->texts + tenant_len, tool, len - tenant_len) == 0 &&
		memcmp(&known->installation, installation, sizeof(pg_uuid_t)) == 0)
		return known->name;

	owner = what == 't' ? name_of_tenant(tenant) : CACHE_NONE;
	name_digest(id, what, tenant, tool);
	known->texts_len = 0;
	if (known->texts_room < len)
	{
		Size		room = Max(len, 64);

		known->texts = known->texts ? repalloc(known->texts, room) :
			MemoryContextAlloc(TopMemoryContext, room);
		known->texts_room = room;
	}
	memcpy(known->texts, tenant, tenant_len);
	memcpy(known->texts + tenant_len, tool, len - tenant_len);
	known->installation = *installation;
	known->name = find_or_make(id, MyDatabaseId, tenant, tool, owner);
	known->texts_len = len;
	return known->name;
}

/* what: 't' a tool, 'n' a tenant, whose tool is "", 'g' a tag in place of a tool */
void
name_digest(uint8 *out, char what, const char *tenant, const char *tool)
{
	const pg_uuid_t *installation = agc_installation_id();
	uint32		database = pg_hton32(MyDatabaseId);
	AgcDigest  *digest = agc_digest_begin();

	agc_digest_field(digest, &what, 1);
	agc_digest_field(digest, installation, sizeof(pg_uuid_t));
	agc_digest_field(digest, &database, sizeof(database));
	agc_digest_field(digest, tenant, strlen(tenant));
	agc_digest_field(digest, tool, strlen(tool));
	agc_digest_end(digest, out);
}

/* *end is where the probing stopped: the name found, a free number, or nnames. */
static bool
probe(const uint8 *id, uint32 start, uint32 *end)
{
	for (uint32 i = 0; i < MAX_PROBES; i++)
	{
		uint32		at = (start + i) & (cache_shmem->nnames - 1);

		*end = at;
		if (pg_atomic_read_u32(&name_at(at)->used) == 0)
			return false;
		pg_read_barrier();
		if (memcmp(name_at(at)->id, id, AGC_HASH_LEN) == 0)
			return true;
	}
	*end = cache_shmem->nnames;
	return false;
}

/* Under the area's lock.  Without room for its texts a name works, but no view can show it. */
static uint32
keep_texts(const char *tenant, const char *tool)
{
	char	   *texts = (char *) cache_shmem + cache_shmem->texts_off;
	uint32		at = cache_shmem->texts_used;
	Size		tenant_len = strlen(tenant) + 1;
	Size		tool_len = strlen(tool) + 1;

	if (tenant_len + tool_len > cache_shmem->texts_size - at)
		return CACHE_NONE;
	memcpy(texts + at, tenant, tenant_len);
	memcpy(texts + at + tenant_len, tool, tool_len);
	cache_shmem->texts_used += tenant_len + tool_len;
	return at;
}

/* The name, if it is in use; what was written before that can be read then. */
static const CacheName *
used_name(uint32 name)
{
	if (name >= cache_shmem->nnames || pg_atomic_read_u32(&name_at(name)->used) == 0)
		return NULL;
	pg_read_barrier();
	return name_at(name);
}

static char *
texts_of(const CacheName *name)
{
	return (char *) cache_shmem + cache_shmem->texts_off + name->text;
}

/*
 * The texts of a name, in place, if they are kept and the name is of this
 * database and installation; a tenant's name has an empty tool.
 */
bool
name_texts(uint32 name, char **tenant, char **tool)
{
	const CacheName *known = used_name(name);
	uint8		id[AGC_HASH_LEN];

	if (known == NULL || known->text == CACHE_NONE)
		return false;
	*tenant = texts_of(known);
	*tool = *tenant + strlen(*tenant) + 1;
	name_digest(id, (*tool)[0] != '\0' ? 't' : 'n', *tenant, *tool);
	return memcmp(id, known->id, AGC_HASH_LEN) == 0;
}

/*
 * For a dump: what the number stands for, and of which database.  texts are the
 * tenant's and the tool's, each with its NUL; both are empty if not kept.  texts
 * may be NULL: only the id and the database are wanted.
 */
bool
name_export(uint32 name, uint8 *id, Oid *database, const char **texts, uint16 *tenant_len, uint16 *tool_len)
{
	const CacheName *known = used_name(name);

	if (known == NULL)
		return false;
	memcpy(id, known->id, AGC_HASH_LEN);
	*database = known->database;
	if (texts == NULL)
		return true;
	*texts = known->text == CACHE_NONE ? "\0" : texts_of(known);
	*tenant_len = strlen(*texts) + 1;
	*tool_len = strlen(*texts + *tenant_len) + 1;
	return true;
}

/* Whether the name is, or may be, of that database: the shared ones may be of any. */
bool
name_may_be_of(uint32 name, Oid database)
{
	const CacheName *known = used_name(name);

	return name >= cache_shmem->nnames || (known != NULL && known->database == database);
}

/* What a tool's name takes of its tenant's part; tenant is NULL where texts are not kept. */
static uint32
cost_of(const char *tenant, const char *tool)
{
	return tenant == NULL ? CACHE_TEXT_BYTES : Max(CACHE_TEXT_BYTES, strlen(tenant) + strlen(tool) + 2);
}

static bool
past_part(uint32 tenant, uint32 cost)
{
	return name_at(tenant)->tools + cost > cache_shmem->texts_size / CACHE_TENANT_PART;
}

/* The number of what a dump's name stood for; tenant is NULL where texts were not kept. */
uint32
name_adopt(const uint8 *id, Oid database, const char *tenant, const char *tool, uint32 owner)
{
	return find_or_make(id, database, tenant, tool, owner);
}

/* Whether name_of_tool() would take no new number: the tool has one, or must share one. */
bool
name_is_taken(const char *tenant, const char *tool)
{
	uint32		owner = name_of_tenant(tenant);
	uint8		id[AGC_HASH_LEN];
	uint32		start;
	uint32		at;

	name_digest(id, 't', tenant, tool);
	memcpy(&start, id, sizeof(start));
	return probe(id, start, &at) || at == cache_shmem->nnames ||
		past_part(owner, cost_of(tenant, tool));
}

/* Whether the name is a tenant's of this database, as far as can be told. */
bool
name_may_be_tenant(uint32 name)
{
	const CacheName *known = used_name(name);
	char	   *tenant;
	char	   *tool;

	if (name >= cache_shmem->nnames)
		return true;
	if (known == NULL)
		return false;
	return known->text == CACHE_NONE ||
		(name_texts(name, &tenant, &tool) && tool[0] == '\0');
}

/* owner: the name of a tool's tenant; CACHE_NONE: it is a tenant itself */
static uint32
find_or_make(const uint8 *id, Oid database, const char *tenant, const char *tool, uint32 owner)
{
	LWLock	   *lock = area_lock();
	uint32		start;
	uint32		at;

	memcpy(&start, id, sizeof(start));
	if (probe(id, start, &at))
		return at;

	LWLockAcquire(lock, LW_EXCLUSIVE);
	if (!probe(id, start, &at))
	{
		uint32		cost = cost_of(tenant, tool);

		if (at == cache_shmem->nnames || (owner != CACHE_NONE && past_part(owner, cost)))
			at = cache_shmem->nnames + start % CACHE_SHARED_NAMES;
		else
		{
			CacheName  *made = name_at(at);

			if (owner != CACHE_NONE)
				name_at(owner)->tools += cost;
			memcpy(made->id, id, AGC_HASH_LEN);
			made->database = database;
			made->text = tenant ? keep_texts(tenant, tool) : CACHE_NONE;
			pg_write_barrier();
			pg_atomic_write_u32(&made->used, 1);
		}
	}
	LWLockRelease(lock);
	return at;
}
