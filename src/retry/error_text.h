/*
 * error_text.h
 *	  What is judged of an error text: its beginning and its end, without frames.
 *	  Pure.
 */
#ifndef AGENTCORE_RETRY_ERROR_TEXT_H
#define AGENTCORE_RETRY_ERROR_TEXT_H

#include "postgres.h"

#define ERROR_EXCERPT_HEAD	(12 * 1024)
#define ERROR_EXCERPT_TAIL	(4 * 1024)

/* the line that is left of the frames of a traceback of Python */
#define PYTHON_FRAMES	"  File"

typedef struct ErrorExcerpt
{
	char		text[ERROR_EXCERPT_HEAD + ERROR_EXCERPT_TAIL + 2];	/* a line break between them, a zero byte */
} ErrorExcerpt;

/* The error without the frames of its tracebacks, in room that the caller holds.  NULL stays NULL. */
extern const char *error_excerpt(const char *error, ErrorExcerpt *excerpt);

#endif							/* AGENTCORE_RETRY_ERROR_TEXT_H */
