/*
 * dump_run.h
 *	  Whether the run of the server that a dump follows was one with a cache.
 */
#ifndef AGENTCORE_CACHE_DUMP_RUN_H
#define AGENTCORE_CACHE_DUMP_RUN_H

#include "cache/area.h"

extern bool dump_run_was_ours(void);
extern void dump_run_begin(void);
extern bool dump_run_stamp(void);
extern bool dump_run_has_moved(void);

#endif							/* AGENTCORE_CACHE_DUMP_RUN_H */
