/*
 * lookup.c
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
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "portability/instr_time.h"

static bool see_own(const CacheItem *item, int64 now, CacheSeen *seen);
static CacheStatus look(const CacheTarget *target, bool lead, int64 lease_us, CacheResult *out);

bool
cache_ready(void)
{
	return cache_shmem != NULL;
}

/*
 * Also maps the partitions, so that nothing is left to allocate at COMMIT, and
 * notices a promotion.
 */
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
	slots_follow_recovery();
}

/* A deadline past the end of time is the end of time. */
int64
cache_deadline(int64 now, int64 ttl_us)
{
	return ttl_us > PG_INT64_MAX - now ? PG_INT64_MAX : now + ttl_us;
}

static bool
see_own(const CacheItem *item, int64 now, CacheSeen *seen)
{
	if (item->expires <= now)
	{
		/* what others see is not what this transaction set */
		seen->hidden = true;
		return false;
	}
	seen->value = compress_undo(item->data, item->len, item->flags);
	seen->age = Max(now - item->stored_at, 0);
	seen->ttl_left = item->expires - now;
	seen->own = true;
	seen->negative = (item->flags & CACHE_NEGATIVE_ENTRY) != 0;
	seen->stale = store_soft_due(item->stored_at, item->soft_ms, now);
	seen->slot = item->refs.tool;
	return true;
}

bool
cache_read(const CacheTarget *target, CacheSeen *seen)
{
	bool		pending = pending_any();
	int64		now;
	CacheFound	found;
	CacheItem  *item;

	ahead_index(&target->key);
	now = agc_now();
	memset(seen, 0, sizeof(*seen));
	if (pending)
	{
		CacheRefs	refs;

		slot_refs(&refs, target->tenant, target->tool, 0, NULL);
		switch (pending_own(&target->key, &refs, &item))
		{
			case CACHE_OWN_SET:
				return see_own(item, now, seen);
			case CACHE_OWN_HIDDEN:
				seen->hidden = true;
				return false;
			case CACHE_OWN_NONE:
				break;
		}
	}
	if (!store_read(&target->key, now, &found, &seen->value))
		return false;
	if (pending && pending_hides_tags(&found.refs))
	{
		seen->value = NULL;
		seen->hidden = true;
		return false;
	}
	if (found.flags & CACHE_COMPRESSED)
	{
		Jsonb	   *stored = seen->value;

		seen->value = compress_undo(VARDATA(stored), VARSIZE(stored) - VARHDRSZ, found.flags);
		pfree(stored);
	}
	seen->age = Max(now - found.stored_at, 0);
	seen->ttl_left = found.expires - now;
	seen->negative = (found.flags & CACHE_NEGATIVE_ENTRY) != 0;
	seen->stale = store_soft_due(found.stored_at, found.soft_ms, now);
	seen->slot = found.refs.tool;
	seen->cost_ms = found.cost_ms;
	seen->cost_nanousd = found.cost_nanousd;
	return true;
}

/* Whoever is first past the soft deadline gets the lease besides the value. */
static CacheStatus
look(const CacheTarget *target, bool lead, int64 lease_us, CacheResult *out)
{
	CacheStatus status;
	CacheRefs	refs;
	CacheSeen	seen;
	uint64		born;

	for (;;)
	{
		bool		found = cache_read(target, &seen);

		out->value = seen.value;
		out->age = seen.age;
		out->slot = seen.slot;
		out->cost_ms = seen.cost_ms;
		out->cost_nanousd = seen.cost_nanousd;
		if (found && seen.negative)
		{
			out->retry_after = seen.ttl_left;
			return CACHE_NEGATIVE;
		}
		if (found && !seen.stale)
			return CACHE_HIT;
		if (found && seen.own)
			return CACHE_STALE;
		if (!lead)
		{
			status = lease_peek(&target->key, out);
			break;
		}
		slot_refs(&refs, target->tenant, target->tool, 0, NULL);
		born = epoch_clock();
		if (IsolationUsesXactSnapshot())
			born = Min(born, publish_begin_stamp());
		status = lease_acquire(&target->key, target->kind, target->scope, &refs, born, lease_us,
							   seen.hidden, out);
		if (status != CACHE_HIT)
			break;
		CHECK_FOR_INTERRUPTS();
	}
	if (status == CACHE_LEAD)
		pending_add_grant(&target->key, out->lease);
	if (out->value == NULL)
		return status;
	out->computing = status == CACHE_BUSY;
	return CACHE_STALE;
}

