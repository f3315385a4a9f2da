/*
 * lookup.c
 *	  Looking up, as the gate and the SQL functions do it.
 *
 * A lookup asks this transaction's own pending work first (read your writes,
 * and do not read what you invalidated), then the shared store, then the
 * leases.
 *
 * Locking: that of entry_read.c and lease.c; none across calls.
 * Memory: results in CurrentMemoryContext.  On ERROR or cancellation while
 * waiting for another's lease: the (sub)abort callback ends the wait.
 */
#include "cache/lookup.h"
#include "cache/ahead.h"
#include "cache/compress.h"
#include "cache/entry_read.h"
#include "cache/lease.h"
#include "cache/pending.h"
#include "cache/stat.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "portability/instr_time.h"

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
	seen->stale = entry_soft_due(item->stored_at, item->soft_ms, now);
	seen->name = item->refs.tool;
	return true;
}

bool
lookup_read(const CacheTarget *target, CacheSeen *seen)
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

		refs_make(&refs, target->tenant, target->tool, 0, NULL);
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
	if (!entry_read(&target->key, now, &found, &seen->value))
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
	seen->stale = entry_soft_due(found.stored_at, found.soft_ms, now);
	seen->name = found.refs.tool;
	seen->cost_ms = found.cost_ms;
	seen->cost_nanousd = found.cost_nanousd;
	return true;
}

/* The first caller past the soft deadline gets the lease besides the value. */
CacheStatus
lookup_lead(const CacheTarget *target, bool lead, int64 lease_us, CacheResult *out)
{
	CacheStatus status;
	CacheRefs	refs;
	CacheSeen	seen;
	uint64		born;

	for (;;)
	{
		bool		found = lookup_read(target, &seen);

		out->value = seen.value;
		out->age = seen.age;
		out->name = seen.name;
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
		refs_make(&refs, target->tenant, target->tool, 0, NULL);
		born = epoch_clock();
		if (IsolationUsesXactSnapshot())
			born = Min(born, pending_begin_stamp());
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
lookup_wait(const CacheTarget *target, int64 lease_us, int64 wait_us, CacheResult *out)
{
	int64		until;

	memset(out, 0, sizeof(*out));
	out->status = lookup_lead(target, true, lease_us, out);
	if (out->status == CACHE_BUSY && wait_us > 0 && lease_wait_begin(&target->key, name_of_tenant(target->tenant)))
	{
		stat_count(CC_WAITS);
		until = entry_deadline(wait_clock(), wait_us);
		for (;;)
		{
			int64		left;

			out->status = lookup_lead(target, true, lease_us, out);
			left = Max(until - wait_clock(), 0);
			if (out->status != CACHE_BUSY || left == 0)
				break;
			lease_wait(&target->key, Min(left, out->retry_after));
		}
		lease_wait_end();
	}
	lookup_count(target, out);
}

void
lookup_count(const CacheTarget *target, const CacheResult *result)
{
	uint32		name = result->value ? result->name : name_of_tool(target->tenant, target->tool);
	bool		saved = false;

	switch (result->status)
	{
		case CACHE_HIT:
			stat_count(CC_HITS);
			stat_tool_add(name, CT_HITS, 1);
			saved = true;
			break;
		case CACHE_STALE:
			stat_count(CC_STALE);
			stat_tool_add(name, CT_STALE, 1);
			saved = result->lease == 0;
			break;
		case CACHE_NEGATIVE:
			stat_count(CC_NEGATIVE);
			stat_tool_add(name, CT_NEGATIVE, 1);
			break;
		case CACHE_LEAD:
		case CACHE_BUSY:
		case CACHE_MISS:
			stat_count(CC_MISSES);
			stat_tool_add(name, CT_MISSES, 1);
			break;
	}
	if (saved)
	{
		stat_tool_add(name, CT_SAVED_MS, result->cost_ms);
		stat_tool_add(name, CT_SAVED_NANOUSD, (uint64) result->cost_nanousd);
	}
}
