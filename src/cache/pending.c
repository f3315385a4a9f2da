/*
 * pending.c
 *	  The cache and the transaction: what waits for COMMIT.
 *
 * Sets, fills and invalidations are kept in a log of this backend, each with
 * the nesting level of its subtransaction, and two small indexes find the
 * latest one for a key or for a slot or tag.  ROLLBACK TO drops the log's
 * tail, COMMIT publishes it:
 *
 * PRE_COMMIT	raise a fence on everything invalidated: from here to the end
 *				the commit may become visible at any moment, so others read
 *				misses and may store nothing.
 * COMMIT		settle (stamp, delete, lower the fence), then insert the sets.
 *				Nothing here can fail; a set may be dropped and counted.
 * ABORT		lower the fences and forget.
 *
 * A set is dropped if what it depends on was invalidated by somebody else
 * after this transaction began: the value may rest on rows of before.  "Began"
 * is the later of the transaction's start and the end of this backend's
 * previous one, on the clock of epoch.c.
 *
 * Locking: partition locks, one at a time, in the callbacks.
 * Memory: one context, reset at transaction end, capped by
 * agentcore.cache_pending_max; past the cap sets are refused and single
 * invalidations widen to their tool.
 * On ERROR, FATAL: the abort callback; at exit before that, before_shmem_exit
 * settles what is fenced, which costs misses at most.
 */
#include "cache/store.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#define TAG_REF		0x80000000U

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
	bool		foreign;		/* settling found somebody else's stamp of our lifetime */
	uint32		ref;			/* OP_REF: slot, or tag with TAG_REF */
	CacheItem	item;			/* OP_SET; OP_KEY: its key */
} Op;

typedef struct KeyIndex
{
	CacheKey	key;
	Op		   *op;
} KeyIndex;

typedef struct RefIndex
{
	uint32		ref;
	Op		   *op;
} RefIndex;

/* A lease granted in this transaction goes back if the transaction does. */
typedef struct Grant
{
	dlist_node	node;
	CacheKey	key;
	int64		token;
	int			level;
	uint64		seq;
} Grant;

static MemoryContext cxt = NULL;
static HTAB *by_key = NULL;
static HTAB *by_ref = NULL;
static dlist_head ops = DLIST_STATIC_INIT(ops);
static dlist_head grants = DLIST_STATIC_INIT(grants);
static Size used = 0;
static uint64 last_seq = 0;
static int	ninvalidations = 0;

static uint64 begin_stamp = 0;	/* 0: not asked for in this transaction */
static uint64 last_end_stamp = 0;

static void xact_event(XactEvent event, void *arg);
static void subxact_event(SubXactEvent event, SubTransactionId mine,
						  SubTransactionId parent, void *arg);
static void exit_event(int code, Datum arg);
static void prepare_memory(void);
static Op  *append(OpType type, Size extra);
static Op  *latest_key(const CacheKey *key);
static Op  *latest_ref(uint32 ref);
static void drop_op(Op *op);
static void raise_fences(void);
static void settle(uint64 stamp);
static void lower_fences(void);
static void publish(Op *op, uint64 stamp, int64 now);
static void release_grants(int level);
static void refuse_prepare(void);
static void forget(void);

void
pending_init(void)
{
	RegisterXactCallback(xact_event, NULL);
	RegisterSubXactCallback(subxact_event, NULL);
}

bool
pending_any(void)
{
	return !dlist_is_empty(&ops);
}

/*
 * The clock's reading bounds it too: should the wall clock step back later,
 * coming stamps are still later than this.
 */
uint64
pending_begin_stamp(void)
{
	if (begin_stamp == 0)
	{
		uint64		start = (uint64) GetCurrentTransactionStartTimestamp() - 1;

		begin_stamp = Min(Max(start, last_end_stamp), epoch_clock());
	}
	return begin_stamp;
}

