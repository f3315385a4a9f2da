/*
 * rule_lint.h
 *	  What is likely wrong with one rule for tools.  Private to src/allow.
 */
#ifndef AGENTCORE_ALLOW_RULE_LINT_H
#define AGENTCORE_ALLOW_RULE_LINT_H

#include "allow/lint_room.h"

extern void lint_load_tools(LintHouse *house, const char *tenant);
extern bool lint_covers(const char *pattern, const char *tool);

/* a pattern covers all that the other does */
extern bool lint_covers_pattern(const char *pattern, const char *other);

/* a pointer of the rule into the arguments that no tool of the pattern can have; NULL: none; *near: names near to it, may be NULL */
extern const char *lint_impossible(const LintHouse *house, const LintRule *rule, char **near);

#endif							/* AGENTCORE_ALLOW_RULE_LINT_H */
