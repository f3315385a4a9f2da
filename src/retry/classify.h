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
 * Matches when both conditions do.  Statuses first..last, 0 meaning that there
 * was none; error is a phrase found as whole words in any case, NULL for any.
 */
typedef struct RetryRule
{
	int			first;
	int			last;
	const char *error;
	RetryClass	class;
} RetryRule;

#define RETRY_STATUS_MAX	999

/* the class, and whether the error text (else the status) decided it */
extern RetryClass retry_classify(const RetryRule *rules, int nrules, int status,
								 const char *error, bool *by_error);

/*
 * Whether a failure leaves open if the work was done.  Not open: what the other
 * side refused (4xx, 503, 529, a throttle, spent quota), a redirect, and what failed
 * before anything was sent.
 */
extern bool retry_is_open(RetryClass class, int status, const char *error);

/* RETRY_CLASS_UNKNOWN for a word that names no class */
extern RetryClass retry_class_parse(const char *word, int len);

#endif							/* AGENTCORE_CLASSIFY_H */
