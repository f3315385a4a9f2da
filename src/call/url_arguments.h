/*
 * url_arguments.h
 *	  Finding the URLs among the arguments, and putting canonical ones back.
 */
#ifndef AGENTCORE_CALL_URL_ARGUMENTS_H
#define AGENTCORE_CALL_URL_ARGUMENTS_H

#include "allow/allow.h"
#include "call/url_map.h"

/* raises 54001 beyond the limits of validation; calls nothing but what is pure */
extern UrlMap *urls_find(const ToolDef *tool, Jsonb *args, const AllowMethods *known, bool strict);

/* args with what the judge made canonical; the same pointer where nothing changed */
extern Jsonb *urls_put_back(UrlMap *map);

#endif							/* AGENTCORE_CALL_URL_ARGUMENTS_H */
