/*
 * wait.c
 *	  Waiting for room in a budget, with no transaction open around the wait.
 *
 * A waiter tries, commits, sleeps and tries again.  Where the library was
 * preloaded it sleeps on one of a few condition variables, found by the root of
 * its budgets, which the COMMIT of a settlement or expiry below that root
 * wakes; two roots may share one, and wake each other's waiters for nothing.
 * What nobody wakes for (a window that ends, a limit that was raised, a lock
 * that came free, COMMIT PREPARED) a waiter finds by itself within POLL_WOKEN.
 * There is no queue: of those woken any may be the first.
 *
 * Locks: those of permit.c while it tries, none while it sleeps.  Memory: the
 * condition variables are in the main segment; what an attempt allocates goes
 * with the next.  On ERROR: what was committed stays, and the permit, if any,
 * is found again by its key.
 */
#include "budget/budget_path.h"
#include "budget/guard.h"

#include "access/xact.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "tcop/pquery.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

/* as many as there are bits in "woken" */
#define NQUEUES		64

/* milliseconds between two looks, where a COMMIT wakes and where none does */
#define POLL_WOKEN	1000
#define POLL_FIRST	10
#define POLL_ALONE	250

typedef struct WaitShmem
{
	ConditionVariable queue[NQUEUES];
} WaitShmem;

static WaitShmem *wait_shmem = NULL;

/* queues that this transaction wakes when it commits */
static uint64 woken = 0;

static int
queue_of(const char *tenant, const char *root)
{
	AgcSecretHash hash;

	agc_secret_begin(&hash, 'w');
	agc_secret_field(&hash, tenant, strlen(tenant));
	agc_secret_field(&hash, root, strlen(root));
	return agc_secret_end(&hash) % NQUEUES;
}

void
wait_wake(const char *tenant, const char *root)
{
	if (wait_shmem != NULL)
		woken |= UINT64CONST(1) << queue_of(tenant, root);
}

static ConditionVariable *
queue_for(const PermitRequest *request)
{
	BudgetPath	path;

	if (wait_shmem == NULL)
		return NULL;
	path_resolve(&path, request->tenant, request->budget);
	return &wait_shmem->queue[queue_of(request->tenant, path.link[path.n - 1].name)];
}

/*
 * In a transaction of its own.  The queue is joined before the look at the
 * counters, so that whoever makes room after it wakes this waiter.
 */
static ConditionVariable *
attempt(const PermitRequest *request, PermitDecision *out)
{
	ConditionVariable *queue;

	EnsurePortalSnapshotExists();
	agc_enter(request->tenant, AGC_AGENT);
	queue = queue_for(request);
	if (queue != NULL)
		ConditionVariablePrepareToSleep(queue);
	permit_acquire(request, out);
	SPI_commit();
	return queue;
}

/* Some sleep less than others, so that they do not all come at once. */
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
sleep_on(ConditionVariable *queue, long ms)
{
	if (queue != NULL)
		(void) ConditionVariableTimedSleep(queue, ms, PG_WAIT_EXTENSION);
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
		ConditionVariable *queue = attempt(request, out);
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
		sleep_on(queue, sleep_ms(tries, queue != NULL, out->retry_after, remaining));
		MemoryContextReset(cxt);
	}
	ConditionVariableCancelSleep();
	SPI_finish();
	MemoryContextSwitchTo(old);
}

static void
wake(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			for (int i = 0; woken != 0; i++, woken >>= 1)
				if (woken & 1)
					ConditionVariableBroadcast(&wait_shmem->queue[i]);
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			woken = 0;
			break;
		default:
			break;
	}
}

static void
init_shmem(void *part)
{
	WaitShmem  *shmem = part;

	for (int i = 0; i < NQUEUES; i++)
		ConditionVariableInit(&shmem->queue[i]);
}

void
wait_init(void)
{
	agc_shmem_register("agentcore budget waits", sizeof(WaitShmem), init_shmem, (void **) &wait_shmem, NULL, 0);
	RegisterXactCallback(wake, NULL);
}
