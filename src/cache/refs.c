/*
 * refs.c
 *	  What an entry or a lease depends on besides its key: a tool, a tenant, tags.
 *
 * Locking: none; epochs are atomics.  Memory: none.  On ERROR: raises none.
 */
#include "cache/refs.h"

bool
refs_open(const CacheRefs *refs, uint64 born)
{
	if (!epoch_open(name_epoch(refs->tool), born) ||
		!epoch_open(name_epoch(refs->tenant), born))
		return false;
	for (int i = 0; i < refs->ntags; i++)
		if (!tag_open(refs->tenant, refs->tag[i], born))
			return false;
	return true;
}

void
refs_make(CacheRefs *refs, const char *tenant, const char *tool, int ntags, char **tags)
{
	Assert(ntags <= AGC_MAX_TAGS);
	memset(refs, 0, sizeof(*refs));
	refs->tool = name_of_tool(tenant, tool);
	refs->tenant = name_of_tenant(tenant);
	refs->ntags = ntags;
	for (int i = 0; i < ntags; i++)
		refs->tag[i] = tag_number(tenant, tags[i]);
}
