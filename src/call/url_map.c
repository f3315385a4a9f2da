/*
 * url_map.c
 *	  The list of URLs that were found among the arguments of a call.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "call/url_map.h"

static int
compare_found(const void *a, const void *b)
{
	const FoundUrl *l = a;
	const FoundUrl *r = b;

	if (l->at != r->at)
		return l->at < r->at ? -1 : 1;
	if (l->len != r->len)
		return l->len < r->len ? -1 : 1;
	if (l->kind != r->kind)
		return (int) l->kind - (int) r->kind;
	return l->schema < r->schema ? -1 : l->schema > r->schema;
}

FoundUrl *
url_map_add(UrlMap *map, SchemaUrlKind kind, const char *at, uint32 len)
{
	FoundUrl   *found;

	if (map->nfound == map->maxfound)
	{
		map->maxfound = Max(map->maxfound * 2, 8);
		map->found = map->found == NULL ? palloc(map->maxfound * sizeof(FoundUrl)) :
			repalloc_huge(map->found, map->maxfound * sizeof(FoundUrl));
	}
	found = &map->found[map->nfound++];
	*found = (FoundUrl)
	{
		.kind = kind, .at = at, .len = len
	};
	return found;
}

void
url_map_sort(UrlMap *map)
{
	int			kept = 0;

	if (map->nfound > 1)
		qsort(map->found, map->nfound, sizeof(FoundUrl), compare_found);
	for (int i = 0; i < map->nfound; i++)
		if (kept == 0 || compare_found(&map->found[kept - 1], &map->found[i]) != 0)
			map->found[kept++] = map->found[i];
	map->nfound = kept;
}

bool
url_map_has(const UrlMap *map, int sorted, const char *at)
{
	int			low = 0;
	int			high = sorted;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (map->found[middle].at < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low < sorted && map->found[low].at == at;
}
