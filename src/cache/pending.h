/*
 * pending.h
 *	  The log of this transaction's cache work, between pending.c, which keeps
 *	  it, and publish.c, which carries it out.
 */
#ifndef AGENTCORE_CACHE_PENDING_H
#define AGENTCORE_CACHE_PENDING_H

#include "cache/store.h"

#include "lib/ilist.h"

/* What an invalidation of many entries names: a slot, or with TAG_REF a tenant's slot and a tag. */
#define TAG_REF		0x80000000U

StaticAssertDecl(CACHE_MAX_SLOTS + CACHE_SHARED_SLOTS <= TAG_REF >> 16, "a slot has no room above a tag");

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
	bool		foreign;		/* settling found somebody else's stamp of our lifetime */
	uint8		way;			/* of a fenced tag: as tag_fence() said */
	uint32		ref;			/* OP_REF: slot, or tag_ref() */
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

extern dlist_head pending_ops;	/* oldest first */
extern dlist_head pending_grants;
extern int	pending_invalidations;

extern Op  *pending_latest_key(const CacheKey *key);
extern Op  *pending_latest_ref(uint32 ref);
extern bool pending_used(void);
extern void pending_drop(int level);
extern void pending_merge(int level);
extern void pending_release_grants(int level);
extern void pending_forget(void);

extern void publish_exit(int code, Datum arg);

#endif							/* AGENTCORE_CACHE_PENDING_H */
