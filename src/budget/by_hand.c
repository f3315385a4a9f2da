/*
 * by_hand.c
 *	  Counter rows that others write: statements, COPY, restores, logical apply.
 *
 * Such a writer takes no budget's lock, and entries (escrow_judge.c) would not know of its
 * rows.  A trigger on budget_counter, which the extension's own writing does not
 * fire (core/heap.c), says that there is one, at its first row and when its
 * transaction ends.  In between no entry of the database is used or made, so
 * everything is decided by the rows, under row locks.
 *
 * PREPARE TRANSACTION is refused after such a row: nobody would say that it ended.
 *
 * Locks: none.  Memory: a flag per transaction.  On ERROR: the end of the
 * transaction is told all the same.
 */
#include "budget/by_hand.h"

#include "budget/escrow.h"

#include "access/xact.h"
#include "commands/trigger.h"

static bool writing = false;

/* budget_counter_by_hand(): before each row, and before TRUNCATE */
AGC_FUNCTION(budget_counter_by_hand)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("budget_counter_by_hand() must be called as a trigger")));
	if (!writing)
	{
		writing = true;
		escrow_hand_begins();
	}
	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
		PG_RETURN_POINTER(data->tg_newtuple);
	PG_RETURN_POINTER(data->tg_trigtuple);
}

static void
at_end(XactEvent event, void *arg)
{
	if (!writing)
		return;
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
			writing = false;
			escrow_hand_ends();
			break;
		case XACT_EVENT_PRE_PREPARE:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot PREPARE a transaction that has written counters of budgets by hand"),
					 errhint("Use budget_adjust() and budget_reset_window(), or COMMIT.")));
			break;
		default:
			break;
	}
}

void
by_hand_init(void)
{
	RegisterXactCallback(at_end, NULL);
}