static void
prepare_memory(void)
{
	static bool registered = false;
	HASHCTL		keys = {.keysize = sizeof(CacheKey), .entrysize = sizeof(KeyIndex)};
	HASHCTL		refs = {.keysize = sizeof(uint32), .entrysize = sizeof(RefIndex)};

	if (!registered)
	{
		before_shmem_exit(exit_event, (Datum) 0);
		registered = true;
	}
	if (cxt == NULL)
		cxt = AllocSetContextCreate(TopMemoryContext, "agentcore cache pending", ALLOCSET_DEFAULT_SIZES);
	keys.hcxt = refs.hcxt = cxt;
	if (by_key == NULL)
		by_key = hash_create("agentcore pending keys", 64, &keys, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	if (by_ref == NULL)
		by_ref = hash_create("agentcore pending refs", 64, &refs, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static Op *
latest_key(const CacheKey *key)
{
	KeyIndex   *found = by_key ? hash_search(by_key, key, HASH_FIND, NULL) : NULL;

	return found ? found->op : NULL;
}

static Op *
latest_ref(uint32 ref)
{
	RefIndex   *found = by_ref ? hash_search(by_ref, &ref, HASH_FIND, NULL) : NULL;

	return found ? found->op : NULL;
}

static inline uint64
seq_of(const Op *op)
{
	return op ? op->seq : 0;
}

/* The latest invalidation of a tag among these, 0 if none. */
static uint64
tags_seq(const CacheRefs *refs)
{
	uint64		seq = 0;

	for (int i = 0; i < refs->ntags; i++)
		seq = Max(seq, seq_of(latest_ref(TAG_REF | refs->tag[i])));
	return seq;
}

bool
pending_hides_tags(const CacheRefs *refs)
{
	return ninvalidations > 0 && tags_seq(refs) > 0;
}

static uint64
slots_seq(const CacheRefs *refs)
{
	return Max(seq_of(latest_ref(refs->tool)), seq_of(latest_ref(refs->tenant)));
}

/* What this transaction itself says about a key; tags of refs are not looked at. */
CacheOwn
pending_own(const CacheKey *key, const CacheRefs *refs, CacheItem **item)
{
	Op		   *op = latest_key(key);
	uint64		hidden = slots_seq(refs);

	if (op != NULL && op->type == OP_SET)
	{
		hidden = Max(hidden, tags_seq(&op->item.refs));
		if (op->seq > hidden)
		{
			*item = &op->item;
			return CACHE_OWN_SET;
		}
	}
	return op != NULL || hidden > 0 ? CACHE_OWN_HIDDEN : CACHE_OWN_NONE;
}

static Op *
append(OpType type, Size extra)
{
	Op		   *op;

	prepare_memory();
	op = MemoryContextAllocZero(cxt, sizeof(Op) + extra);
	op->type = type;
	op->level = GetCurrentTransactionNestLevel();
	op->seq = ++last_seq;
	return op;
}

/* Into the index and the log; only entering the index can run out of memory. */
static void
append_by_key(Op *op)
{
	bool		found;
	KeyIndex   *index = hash_search(by_key, &op->item.key, HASH_ENTER, &found);

	op->shadowed = found ? index->op : NULL;
	index->op = op;
	dlist_push_tail(&ops, &op->node);
	used += sizeof(Op) + op->item.len;
	ninvalidations += op->type != OP_SET;

	/* what the same subtransaction set before can never come back */
	if (op->shadowed && op->shadowed->level == op->level && op->shadowed->type == OP_SET)
	{
		Op		   *gone = op->shadowed;

		op->shadowed = gone->shadowed;
		dlist_delete(&gone->node);
		used -= sizeof(Op) + gone->item.len;
		pfree(gone);
	}
}

/* false past agentcore.cache_pending_max */
bool
pending_add_set(const CacheItem *item)
{
	Op		   *op;

	if (used + sizeof(Op) + item->len > (Size) agc_cache_pending_max * 1024)
	{
		stat_count(CC_REFUSED_PENDING);
		return false;
	}
	op = append(OP_SET, item->len);
	op->item = *item;
	op->item.data = (char *) (op + 1);
	memcpy(op->item.data, item->data, item->len);
	append_by_key(op);
	return true;
}

void
pending_invalidate_key(const CacheKey *key, const CacheRefs *refs)
{
	Op		   *op = latest_key(key);

	if (op != NULL && op->type == OP_KEY && op->level == GetCurrentTransactionNestLevel())
	{
		op->seq = ++last_seq;
		return;
	}
	if (used + sizeof(Op) > (Size) agc_cache_pending_max * 1024)
	{
		pending_invalidate_slot(refs->tool);
		return;
	}
	op = append(OP_KEY, 0);
	op->item.key = *key;
	append_by_key(op);
	stat_count(CC_INVALIDATIONS);
}

/* There are only so many slots and tags, so these need no cap. */
static void
invalidate_ref(uint32 ref)
{
	Op		   *op = latest_ref(ref);
	RefIndex   *index;
	bool		found;

	if (op != NULL && op->level == GetCurrentTransactionNestLevel())
	{
		op->seq = ++last_seq;
		return;
	}
	op = append(OP_REF, 0);
	op->ref = ref;
	index = hash_search(by_ref, &ref, HASH_ENTER, &found);
	op->shadowed = found ? index->op : NULL;
	index->op = op;
	dlist_push_tail(&ops, &op->node);
	used += sizeof(Op);
	ninvalidations++;
	stat_count(CC_INVALIDATIONS);
}

void
pending_invalidate_slot(uint32 slot)
{
	invalidate_ref(slot);
}

void
pending_invalidate_tag(uint16 tag)
{
	invalidate_ref(TAG_REF | tag);
}

/*
 * Called after the lease was granted: should memory run out just here, the
 * lease ends by time.
 */
void
pending_add_grant(const CacheKey *key, int64 token)
{
	Grant	   *grant;

	prepare_memory();
	grant = MemoryContextAlloc(cxt, sizeof(Grant));
	grant->key = *key;
	grant->token = token;
	grant->level = GetCurrentTransactionNestLevel();
	grant->seq = ++last_seq;
	dlist_push_tail(&grants, &grant->node);
}

/* A lease granted after our own latest invalidation is not touched by it. */
CacheFillState
pending_fill_state(const CacheKey *key, int64 token, const CacheRefs *refs)
{
	uint64		hidden = Max(slots_seq(refs), tags_seq(refs));
	dlist_iter	iter;

	for (Op *op = latest_key(key); op != NULL; op = op->shadowed)
		if (op->type == OP_KEY)
			hidden = Max(hidden, op->seq);
	if (hidden == 0)
		return CACHE_FILL_LEASE;
	dlist_foreach(iter, &grants)
	{
		Grant	   *grant = dlist_container(Grant, node, iter.cur);

		if (grant->token == token && grant->seq > hidden)
			return CACHE_FILL_SET;
	}
	return CACHE_FILL_LOST;
}

/* The tail of the log, so nothing shadows it. */
static void
drop_op(Op *op)
{
	if (op->type == OP_REF)
	{
		RefIndex   *index = hash_search(by_ref, &op->ref, HASH_FIND, NULL);

		index->op = op->shadowed;
		if (index->op == NULL)
			hash_search(by_ref, &op->ref, HASH_REMOVE, NULL);
	}
	else
	{
		KeyIndex   *index = hash_search(by_key, &op->item.key, HASH_FIND, NULL);

		index->op = op->shadowed;
		if (index->op == NULL)
			hash_search(by_key, &op->item.key, HASH_REMOVE, NULL);
	}
	dlist_delete(&op->node);
	used -= sizeof(Op) + op->item.len;
	ninvalidations -= op->type != OP_SET;
	pfree(op);
}

static CacheEpoch *
epoch_of_ref(uint32 ref)
{
	return ref & TAG_REF ? epoch_of_tag(ref & ~TAG_REF) : epoch_of_slot(ref);
}

static void
raise_fences(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &ops)
	{
		Op		   *op = dlist_container(Op, node, iter.cur);

		if (op->type == OP_REF)
			epoch_fence(epoch_of_ref(op->ref));
		else if (op->type == OP_KEY)
		{
			CachePart  *part = store_part(&op->item.key);

			LWLockAcquire(part->lock, LW_EXCLUSIVE);
			store_key_epoch(part, &op->item.key)->fences++;
			LWLockRelease(part->lock);
		}
		op->fenced = op->type != OP_SET;
	}
}

static void
settle_key(Op *op, uint64 stamp)
{
	CacheKey   *key = &op->item.key;
	CachePart  *part = store_part(key);
	CacheKeyEpoch *epoch = store_key_epoch(part, key);
	CacheLease *lease;
	bool		lost = false;
	uint32		index;

	LWLockAcquire(part->lock, LW_EXCLUSIVE);
	op->foreign = epoch->stamp > pending_begin_stamp() && epoch->stamp != stamp;
	epoch->stamp = Max(epoch->stamp, stamp);
	if (op->fenced)
		epoch->fences--;
	index = store_find(part, key);
	if (index != CACHE_NONE)
		store_remove(part, index);
	lease = lease_find(part, key);
	if (lease != NULL)
	{
		lease_free(part, lease);
		lost = true;
	}
	LWLockRelease(part->lock);
	if (lost)
		lease_wake(key);
}

/* After this no value computed before the stamp is served or stored. */
static void
settle(uint64 stamp)
{
	dlist_iter	iter;

	dlist_foreach(iter, &ops)
	{
		Op		   *op = dlist_container(Op, node, iter.cur);

		if (op->type == OP_KEY)
			settle_key(op, stamp);
		else if (op->type == OP_REF)
		{
			CacheEpoch *epoch = epoch_of_ref(op->ref);
			uint64		old = epoch_settle(epoch, stamp);

			op->foreign = old > pending_begin_stamp() && old != stamp;
			if (op->fenced)
				epoch_unfence(epoch);
		}
		op->fenced = false;
	}
}

static void
lower_fences(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &ops)
	{
		Op		   *op = dlist_container(Op, node, iter.cur);

		if (!op->fenced)
			continue;
		op->fenced = false;
		if (op->type == OP_REF)
			epoch_unfence(epoch_of_ref(op->ref));
		else
		{
			CachePart  *part = store_part(&op->item.key);

			LWLockAcquire(part->lock, LW_EXCLUSIVE);
			store_key_epoch(part, &op->item.key)->fences--;
			LWLockRelease(part->lock);
		}
	}
}

/*
 * How one target's own invalidations bear on a set: NOTHING, it was set after
 * them (MINE), or it must be dropped because one came later or because they
 * met somebody else's.
 */
typedef enum Bearing
{
	BEARS_NOTHING,
	BEARS_MINE,
	BEARS_DROP
} Bearing;

static Bearing
bearing_of(const Op *latest, uint64 set_seq)
{
	Bearing		bearing = BEARS_NOTHING;

	for (const Op *op = latest; op != NULL; op = op->shadowed)
	{
		if (op->type == OP_SET)
			continue;
		if (op->seq > set_seq || op->foreign)
			return BEARS_DROP;
		bearing = BEARS_MINE;
	}
	return bearing;
}

/* Stores one set, unless something speaks against it. */
static void
publish(Op *op, uint64 stamp, int64 now)
{
	CacheItem	item = op->item;
	uint64		begin = pending_begin_stamp();
	Bearing		key = bearing_of(op->shadowed, op->seq);
	uint32		ref[2 + CACHE_MAX_TAGS] = {item.refs.tool, item.refs.tenant};
	bool		mine = key == BEARS_MINE;
	bool		drop = key == BEARS_DROP;

	if (latest_key(&item.key) != op)
		return;					/* set or invalidated again later */
	for (int i = 0; i < item.refs.ntags; i++)
		ref[2 + i] = TAG_REF | item.refs.tag[i];
	for (int i = 0; i < 2 + item.refs.ntags && !drop; i++)
	{
		Bearing		bearing = bearing_of(latest_ref(ref[i]), op->seq);

		if (bearing == BEARS_NOTHING)
			drop = item.lease == 0 && !epoch_open(epoch_of_ref(ref[i]), begin);
		else
			drop = bearing == BEARS_DROP;
		mine |= bearing == BEARS_MINE;
	}

	/* a lease from before our own invalidation is lost like anybody's */
	if (drop || (mine && item.lease != 0))
	{
		stat_count(CC_REFUSED_INVALIDATED);
		if (item.lease != 0)
			lease_release(&item.key, item.lease);
		return;
	}
	item.born = mine ? stamp : begin;
	item.key_born = key == BEARS_MINE ? stamp : begin;
	(void) cache_put(&item, now);
}

static void
commit(void)
{
	uint64		stamp = ninvalidations > 0 ? epoch_tick() : 0;
	int64		now = agc_now();
	dlist_iter	iter;

	settle(stamp);
	dlist_foreach(iter, &ops)
	{
		Op		   *op = dlist_container(Op, node, iter.cur);

		if (op->type == OP_SET)
			publish(op, stamp, now);
	}
}

static void
release_grants(int level)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &grants)
	{
		Grant	   *grant = dlist_container(Grant, node, iter.cur);

		if (grant->level < level)
			continue;
		lease_release(&grant->key, grant->token);
		dlist_delete(&grant->node);
		pfree(grant);
	}
}

