/*
 * test_point.h
 *	  Named points at which a test can stop a session.
 *
 * Nothing in an ordinary build.  With TEST_POINTS=1 a session whose setting
 * agentcore.test_points names a point (several are separated by commas) waits
 * there while another holds the advisory lock
 *
 *		pg_advisory_lock(11223, hashtext(name))
 *
 * Neither kind may stand where an LWLock or a spinlock is held.
 */
#ifndef AGENTCORE_TEST_POINT_H
#define AGENTCORE_TEST_POINT_H

#include "postgres.h"

#ifdef AGENTCORE_TEST_POINTS

extern void agc_test_point_init(void);
extern void agc_test_point(const char *name);
extern void agc_test_point_held(const char *name);

/* Waits as for any lock: pg_locks shows it, and it can be cancelled or killed. */
#define AGC_TEST_POINT(name)		agc_test_point(name)

/*
 * Where nothing may be raised and no interrupt looked for: asks for the lock
 * again and again, which pg_stat_activity shows as a wait of an extension.
 */
#define AGC_TEST_POINT_HELD(name)	agc_test_point_held(name)

#else

#define agc_test_point_init()		((void) 0)
#define AGC_TEST_POINT(name)		((void) 0)
#define AGC_TEST_POINT_HELD(name)	((void) 0)

#endif

#endif							/* AGENTCORE_TEST_POINT_H */
