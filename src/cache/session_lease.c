/*
 * session_lease.c
 *	  Leases that end with the session that took them.
 *
 * A lease belongs to whoever names its token, because a pooler may send the fill to
 * another session.  Where a session is one client, it can say so with
 * agentcore.release_on_disconnect: if the client dies, others need not wait for the
 * lease to end.
 *
 * What is listed here may have ended long ago; to release it once more does
 * nothing, because tokens do not repeat.  So nothing is taken from the list until it
 * is full.
 *
 * Locking: the partition's lock, one lease at a time.  The list is gone through at
 * exit after the transaction has ended and its locks are released, before the process
 * leaves shared memory.  Memory: TopMemoryContext, bounded.  On ERROR: nothing to
 * undo; a lease that could not be listed ends by time.
 */
#include "cache/session_lease.h"

#include "cache/lease.h"
#include "cache/settings.h"
#include "storage/ipc.h"
#include "utils/memutils.h"

#define MAX_LISTED	1024

typedef struct SessionLease
{
	CacheKey	key;
	int64		token;
} SessionLease;

static SessionLease *listed = NULL;
static int	nlisted = 0;
static int	maxlisted = 0;

static void
release_all(int code, Datum arg)
{
	if (agc_release_on_disconnect)
		for (int i = 0; i < nlisted; i++)
			lease_release(&listed[i].key, listed[i].token);
	nlisted = 0;
}

static void
drop_ended(void)
{
	int			n = 0;

	for (int i = 0; i < nlisted; i++)
		if (lease_is_held(&listed[i].key, listed[i].token))
			listed[n++] = listed[i];
	nlisted = n;
}

/* false: as many as are listed are held */
static bool
make_room(void)
{
	if (listed == NULL)
	{
		listed = MemoryContextAlloc(TopMemoryContext, 16 * sizeof(SessionLease));
		maxlisted = 16;
		on_shmem_exit(release_all, (Datum) 0);
	}
	if (nlisted < maxlisted)
		return true;
	drop_ended();
	if (nlisted > maxlisted / 2 && maxlisted < MAX_LISTED)
	{
		listed = repalloc(listed, maxlisted * 2 * sizeof(SessionLease));
		maxlisted *= 2;
	}
	return nlisted < maxlisted;
}

void
session_lease_note(const CacheKey *key, int64 token)
{
	if (!agc_release_on_disconnect || !make_room())
		return;
	listed[nlisted].key = *key;
	listed[nlisted].token = token;
	nlisted++;
}
