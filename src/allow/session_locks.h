/*
 * session_locks.h
 *	  Advisory locks of the session, which outlive every rollback.
 */
#ifndef AGENTCORE_ALLOW_SESSION_LOCKS_H
#define AGENTCORE_ALLOW_SESSION_LOCKS_H

#include "core/core.h"
#include "storage/lock.h"

typedef struct SessionLock
{
	LOCKTAG		tag;
	LOCKMODE	mode;
	LOCALLOCK  *local;			/* stays where it is while the transaction holds the lock */
	int64		count;			/* how often the session holds it; 0: only the transaction does */
} SessionLock;

typedef struct SessionLocks
{
	int			n;
	SessionLock *items;
} SessionLocks;

/*
 * What is held.  Until session_locks_restore() the transaction holds it too, so
 * that nobody else can get what is let go of meanwhile.
 */
extern void session_locks_note(SessionLocks *held);

/* What was taken since is let go of; what was let go of is held again. */
extern void session_locks_restore(SessionLocks *held);

#endif							/* AGENTCORE_ALLOW_SESSION_LOCKS_H */
