/*
 * rules.h
 *	  Rows of policies and rules as their setters would write them.
 */
#ifndef AGENTCORE_ALLOW_RULES_H
#define AGENTCORE_ALLOW_RULES_H

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

/* the policy's row as policy_set() would leave it; called with its arguments */
extern HeapTuple allow_policy_row(HeapTuple row, TupleDesc desc, FunctionCallInfo fcinfo);

/*
 * The row that policy_allow() or policy_deny() would write, called with their
 * arguments; row has tenant, policy and effect.  Raises what they raise, with
 * SPI connected.
 */
extern HeapTuple allow_rule_row(TupleDesc desc, RuleRow *row, int64 id,
								FunctionCallInfo fcinfo, Datum policy_methods);

#endif							/* AGENTCORE_ALLOW_RULES_H */
