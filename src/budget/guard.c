/*
 * guard.c
 *	  Mistakes with transactions, told as they are made.
 *
 * A transaction that acquires a permit and charges it too keeps the budgets locked
 * while the tool runs, and loses the charge with a ROLLBACK.  An acquire in a long
 * transaction keeps them locked until that has ended.  The counters stay right in
 * both cases, so the default is a WARNING, one of each kind per transaction.
 *
 * Most drivers drop a WARNING.  As an error it comes before anything is taken: every
 * acquire in a transaction block is refused, because after the tool has run it would
 * be too late.
 *
 * Memory: the permits begun by this transaction, in TopTransactionContext; the
 * pointer is reset at its end.  After ROLLBACK TO SAVEPOINT the list also names
 * permits that no longer exist.  Locks: none.  On ERROR: nothing to
 * undo.
 */
#include "budget/budget.h"
#include "budget/guard.h"

#include "access/xact.h"
#include "portability/instr_time.h"
#include "utils/memutils.h"

typedef struct Begun
{
	pg_uuid_t	id;
	instr_time	at;
} Begun;

static Begun *begun = NULL;
static int	nbegun = 0;
static int	maxbegun = 0;
static bool told_age = false;
static bool told_charge = false;

static bool
is_guarded(bool told)
{
	return agc_budget_guard == AGC_GUARD_ERROR || (agc_budget_guard == AGC_GUARD_WARNING && !told);
}

static int
guard_level(void)
{
	return agc_budget_guard == AGC_GUARD_ERROR ? ERROR : WARNING;
}

/*
 * How often and where a plan's workers call a function, the planner decides, and none of
 * them may write a row.  PostgreSQL refuses writes there, and before 17 savepoints too, but
 * a begin that needs neither would let its call run.
 */
static void
refuse_parallel(const char *what)
{
	if (!IsInParallelMode())
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
			 errmsg("%s was called during a parallel operation", what),
			 errdetail("Nothing was taken."),
			 errhint("Label the functions that call it PARALLEL UNSAFE.")));
}

/*
 * A pipeline is one transaction up to its Sync, and the server knows of it from
 * its second statement on.  In a PL/pgSQL block with EXCEPTION the server does not
 * tell whether a transaction block is around it.
 */
void
budget_guard_block(const char *what)
{
	refuse_parallel(what);
	if (agc_budget_guard != AGC_GUARD_ERROR ||
		(!IsTransactionBlock() && (MyXactFlags & XACT_FLAGS_PIPELINING) == 0))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
			 errmsg("%s was called in a transaction block or a pipeline", what),
			 errdetail("What it takes counts only after COMMIT, and its budgets would stay locked until then. Nothing was taken."),
			 errhint("Call it in autocommit and outside of blocks with EXCEPTION, or set agentcore.budget_guard to warning.")));
}

void
guard_acquire(void)
{
	int64		age;

	if (!is_guarded(told_age) || agc_budget_max_xact_age == 0 || !IsTransactionBlock())
		return;
	age = (agc_now() - agc_xact_start()) / 1000;
	if (age <= agc_budget_max_xact_age)
		return;
	ereport(guard_level(),
			(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
			 errmsg("a budget is acquired in a transaction that has been open for too long"),
			 errdetail("It began %lld ms ago; the budget stays locked until it ends.", (long long) age),
			 errhint("Acquire in a transaction of its own, or raise agentcore.budget_max_xact_age.")));
	told_age = true;
}

void
guard_begun(const pg_uuid_t *id)
{
	if (agc_budget_guard == AGC_GUARD_OFF)
		return;
	if (nbegun == maxbegun)
	{
		int			more = maxbegun == 0 ? 4 : maxbegun * 2;

		begun = begun == NULL ?
			MemoryContextAlloc(TopTransactionContext, more * sizeof(Begun)) :
			repalloc_huge(begun, more * sizeof(Begun));
		maxbegun = more;
	}
	begun[nbegun].id = *id;
	INSTR_TIME_SET_CURRENT(begun[nbegun].at);
	nbegun++;
}

void
guard_forget(const pg_uuid_t *id)
{
	if (nbegun > 0 && memcmp(&begun[nbegun - 1].id, id, sizeof(pg_uuid_t)) == 0)
		nbegun--;
}

void
guard_charge(const Permit *permit)
{
	bool		is_call = permit->row.agent != NULL;
	int			i;
	instr_time	held;

	if (!is_guarded(told_charge))
		return;
	/* the latest first: it is usually that one */
	for (i = nbegun - 1; i >= 0; i--)
		if (memcmp(&begun[i].id, &permit->row.id, sizeof(pg_uuid_t)) == 0)
			break;
	if (i < 0)
		return;
	INSTR_TIME_SET_CURRENT(held);
	INSTR_TIME_SUBTRACT(held, begun[i].at);
	ereport(guard_level(),
			(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
			 is_call ? errmsg("a call was begun and ended in one transaction") :
			 errmsg("a permit was acquired and charged in one transaction"),
			 errdetail("Its budgets stayed locked for %.0f ms, and a ROLLBACK would undo the charge.",
					   INSTR_TIME_GET_MILLISEC(held)),
			 is_call ? errhint("COMMIT after call_begin(), run the tool outside of any transaction, then call_commit() in one of its own.") :
			 errhint("COMMIT after budget_acquire(), do the work outside of any transaction, then budget_commit() in one of its own.")));
	told_charge = true;
}

static void
forget(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			begun = NULL;
			nbegun = maxbegun = 0;
			told_age = told_charge = false;
			break;
		default:
			break;
	}
}

void
guard_init(void)
{
	RegisterXactCallback(forget, NULL);
}
