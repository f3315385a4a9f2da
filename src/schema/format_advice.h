/*
 * format_advice.h
 *	  What a format looks like, and what a text lacks to be of it.
 */
#ifndef AGENTCORE_SCHEMA_FORMAT_ADVICE_H
#define AGENTCORE_SCHEMA_FORMAT_ADVICE_H

#include "postgres.h"

/* NULL: none is known */
extern const char *format_example(const char *format);

/* what a small change would cure; NULL: nothing that is known */
extern const char *format_lack(const char *format, const char *text, uint32 len);

#endif							/* AGENTCORE_SCHEMA_FORMAT_ADVICE_H */
