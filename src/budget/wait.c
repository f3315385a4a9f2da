/*
 * wait.c
 *	  Waiting for room in a budget, with no transaction open around the wait.
 *
 * A waiter tries, commits, sleeps and tries again.  Where the library was
 * preloaded, it sleeps on the bell of the root above the budget that refuses (wake.c).  Nothing rings
 * when a window ends, a limit is raised or a lock comes free, nor at COMMIT
 * PREPARED.  A waiter finds those by itself within POLL_WOKEN.  Waiters do not
 * stand in line: of those that are woken any may be the first.
 *
 * Locks: those of permit_acquire.c while it tries, none while it sleeps.
 * Memory: what an attempt allocates goes with the next.  On ERROR: what was
 * committed stays; the permit, if there is one, is found again by its key.
 */
#include "budget/wait.h"

#include "budget/path_union.h"
#include "budget/wake.h"

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/latch.h"
#include "tcop/pquery.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

/* milliseconds between two looks, where a COMMIT wakes and where none does */
#define POLL_WOKEN	1000
#define POLL_FIRST	10
#define POLL_ALONE	250

static ConditionVariable *
bell_for(const PermitRequest *request, const char *budget)
{
	if (!agc_shmem_ready())
		return NULL;
	return wake_bell(request->tenant, path_root(request->tenant, budget));
}

/*
 * In a transaction of its own.  The waiter is at the bell before it looks at the
 * counters, so room that is made after the look wakes it.  One that asks budgets of
 * several trees can be at one bell only: that of the budget which refuses; so it looks
 * again if it was at another.
 */
static ConditionVariable *
attempt(const PermitRequest *request, const char *budget, PermitDecision *out)
{
	ConditionVariable *bell;

	EnsurePortalSnapshotExists();
	agc_enter(request->tenant, AGC_AGENT);
	bell = bell_for(request, budget);
	if (bell != NULL)
		ConditionVariablePrepareToSleep(bell);
	permit_acquire(request, out);
	if (bell != NULL && out->can_ever_fit && out->denied_by != NULL && bell_for(request, out->denied_by) != bell &&
		strcmp(budget, request->budget) == 0)
	{
		SPI_commit();
		return attempt(request, out->denied_by, out);
	}
	SPI_commit();
	return bell;
}

/* Some sleep for less time than others, so that they do not all come at once. */
static long
sleep_ms(int tries, bool woken_up, int64 retry_after, int64 remaining)
{
	double		poll = woken_up ? POLL_WOKEN : Min(POLL_FIRST << Min(tries, 8), POLL_ALONE);
	int64		ms = poll * (0.5 + 0.5 * pg_prng_double(&pg_global_prng_state));

	if (retry_after >= 0)
		ms = Min(ms, retry_after / 1000 + 1);
	return Max(Min(ms, remaining / 1000 + 1), 1);
}

static void
sleep_on(ConditionVariable *bell, long ms)
{
	if (bell != NULL)
		(void) ConditionVariableTimedSleep(bell, ms, PG_WAIT_EXTENSION);
	else
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

void
wait_acquire(const PermitRequest *request, int64 deadline, PermitDecision *out)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "agentcore acquire", ALLOCSET_SMALL_SIZES);
	MemoryContext old = CurrentMemoryContext;
	instr_time	start;

	INSTR_TIME_SET_CURRENT(start);
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect_ext failed");
	MemoryContextSwitchTo(cxt);
	for (int tries = 0;; tries++)
	{
		ConditionVariable *bell = attempt(request, request->budget, out);
		int64		remaining = PG_INT64_MAX;

		if (deadline >= 0)
		{
			instr_time	now;

			INSTR_TIME_SET_CURRENT(now);
			INSTR_TIME_SUBTRACT(now, start);
			remaining = deadline - (int64) INSTR_TIME_GET_MICROSEC(now);
		}
		if (out->granted || out->duplicate || !out->can_ever_fit || remaining <= 0)
			break;
		sleep_on(bell, sleep_ms(tries, bell != NULL, out->retry_after, remaining));
		MemoryContextReset(cxt);
	}
	ConditionVariableCancelSleep();
	SPI_finish();
	MemoryContextSwitchTo(old);
}
