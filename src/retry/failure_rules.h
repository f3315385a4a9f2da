/*
 * failure_rules.h
 *	  The built-in rules of what a failure means, as data.  Pure.
 */
#ifndef AGENTCORE_RETRY_FAILURE_RULES_H
#define AGENTCORE_RETRY_FAILURE_RULES_H

#include "retry/classify.h"

typedef enum FailureMatch
{
	FAILURE_BY_STATUS,			/* the status alone */
	FAILURE_BY_CODE,			/* a code of the body */
	FAILURE_BY_NAME,			/* the first or last line begins with this name */
	FAILURE_BY_PHRASE,			/* words of the text */
	FAILURE_BY_TEXT,			/* the whole text is this */
	FAILURE_BY_HINT,			/* a wait hint */
	FAILURE_BY_SIZE				/* the request is larger than the limit itself */
} FailureMatch;

/* whether the work was done */
typedef enum FailureOutcome
{
	FAILURE_SHUT,				/* certainly not */
	FAILURE_OPEN,				/* not told */
	FAILURE_BY_CAUSE			/* not told, unless a later rule for a retry says that it was not */
} FailureOutcome;

/* where a rule comes from, and when it was last compared with that; NULL: not compared */
typedef struct FailureSource
{
	const char *name;
	const char *as_of;
} FailureSource;

typedef struct FailureRule
{
	int			first;			/* statuses, 0 meaning that there was none */
	int			last;
	FailureMatch match;
	const char *text;
	RetryClass	class;
	FailureOutcome outcome;
	const FailureSource *source;
} FailureRule;

/* The n-th rule, from 0; NULL behind the last.  The first that matches decides. */
extern const FailureRule *failure_rule(int n);

/* what failure_rule() puts together: answers of services, then what ends before an answer */
extern const FailureRule service_rules[];
extern const int service_nrules;
extern const FailureRule client_rules[];
extern const int client_nrules;
extern const FailureRule transport_rules[];
extern const int transport_nrules;

#endif							/* AGENTCORE_RETRY_FAILURE_RULES_H */
