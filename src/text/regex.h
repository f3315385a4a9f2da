/*
 * regex.h
 *	  From ECMA-262 regular expressions (unicode mode) to PCRE2's syntax.
 *
 * Plain C without PostgreSQL, so that it can be fuzzed by itself.
 */
#ifndef AGENTCORE_TEXT_REGEX_H
#define AGENTCORE_TEXT_REGEX_H

#include <stdbool.h>
#include <stddef.h>

/* longest source, and how many times as long its translation can be */
#define REGEX_MAX_SOURCE	16384
#define REGEX_GROWTH		160

typedef struct RegexInfo
{
	const char *message;		/* NULL: it is good */
	size_t		offset;			/* of what is wrong */
	int			lookaround;		/* how deep lookaround is nested */
} RegexInfo;

/* a backslash before any punctuation is taken, also where ECMA-262 refuses it */
#define REGEX_LENIENT		0x01
/* only to be compiled, never matched: lookbehind may have any width */
#define REGEX_SYNTAX_ONLY	0x02

/*
 * Writes at most cap bytes (REGEX_GROWTH * (len + 1) always suffice) and sets
 * *outlen.  Source and output are UTF-8.
 */
extern bool regex_translate(const char *source, size_t len, int flags,
							char *out, size_t cap, size_t *outlen, RegexInfo *info);

#endif							/* AGENTCORE_TEXT_REGEX_H */
