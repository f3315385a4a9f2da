/*
 * entry.h
 *	  An entry's life: whether it lives, and its end.
 */
#ifndef AGENTCORE_CACHE_ENTRY_H
#define AGENTCORE_CACHE_ENTRY_H

#include "cache/refs.h"

/* What is to be stored. */
typedef struct CacheItem
{
	CacheKey	key;
	CacheRefs	refs;
	CacheKind	kind;
	CacheScope	scope;
	uint8		flags;
	uint32		soft_ms;		/* these three: as in the entry */
	uint32		cost_ms;
	float		cost_nanousd;
	int			share;			/* percent, of the tenant's own; 0: cache_tenant_share holds */
	int64		lease;			/* 0: a plain set */
	bool		own_lease;		/* taken in this transaction: `born` bounds it too */
	uint64		born;			/* of a plain set: as in the entry ... */
	uint64		key_born;		/* ... and what its key's epoch is held against */
	bool		only_absent;	/* of a dump: what is there, or computed, is newer */
	int64		stored_at;
	int64		expires;
	uint32		len;
	char	   *data;
} CacheItem;

/* What became of it. */
typedef enum CacheStored
{
	CACHE_STORED,
	CACHE_TOO_LARGE,
	CACHE_NO_ROOM,
	CACHE_PINNED,
	CACHE_OVER_SHARE,
	CACHE_INVALIDATED,
	CACHE_LEASE_LOST
} CacheStored;

typedef enum CacheLife
{
	CACHE_LIVE,
	CACHE_EXPIRED,
	CACHE_DEAD
} CacheLife;

#define ENTRY_BATCH		1024	/* entries that entry_copy_live() copies at most */

extern void entry_lock(const CachePart *part, LWLockMode mode);
extern void entry_remove(CachePart *part, uint32 index);
extern void entry_expire(CachePart *part, uint32 index);
extern void entry_count_expiry(CacheEntry *entry);
extern uint32 entry_drain(CachePart *part, int64 now, uint32 wanted, uint32 steps);
extern int	entry_copy_live(const CachePart *part, uint32 *bucket, int64 now, CacheEntry *out);

static inline void
entry_refs(const CacheEntry *entry, CacheRefs *refs)
{
	refs->tool = entry->tool;
	refs->tenant = entry->tenant;
	refs->ntags = entry->ntags;
	memcpy(refs->tag, entry->tag, sizeof(refs->tag));
}

static inline CacheLife
entry_life(const CacheEntry *entry, int64 now)
{
	CacheRefs	refs;

	if (entry->expires <= now)
		return CACHE_EXPIRED;
	entry_refs(entry, &refs);
	return refs_open(&refs, entry->born) ? CACHE_LIVE : CACHE_DEAD;
}

static inline CacheKind
entry_kind(const CacheEntry *entry)
{
	return entry->scope <= CACHE_SCOPE_NAMED ? CACHE_RAW : CACHE_GATE;
}

/* A deadline past the end of time is the end of time. */
static inline int64
entry_deadline(int64 now, int64 ttl_us)
{
	return ttl_us > PG_INT64_MAX - now ? PG_INT64_MAX : now + ttl_us;
}

/* Past the soft deadline: still served, but one caller should compute it anew. */
static inline bool
entry_soft_due(int64 stored_at, uint32 soft_ms, int64 now)
{
	return soft_ms != 0 && now - stored_at >= (int64) soft_ms * 1000;
}

#endif							/* AGENTCORE_CACHE_ENTRY_H */
