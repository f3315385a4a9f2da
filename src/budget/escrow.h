/*
 * escrow.h
 *	  Admission to budgets that many use at once, in shared memory.
 *
 * After O'Neil's escrow transactions (ACM TODS 11, 1986).  Rows of budget_counter
 * stay the truth.  A budget that somebody had to wait for has an entry here: the
 * sum of its committed rows ("base"), and the most that transactions in flight may
 * still add to it ("reserved").  Whoever shares the budget's lock judges by the
 * entry, reserves, and writes a row of its own, so nobody waits for another's COMMIT.
 *
 * The entry is a cache.  Dropping it is right at any time: the next one takes the
 * exclusive lock, which waits for all who are in flight, and reads the rows.
 */
#ifndef AGENTCORE_BUDGET_ESCROW_H
#define AGENTCORE_BUDGET_ESCROW_H

#include "budget/budget.h"
#include "budget/window.h"

/* Which budget.  The tag is the whole hash of its lock. */
typedef struct EscrowKey
{
	uint64		tag;
	const char *tenant;
	const char *budget;
} EscrowKey;

/* An entry that was found, as long as it lives. */
typedef struct EscrowRef
{
	int			entry;			/* -1: none */
	uint64		incarnation;
} EscrowRef;

/*
 * What one operation does to a budget, kept by its transaction (escrow_record.c)
 * until COMMIT moves it into the base, or ROLLBACK drops it.
 */
typedef struct EscrowRecord
{
	uint64		tag;
	EscrowRef	ref;			/* entry -1: its rows were written under the exclusive lock */
	int			nest;			/* of which subtransaction */
	int			row;			/* that it has taken; -1: none */
	RowPlace	place;			/* of that row, as far as it is known */
	int			nwindows;
	TimestampTz start[BUDGET_MAX_WINDOWS];	/* of the windows that it charged */
	CounterChange change;
	int64		reserved[BUDGET_NDIMS]; /* the most that it may add to used + held */
	int64		charging[BUDGET_NUSED]; /* the most that it may add to used */
} EscrowRecord;

/* What this transaction has done to a budget already, and the most that it may come to. */
typedef struct EscrowOwn
{
	bool		any;
	int			row;			/* that it writes; -1: none yet */
	int64		held[BUDGET_NDIMS];
	int64		used[BUDGET_MAX_WINDOWS][BUDGET_NUSED]; /* in the windows of now */
	int			warned[BUDGET_MAX_WINDOWS];
	int64		reserved[BUDGET_NDIMS];
	int64		charging[BUDGET_NUSED];
} EscrowOwn;

/* What is to be done to a budget through its entry. */
typedef struct EscrowAsk
{
	const BudgetDef *def;
	const TimestampTz *start;	/* of the windows, by the time of the operation */
	TimestampTz at;
	const int64 *asked;			/* to be admitted; NULL: nothing is refused */
	bool		tell;			/* thresholds are decided now, by the upper sum where others are in flight */
	CounterChange *change;		/* its warned[] is set */
} EscrowAsk;

typedef enum EscrowAnswer
{
	ESCROW_RESERVED,
	ESCROW_REFUSED,				/* does not fit without what others have in flight */
	ESCROW_UNDECIDED,			/* depends on them, or every row is in use */
	ESCROW_TELLS,				/* a threshold is reached if they commit: decide under the exclusive lock */
	ESCROW_EARLY,				/* the entry has come to a later window; see *seen */
	ESCROW_GONE					/* there is no such entry any more */
} EscrowAnswer;

/* What is counted, in the order of stat_budget. */
typedef enum EscrowCount
{
	COUNT_COLD,					/* admitted without an entry, under the exclusive lock */
	COUNT_ESCROW,				/* by an entry, sharing the lock */
	COUNT_UNDECIDED,			/* looked again */
	COUNT_EXACT,				/* by an entry, under the exclusive lock */
	COUNT_MADE,
	COUNT_EVICTED,
	COUNT_NO_ROOM,				/* every entry that could go was in flight */
	COUNT_DROP_CHANGED,			/* its budget was redefined, reset or dropped */
	COUNT_DROP_PREPARED,
	COUNT_DROP_HAND,			/* rows were written by hand */
	COUNT_DROP_LARGE,			/* a number passed COUNTER_BOUND */
	COUNT_REPAIRED,
	COUNT_KINDS
} EscrowCount;

/* ----- entries (escrow_judge.c, escrow_entry.c) ----- */

extern void escrow_init(void);

/*
 * The entry of a budget that follows the definition; *out is its base, with rings of
 * its own where windows slide.  false: none.
 */
extern bool escrow_find(const EscrowKey *key, const BudgetDef *def, EscrowRef *ref, Counter *out);

/*
 * Under the exclusive lock, with the sum of rows that were read after "epoch" was:
 * makes the entry.  false: there is no room, or rows are being written by hand.
 */
extern bool escrow_make(const EscrowKey *key, uint64 epoch, const BudgetDef *def, const Counter *sum, EscrowRef *ref);

/* drops the entry, if there is one; the cause is counted */
extern void escrow_forget(const EscrowKey *key, EscrowCount cause);

/*
 * Judges and reserves.  *out: base and what this transaction did itself, rolled.
 * The record is filled, but for tag and nest.
 */
extern EscrowAnswer escrow_reserve(const EscrowKey *key, const EscrowRef *ref, const EscrowAsk *ask,
								   const EscrowOwn *own, EscrowRecord *record, Counter *out, TimestampTz *seen);

/* What this transaction did, into a counter whose rings are the caller's.  An earlier bucket's part goes into the current one. */
extern void escrow_add_own(Counter *counter, const EscrowOwn *own);

/* the end of a record: into the base, or dropped; wakes those who look again */
extern void escrow_end(const EscrowRecord *record, bool committed);

/* the same of the entry of a record */
extern void escrow_forget_entry(const EscrowRef *ref, EscrowCount cause);

/* until somebody's end changes the entry, or the time is over */
extern void escrow_wait(const EscrowRef *ref, long ms);

/* false while somebody writes rows by hand; *epoch: changes whenever somebody did */
extern bool escrow_epoch(uint64 *epoch);
extern void escrow_hand_begins(void);
extern void escrow_hand_ends(void);

/* ----- what a transaction has in flight (escrow_record.c) ----- */

extern void escrow_record_init(void);

/* makes room, so that adding cannot fail */
extern void escrow_record_prepare(void);
extern void escrow_record_add(const EscrowRecord *record);

/* takes back the last that was added */
extern void escrow_record_undo(void);

/* those that were added since, together with earlier ones of the same kind */
extern int	escrow_record_count(void);
extern void escrow_record_merge(int from);

/* where the row stands that a record has taken, once it was written */
extern void escrow_record_place(const EscrowRef *ref, int row, const RowPlace *place);

/* notes rows that were written under the exclusive lock, without an entry */
extern void escrow_record_written(uint64 tag);

/* whether this transaction has anything to do with the budget already */
extern bool escrow_record_any(uint64 tag);

/* of the records through that entry, what counts in these windows */
extern void escrow_record_own(const EscrowRef *ref, const BudgetDef *def, const TimestampTz *start, EscrowOwn *own);

/* ----- how often (escrow_entry.c, escrow_stat.c) ----- */
extern void escrow_count(EscrowCount kind);
extern void escrow_totals(int64 count[COUNT_KINDS], int64 *entries, int64 *in_flight);
extern void escrow_reset_counts(void);

#endif							/* AGENTCORE_BUDGET_ESCROW_H */
