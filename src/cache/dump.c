/*
 * dump.c
 *	  The cache survives a restart in a file, where agentcore.cache_dump says so.
 *
 * The background worker writes it at shutdown and every
 * agentcore.cache_dump_interval, and reads it once after start.  A header says
 * what the file is; each record carries its length and CRC; the last one says
 * how many there were.  Expiry is absolute.  The first record that is not
 * right ends the reading; what came before it stays.  dump_file.c says whether
 * the file counts.
 *
 * Locking: partitions, shared, a few hundred buckets or one value at a time.
 * Memory: one context, deleted at the end.  On ERROR: there is no file but one
 * that was honest before; what reading and writing meet is logged and ends the
 * dump, not the worker.
 */
#include "cache/dump.h"
#include "cache/chunk.h"
#include "cache/dump_file.h"
#include "cache/entry_insert.h"
#include "cache/ready.h"

#include <sys/stat.h>
#include <unistd.h>

#include "access/xlog.h"
#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#define DUMP_MAGIC		0x44434741	/* "AGCD" in this machine's byte order */
#define DUMP_FORMAT		3
#define DUMP_MODE		(S_IRUSR | S_IWUSR)
#define BUFFER_SIZE		(64 * 1024)
#define RECORD_SIZE		(sizeof(DumpRecord) + 2 * (AGC_MAX_NAME + 1))	/* at most, without the value */

typedef struct DumpHeader
{
	uint32		magic;
	uint32		format;
	uint32		pg_major;
	uint32		store_format;	/* CACHE_FORMAT: the meaning of keys and flags */
	uint32		ntags;			/* tags are numbers below this */
	uint32		recovery;		/* 1: a standby's, of no use to a primary */
	uint64		system;
	uint64		timeline;		/* 0: a standby's */
	int64		dumped_at;
} DumpHeader;

/* In front of every record; a length of 0 ends the file, crc is the count then. */
typedef struct DumpFrame
{
	uint32		len;
	pg_crc32c	crc;
} DumpFrame;

/* A record: this, the names of tool and tenant, the value as it was stored. */
typedef struct DumpRecord
{
	CacheKey	key;
	uint8		tool_id[AGC_HASH_LEN];
	uint8		tenant_id[AGC_HASH_LEN];
	int64		stored_at;
	int64		expires;
	uint32		soft_ms;
	uint32		cost_ms;
	float		cost_nanousd;
	uint32		value_len;
	Oid			database;
	uint16		tag[AGC_MAX_TAGS];
	uint16		tenant_len;		/* with the NUL */
	uint16		tool_len;
	uint8		ntags;
	uint8		kind;
	uint8		scope;
	uint8		flags;
} DumpRecord;

/* area_max_value() is no more than CACHE_MAX_VALUE, however large the cache is. */
StaticAssertDecl(RECORD_SIZE + CACHE_MAX_VALUE <= MaxAllocSize, "a record cannot be allocated");

typedef struct DumpFile
{
	int			fd;
	bool		failed;
	uint32		used;
	uint32		filled;			/* reading: bytes in the buffer */
	char		buffer[BUFFER_SIZE];
} DumpFile;

/* ----- writing ---------------------------------------------------------------- */

static void
flush(DumpFile *file)
{
	uint32		done = 0;

	while (done < file->used && !file->failed)
	{
		ssize_t		n = write(file->fd, file->buffer + done, file->used - done);

		if (n > 0)
			done += n;
		else if (n == 0 || errno != EINTR)
			file->failed = true;
	}
	file->used = 0;
}

static void
put(DumpFile *file, const void *data, uint32 len)
{
	const char *from = data;

	while (len > 0)
	{
		uint32		n = Min(len, BUFFER_SIZE - file->used);

		memcpy(file->buffer + file->used, from, n);
		file->used += n;
		from += n;
		len -= n;
		if (file->used == BUFFER_SIZE)
			flush(file);
	}
}

