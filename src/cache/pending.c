/*
 * pending.c
 *	  What this transaction has set, filled and invalidated so far.
 *
 * Each step is kept in a log with the nesting level of its subtransaction, and
 * two indexes find the latest one for a key, and for a name or tag.  ROLLBACK
 * TO drops the log's tail; publish.c carries the rest out at COMMIT.
 *
 * One level keeps at most an invalidation of each target and, after it, a set:
 * what a released subtransaction adds is folded into its parent's.  So a loop
 * with an exception block leaves as much as one without.
 *
 * Locking: the partition's lock to give leases back and to ask for lost ones.
 * Memory: one context, reset at transaction end, capped by
 * agentcore.cache_pending_max.  Past the cap sets are refused, invalidations of
 * a key widen to their tool, and those of a tool, tenant or tag that an outer
 * level has invalidated already become that level's: there are only so many.
 * Leases are counted too; lost ones are dropped, so that there are never more
 * than twice those that the server can hold.
 * On ERROR: the abort callbacks in publish.c drop what the (sub)transaction
 * logged; a step is entered whole or not at all.
 */
#include "cache/pending.h"
#include "cache/lease.h"
#include "cache/stat.h"

#include "access/xact.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

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

dlist_head	pending_ops = DLIST_STATIC_INIT(pending_ops);
dlist_head	pending_grants = DLIST_STATIC_INIT(pending_grants);
int			pending_invalidations = 0;

static MemoryContext cxt = NULL;
static HTAB *by_key = NULL;
static HTAB *by_ref = NULL;
static HTAB *by_token = NULL;
static Size used = 0;
static uint64 last_seq = 0;

static pg_on_exit_callback exit_callback = NULL;	/* until it is registered */

static uint64 begin_stamp = 0;	/* 0: not asked for in this transaction */
static uint64 last_end_stamp = 0;

static void prepare_memory(void);
static Op  *append(OpType type, Size extra);
static void append_by_key(Op *op);
static void remember(Op *op);
static void collapse(Op *op);
static void drop_op(Op *op);
static void drop_grant(Grant *grant);
static void drop_lost_grants(void);

/* What an index takes for an element, with its place in the directory. */
#define INDEX_COST(Element) \
	(MAXALIGN(sizeof(HASHELEMENT)) + MAXALIGN(sizeof(Element)) + sizeof(void *))

/* at_exit: registered when a backend has something pending for the first time */
void
pending_init(pg_on_exit_callback at_exit)
{
	exit_callback = at_exit;
}

/*
 * The later of the transaction's start and the end of this backend's previous
 * one.  The stamps' clock bounds it too: if the wall clock steps back later,
 * coming stamps are still later than this.  If it has stepped back already, stamps
 * may have been given since the transaction began that are earlier than its
 * start: then only the transaction before is a bound.
 */
uint64
pending_begin_stamp(void)
{
	if (begin_stamp == 0)
	{
		TimestampTz start = agc_xact_start();
		uint64		bound = start <= agc_now() ? Max((uint64) start - 1, last_end_stamp) : last_end_stamp;

		begin_stamp = Min(bound, epoch_clock());
	}
	return begin_stamp;
}

/* Whether there is anything to forget at transaction end. */
bool
pending_used(void)
{
	return last_seq > 0;
}

bool
pending_any(void)
{
	return !dlist_is_empty(&pending_ops);
}

