/*
 * classify.h
 *	  What a failure means.  Pure.
 */
#ifndef AGENTCORE_CLASSIFY_H
#define AGENTCORE_CLASSIFY_H

#include "postgres.h"

typedef enum RetryClass
{
	RETRY_CLASS_UNKNOWN,
	RETRY_CLASS_RETRY,
	RETRY_CLASS_THROTTLE,
	RETRY_CLASS_FATAL,
	RETRY_CLASS_QUOTA,
	RETRY_CLASS_CANCELLED		/* our own side gave up: nobody's failure */
} RetryClass;

/*
 * A policy's rule.  Matches when both conditions do.  Statuses first..last, 0
 * meaning that there was none; error is a phrase found as whole words in any
 * case, NULL for any.
 */
typedef struct RetryRule
{
	int			first;
	int			last;
	const char *error;
	RetryClass	class;
} RetryRule;

#define RETRY_STATUS_MAX	999

typedef struct RetryVerdict
{
	RetryClass	class;
	bool		by_error;		/* the error text decided, else the status */
	bool		open;			/* it does not say whether the work was done */
	bool		daily;			/* a throttle that is counted by day or month */
} RetryVerdict;

/*
 * status 0: none; error may be NULL.  hinted: the other side said how long to
 * wait.  exhausted: its headers say that nothing is left of a limit.
 */
extern void retry_classify(const RetryRule *rules, int nrules, int status, const char *error,
						   bool hinted, bool exhausted, RetryVerdict *verdict);

/* RETRY_CLASS_UNKNOWN for a word that names no class */
extern RetryClass retry_class_parse(const char *word, int len);
extern const char *retry_class_name(RetryClass class);

#endif							/* AGENTCORE_CLASSIFY_H */
