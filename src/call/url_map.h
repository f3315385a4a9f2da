/*
 * url_map.h
 *	  The URLs among the arguments of a call, and the methods that they are used with.
 */
#ifndef AGENTCORE_CALL_URL_MAP_H
#define AGENTCORE_CALL_URL_MAP_H

#include "tool/tool.h"

#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"

typedef struct FoundUrl
{
	SchemaUrlKind kind;
	const char *at;				/* in the document */
	uint32		len;
	const struct SchemaNode *schema;	/* SCHEMA_URL_CONTENT: of the JSON; NULL: it is encoded */
	struct UrlMap *content;		/* SCHEMA_URL_CONTENT: what is in it; NULL: it cannot be read */
	Bitmapset  *methods;		/* that it is used with, of the map's; NULL: none was named */
	const char *canonical;		/* set by the judge; NULL: it stays as it is */
} FoundUrl;

typedef struct UrlMap
{
	Jsonb	   *args;
	FoundUrl   *found;			/* by place */
	int			nfound;
	int			maxfound;
	bool		misplaced;		/* something else than a string stands where a URL should */
	bool		uncontained;	/* no container of the kind stands where one with URLs should */
	List	   *methods;		/* of the arguments as a whole: every one that they name, upper case */
} UrlMap;

/* valid until the next one is added */
extern FoundUrl *url_map_add(UrlMap *map, SchemaUrlKind kind, const char *at, uint32 len);

/* sorts by place, and removes what was found twice */
extern void url_map_sort(UrlMap *map);

/* whether one of the first "sorted" begins there */
extern bool url_map_has(const UrlMap *map, int sorted, const char *at);

#endif							/* AGENTCORE_CALL_URL_MAP_H */
