/*
 * text.c
 *	  What this room does when the library is loaded: its settings.
 *
 * Memory: static variables.  Locks: none.  On ERROR: the library is not loaded.
 */
#include "text/text.h"

#include <limits.h>

#include "utils/guc.h"

int			agc_pattern_depth_limit = 100000;
int			agc_pattern_heap_limit = 8192;
bool		agc_pattern_jit = true;
int			agc_pattern_match_limit = 1000000;
int			agc_pattern_timeout = 40;

static void
define_settings(void)
{
	DefineCustomIntVariable("agentcore.pattern_depth_limit",
							"Number of backtracking points that the match of a regular expression may keep where there is no JIT.",
							"A match that needs more raises 54001; it never counts as valid.",
							&agc_pattern_depth_limit, 100000, 100, INT_MAX,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.pattern_heap_limit",
							"Memory that the match of a regular expression may take where there is no JIT.",
							"A match that needs more raises 54001. A backend keeps what its largest match took.",
							&agc_pattern_heap_limit, 8192, 64, MAX_KILOBYTES,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomBoolVariable("agentcore.pattern_jit",
							 "Turn regular expressions into machine code where the platform allows it.",
							 "off: PCRE2 interprets expressions compiled from now on. The answers are the same, except for what a limit refuses.",
							 &agc_pattern_jit, true,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.pattern_match_limit",
							"Number of steps that the match of a regular expression may take.",
							"A match that needs more raises 54001; it never counts as valid.",
							&agc_pattern_match_limit, 1000000, 100, INT_MAX,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("agentcore.pattern_timeout",
							"Time that the match of a regular expression may take.",
							"Stops matches that take few but long steps; a match that needs more raises 54001. "
							"The time also counts towards agentcore.max_node_visits, 100 ns per visit.",
							&agc_pattern_timeout, 40, 1, 60000,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
}

void
text_init(void)
{
	define_settings();
}