/* A prepared transaction may end in another process, which knows none of this. */
static void
refuse_prepare(void)
{
	dlist_iter	iter;
	bool		fills = !dlist_is_empty(&grants);

	dlist_foreach(iter, &ops)
		fills |= dlist_container(Op, node, iter.cur)->item.lease != 0;
	if (ninvalidations > 0 || fills)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot PREPARE a transaction that has %s",
						ninvalidations > 0 ? "invalidated cache entries" : "used cache leases"),
				 errhint("Invalidate after COMMIT PREPARED, in a transaction of its own.")));
}

static void
forget(void)
{
	if (cxt != NULL)
		MemoryContextReset(cxt);
	by_key = by_ref = NULL;
	dlist_init(&ops);
	dlist_init(&grants);
	used = 0;
	ninvalidations = 0;
	last_seq = 0;
}

static void
xact_event(XactEvent event, void *arg)
{
	if (cache_shmem == NULL)
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			raise_fences();
			return;
		case XACT_EVENT_PRE_PREPARE:
			refuse_prepare();
			return;
		case XACT_EVENT_COMMIT:
			if (pending_any())
				commit();
			break;
		case XACT_EVENT_ABORT:
			lease_wait_end();
			lower_fences();
			release_grants(0);
			break;
		case XACT_EVENT_PREPARE:
			break;
		default:
			return;
	}
	if (last_seq > 0)
		forget();
	begin_stamp = 0;
	last_end_stamp = epoch_clock();
	stat_flush();
}