static void
prepare_memory(void)
{
	HASHCTL		keys = {.keysize = sizeof(CacheKey), .entrysize = sizeof(KeyIndex)};
	HASHCTL		refs = {.keysize = sizeof(uint32), .entrysize = sizeof(RefIndex)};
	HASHCTL		tokens = {.keysize = sizeof(int64), .entrysize = sizeof(Grant)};

	if (exit_callback != NULL)
	{
		before_shmem_exit(exit_callback, (Datum) 0);
		exit_callback = NULL;
	}
	if (cxt == NULL)
		cxt = AllocSetContextCreate(TopMemoryContext, "agentcore cache pending", ALLOCSET_DEFAULT_SIZES);
	keys.hcxt = refs.hcxt = tokens.hcxt = cxt;
	if (by_key == NULL)
		by_key = hash_create("agentcore pending keys", 64, &keys, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	if (by_ref == NULL)
		by_ref = hash_create("agentcore pending refs", 64, &refs, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	if (by_token == NULL)
		by_token = hash_create("agentcore pending leases", 64, &tokens, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

Op *
pending_latest_key(const CacheKey *key)
{
	KeyIndex   *found = by_key ? hash_search(by_key, key, HASH_FIND, NULL) : NULL;

	return found ? found->op : NULL;
}

Op *
pending_latest_ref(uint32 ref)
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
		seq = Max(seq, seq_of(pending_latest_ref(tag_ref(refs->tenant, refs->tag[i]))));
	return seq;
}

bool
pending_hides_tags(const CacheRefs *refs)
{
	return pending_invalidations > 0 && tags_seq(refs) > 0;
}

static uint64
names_seq(const CacheRefs *refs)
{
	return Max(seq_of(pending_latest_ref(refs->tool)), seq_of(pending_latest_ref(refs->tenant)));
}

/* What this transaction itself says about a key; tags of refs are not looked at. */
CacheOwn
pending_own(const CacheKey *key, const CacheRefs *refs, CacheItem **item)
{
	Op		   *op = pending_latest_key(key);
	uint64		hidden = names_seq(refs);

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

/* What the step takes: the allocator rounds up, and the index has an element for it. */
static Size
cost_of(Op *op)
{
	return GetMemoryChunkSpace(op) +
		(op->type == OP_REF ? INDEX_COST(RefIndex) : INDEX_COST(KeyIndex));
}

static bool
past_cap(Size more)
{
	return used + more > (Size) agc_cache_pending_max * 1024;
}

/* Into the log, once it is in its index. */
static void
remember(Op *op)
{
	dlist_push_tail(&pending_ops, &op->node);
	used += cost_of(op);
	pending_invalidations += op->type != OP_SET;
	collapse(op);
}

/* Out of the log; the index and what shadows it are the caller's. */
static void
forget(Op *op)
{
	dlist_delete(&op->node);
	used -= cost_of(op);
	pending_invalidations -= op->type != OP_SET;
	pfree(op);
}

/*
 * What the same level did to the target before can never come back: a set is
 * gone, and an invalidation is the same as a later one.
 */
static void
collapse(Op *op)
{
	Op		   *gone;

	while ((gone = op->shadowed) != NULL && gone->level == op->level &&
		   (gone->type == OP_SET || gone->type == op->type))
	{
		if (gone->type == op->type)
			op->counts |= gone->counts;
		op->shadowed = gone->shadowed;
		forget(gone);
	}
}

/* Only entering the index can run out of memory. */
static void
append_by_key(Op *op)
{
	bool		found;
	KeyIndex   *index = hash_search(by_key, &op->item.key, HASH_ENTER, &found);

	op->shadowed = found ? index->op : NULL;
	index->op = op;
	remember(op);
}

/* false past agentcore.cache_pending_max */
bool
pending_add_set(const CacheItem *item)
{
	Op		   *op;

	if (past_cap(sizeof(Op) + item->len))
	{
		stat_refused(CC_REFUSED_PENDING, item->refs.tool);
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
pending_invalidate_key(const CacheKey *key, const CacheRefs *refs, bool counts)
{
	Op		   *op = pending_latest_key(key);

	if (op != NULL && op->type == OP_KEY && op->level == GetCurrentTransactionNestLevel())
	{
		op->seq = ++last_seq;
		op->counts |= counts;
		return;
	}
	if (past_cap(sizeof(Op)))
	{
		pending_invalidate_name(refs->tool, counts);
		return;
	}
	op = append(OP_KEY, 0);
	op->item.key = *key;
	op->item.refs = *refs;
	op->counts = counts;
	append_by_key(op);
}

/*
 * There are only so many names and tags, so the first of each needs no cap.
 * Past it a further one is kept with the outer level's: if that is rolled back,
 * it costs misses.
 */
static void
invalidate_ref(uint32 ref, bool counts)
{
	Op		   *op = pending_latest_ref(ref);
	RefIndex   *index;
	bool		found;

	if (op != NULL && (op->level == GetCurrentTransactionNestLevel() || past_cap(sizeof(Op))))
	{
		op->seq = ++last_seq;
		op->counts |= counts;
		return;
	}
	op = append(OP_REF, 0);
	op->ref = ref;
	op->counts = counts;
	index = hash_search(by_ref, &ref, HASH_ENTER, &found);
	op->shadowed = found ? index->op : NULL;
	index->op = op;
	remember(op);
}

void
pending_invalidate_name(uint32 name, bool counts)
{
	invalidate_ref(name, counts);
}

void
pending_invalidate_tag(uint32 tenant, uint16 tag, bool counts)
{
	invalidate_ref(tag_ref(tenant, tag), counts);
}

/*
 * Called after the lease was granted: if memory runs out just here, the lease
 * ends by time.
 */
void
pending_add_grant(const CacheKey *key, int64 token)
{
	Grant	   *grant;
	bool		found;

	prepare_memory();
	if (hash_get_num_entries(by_token) >= 2 * CACHE_LEASES * cache_shmem->npartitions)
		drop_lost_grants();
	grant = hash_search(by_token, &token, HASH_ENTER, &found);
	if (found)					/* another key's of the same random number, and lost */
		dlist_delete(&grant->node);
	else
		used += INDEX_COST(Grant);
	grant->key = *key;
	grant->level = GetCurrentTransactionNestLevel();
	grant->seq = ++last_seq;
	dlist_push_tail(&pending_grants, &grant->node);
}

static Grant *
find_grant(int64 token)
{
	return by_token ? hash_search(by_token, &token, HASH_FIND, NULL) : NULL;
}

static void
drop_grant(Grant *grant)
{
	dlist_delete(&grant->node);
	used -= INDEX_COST(Grant);
	hash_search(by_token, &grant->token, HASH_REMOVE, NULL);
}

/* A lease that is gone takes no fill and need not be given back. */
static void
drop_lost_grants(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &pending_grants)
	{
		Grant	   *grant = dlist_container(Grant, node, iter.cur);

		if (!lease_is_held(&grant->key, grant->token))
			drop_grant(grant);
	}
}

/* Whether this transaction took the lease. */
bool
pending_granted(int64 token)
{
	return find_grant(token) != NULL;
}

/* A lease granted after our own latest invalidation is not touched by it. */
CacheFillState
pending_fill_state(const CacheKey *key, int64 token, const CacheRefs *refs)
{
	uint64		hidden = Max(names_seq(refs), tags_seq(refs));
	Grant	   *grant;

	for (Op *op = pending_latest_key(key); op != NULL; op = op->shadowed)
		if (op->type == OP_KEY)
			hidden = Max(hidden, op->seq);
	if (hidden == 0)
		return CACHE_FILL_LEASE;
	grant = find_grant(token);
	return grant != NULL && grant->seq > hidden ? CACHE_FILL_SET : CACHE_FILL_LOST;
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
	forget(op);
}

/* ROLLBACK TO: of this level and what was released into it */
void
pending_drop(int level)
{
	while (!dlist_is_empty(&pending_ops) &&
		   dlist_tail_element(Op, node, &pending_ops)->level >= level)
		drop_op(dlist_tail_element(Op, node, &pending_ops));
	pending_release_grants(level);
}

/*
 * RELEASE: the level's work becomes its parent's.  From the end, so that a step
 * is folded into by the later ones of its target before it meets the parent's.
 */
void
pending_merge(int level)
{
	dlist_iter	iter;

	dlist_reverse_foreach(iter, &pending_ops)
	{
		Op		   *op = dlist_container(Op, node, iter.cur);

		if (op->level < level)
			break;
		op->level = level - 1;
		collapse(op);
	}
	dlist_reverse_foreach(iter, &pending_grants)
	{
		Grant	   *grant = dlist_container(Grant, node, iter.cur);

		if (grant->level < level)
			break;
		grant->level = level - 1;
	}
}

/* Those of this level and what was released into it, which are the latest. */
void
pending_release_grants(int level)
{
	while (!dlist_is_empty(&pending_grants))
	{
		Grant	   *grant = dlist_tail_element(Grant, node, &pending_grants);

		if (grant->level < level)
			break;
		lease_release(&grant->key, grant->token);
		drop_grant(grant);
	}
}

void
pending_forget(void)
{
	if (cxt != NULL)
		MemoryContextReset(cxt);
	by_key = by_ref = by_token = NULL;
	dlist_init(&pending_ops);
	dlist_init(&pending_grants);
	used = 0;
	pending_invalidations = 0;
	last_seq = 0;
}

/* At transaction end. */
void
pending_end(void)
{
	if (pending_used())
		pending_forget();
	begin_stamp = 0;
	last_end_stamp = epoch_clock();
}
