/*
 * limit_rules.h
 *	  The limits of a policy, compiled.  Private to src/task.
 */
#ifndef AGENTCORE_TASK_LIMIT_RULES_H
#define AGENTCORE_TASK_LIMIT_RULES_H

#include "task/policy_part.h"

#define LIMIT_MAX_PER	8

typedef struct LimitRule
{
	const char *name;
	char	   *pattern;		/* of the tool */
	int			nper;
	int			per[LIMIT_MAX_PER]; /* numbers of pointers */
	const char *per_text[LIMIT_MAX_PER];
	int64		max_calls;		/* -1: none, as for the sum */
	int			sum;			/* a pointer's number; -1: nothing is added up */
	const char *sum_text;
	int64		max_sum;		/* billionths */
	const char *max_by;
	int64		period;			/* us; 0: for ever */
	const char *ask;
	bool		broken;			/* somebody wrote to the table: nothing passes */
} LimitRule;

/* those of a policy (LimitRule), pinned as *object; NULL: there are none, or the policy is off */
extern const PolicyPart *limit_rules_pin(const char *tenant, const char *policy, AgcObject **object);

/*
 * What a limit reads of a call, for those who look for what is wrong with it: what it
 * counts by, and what it adds up (sum_of NULL: nothing).
 */
extern void limit_linted(const char *name, const char *pattern, char **per, int nper, char *sum_of, LintRule *counts, LintRule *adds);

/* a number in billionths; false: it is negative, has more decimals or is out of range */
extern bool limit_amount(Numeric number, int64 *amount);

/* the same for a maximum, rounded down; false: NaN */
extern bool limit_maximum(Numeric number, int64 *amount);

#endif							/* AGENTCORE_TASK_LIMIT_RULES_H */