static void
subxact_event(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	int			level = GetCurrentTransactionNestLevel();

	if (event == SUBXACT_EVENT_ABORT_SUB)
		lease_wait_end();
	if (last_seq == 0)
		return;
	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		while (!dlist_is_empty(&ops) &&
			   dlist_tail_element(Op, node, &ops)->level >= level)
			drop_op(dlist_tail_element(Op, node, &ops));
		release_grants(level);
	}
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
	{
		dlist_iter	iter;

		dlist_reverse_foreach(iter, &ops)
		{
			Op		   *op = dlist_container(Op, node, iter.cur);

			if (op->level < level)
				break;
			op->level = level - 1;
		}
		dlist_reverse_foreach(iter, &grants)
		{
			Grant	   *grant = dlist_container(Grant, node, iter.cur);

			if (grant->level < level)
				break;
			grant->level = level - 1;
		}
	}
}

/* Comes before the abort of what is still open. */
static void
exit_event(int code, Datum arg)
{
	if (cache_shmem == NULL || last_seq == 0)
		return;
	if (ninvalidations > 0)
	{
		dlist_iter	iter;
		bool		fenced = false;

		dlist_foreach(iter, &ops)
			fenced |= dlist_container(Op, node, iter.cur)->fenced;
		if (fenced)
			settle(epoch_tick());
	}
	release_grants(0);
	forget();
}
