/*
 * rule_lint.h
 *	  What is likely wrong with one rule for tools.  Private to src/allow.
 */
#ifndef AGENTCORE_ALLOW_RULE_LINT_H
#define AGENTCORE_ALLOW_RULE_LINT_H

#include "allow/condition.h"

typedef struct LintRule
{
	const char *name;			/* as it is shown */
	const char *pattern;
	const char *effect;			/* as in policy_rule */
	const Condition *when;		/* NULL: always */
} LintRule;

/* An allow without condition or end. */
typedef struct LintAllow
{
	const char *name;			/* as it is shown */
	const char *pattern;
} LintAllow;

typedef struct LintHouse
{
	const char *tenant;
	int			ntools;
	char	  **tools;
	int			nallows;
	LintAllow  *allows;
	int			nsums;
	char	  **sums;			/* patterns of limits on sums */
	int			nfacts;
	char	  **facts;			/* that something gives */
} LintHouse;

typedef struct LintReport
{
	/* tool NULL: whichever; hint may be NULL */
	void		(*tell) (const char *rule, const char *tool, const char *problem, const char *hint, void *arg);
	void	   *arg;
	bool		at_writing;		/* only what a NOTICE says */
} LintReport;

extern void lint_load_tools(LintHouse *house, const char *tenant);
extern bool lint_covers(const char *pattern, const char *tool);

/* a pattern covers all that the other does */
extern bool lint_covers_pattern(const char *pattern, const char *other);

extern void lint_rule(const LintHouse *house, const LintRule *rule, const LintReport *report);

/* reports a pattern that no tool has */
extern void lint_pattern(const LintHouse *house, const char *rule, const char *pattern, const LintReport *report);

/* a pointer into the arguments that no tool of the pattern can have; NULL: none; *near: names near to it, may be NULL */
extern const char *lint_impossible(const LintHouse *house, const LintRule *rule, char **near);

#endif							/* AGENTCORE_ALLOW_RULE_LINT_H */
