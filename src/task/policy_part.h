/*
 * policy_part.h
 *	  The facts of a policy, or its limits: the rows of one table, compiled.
 *	  Private to src/task.
 */
#ifndef AGENTCORE_TASK_POLICY_PART_H
#define AGENTCORE_TASK_POLICY_PART_H

#include "task/task.h"

typedef struct PolicyPart
{
	List	   *rules;
	ConditionPointers *pointers;
	const char *tz;				/* of the policy, as is its mode */
	bool		off;
	bool		audit;
} PolicyPart;

/* what a row is, compiled; NULL: nothing */
typedef void *(*CompileRow) (PolicyPart *part, HeapTuple tuple, TupleDesc desc);

/* of the version of the policy's row, which changes with its parts */
extern PolicyPart *policy_part_compile(AgcTable *table, CompileRow compile, HeapTuple policy, TupleDesc desc,
									   const char *tenant, const char *name);

/* pinned as *object; NULL: it has no rules */
extern const PolicyPart *policy_part_pin(const AgcObjectClass *class, const char *tenant, const char *policy,
										 AgcObject **object);

#endif							/* AGENTCORE_TASK_POLICY_PART_H */
