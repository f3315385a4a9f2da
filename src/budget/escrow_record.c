/*
 * escrow_record.c
 *	  What this transaction has done to budgets, until it ends.
 *
 * A record is made when an operation is reserved in an entry, and ends with its
 * (sub)transaction: COMMIT moves it into the entry's base, ROLLBACK drops it.  Both
 * run after the rows have become visible, or invisible, and before any lock is
 * given back.  So whoever gets the exclusive lock finds base and rows alike.
 *
 * PREPARE drops the entries instead, for this session forgets the transaction.  Its
 * shared locks stay, so nobody makes new ones before it is resolved.
 *
 * Locks: escrow_judge.c's.  Memory: one array per session, kept; it grows before anything
 * is reserved, because the end of a transaction must not fail.  On ERROR: the
 * abort of the (sub)transaction ends the records.
 */
#include "budget/escrow.h"

#include "access/xact.h"
#include "utils/memutils.h"

static EscrowRecord *records = NULL;
static int	nrecords = 0;
static int	room = 0;

void
escrow_record_prepare(void)
{
	if (nrecords < room)
		return;
	if (records == NULL)
		records = MemoryContextAlloc(TopMemoryContext, 16 * sizeof(EscrowRecord));
	else
		records = repalloc(records, 2 * room * sizeof(EscrowRecord));
	room = Max(16, 2 * room);
}

void
escrow_record_add(const EscrowRecord *record)
{
	Assert(nrecords < room);
	records[nrecords] = *record;
	records[nrecords++].nest = GetCurrentTransactionNestLevel();
}

void
escrow_record_undo(void)
{
	EscrowRecord *last = &records[--nrecords];

	if (last->ref.entry >= 0)
		escrow_end(last, false);
}

int
escrow_record_count(void)
{
	return nrecords;
}

/* Of one budget, in one subtransaction, in the same windows: they end together. */
static bool
is_same_kind(const EscrowRecord *a, const EscrowRecord *b)
{
	return a->tag == b->tag && a->nest == b->nest && a->ref.entry == b->ref.entry &&
		a->ref.incarnation == b->ref.incarnation && a->nwindows == b->nwindows &&
		memcmp(a->start, b->start, a->nwindows * sizeof(TimestampTz)) == 0;
}

/* The entry counts its records, so one of them is given back there. */
static void
merge_into(EscrowRecord *into, const EscrowRecord *from)
{
	EscrowRecord nothing = {.ref = from->ref, .row = -1};

	for (int dim = 0; dim < BUDGET_NDIMS; dim++)
	{
		into->change.held[dim] += from->change.held[dim];
		into->reserved[dim] += from->reserved[dim];
	}
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
	{
		into->change.used[dim] += from->change.used[dim];
		into->charging[dim] += from->charging[dim];
	}
	for (int w = 0; w < from->nwindows; w++)
		into->change.warned[w] = Max(into->change.warned[w], from->change.warned[w]);
	if (from->row >= 0)
	{
		into->row = from->row;
		into->place = from->place;
	}
	if (from->ref.entry >= 0)
		escrow_end(&nothing, false);
}

void
escrow_record_merge(int from)
{
	for (int i = from; i < nrecords;)
	{
		int			earlier = 0;

		while (earlier < i && !is_same_kind(&records[earlier], &records[i]))
			earlier++;
		if (earlier == i)
		{
			i++;
			continue;
		}
		merge_into(&records[earlier], &records[i]);
		memmove(&records[i], &records[i + 1], (nrecords - i - 1) * sizeof(EscrowRecord));
		nrecords--;
	}
}

void
escrow_record_place(const EscrowRef *ref, int row, const RowPlace *place)
{
	for (int i = 0; i < nrecords; i++)
		if (records[i].ref.entry == ref->entry && records[i].ref.incarnation == ref->incarnation && records[i].row == row)
			records[i].place = *place;
}

void
escrow_record_written(uint64 tag)
{
	EscrowRecord record = {.tag = tag, .ref = {.entry = -1}, .row = -1};
	int			from = nrecords;

	escrow_record_prepare();
	escrow_record_add(&record);
	escrow_record_merge(from);
}

bool
escrow_record_any(uint64 tag)
{
	for (int i = 0; i < nrecords; i++)
		if (records[i].tag == tag)
			return true;
	return false;
}

static void
add_own(EscrowOwn *own, const EscrowRecord *record, const BudgetDef *def, const TimestampTz *start)
{
	own->any = true;
	if (record->row >= 0)
		own->row = record->row;
	for (int dim = 0; dim < BUDGET_NDIMS; dim++)
	{
		own->held[dim] += record->change.held[dim];
		own->reserved[dim] += record->reserved[dim];
		if (dim < BUDGET_NUSED)
			own->charging[dim] += record->charging[dim];
	}
	for (int w = 0; w < record->nwindows && w < def->nlimits; w++)
	{
		bool		counts = record->start[w] == start[w];

		if (def->limit[w].window.kind == WINDOW_SLIDING)
			counts = (start[w] - record->start[w]) / window_sliding_step(&def->limit[w].window) < SLIDING_BUCKETS;
		if (!counts)
			continue;
		for (int dim = 0; dim < BUDGET_NUSED; dim++)
			own->used[w][dim] += record->change.used[dim];
		own->warned[w] = Max(own->warned[w], record->change.warned[w]);
	}
}

void
escrow_record_own(const EscrowRef *ref, const BudgetDef *def, const TimestampTz *start, EscrowOwn *own)
{
	memset(own, 0, sizeof(*own));
	own->row = -1;
	for (int i = 0; i < nrecords; i++)
		if (records[i].ref.entry == ref->entry && records[i].ref.incarnation == ref->incarnation)
			add_own(own, &records[i], def, start);
}

static void
end_all(bool committed)
{
	while (nrecords > 0)
	{
		EscrowRecord *last = &records[--nrecords];

		if (last->ref.entry >= 0)
			escrow_end(last, committed);
	}
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			if (nrecords > 0)
				AGC_TEST_POINT_HELD("budget_committed");
			end_all(true);
			break;
		case XACT_EVENT_ABORT:
			if (nrecords > 0)
				AGC_TEST_POINT_HELD("budget_aborted");
			end_all(false);
			break;
		case XACT_EVENT_PREPARE:
			for (; nrecords > 0; nrecords--)
				if (records[nrecords - 1].ref.entry >= 0)
					escrow_forget_entry(&records[nrecords - 1].ref, COUNT_DROP_PREPARED);
			break;
		default:
			break;
	}
}

static void
at_subtransaction_end(SubXactEvent event, SubTransactionId sub, SubTransactionId parent, void *arg)
{
	int			nest = GetCurrentTransactionNestLevel();
	int			first = nrecords;

	/* records of a subtransaction follow those of its parents */
	while (first > 0 && records[first - 1].nest >= nest)
		first--;
	switch (event)
	{
		case SUBXACT_EVENT_ABORT_SUB:
			while (nrecords > first)
				escrow_record_undo();
			break;
		case SUBXACT_EVENT_COMMIT_SUB:
			for (int i = first; i < nrecords; i++)
				records[i].nest = nest - 1;
			if (first < nrecords)
				escrow_record_merge(first);
			break;
		default:
			break;
	}
}

void
escrow_record_init(void)
{
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
}
