/*
 * pause.c
 *	  A target that asked to be left alone is left alone, by all processes.
 *
 * The pause stands in the slot of the gate's breaker, so that one look finds
 * both.  It is not transactional: the target said so, whatever becomes of the
 * transaction that heard it.  It is the word of the other side, or of the worker
 * that reports it, so it is cut at agentcore.max_target_pause; and it only ever
 * becomes longer, so that of several answers the latest time counts.
 *
 * A breaker that is forced closed ends the pause: for this, the end waits for
 * COMMIT, because the setting goes with a ROLLBACK.
 *
 * Locking: the LWLock of the slot's partition; nothing in the locked section
 * raises an ERROR.  Memory: shared slots; what waits for COMMIT in
 * TopTransactionContext.  On ERROR: what waits goes with its subtransaction.
 */
#include "retry/pause.h"

#include "access/xact.h"
#include "retry/watch.h"
#include "utils/memutils.h"

typedef struct PendingEnd
{
	SubTransactionId subid;
	char	   *tenant;
	char	   *target;
} PendingEnd;

static List *pending_ends = NIL;

/* ----- the pause ------------------------------------------------------------ */

void
pause_begin(const char *tenant, const char *target, int64 asked)
{
	int64		cap = agc_max_target_pause * USECS_PER_SEC;
	SlotKey		key;
	SlotPartition *part;
	int64		now;
	int64		free_at;
	int			slot;

	if (asked <= 0 || cap == 0 || !slot_table_ready(&watch_slots))
		return;
	slot_key(&watch_slots, &key, WATCH_GATE, tenant, target);
	part = slot_lock(&watch_slots, &key, LW_EXCLUSIVE);
	now = slot_clock();
	slot = slot_claim(&watch_slots, part, &key, now, &free_at);
	if (slot >= 0)
	{
		Watch	   *watch = slot_state(&watch_slots, part, slot);

		watch->paused_until = Max(watch->paused_until, now + Min(asked, cap));
		part->busy_until[slot] = watch_busy_until(watch);
	}
	slot_unlock(&watch_slots, &key);
}

/* Raises nothing: COMMIT calls it.  The key was made before. */
static bool
end_pause(const SlotKey *key)
{
	SlotPartition *part = slot_lock(&watch_slots, key, LW_EXCLUSIVE);
	int			slot = slot_find(&watch_slots, part, key);
	bool		paused = false;

	if (slot >= 0)
	{
		Watch	   *watch = slot_state(&watch_slots, part, slot);

		paused = watch->paused_until > slot_clock();
		watch->paused_until = 0;
		part->busy_until[slot] = watch_busy_until(watch);
	}
	slot_unlock(&watch_slots, key);
	return paused;
}

bool
pause_end(const char *tenant, const char *target)
{
	SlotKey		key;

	if (!slot_table_ready(&watch_slots))
		return false;
	slot_key(&watch_slots, &key, WATCH_GATE, tenant, target);
	return end_pause(&key);
}

/* ----- at COMMIT ------------------------------------------------------------- */

void
pause_end_at_commit(const char *tenant, const char *target)
{
	MemoryContext old;
	PendingEnd *end;

	if (!slot_table_ready(&watch_slots))
		return;
	slot_note_installation();
	old = MemoryContextSwitchTo(TopTransactionContext);
	end = palloc(sizeof(PendingEnd));
	end->subid = GetCurrentSubTransactionId();
	end->tenant = pstrdup(tenant);
	end->target = pstrdup(target);
	pending_ends = lappend(pending_ends, end);
	MemoryContextSwitchTo(old);
}

static void
at_xact(XactEvent event, void *arg)
{
	ListCell   *cell;

	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE)
		foreach(cell, pending_ends)
		{
			PendingEnd *end = lfirst(cell);
			SlotKey		key;

			slot_known_key(&watch_slots, &key, WATCH_GATE, end->tenant, end->target);
			(void) end_pause(&key);
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
		PendingEnd *end = lfirst(cell);

		if (end->subid != mine)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			end->subid = parent;
		else if (event == SUBXACT_EVENT_ABORT_SUB)
			pending_ends = foreach_delete_current(pending_ends, cell);
	}
}

void
pause_init(void)
{
	RegisterXactCallback(at_xact, NULL);
	RegisterSubXactCallback(at_subxact, NULL);
}

/* target_resume(target, tenant) -> boolean */
AGC_FUNCTION(target_resume)
{
	char	   *target = agc_arg_name(fcinfo, 0, "target");
	char	   *tenant = agc_arg_tenant(fcinfo, 1);

	agc_enter(tenant, AGC_ADMIN);
	agc_require_shmem("the pause of a target");
	PG_RETURN_BOOL(pause_end(tenant, target));
}
