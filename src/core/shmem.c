/*
 * shmem.c
 *	  One request and one start-up for the shared memory of every room.
 *
 * Locking: initialisation runs under AddinShmemInitLock; afterwards each room
 * guards its own part with the LWLock tranche it asked for.
 * Memory: the main segment, of fixed size; pointers to it are reset at start
 * because the postmaster runs the hook again after a crash.
 * On ERROR: the server does not start.
 */
#include "core/core.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#define MAX_PARTS 8

typedef struct ShmemPart
{
	const char *name;
	Size		size;
	void		(*init) (void *part);
	void	  **address;
	const char *tranche;
	int			nlocks;
} ShmemPart;

static ShmemPart parts[MAX_PARTS];
static int	nparts = 0;
static bool ready = false;

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

static void request_shmem(void);
static void startup_shmem(void);

/* Elsewhere than in the postmaster this does nothing: there is no memory to ask for. */
void
agc_shmem_register(const char *name, Size size, void (*init) (void *part),
				   void **address, const char *tranche, int nlocks)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	if (nparts == MAX_PARTS)
		elog(ERROR, "too many parts of shared memory");
	parts[nparts++] = (ShmemPart)
	{
		name, size, init, address, tranche, nlocks
	};
}

void
agc_shmem_install_hooks(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shmem;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
}

static void
request_shmem(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	for (int i = 0; i < nparts; i++)
	{
		RequestAddinShmemSpace(MAXALIGN(parts[i].size));
		if (parts[i].nlocks > 0)
			RequestNamedLWLockTranche(parts[i].tranche, parts[i].nlocks);
	}
}

static void
startup_shmem(void)
{
	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	ready = false;
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	for (int i = 0; i < nparts; i++)
	{
		bool		found;

		*parts[i].address = NULL;
		*parts[i].address = ShmemInitStruct(parts[i].name, parts[i].size, &found);
		if (!found)
		{
			memset(*parts[i].address, 0, parts[i].size);
			parts[i].init(*parts[i].address);
		}
	}
	LWLockRelease(AddinShmemInitLock);
	ready = true;
}

LWLockPadded *
agc_shmem_locks(const char *tranche)
{
	return GetNamedLWLockTranche(tranche);
}

bool
agc_shmem_ready(void)
{
	return ready;
}

void
agc_require_shmem(const char *what)
{
	if (!ready)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s needs shared memory, which agentcore does not have", what),
				 errdetail("The library was not loaded at server start."),
				 errhint("Add agentcore to shared_preload_libraries and restart the server.")));
}
