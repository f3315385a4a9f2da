/*
 * publish.h
 *	  The cache at COMMIT and ROLLBACK.
 */
#ifndef AGENTCORE_CACHE_PUBLISH_H
#define AGENTCORE_CACHE_PUBLISH_H

#include "cache/area.h"

extern void publish_init(void);

#endif							/* AGENTCORE_CACHE_PUBLISH_H */
