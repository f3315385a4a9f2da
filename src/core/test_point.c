/*
 * test_point.c
 *	  Stops a session at a named point until a test lets it go on.
 *
 * Compiled to nothing but with TEST_POINTS=1.
 *
 * Locking: an advisory lock, shared, given back at once.  Memory: the setting.
 * On ERROR: a wait that is cancelled leaves no lock behind; the other kind of
 * wait raises none.
 */
#include "core/core.h"

#ifdef AGENTCORE_TEST_POINTS

#include "common/hashfn.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/lock.h"
#include "utils/guc.h"

#define LOCK_CLASS	11223		/* first number of the advisory locks */
#define POLL_US		10000

static char *test_points = NULL;

static bool named(const char *name);
static bool take(const char *name, bool wait);

void
agc_test_point_init(void)
{
	DefineCustomStringVariable("agentcore.test_points",
							   "Names of the points at which this session stops while their advisory lock is held.",
							   "Separated by commas; only in a build with TEST_POINTS=1.",
							   &test_points, "",
							   PGC_SUSET, GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
}

static bool
named(const char *name)
{
	Size		len = strlen(name);

	for (const char *at = test_points; *at != '\0';)
	{
		Size		n = strcspn(at, ", ");

		if (n == len && memcmp(at, name, len) == 0)
			return true;
		at += n;
		at += strspn(at, ", ");
	}
	return false;
}

/* Whether nobody held the lock, or the wait for it is over. */
static bool
take(const char *name, bool wait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, LOCK_CLASS,
						 hash_bytes((const unsigned char *) name, strlen(name)), 2);
	if (LockAcquire(&tag, ShareLock, true, !wait) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	LockRelease(&tag, ShareLock, true);
	return true;
}

void
agc_test_point(const char *name)
{
	if (named(name))
		(void) take(name, true);
}

void
agc_test_point_held(const char *name)
{
	if (!named(name))
		return;
	HOLD_INTERRUPTS();
	while (!take(name, false))
	{
		pgstat_report_wait_start(PG_WAIT_EXTENSION);
		pg_usleep(POLL_US);
		pgstat_report_wait_end();
	}
	RESUME_INTERRUPTS();
}

/* For tests, which create functions of them: an overlay put on by itself. */
AGC_EXPORT_BEGIN
PG_FUNCTION_INFO_V1(agentcore_test_overlay_begin);
PG_FUNCTION_INFO_V1(agentcore_test_overlay_end);
AGC_EXPORT_END

Datum
agentcore_test_overlay_begin(PG_FUNCTION_ARGS)
{
	char	   *tenant = agc_arg_tenant(fcinfo, 0);

	agc_enter(tenant, AGC_ADMIN);
	agc_overlay_begin(tenant, agc_arg_jsonb(fcinfo, 1, "rows"));
	PG_RETURN_VOID();
}

Datum
agentcore_test_overlay_end(PG_FUNCTION_ARGS)
{
	agc_overlay_end();
	PG_RETURN_VOID();
}

#endif							/* AGENTCORE_TEST_POINTS */
