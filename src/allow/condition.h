/*
 * condition.h
 *	  The `when` of a rule: JSON Pointers into a call's context, and what must
 *	  stand there.
 *
 * A condition is true, false or unknown, and unknown counts against the call: an
 * allow needs true, a deny or an ask applies unless false.  Why not one JSON
 * Schema over the whole context: see src/allow/README.md.
 */
#ifndef AGENTCORE_ALLOW_CONDITION_H
#define AGENTCORE_ALLOW_CONDITION_H

#include "allow/context.h"

typedef enum Truth
{
	TRUTH_FALSE,
	TRUTH_UNKNOWN,
	TRUTH_TRUE
} Truth;

/* For whom a condition speaks, which decides what one element of many does. */
typedef enum ConditionUse
{
	CONDITION_ALLOW,			/* `*`: every element */
	CONDITION_REFUSE,			/* a deny or an ask; `*`: one element is enough */
	CONDITION_FACT				/* as an allow; may name /result */
} ConditionUse;

/* The pointers that the rules of one policy name, each once: a value is found once per decision. */
typedef struct ConditionPointers ConditionPointers;
typedef struct Condition Condition;

extern ConditionPointers *condition_pointers_new(void);

/*
 * Compiles in CurrentMemoryContext, which both then live and die with.  NULL and
 * *problem, with *hint (may be NULL), for what no rule may say.
 */
extern Condition *condition_compile(ConditionPointers *pointers, Jsonb *when, ConditionUse use,
									char **problem, char **hint);

/* The same of a row that perhaps nobody has checked: what is beyond a limit is such a problem too. */
extern Condition *condition_compile_stored(ConditionPointers *pointers, Jsonb *when, ConditionUse use,
										   char **problem, char **hint);

/* One decision: what was found so far.  zone: the policy's. */
typedef struct ConditionScope
{
	RuleContext *context;
	const char *zone;
	const ConditionPointers *pointers;
	struct ConditionValue *values;	/* condition_judge.c's */
} ConditionScope;

extern void condition_scope_init(ConditionScope *scope, RuleContext *context, const char *zone,
								 const ConditionPointers *pointers);

/* *pointer: the first that is not true (of a refusal: that is not false); NULL: none, or not asked for */
extern Truth condition_judge(const Condition *condition, ConditionScope *scope, const char **pointer);

/* the same of the terms that point into /result, or of all others: what can be said before and after a call */
extern Truth condition_judge_part(const Condition *condition, ConditionScope *scope, bool of_result);

/* The value at one of the scope's pointers, in CurrentMemoryContext; NULL: none, or one of another kind. */
extern Jsonb *condition_value(ConditionScope *scope, int pointer);

/* a pointer's number among those of a policy; -1: *problem */
extern int	condition_pointer(ConditionPointers *pointers, const char *text, ConditionUse use, char **problem, char **hint);

/* whether it points into /result */
extern bool condition_pointer_is_result(const ConditionPointers *pointers, int pointer);

/* For lint and for feedback: what a condition says of each pointer. */
typedef struct ConditionTerm
{
	const char *pointer;		/* as written */
	bool		optional;		/* `?` */
	Jsonb	   *schema;
} ConditionTerm;

extern int	condition_terms(const Condition *condition, const ConditionTerm **terms);

#endif							/* AGENTCORE_ALLOW_CONDITION_H */
