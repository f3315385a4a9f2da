/*
 * rows.h
 *	  Rows of the budget tables: everything that this room reads and writes.
 *
 * Rows are read by index with the latest snapshot and written without SPI, with no
 * need for agc_owner_begin() but where it says so.  A permit is written only under its
 * lock, from the row that was read under that lock.
 */
#ifndef AGENTCORE_BUDGET_ROWS_H
#define AGENTCORE_BUDGET_ROWS_H

#include "budget/budget.h"
#include "budget/lock.h"
#include "budget/window.h"

#include "utils/snapshot.h"

#define BUDGET_MAX_DEPTH	16

/* budgets of one permit: those that it names and all above them */
#define BUDGET_MAX_LINKS	64

/* A permit row with what only this room looks at. */
struct Permit
{
	PermitRow	row;
	int			depth;			/* budgets that carry the hold, the deepest first */
	char	   *budgets[BUDGET_MAX_LINKS];
	int			nexcused;		/* to be inserted: budgets whose limits a person let it pass */
	char	   *excused[BUDGET_MAX_LINKS];
	int64		held[BUDGET_NDIMS];
	int64		charged[BUDGET_NUSED];	/* in all */
	int64		spent[BUDGET_NUSED];	/* of it, for failed attempts */
	bool		charge_on_expiry;
	bool		resolved;		/* another permit may use its key, whatever the state */
	TimestampTz settled_at;		/* 0: never */
	bool		claimed;		/* begun again: write what was asked, and by whom */
	bool		noted;			/* write what a usage object says beside its counts */
	const char *estimated;		/* then: the field that was not understood; NULL: as it is */
	int64		reported_nanousd;	/* then; -1: as it is */
	HeapTuple	stored;			/* as it was read */
	ItemPointerData tid;		/* where it was read or inserted */
};

typedef enum LockResult
{
	LOCK_TAKEN,
	LOCK_BUSY,					/* only when not waiting */
	LOCK_MISSING
} LockResult;

typedef struct LedgerEntry
{
	TimestampTz at;
	const char *event;
	int			nbudgets;
	char	  **budgets;
	int64		amount[BUDGET_NUSED];
	Jsonb	   *detail;			/* or NULL */
} LedgerEntry;

/* counters: written by who has the budget's exclusive lock, or this row of it (escrow.h) */

/* place: where it may stand, as a hint; it saves the search in the index */
extern bool row_counter_read(const char *tenant, const char *budget, int slot, const RowPlace *place, Counter *out);

/* All rows of a budget, in order; how many, at most BUDGET_MAX_ROWS.  NULL snapshot: the latest. */
extern int	row_counters_read(const char *tenant, const char *budget, Snapshot snapshot, Counter **out);
extern void row_counter_create(const char *tenant, const char *budget, Counter *counter);

/* sets counter->place */
extern void row_counter_write(const char *tenant, const char *budget, Counter *counter);
extern void row_counter_delete(const Counter *counter);

/* 25006 in a read-only transaction and on a standby, before a lock is asked for */
extern void row_counter_require_write(void);

/* the lock of a budget, and a number that tells it from others as the lock does not: it has 64 bits */
extern uint64 row_counter_lock_of(const char *tenant, const char *budget, BudgetLock *lock);

/* permits */

/* sets permit->tid */
extern void row_permit_insert(const char *tenant, Permit *permit,
							  const PermitRequest *request, const char *holder);
extern bool row_permit_read(const char *tenant, const pg_uuid_t *id, MemoryContext cxt,
							Permit *out);
extern bool row_permit_by_key(const char *tenant, const char *holder, const char *key,
							  MemoryContext cxt, Permit *out);

/* LOCK_MISSING: the lock is not kept */
extern LockResult row_permit_lock(const char *tenant, const pg_uuid_t *id, bool wait,
								  MemoryContext cxt, Permit *out);

/*
 * Open permits whose lease has ended, locked, the oldest first.  Those that are being
 * settled are left out.  With a budget only its own; the search for them ends after
 * a number of others.
 */
extern int	row_permits_lock_ended(const char *tenant, TimestampTz now, const char *budget,
								   int limit, MemoryContext cxt, Permit **out);
extern bool row_permits_any_ended(const char *tenant, TimestampTz now);

/* state, held, charged, spent, lease, retry_at, settled_at, attempt, resolved, cache lease, the hashes if claimed; the answer unless NULL */
extern void row_permit_write(const Permit *permit, const PermitAnswer *answer);

/* the uses of one key wait for each other; false: busy */
extern bool row_key_lock(const char *tenant, const char *holder, const char *key, bool wait);
extern void row_key_unlock(const char *tenant, const char *holder, const char *key);

/* ledger */

/* permit may be NULL */
extern void row_ledger_add(const char *tenant, const Permit *permit, const LedgerEntry *entry);

/* call the following between agc_owner_begin() and agc_owner_end() */
extern void row_ledger_sum(const char *tenant, const char *budget, TimestampTz from,
						   TimestampTz to, int64 out[BUDGET_NUSED]);

/* the same of every budget that was charged */
typedef void (*LedgerSumCallback) (const char *budget, const int64 sum[BUDGET_NUSED], void *arg);
extern void row_ledger_sums(const char *tenant, TimestampTz from, TimestampTz to, LedgerSumCallback callback, void *arg);

/* What a settlement left unbilled (its detail's amounts); zeroes when nothing. */
extern void row_ledger_unbilled(const char *tenant, const Permit *permit, int64 out[BUDGET_NUSED]);
extern TimestampTz row_ledger_last(const char *tenant, const char *budget);

#endif							/* AGENTCORE_BUDGET_ROWS_H */
