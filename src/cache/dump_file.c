/*
 * dump_file.c
 *	  Whether the dump's file counts; dump.c writes and reads it.
 *
 * A file must not bring back what was invalidated after it was written.  So the
 * first invalidation since then removes the file before it commits (PRE_COMMIT
 * in publish.c), and a file that is being written at that moment is thrown
 * away; an invalidation that can neither remove nor empty the file does not
 * commit.  Nor must it bring back what rests on commits that a crash undoes, so
 * the log is flushed before the file counts.  dump_run.c says whether another
 * run of the server came in between.  The file lies where base backups do not
 * look.
 *
 * Locking: whether the file counts changes under the area's lock.
 * Memory: none.  On ERROR: dump_file_revoke_or_fail() raises one and leaves
 * the file as it was; the others report what the file system says.
 */
#include "cache/dump_file.h"
#include "cache/dump_run.h"

#include <unistd.h>

#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "miscadmin.h"
#include "storage/fd.h"

static bool remove_file(void);

/* In the postmaster, before recovery begins. */
void
dump_file_init(void)
{
	pg_atomic_init_u32(&cache_shmem->dump_state, dump_run_was_ours() ? DUMP_VALID : DUMP_NONE);
	pg_atomic_init_u32(&cache_shmem->dump_started, 0);
	dump_run_begin();
}

CacheDumpState
dump_file_state(void)
{
	return pg_atomic_read_u32(&cache_shmem->dump_state);
}

/* One at a time: they share the temporary file. */
bool
dump_file_begin_writing(void)
{
	bool		mine;

	LWLockAcquire(area_lock(), LW_EXCLUSIVE);
	mine = pg_atomic_read_u32(&cache_shmem->dump_state) != DUMP_WRITING;
	pg_atomic_write_u32(&cache_shmem->dump_state, DUMP_WRITING);
	LWLockRelease(area_lock());
	return mine;
}

/*
 * The end of the log, as XLogFlush() takes it.  Where the last record ends with its
 * page, the position to insert at is behind the next page's header.
 */
static XLogRecPtr
end_of_log(void)
{
	XLogRecPtr	end = GetXLogInsertRecPtr();

	if (XLogSegmentOffset(end, wal_segment_size) == SizeOfXLogLongPHD)
		return end - SizeOfXLogLongPHD;
	if (end % XLOG_BLCKSZ == SizeOfXLogShortPHD)
		return end - SizeOfXLogShortPHD;
	return end;
}

/*
 * The file counts from here on, if nothing was invalidated while it was written.
 * The commits that it rests on are made durable first: with synchronous_commit
 * off they may not be yet.
 */
bool
dump_file_end_writing(void)
{
	bool		done;

	if (!RecoveryInProgress())
		XLogFlush(end_of_log());
	LWLockAcquire(area_lock(), LW_EXCLUSIVE);
	done = pg_atomic_read_u32(&cache_shmem->dump_state) == DUMP_WRITING &&
		dump_run_stamp() && durable_rename(DUMP_TEMP, DUMP_FILE, LOG) == 0;
	if (done)
		pg_atomic_write_u32(&cache_shmem->dump_state, DUMP_VALID);
	LWLockRelease(area_lock());
	return done;
}

static bool
empty_file(const char *name)
{
	int			fd = OpenTransientFile(name, O_WRONLY | O_TRUNC | PG_BINARY);
	bool		emptied;

	if (fd < 0)
		return errno == ENOENT;
	emptied = pg_fsync(fd) == 0;
	return CloseTransientFile(fd) == 0 && emptied;
}

/* Whether no later start will read the file. */
static bool
remove_file(void)
{
	if (access(DUMP_FILE, F_OK) != 0 && errno == ENOENT)
		return true;
	return durable_unlink(DUMP_FILE, LOG) == 0 || empty_file(DUMP_FILE);
}

/* The file must not be read any more.  false: it could not be removed, and still counts. */
bool
dump_file_revoke(void)
{
	bool		gone;

	if (pg_atomic_read_u32(&cache_shmem->dump_state) == DUMP_NONE)
		return true;
	LWLockAcquire(area_lock(), LW_EXCLUSIVE);
	gone = remove_file();
	pg_atomic_write_u32(&cache_shmem->dump_state, gone ? DUMP_NONE : DUMP_VALID);
	LWLockRelease(area_lock());
	return gone;
}

/* Before an invalidation commits. */
void
dump_file_revoke_or_fail(void)
{
	if (!dump_file_revoke())
		ereport(ERROR,
				(errcode(ERRCODE_IO_ERROR),
				 errmsg("could not remove cache dump \"%s\"", DUMP_FILE),
				 errdetail("It holds what this transaction invalidates, and would be read at the next start."),
				 errhint("Remove the file, or let the server's owner write to its directory.")));
}

/* At a start without a cache, which hears of no invalidations. */
void
dump_file_discard(void)
{
	if (process_shared_preload_libraries_in_progress && !IsUnderPostmaster)
		(void) remove_file();
}

/* At a start whose file does not count. */
void
dump_file_remove_unread(void)
{
	if (access(DUMP_FILE, F_OK) == 0)
		ereport(LOG,
				(errmsg("did not read cache dump \"%s\"", DUMP_FILE),
				 errdetail("The server ran without the cache, or a checkpoint and a crash came together, since it was written.")));
	(void) remove_file();
}

/* Says that this run goes on, for as long as the file counts. */
void
dump_file_stamp(void)
{
	LWLockAcquire(area_lock(), LW_EXCLUSIVE);
	if (dump_file_state() == DUMP_VALID)
		(void) dump_run_stamp();
	LWLockRelease(area_lock());
}

/* While a file counts, the stamp beside it follows the server's checkpoints. */
void
dump_file_follow_run(void)
{
	if (dump_file_state() == DUMP_VALID && dump_run_has_moved())
		dump_file_stamp();
}
