/*
 * cache.c
 *	  Looking up and storing, as the gate and the SQL functions do it.
 *
 * A lookup asks this transaction's own pending work first (read your writes,
 * and do not read what you invalidated), then the shared store, then the
 * leases.
 *
 * Locking: that of store.c and lease.c; none across calls.
 * Memory: results in CurrentMemoryContext.  On ERROR or cancellation while
 * waiting for another's lease: the (sub)abort callback ends the wait.
 */
#include "cache/store.h"

#include "access/xact.h"
#include "miscadmin.h"

static CacheStatus look(const CacheKey *key, CacheKind kind, const char *tenant, const char *tool,
						bool lead, int64 lease_us, CacheResult *out);
static void count_status(CacheStatus status);

void
cache_init(void)
{
	store_register();
	publish_init();
}

bool
cache_ready(void)
{
	return cache_shmem != NULL;
}

/* Also maps the partitions, so that nothing is left to allocate at COMMIT. */
void
cache_require(const char *what)
{
	agc_require_shmem(what);
	if (cache_shmem == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s needs the cache, which is turned off", what),
				 errdetail("agentcore.cache_memory is 0."),
				 errhint("Set agentcore.cache_memory and restart the server.")));
	(void) store_part_at(0);
}

/* A deadline past the end of time is the end of time. */
int64
cache_deadline(int64 now, int64 ttl_us)
{
	return ttl_us > PG_INT64_MAX - now ? PG_INT64_MAX : now + ttl_us;
}

/*
 * *hidden: the miss is this transaction's own doing.
 */
bool
cache_read(const CacheKey *key, const char *tenant, const char *tool,
		   Jsonb **value, int64 *age, bool *hidden)
{
	bool		pending = pending_any();
	int64		now = agc_now();
	CacheRefs	refs;
	int64		stored_at;

	*hidden = false;
	if (pending)
	{
		CacheItem  *item;

		slot_refs(&refs, tenant, tool, 0, NULL);
		switch (pending_own(key, &refs, &item))
		{
			case CACHE_OWN_SET:
				if (item->expires <= now)
					return false;
				*value = palloc(VARHDRSZ + item->len);
				SET_VARSIZE(*value, VARHDRSZ + item->len);
				memcpy(VARDATA(*value), item->data, item->len);
				*age = Max(now - item->stored_at, 0);
				return true;
			case CACHE_OWN_HIDDEN:
				*hidden = true;
				return false;
			case CACHE_OWN_NONE:
				break;
		}
	}
	if (!store_read(key, now, &refs, value, &stored_at))
		return false;
	if (pending && pending_hides_tags(&refs))
	{
		*hidden = true;
		return false;
	}
	*age = Max(now - stored_at, 0);
	return true;
}

static CacheStatus
look(const CacheKey *key, CacheKind kind, const char *tenant, const char *tool,
	 bool lead, int64 lease_us, CacheResult *out)
{
	CacheStatus status;
	CacheRefs	refs;
	uint64		born;
	bool		hidden;

	for (;;)
	{
		if (cache_read(key, tenant, tool, &out->value, &out->age, &hidden))
			return CACHE_HIT;
		if (!lead)
			return lease_peek(key, out);

		slot_refs(&refs, tenant, tool, 0, NULL);
		born = epoch_clock();
		if (IsolationUsesXactSnapshot())
			born = Min(born, publish_begin_stamp());
		status = lease_acquire(key, kind, &refs, born, lease_us, hidden, out);
		if (status != CACHE_HIT)
			break;
		CHECK_FOR_INTERRUPTS();
	}
	if (status == CACHE_LEAD)
		pending_add_grant(key, out->lease);
	return status;
}

void
cache_lookup(const CacheKey *key, CacheKind kind, const char *tenant, const char *tool,
			 bool lead, int64 lease_us, CacheResult *out)
{
	cache_require("the cache");
	memset(out, 0, sizeof(*out));
	out->status = look(key, kind, tenant, tool, lead, lease_us, out);
	count_status(out->status);
}

