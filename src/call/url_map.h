/*
 * url_map.h
 *	  The URLs among the arguments of a call, and the methods that they are used with.
 */
#ifndef AGENTCORE_CALL_URL_MAP_H
#define AGENTCORE_CALL_URL_MAP_H

#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"
#include "tool/tool.h"

typedef struct FoundUrl
{
	SchemaUrlKind kind;
	const char *at;				/* in the document */
	uint32		len;
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
	List	   *methods;		/* every one that the arguments name, upper case */
} UrlMap;

#endif							/* AGENTCORE_CALL_URL_MAP_H */
