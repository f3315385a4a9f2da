/*
 * database.c
 *	  Databases that are made: what shared memory holds under their number is not theirs.
 *
 * What a room keeps in shared memory is found by the installation's id, into which
 * the number of the database is worked (util.c).  A database that is made under
 * the number of one that was dropped may be a copy of the same template, and then
 * has its id and its names.  So each room forgets what it has under a number when
 * a database of that number is made.  Nobody is connected to it before that is
 * committed, and nobody to the old one any more.
 *
 * DROP DATABASE forgets nothing: it says so before it knows that it can, and
 * nothing is found under a number that has no database.
 *
 * Locks: none here; each room takes its own.  Memory: static.  On ERROR in a room:
 * CREATE DATABASE fails, and what was forgotten had no owner.
 */
#include "core/core.h"

#include "catalog/objectaccess.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"

#define MAX_ROOMS	8

static void (*rooms[MAX_ROOMS]) (Oid database);
static int	nrooms = 0;
static object_access_hook_type next_object_access = NULL;

static void
at_object_access(ObjectAccessType access, Oid classId, Oid objectId, int subId, void *arg)
{
	if (next_object_access != NULL)
		next_object_access(access, classId, objectId, subId, arg);
	if (access != OAT_POST_CREATE || classId != DatabaseRelationId)
		return;
	for (int i = 0; i < nrooms; i++)
		rooms[i](objectId);
}

/* Elsewhere than at server start there is no shared memory that anything could be left in. */
void
agc_database_register(void (*forget) (Oid database))
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	if (nrooms == MAX_ROOMS)
		elog(ERROR, "too many rooms that keep something of databases");
	if (nrooms == 0)
	{
		next_object_access = object_access_hook;
		object_access_hook = at_object_access;
	}
	rooms[nrooms++] = forget;
}
