/*
 * format.h
 *	  The formats of JSON Schema as small parsers.
 *
 * Plain C without PostgreSQL, so that it can be fuzzed by itself.
 */
#ifndef AGENTCORE_TEXT_FORMAT_H
#define AGENTCORE_TEXT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

/* the one format that needs the pattern compiler: judged by the caller */
#define FORMAT_REGEX 0

/* -1: unknown, so only an annotation */
extern int	format_find(const char *name);
extern bool format_check(int id, const char *s, size_t len);

#endif							/* AGENTCORE_TEXT_FORMAT_H */
