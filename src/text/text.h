/*
 * text.h
 *	  Public face of src/text: judging strings.
 *
 * format.h, regex.h, idna.h and uri.h need no server, so that the parsers behind
 * them can be fuzzed alone.  Patterns need one: for memory contexts, interrupts
 * and the settings that bound a match.
 */
#ifndef AGENTCORE_TEXT_H
#define AGENTCORE_TEXT_H

#include "core/core.h"

#include "text/format.h"
#include "text/http_method.h"
#include "text/uri.h"
#include "text/written_json.h"

/* ----- settings (text.c): agc_x is agentcore.x ----- */
extern int	agc_pattern_depth_limit;
extern int	agc_pattern_heap_limit; /* kB */
extern bool agc_pattern_jit;
extern int	agc_pattern_match_limit;
extern int	agc_pattern_timeout;	/* ms */

/* ----- patterns (pattern.c) ------------------------------------------------- */
typedef struct Pattern Pattern;

typedef enum PatternResult
{
	PATTERN_MATCH,
	PATTERN_NO_MATCH,
	PATTERN_LIMIT
} PatternResult;

/* in CurrentMemoryContext; NULL and *problem (palloc'd) when it is not usable */
extern Pattern *pattern_compile(const char *source, uint32 len, char **problem);
/* *visits grows by what the match cost, in visits of nodes */
extern PatternResult pattern_match(Pattern *pattern, const char *subject, uint32 len, int64 *visits);
extern const char *pattern_source(const Pattern *pattern);
extern Size pattern_size(const Pattern *pattern);	/* bytes, the JIT's included */
extern bool pattern_is_valid(const char *source, uint32 len);

/* a string of the database in UTF-8; palloc'd if the database has another encoding */
extern const char *string_utf8(const char *s, uint32 *len);

extern void text_init(void);

#endif							/* AGENTCORE_TEXT_H */
