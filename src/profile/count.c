/*
 * count.c
 *	  Counting calls by tool and model.
 *
 * A call that was judged counts at once: it was asked, and its judging took its
 * time, whatever becomes of the transaction.  The end of a call counts at COMMIT:
 * one that is rolled back did not happen, and the call can be ended again.
 *
 * Locking: that of tally_table.c.  Memory: what waits for COMMIT in
 * TopTransactionContext.  On ERROR: what waits goes with its subtransaction.
 */
#include "profile/count.h"

#include "access/xact.h"
#include "profile/profile.h"
#include "profile/tally_table.h"
#include "utils/memutils.h"

typedef struct PendingEnd
{
	SubTransactionId subid;
	TallyKey	key;
	ProfileEnd	end;
} PendingEnd;

static List *pending_ends = NIL;

void
profile_set_stages(const ProfileStage *stages, int n)
{
	Assert(n <= PROFILE_MAX_STAGES);
	tally_stages = stages;
	tally_nstages = n;
}

bool
profile_counts(void)
{
	return agc_track_timing != PROFILE_TIMING_OFF && tally_table_ready();
}

void
profile_count_begin(const ProfileBegin *begin)
{
	TallyKey	key;

	tally_free_dropped();
	tally_key(&key, &begin->key);
	tally_begin(tally_lock(&key), begin);
	tally_unlock();
}

void
profile_count_end(const ProfileEnd *end)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	PendingEnd *pending = palloc(sizeof(PendingEnd));

	pending->subid = GetCurrentSubTransactionId();
	pending->end = *end;
	pending->end.key.tenant = pstrdup(end->key.tenant);
	if (end->key.name != NULL)
		pending->end.key.name = pstrdup(end->key.name);
	tally_key(&pending->key, &pending->end.key);
	pending_ends = lappend(pending_ends, pending);
	MemoryContextSwitchTo(old);
}

static void
at_xact(XactEvent event, void *arg)
{
	ListCell   *cell;

	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE)
		foreach(cell, pending_ends)
		{
			const PendingEnd *pending = lfirst(cell);
			const TallyKey *key = &pending->key;

			tally_end(pending->end.is_registered ? tally_lock(key) : tally_lock_known(key), &pending->end);
			tally_unlock();
		}
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE || event == XACT_EVENT_ABORT)
		pending_ends = NIL;
}

static void
at_subxact(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	ListCell   *cell;

	foreach(cell, pending_ends)
	{
		PendingEnd *pending = lfirst(cell);

		if (pending->subid != mine)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			pending->subid = parent;
		else if (event == SUBXACT_EVENT_ABORT_SUB)
			pending_ends = foreach_delete_current(pending_ends, cell);
	}
}

void
count_init(void)
{
	RegisterXactCallback(at_xact, NULL);
	RegisterSubXactCallback(at_subxact, NULL);
}
