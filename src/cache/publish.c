/*
 * publish.c
 *	  The cache at COMMIT and ROLLBACK.
 *
 * PRE_COMMIT	raise a fence on everything invalidated: from here to the end
 *				the commit may become visible at any moment, so others read
 *				misses and may store nothing.
 * COMMIT		settle (stamp, delete, lower the fence), then insert the sets.
 *				Nothing here can fail; a set may be dropped and counted.
 * ABORT		lower the fences and forget.
 *
 * A set is dropped if what it depends on was invalidated by another transaction
 * after this one began: the value may rest on rows of before.
 * pending_begin_stamp() says when it began, on the clock of epoch.c.
 *
 * Locking: partition locks, one at a time, in the callbacks.
 * Memory: none; pending.c holds it, and nothing is allocated here.
 * On ERROR, FATAL: the abort callback; at exit before that, before_shmem_exit
 * settles what is fenced, which costs misses at most.
 */
#include "cache/publish.h"
#include "cache/dump_file.h"
#include "cache/fill.h"
#include "cache/lease.h"
#include "cache/pending.h"
#include "cache/stat.h"

#include "access/xact.h"

static void xact_event(XactEvent event, void *arg);
static void settle_at_exit(int code, Datum arg);
static void subxact_event(SubXactEvent event, SubTransactionId mine,
						  SubTransactionId parent, void *arg);

void
publish_init(void)
{
	pending_init(settle_at_exit);
	RegisterXactCallback(xact_event, NULL);
	RegisterSubXactCallback(subxact_event, NULL);
}

static bool
ref_open(uint32 ref, uint64 born)
{
	return ref & TAG_REF ? tag_open(tag_ref_tenant(ref), tag_ref_tag(ref), born) :
		epoch_open(name_epoch(ref), born);
}

static void
fence_ref(Op *op)
{
	if (op->ref & TAG_REF)
		op->way = tag_fence(tag_ref_tenant(op->ref), tag_ref_tag(op->ref));
	else
		epoch_fence(name_epoch(op->ref));
	op->fenced = true;
}

static void
unfence_ref(Op *op)
{
	if (op->ref & TAG_REF)
		tag_unfence(tag_ref_tag(op->ref), op->way);
	else
		epoch_unfence(name_epoch(op->ref));
}

static void
raise_fences(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &pending_ops)
	{
		Op		   *op = dlist_container(Op, node, iter.cur);

		if (op->type == OP_REF)
			fence_ref(op);
		else if (op->type == OP_KEY)
		{
			CachePart  *part = area_part(&op->item.key);

			LWLockAcquire(part->lock, LW_EXCLUSIVE);
			area_fence(part, &op->item.key);
			LWLockRelease(part->lock);
			op->fenced = true;
		}
	}
}

static void
settle_key(Op *op, uint64 stamp)
{
	CacheKey   *key = &op->item.key;
	CachePart  *part = area_part(key);
	CacheKeyEpoch *epoch = area_key_epoch(part, key);
	CacheLease *lease;
	bool		lost = false;
	uint32		index;

	LWLockAcquire(part->lock, LW_EXCLUSIVE);
	op->foreign = epoch->stamp > pending_begin_stamp() && epoch->stamp != stamp;
	epoch->stamp = epoch->stamp > stamp ? epoch_tick() : stamp;
	if (op->fenced)
		epoch->fences--;
	index = area_find(part, key);
	if (index != CACHE_NONE)
		entry_remove(part, index);
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

/* An invalidation that came too late to be fenced needs a tag's way all the same. */
static void
settle_ref(Op *op, uint64 stamp)
{
	uint64		old;

	if (!op->fenced)
		fence_ref(op);
	old = op->ref & TAG_REF ? tag_settle(tag_ref_tag(op->ref), op->way, stamp) :
		epoch_settle(name_epoch(op->ref), stamp);
	op->foreign = old > pending_begin_stamp() && old != stamp;
	unfence_ref(op);
}

/* Called at COMMIT: an invalidation that is rolled back is not counted. */
static void
count_invalidation(const Op *op)
{
	if (!op->counts)
		return;
	stat_count(CC_INVALIDATIONS);
	if (op->type == OP_KEY)
		stat_tool_add(op->item.refs.tool, CT_INVALIDATIONS, 1);
	else if ((op->ref & TAG_REF) == 0)
		stat_tool_add(op->ref, CT_INVALIDATIONS, 1);
}

/* After this no value computed before the stamp is served or stored. */
static void
settle(uint64 stamp)
{
	bool		leases = false;
	dlist_iter	iter;

	dlist_foreach(iter, &pending_ops)
	{
		Op		   *op = dlist_container(Op, node, iter.cur);

		if (op->type == OP_KEY)
			settle_key(op, stamp);
		else if (op->type == OP_REF)
		{
			settle_ref(op, stamp);
			leases |= (op->ref & TAG_REF) == 0;
		}
		count_invalidation(op);
		op->fenced = false;
	}
	if (leases)
		lease_wake_all();
}

static void
lower_fences(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &pending_ops)
	{
		Op		   *op = dlist_container(Op, node, iter.cur);

		if (!op->fenced)
			continue;
		op->fenced = false;
		if (op->type == OP_REF)
			unfence_ref(op);
		else
		{
			CachePart  *part = area_part(&op->item.key);

			LWLockAcquire(part->lock, LW_EXCLUSIVE);
			area_unfence(part, &op->item.key);
			LWLockRelease(part->lock);
		}
	}
}