/* The value, unless the entry was replaced meanwhile; not counted as a use. */
static bool
copy_value(const CachePart *part, const CacheEntry *entry, char *value)
{
	uint32		index;
	bool		same = false;

	LWLockAcquire(part->lock, LW_SHARED);
	index = area_find(part, &entry->key);
	if (index != CACHE_NONE)
	{
		CacheEntry *now = area_entry(part, index);

		same = now->born == entry->born && now->stored_at == entry->stored_at && now->len == entry->len;
		if (same)
			chunk_copy_out(part, index, value, entry->len);
	}
	LWLockRelease(part->lock);
	return same;
}

static bool
put_entry(DumpFile *file, const CachePart *part, const CacheEntry *entry, char *record)
{
	DumpRecord *fields = (DumpRecord *) record;
	DumpFrame	frame;
	const char *names;

	memset(fields, 0, sizeof(*fields));
	if (!name_export(entry->tool, fields->tool_id, &fields->database, &names, &fields->tenant_len, &fields->tool_len) ||
		!name_export(entry->tenant, fields->tenant_id, &fields->database, NULL, NULL, NULL))
		return false;
	fields->key = entry->key;
	fields->stored_at = entry->stored_at;
	fields->expires = entry->expires;
	fields->soft_ms = entry->soft_ms;
	fields->cost_ms = entry->cost_ms;
	fields->cost_nanousd = entry->cost_nanousd;
	fields->value_len = entry->len;
	memcpy(fields->tag, entry->tag, sizeof(fields->tag));
	fields->ntags = entry->ntags;
	fields->kind = entry_kind(entry);
	fields->scope = entry->scope;
	fields->flags = entry->flags;
	frame.len = sizeof(*fields) + fields->tenant_len + fields->tool_len;
	memcpy(record + sizeof(*fields), names, fields->tenant_len + fields->tool_len);
	if (!copy_value(part, entry, record + frame.len))
		return false;
	frame.len += entry->len;

	INIT_CRC32C(frame.crc);
	COMP_CRC32C(frame.crc, record, frame.len);
	FIN_CRC32C(frame.crc);
	put(file, &frame, sizeof(frame));
	put(file, record, frame.len);
	return true;
}

static uint32
put_all(DumpFile *file)
{
	CacheEntry *batch = palloc(ENTRY_BATCH * sizeof(CacheEntry));
	char	   *record = palloc(RECORD_SIZE + area_max_value());
	uint32		count = 0;

	for (uint32 p = 0; p < cache_shmem->npartitions; p++)
		for (uint32 bucket = 0; bucket < cache_shmem->nbuckets && !file->failed;)
		{
			CachePart  *part = area_part_at(p);
			int			n = entry_copy_live(part, &bucket, agc_now(), batch);

			for (int i = 0; i < n; i++)
				count += put_entry(file, part, &batch[i], record);
			if (dump_file_state() != DUMP_WRITING)
				return count;
		}
	return count;
}

static DumpHeader
this_header(void)
{
	return (DumpHeader)
	{
		.magic = DUMP_MAGIC,
		.format = DUMP_FORMAT,
		.pg_major = agc_pg_major(),
		.store_format = CACHE_FORMAT,
		.ntags = cache_shmem->ntags,
		.recovery = RecoveryInProgress(),
		.system = GetSystemIdentifier(),
		.timeline = RecoveryInProgress() ? 0 : GetWALInsertionTimeLine(),
		.dumped_at = agc_now()
	};
}

/* Into the temporary file; whether that is whole. */
static bool
write_temp(uint32 *count)
{
	DumpFile   *file = palloc0(sizeof(DumpFile));
	DumpHeader	header = this_header();
	DumpFrame	end = {0, 0};

	(void) unlink(DUMP_TEMP);
	file->fd = OpenTransientFilePerm(DUMP_TEMP, O_CREAT | O_EXCL | O_WRONLY | PG_BINARY, DUMP_MODE);
	if (file->fd < 0)
		return false;
	put(file, &header, sizeof(header));
	*count = put_all(file);
	end.crc = *count;
	put(file, &end, sizeof(end));
	flush(file);
	if (pg_fsync(file->fd) != 0)
		file->failed = true;
	return CloseTransientFile(file->fd) == 0 && !file->failed;
}

