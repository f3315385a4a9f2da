/*
 * escrow_entry.h
 *	  Entries as they stand in shared memory: what escrow_judge.c and escrow_entry.c share.
 *
 * Functions on an entry are called with its set locked.
 */
#ifndef AGENTCORE_BUDGET_ESCROW_ENTRY_H
#define AGENTCORE_BUDGET_ESCROW_ENTRY_H

#include "budget/escrow.h"

#include "storage/condition_variable.h"
#include "storage/lwlock.h"

#define MAX_SETS	64

/* databases that share one count of writers by hand; two in one place only look more often */
#define HAND_PLACES	64

typedef struct EscrowEntry
{
	bool		valid;
	uint64		tag;
	Oid			database;
	pg_uuid_t	installation;
	char		tenant[AGC_MAX_NAME + 1];
	char		budget[AGC_MAX_NAME + 1];
	uint64		incarnation;
	uint64		epoch;			/* of rows written by hand, when its rows were read */
	uint64		last_used;		/* by the set's own clock */

	/* base: a Counter without its pointers */
	int64		window_revision;
	TimestampTz since;
	TimestampTz seen;
	int			nwindows;
	TimestampTz start[BUDGET_MAX_WINDOWS];
	int64		used[BUDGET_MAX_WINDOWS][BUDGET_NUSED];
	int64		held[BUDGET_NDIMS];
	int			warned[BUDGET_MAX_WINDOWS];
	int64		step[BUDGET_MAX_WINDOWS];	/* of a sliding window; 0: it does not slide */
	TimestampTz bucket_since[BUDGET_MAX_WINDOWS];
	int64		ring[BUDGET_MAX_WINDOWS][SLIDING_NUMBERS];

	/* in flight */
	int64		reserved[BUDGET_NDIMS]; /* the most that it may add to used + held */
	int64		charging[BUDGET_NUSED]; /* the most that it may add to used */
	uint64		rows;			/* one bit per row in use */
	RowPlace	place[BUDGET_MAX_ROWS]; /* where each was when it was committed last */
	int			records;
	ConditionVariable ended;
} EscrowEntry;

typedef struct EscrowSet
{
	uint64		clock;
	uint64		incarnations;
} EscrowSet;

typedef struct EscrowShmem
{
	pg_atomic_uint64 count[COUNT_KINDS];
	pg_atomic_uint64 hand_epoch[HAND_PLACES];
	pg_atomic_uint32 hand_writers[HAND_PLACES];
	EscrowSet	set[MAX_SETS];
	EscrowEntry entry[FLEXIBLE_ARRAY_MEMBER];
} EscrowShmem;

extern EscrowShmem *escrow_shmem;

/* the set of an entry, locked */
extern LWLock *escrow_lock(const EscrowRef *ref, LWLockMode mode);

/* NULL: the entry that was meant is gone */
extern EscrowEntry *escrow_entry_of(const EscrowRef *ref);

/* whether it can be used: it follows the definition, and nobody has written rows by hand since */
extern bool escrow_is_good(const EscrowEntry *entry, const BudgetDef *def);

/* used now, by its set's clock */
extern void escrow_touch(EscrowEntry *entry);

/* The counter's rings are those of the entry. */
extern void escrow_read(EscrowEntry *entry, Counter *out);
extern void escrow_write(EscrowEntry *entry, const Counter *base);

/* Into the caller's own counter; "rings" are its own. */
extern void escrow_copy(Counter *out, const Counter *base, int64 *const rings[BUDGET_MAX_WINDOWS]);

#endif							/* AGENTCORE_BUDGET_ESCROW_ENTRY_H */
