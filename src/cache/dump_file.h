/*
 * dump_file.h
 *	  Whether the dump's file counts.
 */
#ifndef AGENTCORE_CACHE_DUMP_FILE_H
#define AGENTCORE_CACHE_DUMP_FILE_H

#include "cache/area.h"

#include "pgstat.h"

#define DUMP_FILE		PG_STAT_TMP_DIR "/agentcore_cache.dump"
#define DUMP_TEMP		DUMP_FILE ".tmp"	/* while it is written */

extern void dump_file_init(void);
extern void dump_file_discard(void);
extern CacheDumpState dump_file_state(void);
extern bool dump_file_begin_writing(void);
extern bool dump_file_end_writing(void);
extern bool dump_file_revoke(void);
extern void dump_file_revoke_or_fail(void);
extern void dump_file_remove_unread(void);
extern void dump_file_stamp(void);
extern void dump_file_follow_run(void);

#endif							/* AGENTCORE_CACHE_DUMP_FILE_H */