/* Returns how many entries were written, -1: no file. */
static int64
write_dump(void)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext cxt;
	volatile uint32 written = 0;
	volatile bool done = false;

	if (!dump_file_begin_writing())
		return -1;
	cxt = AllocSetContextCreate(old, "agentcore cache dump", ALLOCSET_DEFAULT_SIZES);
	PG_TRY();
	{
		uint32		count = 0;

		MemoryContextSwitchTo(cxt);
		if (write_temp(&count))
			done = dump_file_end_writing();
		else
			ereport(LOG,
					(errcode_for_file_access(),
					 errmsg("could not write cache dump \"%s\": %m", DUMP_TEMP)));
		written = count;
	}
	PG_FINALLY();
	{
		MemoryContextSwitchTo(old);
		if (!done)
		{
			(void) unlink(DUMP_TEMP);
			(void) dump_file_revoke();
		}
	}
	PG_END_TRY();
	MemoryContextDelete(cxt);
	return done ? (int64) written : -1;
}

/* ----- reading ---------------------------------------------------------------- */

static bool
get(DumpFile *file, void *data, uint32 len)
{
	char	   *to = data;

	while (len > 0)
	{
		uint32		n;

		if (file->used == file->filled)
		{
			ssize_t		got = read(file->fd, file->buffer, BUFFER_SIZE);

			if (got < 0 && errno == EINTR)
				continue;
			if (got <= 0)
				return false;
			file->filled = got;
			file->used = 0;
		}
		n = Min(len, file->filled - file->used);
		memcpy(to, file->buffer + file->used, n);
		file->used += n;
		to += n;
		len -= n;
	}
	return true;
}

/* A record with the right CRC may still not make sense to this server. */
static bool
record_is_sound(const char *record, uint32 len)
{
	const DumpRecord *fields = (const DumpRecord *) record;
	const char *names = record + sizeof(DumpRecord);

	return fields->tenant_len >= 1 && fields->tenant_len <= AGC_MAX_NAME + 1 &&
		fields->tool_len >= 1 && fields->tool_len <= AGC_MAX_NAME + 1 &&
		fields->ntags <= AGC_MAX_TAGS && fields->scope <= CACHE_SCOPE_SHARED &&
		(fields->kind == CACHE_RAW || fields->kind == CACHE_GATE) &&
		fields->value_len <= area_max_value() &&
		len == sizeof(DumpRecord) + fields->tenant_len + fields->tool_len + fields->value_len &&
		memchr(names, '\0', fields->tenant_len) == names + fields->tenant_len - 1 &&
		memchr(names + fields->tenant_len, '\0', fields->tool_len) ==
		names + fields->tenant_len + fields->tool_len - 1;
}

/* Whether it was stored: not if it has expired meanwhile, or was stored anew. */
static bool
restore(const char *record, uint64 born)
{
	const DumpRecord *fields = (const DumpRecord *) record;
	const char *tenant = record + sizeof(DumpRecord);
	const char *tool = tenant + fields->tenant_len;
	int64		now = agc_now();
	CacheItem	item = {
		.key = fields->key,
		.kind = fields->kind,
		.scope = fields->scope,
		.flags = fields->flags,
		.soft_ms = fields->soft_ms,
		.cost_ms = fields->cost_ms,
		.cost_nanousd = fields->cost_nanousd,
		.born = born,
		.key_born = born,
		.only_absent = true,
		.stored_at = fields->stored_at,
		.expires = fields->expires,
		.len = fields->value_len,
		.data = (char *) tool + fields->tool_len
	};

	if (item.expires <= now)
		return false;
	for (int i = 0; i < fields->ntags; i++)
		if (fields->tag[i] >= cache_shmem->ntags)
			return false;
	/* a tool has a name, unless there was no room to keep it */
	item.refs.tenant = name_adopt(fields->tenant_id, fields->database, tool[0] ? tenant : NULL, "", CACHE_NONE);
	item.refs.tool = name_adopt(fields->tool_id, fields->database, tool[0] ? tenant : NULL, tool, item.refs.tenant);
	item.refs.ntags = fields->ntags;
	memcpy(item.refs.tag, fields->tag, sizeof(item.refs.tag));
	return entry_insert(&item, now) == CACHE_STORED;
}

