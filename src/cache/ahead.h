/*
 * ahead.h
 *	  Asking the processor for what looking a key up will need.
 */
#ifndef AGENTCORE_CACHE_AHEAD_H
#define AGENTCORE_CACHE_AHEAD_H

#include "cache/area.h"

extern void ahead_index(const CacheKey *key);
extern void ahead_entry(const CacheKey *key);
extern uint32 ahead_value(const CacheKey *key);

#endif							/* AGENTCORE_CACHE_AHEAD_H */
