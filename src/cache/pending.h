/*
 * pending.h
 *	  What this transaction has set, filled and invalidated so far: the log that
 *	  pending.c keeps and publish.c carries out.
 */
#ifndef AGENTCORE_CACHE_PENDING_H
#define AGENTCORE_CACHE_PENDING_H

#include "cache/entry.h"

#include "lib/ilist.h"
#include "storage/ipc.h"

/* What an invalidation of many entries refers to: a name, or with TAG_REF a tenant's name and a tag. */
#define TAG_REF		0x80000000U

StaticAssertDecl(CACHE_MAX_NAMES + CACHE_SHARED_NAMES <= TAG_REF >> 16, "a name has no room above a tag");

static inline uint32
tag_ref(uint32 tenant, uint16 tag)
{
	return TAG_REF | tenant << 16 | tag;
}

static inline uint32
tag_ref_tenant(uint32 ref)
{
	return (ref & ~TAG_REF) >> 16;
}

static inline uint16
tag_ref_tag(uint32 ref)
{
	return (uint16) ref;
}

typedef enum OpType
{
	OP_SET,
	OP_KEY,						/* the rest are invalidations */
	OP_REF
} OpType;

typedef struct Op
{
	dlist_node	node;			/* in the log, oldest first */
	OpType		type;
	int			level;
	uint64		seq;
	struct Op  *shadowed;		/* the same target's one before */
	bool		fenced;
	bool		counts;			/* an invalidation that stat_cache counts, if it commits */
	bool		foreign;		/* settling found another's stamp of our lifetime */
	uint8		way;			/* of a fenced tag: as tag_fence() said */
	uint32		ref;			/* OP_REF: a name, or tag_ref() */
	CacheItem	item;			/* OP_SET; OP_KEY: its key and refs */
} Op;

/* A lease granted in this transaction goes back if the transaction does. */
typedef struct Grant
{
	int64		token;			/* hash key, so it comes first */
	dlist_node	node;			/* oldest first */
	CacheKey	key;
	int			level;
	uint64		seq;
} Grant;

typedef enum CacheOwn
{
	CACHE_OWN_NONE,				/* this transaction says nothing about the key */
	CACHE_OWN_SET,				/* it has set it */
	CACHE_OWN_HIDDEN			/* it has invalidated it */
} CacheOwn;

/* What this transaction's own invalidations mean for a fill. */
typedef enum CacheFillState
{
	CACHE_FILL_LEASE,			/* nothing */
	CACHE_FILL_SET,				/* the lease is younger than they are: store it as a set */
	CACHE_FILL_LOST
} CacheFillState;

extern dlist_head pending_ops;	/* oldest first */
extern dlist_head pending_grants;
extern int	pending_invalidations;

/* ----- while the transaction goes on ----- */
extern uint64 pending_begin_stamp(void);
extern bool pending_any(void);
extern CacheOwn pending_own(const CacheKey *key, const CacheRefs *refs, CacheItem **item);
extern bool pending_hides_tags(const CacheRefs *refs);
extern bool pending_add_set(const CacheItem *item);
extern void pending_invalidate_key(const CacheKey *key, const CacheRefs *refs, bool counts);
extern void pending_invalidate_name(uint32 name, bool counts);
extern void pending_invalidate_tag(uint32 tenant, uint16 tag, bool counts);
extern void pending_add_grant(const CacheKey *key, int64 token);
extern bool pending_granted(int64 token);
extern CacheFillState pending_fill_state(const CacheKey *key, int64 token, const CacheRefs *refs);

/* ----- for publish.c ----- */
extern void pending_init(pg_on_exit_callback at_exit);
extern Op  *pending_latest_key(const CacheKey *key);
extern Op  *pending_latest_ref(uint32 ref);
extern bool pending_used(void);
extern void pending_drop(int level);
extern void pending_merge(int level);
extern void pending_release_grants(int level);
extern void pending_forget(void);
extern void pending_end(void);

#endif							/* AGENTCORE_CACHE_PENDING_H */