static bool
header_is_ours(const DumpHeader *header)
{
	DumpHeader	ours = this_header();

	return header->magic == ours.magic && header->format == ours.format &&
		header->pg_major == ours.pg_major && header->store_format == ours.store_format &&
		header->ntags == ours.ntags && header->system == ours.system &&
		(ours.recovery != 0 || (header->recovery == 0 && header->timeline == ours.timeline));
}

/* What is wrong with the file, NULL when it was read to its end. */
static const char *
read_records(DumpFile *file, uint64 born, int64 *stored)
{
	char	   *record = palloc(RECORD_SIZE + area_max_value());
	uint32		most = RECORD_SIZE + area_max_value();
	uint32		count = 0;
	DumpHeader	header;
	DumpFrame	frame;

	if (!get(file, &header, sizeof(header)) || !header_is_ours(&header))
		return "it is not of this server, version and cache size";
	for (;; count++)
	{
		pg_crc32c	crc;

		if (!get(file, &frame, sizeof(frame)))
			return "it ends early";
		if (frame.len == 0)
			return frame.crc == count ? NULL : "it lacks records";
		if (frame.len < sizeof(DumpRecord) || frame.len > most)
			return "a record has an impossible length";
		if (!get(file, record, frame.len))
			return "it ends early";
		INIT_CRC32C(crc);
		COMP_CRC32C(crc, record, frame.len);
		FIN_CRC32C(crc);
		if (!EQ_CRC32C(crc, frame.crc))
			return "a record's checksum is wrong";
		if (!record_is_sound(record, frame.len))
			return "a record makes no sense";
		*stored += restore(record, born);
	}
}

/* Returns how many entries were stored. */
static int64
read_dump(void)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "agentcore cache dump", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	uint64		born = epoch_clock();
	int64		stored = 0;
	DumpFile   *file = palloc0(sizeof(DumpFile));
	const char *problem;

	file->fd = dump_file_state() == DUMP_VALID ?
		OpenTransientFile(DUMP_FILE, O_RDONLY | PG_BINARY) : -1;
	if (file->fd >= 0)
	{
		problem = read_records(file, born, &stored);
		(void) CloseTransientFile(file->fd);
		ereport(LOG,
				(errmsg("restored %lld cache entries from \"%s\"", (long long) stored, DUMP_FILE),
				 problem ? errdetail("Reading stopped: %s.", problem) : 0));
		if (problem != NULL)
			(void) dump_file_revoke();
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
	return stored;
}

/* ----- the worker's and the administrator's way in -------------------------------- */

/* Once after every start of the shared memory; with cache_dump = off no file may stay. */
void
dump_at_start(void)
{
	if (pg_atomic_exchange_u32(&cache_shmem->dump_started, 1) != 0)
		return;
	ready_follow_recovery();
	if (dump_file_state() == DUMP_NONE)
		dump_file_remove_unread();
	else if (agc_cache_dump)
	{
		dump_file_stamp();
		(void) read_dump();
	}
	else
		(void) dump_file_revoke();
}

/* Every agentcore.cache_dump_interval, and at_exit. */
void
dump_if_due(bool at_exit)
{
	static int64 last = 0;
	int64		now = agc_now();

	dump_file_follow_run();
	/* a clock that stepped back must not put the next one off */
	if (last == 0 || now < last)
		last = now;
	if (!agc_cache_dump ||
		(!at_exit && (agc_cache_dump_interval == 0 ||
					  now - last < agc_cache_dump_interval * USECS_PER_SEC)))
		return;
	last = now;
	(void) write_dump();
}

/* cache_dump() -> bigint: entries written, NULL when there is no file */
AGC_FUNCTION(cache_dump)
{
	int64		written;

	agc_enter("*", AGC_ADMIN);
	ready_require("cache_dump");
	written = write_dump();
	if (written < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(written);
}

/* cache_load() -> bigint: entries restored */
AGC_FUNCTION(cache_load)
{
	agc_enter("*", AGC_ADMIN);
	ready_require("cache_load");
	PG_RETURN_INT64(read_dump());
}