void
cache_lookup(const CacheTarget *target, bool lead, int64 lease_us, CacheResult *out)
{
	cache_require("the cache");
	memset(out, 0, sizeof(*out));
	out->status = look(target, lead, lease_us, out);
}

/* The clock of waits, in microseconds, which does not step. */
static int64
wait_clock(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MICROSEC(now);
}

/* As cache_lookup(), leading; while another leads, waits up to wait_us. */
void
cache_lookup_wait(const CacheTarget *target, int64 lease_us, int64 wait_us, CacheResult *out)
{
	int64		until;

	memset(out, 0, sizeof(*out));
	out->status = look(target, true, lease_us, out);
	if (out->status == CACHE_BUSY && wait_us > 0 && lease_wait_begin(&target->key, slot_of_tenant(target->tenant)))
	{
		stat_count(CC_WAITS);
		until = cache_deadline(wait_clock(), wait_us);
		for (;;)
		{
			int64		left;

			out->status = look(target, true, lease_us, out);
			left = Max(until - wait_clock(), 0);
			if (out->status != CACHE_BUSY || left == 0)
				break;
			lease_wait(&target->key, Min(left, out->retry_after));
		}
		lease_wait_end();
	}
	cache_count(target, out);
}

void
cache_count(const CacheTarget *target, const CacheResult *result)
{
	uint32		slot = result->value ? result->slot : slot_of_tool(target->tenant, target->tool);
	bool		saved = false;

	switch (result->status)
	{
		case CACHE_HIT:
			stat_count(CC_HITS);
			stat_tool_add(slot, CT_HITS, 1);
			saved = true;
			break;
		case CACHE_STALE:
			stat_count(CC_STALE);
			stat_tool_add(slot, CT_STALE, 1);
			saved = result->lease == 0;
			break;
		case CACHE_NEGATIVE:
			stat_count(CC_NEGATIVE);
			stat_tool_add(slot, CT_NEGATIVE, 1);
			break;
		case CACHE_LEAD:
		case CACHE_BUSY:
		case CACHE_MISS:
			stat_count(CC_MISSES);
			stat_tool_add(slot, CT_MISSES, 1);
			break;
	}
	if (saved)
	{
		stat_tool_add(slot, CT_SAVED_MS, result->cost_ms);
		stat_tool_add(slot, CT_SAVED_NANOUSD, (uint64) result->cost_nanousd);
	}
}

bool
cache_has_answer(const CacheKey *key)
{
	CacheFound	found;
	Jsonb	   *value;

	return cache_ready() && store_read(key, agc_now(), &found, &value) &&
		(found.flags & CACHE_NEGATIVE_ENTRY) == 0;
}

/* As little as fits the header: a soft deadline ends after 49 days at the latest. */
static uint32
soft_ms(int64 soft_ttl)
{
	return soft_ttl > 0 ? (uint32) Min(Max(soft_ttl / 1000, 1), PG_UINT32_MAX) : 0;
}

/*
 * Entries stored together need not expire together: up to
 * agentcore.cache_ttl_jitter percent of its life is taken from each.
 */
static int64
jittered(int64 ttl)
{
	if (agc_cache_ttl_jitter == 0)
		return ttl;
	return ttl - (int64) (ttl * (agc_cache_ttl_jitter / 100.0) * pg_prng_double(&pg_global_prng_state));
}

/*
 * The bytes, the times and the share of an item; its key, refs and births are
 * the caller's.
 */
