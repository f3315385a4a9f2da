/*
 * dump_run.c
 *	  Whether the run of the server that ends here is the one that a dump follows.
 *
 * A dump counts because every invalidation since has removed it.  A run without
 * a cache (agentcore.cache_memory = 0, no preload, a server without this library)
 * removes nothing.  So the runs with a cache leave a stamp beside the dump: where
 * the server's latest checkpoint is, and whether the server has stopped after
 * it.  A run in between makes a checkpoint of its own, when it stops or when it
 * recovers from a crash, or leaves the control file as that of a running server:
 * then the next start finds another state than the stamp's, and the dump goes.
 *
 * While the server runs the stamp names the checkpoint that is complete and the
 * one that may have begun: the worker sees that, and only a crash within the
 * moment before it does costs the dump.  The postmaster stamps the end.
 *
 * Locking: the caller holds the area's lock, except in the postmaster, at start and
 * at exit, where there is no other process.  Memory: the control file's copy.
 * On ERROR: raised only for a control file that cannot be read, without which
 * no server starts; a stamp that cannot be written is logged and the next start
 * goes without the dump.
 */
#include "cache/dump_run.h"

#include <unistd.h>

#include "access/xlog.h"
#include "catalog/pg_control.h"
#include "common/controldata_utils.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"
#include "storage/ipc.h"

#define STAMP_FILE		PG_STAT_TMP_DIR "/agentcore_cache.run"
#define STAMP_TEMP		STAMP_FILE ".tmp"
#define STAMP_MAGIC		0x52434741	/* "AGCR" in this machine's byte order */

typedef struct RunStamp
{
	uint32		magic;
	uint32		ended;			/* DBState of a server that has stopped; DB_STARTUP: it runs */
	uint64		system;
	XLogRecPtr	redo[2];		/* the latest checkpoint is one of these */
	pg_crc32c	crc;			/* of the fields before it */
} RunStamp;

static pg_crc32c
crc_of(const RunStamp *stamp)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, stamp, offsetof(RunStamp, crc));
	FIN_CRC32C(crc);
	return crc;
}

static bool
has_stopped(DBState state)
{
	return state == DB_SHUTDOWNED || state == DB_SHUTDOWNED_IN_RECOVERY;
}

static bool
read_stamp(RunStamp *stamp)
{
	int			fd = OpenTransientFile(STAMP_FILE, O_RDONLY | PG_BINARY);
	bool		whole;

	if (fd < 0)
		return false;
	whole = read(fd, stamp, sizeof(*stamp)) == sizeof(*stamp);
	(void) CloseTransientFile(fd);
	return whole && stamp->magic == STAMP_MAGIC && EQ_CRC32C(stamp->crc, crc_of(stamp));
}

static bool
write_stamp(RunStamp *stamp)
{
	int			fd;
	bool		written;

	stamp->magic = STAMP_MAGIC;
	stamp->crc = crc_of(stamp);
	fd = OpenTransientFile(STAMP_TEMP, O_CREAT | O_TRUNC | O_WRONLY | PG_BINARY);
	if (fd < 0)
		return false;
	written = write(fd, stamp, sizeof(*stamp)) == sizeof(*stamp);
	if (CloseTransientFile(fd) != 0 || !written)
		return false;
	return durable_rename(STAMP_TEMP, STAMP_FILE, LOG) == 0;
}

/* In the postmaster, before recovery begins: whether the last run has kept the dump honest. */
bool
dump_run_was_ours(void)
{
	bool		sound;
	ControlFileData *control = get_controlfile(DataDir, &sound);
	XLogRecPtr	redo = control->checkPointCopy.redo;
	RunStamp	stamp;
	bool		ours;

	ours = sound && read_stamp(&stamp) && stamp.system == control->system_identifier &&
		(redo == stamp.redo[0] || redo == stamp.redo[1]) &&
		stamp.ended == (has_stopped(control->state) ? control->state : DB_STARTUP);
	cache_shmem->run_redo = redo;
	pfree(control);
	return ours;
}

/* This run goes on; false: there is no stamp of it. */
bool
dump_run_stamp(void)
{
	XLogRecPtr	redo = GetRedoRecPtr();
	RunStamp	stamp = {
		.ended = DB_STARTUP,
		.system = GetSystemIdentifier(),
		.redo = {cache_shmem->run_redo, redo}
	};

	if (!write_stamp(&stamp))
		return false;
	cache_shmem->run_redo = redo;
	return true;
}

/* Whether a checkpoint has begun since the last stamp. */
bool
dump_run_has_moved(void)
{
	return GetRedoRecPtr() != cache_shmem->run_redo;
}

/* In the postmaster, when every other process has ended: a clean stop has written its checkpoint. */
static void
stamp_end(int code, Datum arg)
{
	bool		sound;
	ControlFileData *control;

	if (code != 0 || pg_atomic_read_u32(&cache_shmem->dump_state) != DUMP_VALID)
		return;
	control = get_controlfile(DataDir, &sound);
	if (sound && has_stopped(control->state))
	{
		RunStamp	stamp = {
			.ended = control->state,
			.system = control->system_identifier,
			.redo = {control->checkPointCopy.redo, control->checkPointCopy.redo}
		};

		(void) write_stamp(&stamp);
	}
	pfree(control);
}

void
dump_run_begin(void)
{
	if (!IsUnderPostmaster)
		on_shmem_exit(stamp_end, (Datum) 0);
}
