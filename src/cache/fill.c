/*
 * fill.c
 *	  Storing, as the gate, the SQL functions and COMMIT do it.
 *
 * A value that is given becomes an item; an item is stored at once, or waits in
 * pending.c for COMMIT.
 *
 * Locking: that of entry_insert.c and lease.c; none across calls.
 * Memory: an item's bytes in CurrentMemoryContext.  On ERROR: nothing has been
 * stored.
 */
#include "cache/fill.h"
#include "cache/compress.h"
#include "cache/entry_insert.h"
#include "cache/lease.h"
#include "cache/pending.h"
#include "cache/stat.h"

#include "common/pg_prng.h"

/* What fits the entry: a soft deadline ends after 49 days at the latest. */
static uint32
soft_ms_of(int64 soft_ttl)
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
fill_make_item(CacheItem *item, const char *tenant, Jsonb *value, const CacheTerms *terms)
{
	item->share = agc_tenant_cache_share(tenant);
	item->stored_at = agc_now();
	item->expires = entry_deadline(item->stored_at, jittered(terms->ttl));
	item->soft_ms = soft_ms_of(terms->soft_ttl);
	item->cost_nanousd = terms->nanousd;
	item->flags = terms->negative ? CACHE_NEGATIVE_ENTRY : 0;
	compress_value(item, value);
}

/* Stores now; what is refused is counted by its cause. */
bool
fill_store(const CacheItem *item, int64 now)
{
	switch (entry_insert(item, now))
	{
		case CACHE_STORED:
			stat_count(item->lease != 0 ? CC_FILLS : CC_SETS);
			stat_tool_add(item->refs.tool, CT_FILLS, 1);
			if (item->flags & CACHE_COMPRESSED)
			{
				stat_count(CC_COMPRESSED);
				stat_local[CC_BYTES_SAVED] += compress_saved(item);
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
 * A fill that is refused here ends its lease, so that another caller may lead.
 *
 * A lease says when the computation began, unless this very transaction took it.
 * One statement that takes a lease, perhaps after a wait, and fills it reads with
 * a snapshot from before the lease; so does a cursor.  Such a fill knows what the
 * transaction knew when it began.
 */
bool
fill_add(const CacheKey *key, CacheKind kind, const CacheRefs *refs, const char *tenant,
		 int64 lease, Jsonb *value, const CacheTerms *terms)
{
	CacheItem	item = {.key = *key, .refs = *refs, .kind = kind, .lease = lease};
	CacheFillState state = pending_fill_state(key, lease, refs);
	uint64		bound;
	CacheLease	held;

	item.own_lease = pending_granted(lease);
	bound = item.own_lease ? pending_begin_stamp() : PG_UINT64_MAX;
	if (!lease_is_open(key, lease, refs, bound, &held) || state == CACHE_FILL_LOST)
		stat_refused(CC_REFUSED_LEASE, refs->tool);
	else if (terms->max_size > 0 && VARSIZE(value) - VARHDRSZ > terms->max_size)
		stat_refused(CC_REFUSED_SIZE, refs->tool);
	else
	{
		fill_make_item(&item, tenant, value, terms);
		item.scope = held.scope;
		item.cost_ms = (uint32) Min(Max(item.stored_at - held.granted, 0) / 1000, PG_UINT32_MAX);
		if (state == CACHE_FILL_SET)
			item.lease = 0;
		if (item.len > area_max_value())
			stat_refused(CC_REFUSED_SIZE, refs->tool);
		else if (pending_add_set(&item))
			return true;
	}
	lease_release(key, lease);
	return false;
}
