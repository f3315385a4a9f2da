/*
 * worker.h
 *	  The background worker that removes expired and invalidated entries.
 */
#ifndef AGENTCORE_CACHE_WORKER_H
#define AGENTCORE_CACHE_WORKER_H

#include "cache/area.h"

extern void worker_register(void);

#endif							/* AGENTCORE_CACHE_WORKER_H */
