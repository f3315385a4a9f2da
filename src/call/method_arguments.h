/*
 * method_arguments.h
 *	  Which HTTP methods the arguments of a call name.
 */
#ifndef AGENTCORE_CALL_METHOD_ARGUMENTS_H
#define AGENTCORE_CALL_METHOD_ARGUMENTS_H

#include "allow/allow.h"
#include "call/url_map.h"

/* notes which methods the URLs of a map are used with */
extern void urls_find_methods(UrlMap *map, const AllowMethods *known, const char *stated);

#endif							/* AGENTCORE_CALL_METHOD_ARGUMENTS_H */
