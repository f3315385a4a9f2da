/*
 * methods.h
 *	  HTTP methods in the lists of a policy.
 */
#ifndef AGENTCORE_ALLOW_METHODS_H
#define AGENTCORE_ALLOW_METHODS_H

#include "text/text.h"

/* whether a canonical method is in a list of such; NULL lists every method */
extern bool allow_method_listed(char **methods, int count, const char *method);

#endif							/* AGENTCORE_ALLOW_METHODS_H */
