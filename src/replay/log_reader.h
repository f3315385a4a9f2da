/*
 * log_reader.h
 *	  The log of calls, row by row, in the order in which the calls were made.
 */
#ifndef AGENTCORE_REPLAY_LOG_READER_H
#define AGENTCORE_REPLAY_LOG_READER_H

#include "replay/fold.h"

typedef struct LogReader LogReader;

/* One row.  Everything points into the reader, and is gone with the next row. */
typedef struct LogRow
{
	const char *event;			/* begin, commit, fail, release, resolve */
	const char *agent;			/* or NULL */
	const char *tool;			/* or the model; or NULL */
	bool		is_llm;
	const char *key;
	const char *task;
	const char *subject;
	FoldRecord	record;			/* of a settlement: id, time, call, and what was charged */
	const char *word;			/* what the row calls its verdict */
	Jsonb	   *args;			/* NULL: not recorded */
	bool		has_digest;
	uint8		digest[AGC_HASH_LEN];
	Jsonb	   *result;			/* of a settlement; NULL: not recorded */
} LogRow;

/*
 * When what is replayed begins: at since, or where that is DT_NOBEGIN with the tenant's first row, or a moment
 * before it, when the first call was given its permit.
 */
extern TimestampTz log_begins(const char *tenant, TimestampTz since);

/* rows of the tenant from since on and before until, read under the caller's snapshot; the reader is in CurrentMemoryContext */
extern LogReader *log_open(const char *tenant, TimestampTz since, TimestampTz until);

/* false: there are no more.  Values are in CurrentMemoryContext. */
extern bool log_next(LogReader *reader, LogRow *row);
extern void log_close(LogReader *reader);

#endif							/* AGENTCORE_REPLAY_LOG_READER_H */
