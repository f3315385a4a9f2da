/*
 * condition_tree.h
 *	  A compiled condition, and what was found for one decision.  Private to
 *	  condition.c, condition_judge.c, rule_lint.c and condition_feedback.c.
 */
#ifndef AGENTCORE_ALLOW_CONDITION_TREE_H
#define AGENTCORE_ALLOW_CONDITION_TREE_H

#include "allow/condition.h"
#include "schema/schema.h"

/* One step of a pointer below its context member. */
typedef struct PointerStep
{
	const char *key;			/* NULL: `*` */
	uint32		len;
	bool		is_index;		/* an element of an array, where an array stands */
	uint32		index;
} PointerStep;

typedef struct ConditionPointer
{
	const char *text;			/* without `?` */
	ContextMember member;
	bool		every;			/* has a `*` */
	int			nsteps;
	PointerStep *steps;
} ConditionPointer;

struct ConditionPointers
{
	int			count;
	int			size;
	ConditionPointer *items;
};

typedef struct Term
{
	ConditionTerm shown;
	int			pointer;		/* index in the policy's pointers */
	const SchemaNode *node;		/* NULL: only equals or in */
	int			equals;			/* index of a pointer; -1: none */
	int			in;				/* the same */
} Term;

/*
 * What most conditions are: one term that compares one value with a text, or with
 * the ends of a range.  Judged without the general evaluator.
 */
typedef enum QuickKind
{
	QUICK_NONE,
	QUICK_TEXT,					/* const, a string */
	QUICK_RANGE					/* minimum, maximum and the like */
} QuickKind;

struct Condition
{
	QuickKind	quick;
	ConditionUse use;
	int			nterms;
	Term	   *terms;
	ConditionTerm *shown;
};

/* What stands at a pointer: an absent place, a place that cannot be reached, or values. */
typedef enum PlaceState
{
	PLACE_UNREAD = 0,
	PLACE_ABSENT,				/* nothing, or null */
	PLACE_WRONG,				/* something of another type stands on the way */
	PLACE_FOUND
} PlaceState;

typedef struct Place
{
	PlaceState	state;
	JbItem		item;
} Place;

typedef struct ConditionValue
{
	bool		is_number;		/* number is set: of the one value */
	Number		number;
	PlaceState	state;			/* PLACE_FOUND: of a pointer with `*`, its elements */
	Place		one;
	int			count;
	int			size;
	Place	   *each;
} ConditionValue;

#endif							/* AGENTCORE_ALLOW_CONDITION_TREE_H */
