/*
 * refs.h
 *	  What an entry or a lease depends on besides its key.
 */
#ifndef AGENTCORE_CACHE_REFS_H
#define AGENTCORE_CACHE_REFS_H

#include "cache/tag.h"

typedef struct CacheRefs
{
	uint32		tool;			/* the number of a name */
	uint32		tenant;			/* the number of a name */
	int			ntags;
	uint16		tag[AGC_MAX_TAGS];
} CacheRefs;

extern void refs_make(CacheRefs *refs, const char *tenant, const char *tool, int ntags, char **tags);
extern bool refs_open(const CacheRefs *refs, uint64 born);

#endif							/* AGENTCORE_CACHE_REFS_H */
