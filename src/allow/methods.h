/*
 * methods.h
 *	  HTTP methods: what may be one, and which are registered.
 */
#ifndef AGENTCORE_ALLOW_METHODS_H
#define AGENTCORE_ALLOW_METHODS_H

#include "postgres.h"

#define METHOD_MAX 32			/* bytes of an HTTP method */

/*
 * The method in upper case into out (METHOD_MAX + 1 bytes).  False, and out is
 * empty, unless it is a token of RFC 9110 of at most METHOD_MAX bytes.
 */
extern bool allow_method_canonical(const char *method, char *out);

/* whether a canonical method is in a list of such; NULL lists every method */
extern bool allow_method_listed(char **methods, int count, const char *method);

/* whether a canonical method is one that servers know without being told */
extern bool allow_method_registered(const char *method);

#endif							/* AGENTCORE_ALLOW_METHODS_H */
