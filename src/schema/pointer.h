/*
 * pointer.h
 *	  JSON Pointer (RFC 6901) as text.
 *
 * Needs nothing of a server, so that it can be fuzzed by itself.
 */
#ifndef AGENTCORE_SCHEMA_POINTER_H
#define AGENTCORE_SCHEMA_POINTER_H

#include "lib/stringinfo.h"

/* what is wrong with it; NULL: nothing */
extern const char *pointer_problem(const char *pointer);

extern void pointer_append_key(StringInfo out, const char *key, uint32 len);

/* *rest points at a "/"; the token, palloc'd; *rest NULL at the end */
extern char *pointer_next(const char **rest);

/* a token as an index of an array */
extern bool pointer_index(const char *token, uint32 *index);

#endif							/* AGENTCORE_SCHEMA_POINTER_H */
