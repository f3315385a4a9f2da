/*
 * condition_feedback.h
 *	  What a condition would let stand at a pointer, in words for a model.
 */
#ifndef AGENTCORE_ALLOW_CONDITION_FEEDBACK_H
#define AGENTCORE_ALLOW_CONDITION_FEEDBACK_H

#include "allow/condition.h"

/* a sentence that begins with a blank; pointer NULL: the only one of the condition; "": nothing can be said that gives nothing away */
extern char *condition_allowed(const Condition *condition, const char *pointer);

#endif							/* AGENTCORE_ALLOW_CONDITION_FEEDBACK_H */
