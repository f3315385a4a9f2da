/*
 * failure.h
 *	  What the text of a failure says: its codes, its status, its sizes, its
 *	  period.  Pure.
 */
#ifndef AGENTCORE_RETRY_FAILURE_H
#define AGENTCORE_RETRY_FAILURE_H

#include "retry/words.h"

#define FAILURE_MAX_CODES	64

typedef enum FailureCodeKind
{
	FAILURE_MEMBER,				/* the value of a member that holds codes, as "type" */
	FAILURE_ANCHORED,			/* after words that announce a code, as "code = " */
	FAILURE_LEADING				/* the name that the text begins with, as "X: what happened" */
} FailureCodeKind;

typedef struct FailureCode
{
	FailureCodeKind kind;
	const char *name;
	int			len;
} FailureCode;

typedef struct Failure
{
	int			status;			/* of the response, else what the text says; 0: none */
	bool		status_in_text;
	bool		response;		/* there was a response */
	bool		hinted;			/* the other side said how long to wait */
	const char *text;
	const char *end;
	const char *raised;			/* the line below the frames of a traceback, which names the error; NULL: none */
	WordIndex	index;			/* of the text */
	bool		has_members;	/* codes stand in members: the rest is prose */
	int			ncodes;
	FailureCode codes[FAILURE_MAX_CODES];
} Failure;

/* status 0: none; error may be NULL, and is an excerpt if it was long.  The failure points into it. */
extern void failure_read(Failure *failure, int status, const char *error, bool hinted);

/* whether the text has this code where a code stands, or so clearly a code that prose has it not */
extern bool failure_has_code(const Failure *failure, const char *code);

/* where the phrase stands in the text, as word_find() and word_find_alone() have it */
extern const char *failure_find(const Failure *failure, const char *phrase);
extern const char *failure_find_alone(const Failure *failure, const char *phrase);

/* whether one of the names that the first line, or the one that a traceback ends in, begins with is this one */
extern bool failure_begins_with(const Failure *failure, const char *name);

/* "Limit 30000, Requested 41000": no wait makes such a request pass */
extern bool failure_exceeds_limit(const Failure *failure);

/* whether what is exhausted is counted by day or month */
extern bool failure_is_daily(const Failure *failure);

#endif							/* AGENTCORE_RETRY_FAILURE_H */
