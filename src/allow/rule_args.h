/*
 * rule_args.h
 *	  The arguments of the functions that write policies and rules, in canonical
 *	  form.  Everything here raises 22023 for what it refuses.
 */
#ifndef AGENTCORE_ALLOW_RULE_ARGS_H
#define AGENTCORE_ALLOW_RULE_ARGS_H

#include "core/core.h"

typedef struct RuleRow
{
	char	   *tenant;
	char	   *policy;
	const char *kind;
	const char *effect;
	const char *pattern;
	Datum		methods;		/* 0 = any, as for all that follow */
	Datum		ports;
	char	   *path;
	Datum		valid;
	bool		forced;			/* covers a public suffix */
	int64		id;				/* what it was or is written as */
} RuleRow;

/* raises 22023; detail and hint may be NULL */
pg_noreturn extern void allow_bad_rule(const char *what, const char *detail, const char *hint);

/* a NOTICE that says the canonical form, if it differs from what was given */
extern void allow_show_canonical(const char *what, const char *given, const char *stored);

/* DETAIL for a pattern that allow_pattern_parse() refused as "wrong" */
extern char *allow_pattern_fault(const char *text, const char *wrong);

extern char *allow_mode_arg(FunctionCallInfo fcinfo, int n);

/* the name of a time zone */
extern char *allow_tz_arg(FunctionCallInfo fcinfo, int n);
extern Datum allow_schemes_arg(FunctionCallInfo fcinfo, int n);

/* upper case, sorted, without duplicates; 0 for NULL */
extern Datum allow_methods_arg(FunctionCallInfo fcinfo, int n);

/* 0 for NULL */
extern Datum allow_valid_arg(FunctionCallInfo fcinfo, int n);

/*
 * Argument 1 of policy_allow() and policy_deny(), given as "pattern", and those
 * from 2 (methods) to 6 (force).
 */
extern void allow_url_rule_args(FunctionCallInfo fcinfo, const char *pattern, RuleRow *row);

#endif							/* AGENTCORE_ALLOW_RULE_ARGS_H */
