/*
 * url_values.h
 *	  Arguments that are URLs by their value.
 */
#ifndef AGENTCORE_CALL_URL_VALUES_H
#define AGENTCORE_CALL_URL_VALUES_H

#include "call/url_map.h"

/* adds every string and name of the arguments that is an absolute URL, unless one was found there */
extern void url_values_find(UrlMap *map);

/* the same, in one value of them */
extern void url_values_find_in(UrlMap *map, const JbItem *item);

/* an absolute URL, or what a lenient reader makes one of: an address or localhost without a scheme */
extern bool url_value_may_be(const char *text, uint32 len);

#endif							/* AGENTCORE_CALL_URL_VALUES_H */
