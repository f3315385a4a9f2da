/*
 * wake.c
 *	  Where callers sleep until a budget has room, and who wakes them.
 *
 * There are a few condition variables ("bells"), found by the root of the budgets.
 * A settlement or expiry below a root rings its bell at COMMIT.  Two roots may
 * share a bell, and then wake each other's waiters for nothing.
 *
 * Locks: the condition variables' own.  Memory: they are in the main segment,
 * where the library was preloaded.  On ERROR: the transaction rings nothing.
 */
#include "budget/wake.h"

#include "access/xact.h"

/* as many as there are bits in "due" */
#define NBELLS		64

typedef struct WakeShmem
{
	ConditionVariable bell[NBELLS];
} WakeShmem;

static WakeShmem *wake_shmem = NULL;

/* one bit per bell that this transaction rings when it commits */
static uint64 due = 0;

static int
bell_of(const char *tenant, const char *root)
{
	AgcSecretHash hash;

	agc_secret_begin(&hash, 'w');
	agc_secret_field(&hash, tenant, strlen(tenant));
	agc_secret_field(&hash, root, strlen(root));
	return agc_secret_end(&hash) % NBELLS;
}

void
wake_note(const char *tenant, const char *root)
{
	if (wake_shmem != NULL)
		due |= UINT64CONST(1) << bell_of(tenant, root);
}

ConditionVariable *
wake_bell(const char *tenant, const char *root)
{
	return wake_shmem == NULL ? NULL : &wake_shmem->bell[bell_of(tenant, root)];
}

static void
ring(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			for (int i = 0; due != 0; i++, due >>= 1)
				if (due & 1)
					ConditionVariableBroadcast(&wake_shmem->bell[i]);
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			due = 0;
			break;
		default:
			break;
	}
}

static void
init_shmem(void *part)
{
	WakeShmem  *shmem = part;

	for (int i = 0; i < NBELLS; i++)
		ConditionVariableInit(&shmem->bell[i]);
}

void
wake_init(void)
{
	agc_shmem_register("agentcore budget waits", sizeof(WakeShmem), init_shmem, (void **) &wake_shmem, NULL, 0);
	RegisterXactCallback(ring, NULL);
}