/* As cache_lookup(), leading; while another leads, waits up to wait_us. */
void
cache_lookup_wait(const CacheKey *key, CacheKind kind, const char *tenant, const char *tool,
				  int64 lease_us, int64 wait_us, CacheResult *out)
{
	int64		until;

	memset(out, 0, sizeof(*out));
	out->status = look(key, kind, tenant, tool, true, lease_us, out);
	if (out->status == CACHE_BUSY && wait_us > 0 && lease_wait_begin(key))
	{
		stat_count(CC_WAITS);
		until = cache_deadline(agc_now(), wait_us);
		for (;;)
		{
			int64		left;

			out->status = look(key, kind, tenant, tool, true, lease_us, out);
			left = agc_until_us(agc_now(), until);
			if (out->status != CACHE_BUSY || left == 0)
				break;
			lease_wait(key, Min(left, out->retry_after));
		}
		lease_wait_end();
	}
	count_status(out->status);
}

static void
count_status(CacheStatus status)
{
	switch (status)
	{
		case CACHE_HIT:
			stat_count(CC_HITS);
			break;
		case CACHE_STALE:
			stat_count(CC_STALE);
			break;
		case CACHE_NEGATIVE:
			stat_count(CC_NEGATIVE);
			break;
		case CACHE_LEAD:
		case CACHE_BUSY:
		case CACHE_MISS:
			stat_count(CC_MISSES);
			break;
	}
}

/* Stores now; what is refused is counted by its cause. */
bool
cache_put(const CacheItem *item, int64 now)
{
	switch (store_insert(item, now))
	{
		case CACHE_STORED:
			stat_count(item->lease != 0 ? CC_FILLS : CC_SETS);
			return true;
		case CACHE_TOO_LARGE:
			stat_count(CC_REFUSED_SIZE);
			break;
		case CACHE_NO_ROOM:
			stat_count(CC_REFUSED_ROOM);
			break;
		case CACHE_INVALIDATED:
			stat_count(CC_REFUSED_INVALIDATED);
			break;
		case CACHE_LEASE_LOST:
			stat_count(CC_REFUSED_LEASE);
			break;
	}
	return false;
}

/* A fill that is refused here ends its lease: somebody else may lead. */
bool
cache_add_fill(const CacheKey *key, CacheKind kind, const CacheRefs *refs,
			   int64 lease, Jsonb *value, int64 ttl_us)
{
	CacheItem	item = {.key = *key, .refs = *refs, .kind = kind, .lease = lease};
	CacheFillState state = pending_fill_state(key, lease, refs);

	item.len = VARSIZE(value) - VARHDRSZ;
	item.data = VARDATA(value);
	item.stored_at = agc_now();
	item.expires = cache_deadline(item.stored_at, ttl_us);

	if (!lease_is_open(key, lease, refs) || state == CACHE_FILL_LOST)
		stat_count(CC_REFUSED_LEASE);
	else if (item.len > store_max_value())
		stat_count(CC_REFUSED_SIZE);
	else
	{
		if (state == CACHE_FILL_SET)
			item.lease = 0;
		if (pending_add_set(&item))
			return true;
	}
	lease_release(key, lease);
	return false;
}

bool
cache_store_lease(const CacheKey *key, const char *tenant, const char *tool,
				  int64 lease, Jsonb *value, int64 ttl_us, int ntags, char **tags)
{
	CacheRefs	refs;

	cache_require("the cache");
	if (lease == 0)
		return false;
	if (ttl_us <= 0 || ntags > AGC_MAX_TAGS)
	{
		lease_release(key, lease);
		return false;
	}
	slot_refs(&refs, tenant, tool, ntags, tags);
	return cache_add_fill(key, CACHE_GATE, &refs, lease, value, ttl_us);
}

void
cache_extend_lease(const CacheKey *key, int64 lease, int64 lease_us)
{
	if (cache_ready() && lease != 0)
		lease_extend(key, lease, lease_us);
}

void
cache_abandon_lease(const CacheKey *key, int64 lease)
{
	if (cache_ready() && lease != 0)
		lease_release(key, lease);
}