/*
 * How this transaction's invalidations of one target bear on a set: there are
 * none (NOTHING), it was set after them (MINE), or it must be dropped because one
 * came later or because they met another transaction's (DROP).
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
	uint32		ref[2 + AGC_MAX_TAGS] = {item.refs.tool, item.refs.tenant};
	bool		mine = key == BEARS_MINE;
	bool		drop = key == BEARS_DROP;

	if (pending_latest_key(&item.key) != op)
		return;					/* set or invalidated again later */
	for (int i = 0; i < item.refs.ntags; i++)
		ref[2 + i] = tag_ref(item.refs.tenant, item.refs.tag[i]);
	for (int i = 0; i < 2 + item.refs.ntags && !drop; i++)
	{
		Bearing		bearing = bearing_of(pending_latest_ref(ref[i]), op->seq);

		if (bearing == BEARS_NOTHING)
			drop = item.lease == 0 && !ref_open(ref[i], begin);
		else
			drop = bearing == BEARS_DROP;
		mine |= bearing == BEARS_MINE;
	}

	/* a lease from before our own invalidation is lost like any other */
	if (drop || (mine && item.lease != 0))
	{
		stat_refused(CC_REFUSED_INVALIDATED, item.refs.tool);
		if (item.lease != 0)
			lease_release(&item.key, item.lease);
		return;
	}
	item.born = mine ? stamp : begin;
	item.key_born = key == BEARS_MINE ? stamp : begin;
	(void) fill_store(&item, now);
}

static void
commit(void)
{
	uint64		stamp = pending_invalidations > 0 ? epoch_tick() : 0;
	int64		now = agc_now();
	dlist_iter	iter;

	AGC_TEST_POINT_HELD("cache_commit_stamped");
	settle(stamp);
	AGC_TEST_POINT_HELD("cache_commit_settled");
	dlist_foreach(iter, &pending_ops)
	{
		Op		   *op = dlist_container(Op, node, iter.cur);

		if (op->type == OP_SET)
			publish(op, stamp, now);
	}
}

/* A prepared transaction may end in another process, which knows none of this. */
static void
refuse_prepare(void)
{
	dlist_iter	iter;
	bool		fills = !dlist_is_empty(&pending_grants);

	dlist_foreach(iter, &pending_ops)
		fills |= dlist_container(Op, node, iter.cur)->item.lease != 0;
	if (pending_invalidations > 0 || fills)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot PREPARE a transaction that has %s",
						pending_invalidations > 0 ? "invalidated cache entries" : "used cache leases"),
				 errhint("Invalidate after COMMIT PREPARED, in a transaction of its own.")));
}

static void
xact_event(XactEvent event, void *arg)
{
	if (cache_shmem == NULL)
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			/* in this order: a dump that begins after it was revoked leaves out what is fenced */
			raise_fences();
			if (pending_invalidations > 0)
			{
				AGC_TEST_POINT("cache_commit_fenced");
				dump_file_revoke_or_fail();
			}
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
			pending_release_grants(0);
			break;
		case XACT_EVENT_PREPARE:
			break;
		default:
			return;
	}
	pending_end();
	stat_flush();
}

static void
subxact_event(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	int			level = GetCurrentTransactionNestLevel();

	if (event == SUBXACT_EVENT_ABORT_SUB)
		lease_wait_end();
	if (!pending_used())
		return;
	if (event == SUBXACT_EVENT_ABORT_SUB)
		pending_drop(level);
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
		pending_merge(level);
}

/* Comes before the abort of what is still open. */
static void
settle_at_exit(int code, Datum arg)
{
	if (cache_shmem == NULL || !pending_used())
		return;
	if (pending_invalidations > 0)
	{
		dlist_iter	iter;
		bool		fenced = false;

		dlist_foreach(iter, &pending_ops)
			fenced |= dlist_container(Op, node, iter.cur)->fenced;
		if (fenced)
			settle(epoch_tick());
	}
	pending_release_grants(0);
	pending_forget();
}
