/*
 * relaxed_fault.h
 *	  What is wrong where a model's JSON cannot be read, in words.
 *
 * Needs no server.
 */
#ifndef AGENTCORE_TEXT_RELAXED_FAULT_H
#define AGENTCORE_TEXT_RELAXED_FAULT_H

#include <stdbool.h>

/* What the reader was about to read. */
typedef enum RelaxedPlace
{
	RELAXED_AT_START,			/* of the document */
	RELAXED_AT_KEY,
	RELAXED_AT_COLON,
	RELAXED_AT_VALUE,
	RELAXED_AT_NUMBER,
	RELAXED_AT_STRING,			/* inside of one */
	RELAXED_AT_NEXT,			/* a comma or a closing bracket */
	RELAXED_AT_END				/* behind the document */
} RelaxedPlace;

typedef struct RelaxedSpot
{
	const char *text;
	const char *end;
	const char *at;				/* "end": the text was cut off */
	RelaxedPlace place;
	bool		object;			/* the innermost container is one, and no list */
} RelaxedSpot;

/* Words that quote nothing of the text; NULL: none that say more than that. */
extern const char *relaxed_fault_words(const RelaxedSpot *spot);

#endif							/* AGENTCORE_TEXT_RELAXED_FAULT_H */