void
cache_make_item(CacheItem *item, const char *tenant, Jsonb *value, const CacheTerms *terms)
{
	item->share = agc_tenant_cache_share(tenant);
	item->stored_at = agc_now();
	item->expires = cache_deadline(item->stored_at, jittered(terms->ttl));
	item->soft_ms = soft_ms(terms->soft_ttl);
	item->cost_nanousd = terms->nanousd;
	item->flags = terms->negative ? CACHE_NEGATIVE_ENTRY : 0;
	compress_value(item, value);
}

/* Stores now; what is refused is counted by its cause. */
bool
cache_put(const CacheItem *item, int64 now)
{
	switch (store_insert(item, now))
	{
		case CACHE_STORED:
			stat_count(item->lease != 0 ? CC_FILLS : CC_SETS);
			stat_tool_add(item->refs.tool, CT_FILLS, 1);
			if (item->flags & CACHE_COMPRESSED)
			{
				stat_count(CC_COMPRESSED);
				cache_local[CC_BYTES_SAVED] += compress_saved(item);
			}
			return true;
		case CACHE_TOO_LARGE:
			stat_refused(CC_REFUSED_SIZE, item->refs.tool);
			break;
		case CACHE_NO_ROOM:
			stat_refused(CC_REFUSED_ROOM, item->refs.tool);
			break;
		case CACHE_PINNED:
			stat_refused(CC_REFUSED_PINNED, item->refs.tool);
			break;
		case CACHE_OVER_SHARE:
			stat_refused(CC_REFUSED_SHARE, item->refs.tool);
			break;
		case CACHE_INVALIDATED:
			stat_refused(CC_REFUSED_INVALIDATED, item->refs.tool);
			break;
		case CACHE_LEASE_LOST:
			stat_refused(CC_REFUSED_LEASE, item->refs.tool);
			break;
	}
	return false;
}

/*
 * A fill that is refused here ends its lease: somebody else may lead.
 *
 * A lease says when the computation began, unless this very transaction took
 * it: a statement that takes a lease, perhaps after a wait, and fills it reads
 * with a snapshot from before the lease, and so does a cursor.  What such a fill
 * knows is what the transaction knew when it began.
 */
bool
cache_add_fill(const CacheKey *key, CacheKind kind, const CacheRefs *refs, const char *tenant,
			   int64 lease, Jsonb *value, const CacheTerms *terms)
{
	CacheItem	item = {.key = *key, .refs = *refs, .kind = kind, .lease = lease};
	CacheFillState state = pending_fill_state(key, lease, refs);
	uint64		bound;
	CacheLease	held;

	item.own_lease = pending_granted(lease);
	bound = item.own_lease ? publish_begin_stamp() : PG_UINT64_MAX;
	if (!lease_is_open(key, lease, refs, bound, &held) || state == CACHE_FILL_LOST)
		stat_refused(CC_REFUSED_LEASE, refs->tool);
	else if (terms->max_size > 0 && VARSIZE(value) - VARHDRSZ > terms->max_size)
		stat_refused(CC_REFUSED_SIZE, refs->tool);
	else
	{
		cache_make_item(&item, tenant, value, terms);
		item.scope = held.scope;
		item.cost_ms = (uint32) Min(Max(item.stored_at - held.granted, 0) / 1000, PG_UINT32_MAX);
		if (state == CACHE_FILL_SET)
			item.lease = 0;
		if (item.len > store_max_value())
			stat_refused(CC_REFUSED_SIZE, refs->tool);
		else if (pending_add_set(&item))
			return true;
	}
	lease_release(key, lease);
	return false;
}

bool
cache_store_lease(const CacheKey *key, const char *tenant, const char *tool,
				  int64 lease, Jsonb *value, const CacheTerms *terms)
{
	CacheRefs	refs;

	cache_require("the cache");
	if (lease == 0)
		return false;
	if (terms->ttl <= 0 || terms->ntags > AGC_MAX_TAGS)
	{
		lease_release(key, lease);
		return false;
	}
	slot_refs(&refs, tenant, tool, terms->ntags, terms->tags);
	return cache_add_fill(key, CACHE_GATE, &refs, tenant, lease, value, terms);
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
