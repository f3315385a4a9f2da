/*
 * ready.h
 *	  Whether there is a cache to use.
 */
#ifndef AGENTCORE_CACHE_READY_H
#define AGENTCORE_CACHE_READY_H

#include "cache/area.h"

extern void ready_require(const char *what);
extern void ready_follow_recovery(void);

/* where there is a cache */
extern void ready_init(void);

#endif							/* AGENTCORE_CACHE_READY_H */
