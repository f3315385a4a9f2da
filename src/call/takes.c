/*
 * takes.c
 *	  What the current transaction took that ROLLBACK does not return, and what it
 *	  returns when it commits.
 *
 * A cache lease, a half-open probe and a rate token live in shared memory; the
 * permit that stands for them does not outlive a ROLLBACK.  So each is listed
 * here with its subtransaction and given back when that aborts, when the gate
 * refuses the call after all, or when an ERROR ends it.  At COMMIT the list is
 * forgotten: from then on the permit answers for them.  What a call took that was
 * given up before it ran stands in the same list, and is given back at COMMIT.
 *
 * Memory: TopTransactionContext.  Locks: those of the rooms that take things
 * back, which raise no error.  On ERROR: the abort callbacks are the handling.
 */
#include "call/takes.h"

#include "access/xact.h"
#include "call/loop.h"
#include "retry/retry.h"
#include "utils/memutils.h"

typedef struct Take
{
	TakeKind	kind;
	bool		at_commit;		/* else when the transaction aborts */
	SubTransactionId subid;
	CacheKey	key;			/* lease */
	int64		lease;
	char	   *tenant;			/* probe, rate */
	char	   *target;
	int64		tokens;			/* rate, tokens */
	int64		taken_at;		/* slot_clock() */
	uint64		loop_tag;
} Take;

static Take *takes = NULL;
static int	ntakes = 0;
static int	maxtakes = 0;

static Take *add_take(TakeKind kind);
static void give_back(Take *take);
static void undo(Take *take);
static void at_xact(XactEvent event, void *arg);
static void at_subxact(SubXactEvent event, SubTransactionId mine,
					   SubTransactionId parent, void *arg);

void
takes_init(void)
{
	RegisterXactCallback(at_xact, NULL);
	RegisterSubXactCallback(at_subxact, NULL);
}

/* All that can fail happens before the count goes up. */
static Take *
add_take(TakeKind kind)
{
	Take	   *take;

	if (takes == NULL)
	{
		maxtakes = 8;
		takes = MemoryContextAlloc(TopTransactionContext, maxtakes * sizeof(Take));
	}
	else if (ntakes == maxtakes)
	{
		takes = repalloc(takes, maxtakes * 2 * sizeof(Take));
		maxtakes *= 2;
	}
	take = &takes[ntakes];
	memset(take, 0, sizeof(Take));
	take->kind = kind;
	take->subid = GetCurrentSubTransactionId();
	return take;
}

void
takes_add_lease(const CacheKey *key, int64 lease)
{
	Take	   *take = add_take(TAKE_LEASE);

	take->key = *key;
	take->lease = lease;
	ntakes++;
}

void
takes_add_target(TakeKind kind, const char *tenant, const char *target, int64 tokens, int64 taken_at)
{
	Take	   *take = add_take(kind);

	take->tenant = MemoryContextStrdup(TopTransactionContext, tenant);
	take->target = MemoryContextStrdup(TopTransactionContext, target);
	take->tokens = tokens;
	take->taken_at = taken_at;
	ntakes++;
}

void
takes_return_lease(const CacheKey *key, int64 lease)
{
	takes_add_lease(key, lease);
	takes[ntakes - 1].at_commit = true;
}

void
takes_return_target(TakeKind kind, const char *tenant, const char *target, int64 tokens, int64 taken_at)
{
	slot_note_installation();
	takes_add_target(kind, tenant, target, tokens, taken_at);
	takes[ntakes - 1].at_commit = true;
}

void
takes_return_loop(uint64 tag)
{
	Take	   *take = add_take(TAKE_LOOP);

	take->loop_tag = tag;
	take->at_commit = true;
	ntakes++;
}

int
takes_mark(void)
{
	return ntakes;
}

/* A refusal: returns what was taken since the mark. */
void
takes_give_back(int mark)
{
	while (ntakes > mark)
		undo(&takes[--ntakes]);
}

static void
undo(Take *take)
{
	if (!take->at_commit)
		give_back(take);
}

static void
give_back_committed(void)
{
	for (int i = 0; i < ntakes; i++)
		if (takes[i].at_commit)
			give_back(&takes[i]);
}

static void
give_back(Take *take)
{
	switch (take->kind)
	{
		case TAKE_LEASE:
			cache_abandon_lease(&take->key, take->lease);
			break;
		case TAKE_PROBE:
			breaker_give_back(take->tenant, take->target, take->taken_at);
			break;
		case TAKE_RATE:
			rate_target_give_back(take->tenant, take->target, 1, take->tokens, take->taken_at);
			break;
		case TAKE_TOKENS:
			rate_target_give_back(take->tenant, take->target, 0, take->tokens, take->taken_at);
			break;
		case TAKE_LOOP:
			loop_forget(take->loop_tag);
			break;
	}
}

/*
 * PREPARE keeps probe and rate token: the prepared permit answers for them.
 * With a cache lease the cache has refused it.  What a prepared release would
 * give back is not: it ends by itself, with the lease, the period and the window.
 */
static void
at_xact(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
			takes_give_back(0);
			break;
		case XACT_EVENT_COMMIT:
			give_back_committed();
			break;
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PREPARE:
			break;
		default:
			return;
	}
	takes = NULL;
	ntakes = maxtakes = 0;
}

static void
at_subxact(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	/* what a subtransaction and the children released into it took is the latest */
	if (event == SUBXACT_EVENT_COMMIT_SUB)
	{
		for (int i = ntakes - 1; i >= 0 && takes[i].subid == mine; i--)
			takes[i].subid = parent;
	}
	else if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		/* children of an aborting subtransaction were ended before it */
		while (ntakes > 0 && takes[ntakes - 1].subid == mine)
			undo(&takes[--ntakes]);
	}
}
