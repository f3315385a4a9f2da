/*
 * suffix.h
 *	  Public suffixes: domains below which strangers register names.
 */
#ifndef AGENTCORE_ALLOW_SUFFIX_H
#define AGENTCORE_ALLOW_SUFFIX_H

#include "c.h"

/* "name" is a canonical host name without a star */
extern bool allow_public_suffix(const char *name);

/* the list in use, with its version */
extern const char *allow_public_suffix_source(void);

#endif							/* AGENTCORE_ALLOW_SUFFIX_H */
