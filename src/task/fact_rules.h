/*
 * fact_rules.h
 *	  Which calls give facts and take them away, compiled.  Private to src/task.
 */
#ifndef AGENTCORE_TASK_FACT_RULES_H
#define AGENTCORE_TASK_FACT_RULES_H

#include "task/policy_part.h"
#include "task/tasks.h"

typedef struct FactRule
{
	char	   *pattern;		/* of the tool */
	const char *fact;
	bool		clears;
	int			value;			/* a pointer's number; -1: the value is true */
	Condition  *when;			/* NULL: always */
	int64		valid_for;		/* us; -1: as long as the task */
} FactRule;

/* one row of policy_fact, in CurrentMemoryContext; false: it cannot be read, so it gives nothing */
extern bool fact_rule_compile(PolicyPart *part, FactRule *rule, HeapTuple tuple, TupleDesc desc);

/* those of a policy (FactRule), pinned as *object; NULL: there are none */
extern const PolicyPart *fact_rules_pin(const char *tenant, const char *policy, AgcObject **object);

#endif							/* AGENTCORE_TASK_FACT_RULES_H */
