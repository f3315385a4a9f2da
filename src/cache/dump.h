/*
 * dump.h
 *	  The dump: writing and reading it.
 */
#ifndef AGENTCORE_CACHE_DUMP_H
#define AGENTCORE_CACHE_DUMP_H

#include "cache/area.h"

extern void dump_at_start(void);
extern void dump_if_due(bool at_exit);

#endif							/* AGENTCORE_CACHE_DUMP_H */
