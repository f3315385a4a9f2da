/*
 * call_rule.h
 *	  Rules that look at the call, compiled.  Private to src/allow.
 */
#ifndef AGENTCORE_ALLOW_CALL_RULE_H
#define AGENTCORE_ALLOW_CALL_RULE_H

#include "allow/allow.h"
#include "allow/compiled_policy.h"

/* how many of them a policy may have: all are kept in memory, whatever its size */
#define CALL_RULES_MAX	4000

typedef enum CallEffect
{
	CALL_ALLOW,
	CALL_DENY,
	CALL_ASK
} CallEffect;

typedef struct CallRule
{
	int64		id;
	CallEffect	effect;
	bool		audit;			/* judged and reported, not enforced */
	bool		prefix;			/* the pattern ends in a star */
	bool		again;			/* the rule before has this pattern too */
	int			len;			/* of the pattern, without it */
	const char *pattern;
	TimestampTz valid_from;
	TimestampTz valid_until;
	Condition  *when;			/* NULL: always */
	CallAsk		ask;			/* name and feedback of any rule; the rest of an ask */
} CallRule;

typedef struct CallRules
{
	int			count;
	int			size;
	CallRule   *items;			/* exact names in their order, then prefixes */
	int			nexact;
	ConditionPointers *pointers;
} CallRules;

/* whether a row of policy_rule is one of these */
extern bool call_rule_row_is(HeapTuple tuple, TupleDesc desc);

/* Adds the row's rule, in CurrentMemoryContext; false: it cannot be read or compiled. */
extern bool call_rules_add(CallRules **rules, const char *policy, HeapTuple tuple, TupleDesc desc);
extern void call_rules_index(CallRules *rules);

/* the rules for a tool, one after the other, whatever their time; *at begins at 0 */
extern const CallRule *call_rules_next(const CallRules *rules, const char *tool, int *at);

/*
 * allow_judge_call() with the policy of that name in hand, beside the policies '*' of
 * the tenant.  A policy '*' is asked for itself: what it refuses.
 */
extern void call_judge(const char *tenant, const char *name, const Policy *policy, const char *tool, RuleContext *context,
					   CallJudgement *out);

#endif							/* AGENTCORE_ALLOW_CALL_RULE_H */
