/*
 * quote.h
 *	  Showing what somebody else wrote
 */
#ifndef AGENTCORE_CORE_QUOTE_H
#define AGENTCORE_CORE_QUOTE_H

#include "core/compat.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

/* ----- what others wrote (quote.c) -----------------------------------------
 *
 * Every text that a model or a log reads shows names, values and messages by
 * these: on one line, of about "limit" bytes of the source, every character
 * visible.
 */
#define AGC_NAME_SHOWN	128		/* of a name in a text */

extern char *agc_quoted(const char *text, int limit);	/* in double quotes, as JSON */
extern char *agc_quoted_name(const char *name);
extern char *agc_quoted_bytes(const char *data, Size len, int limit);
extern char *agc_shown(const char *text, int limit);	/* without quotes: a pattern, a path */
extern void agc_append_visible(StringInfo out, const char *text);	/* JSON text, whole */

/* a character that shows as nothing, or ends or turns a line; in Unicode */
extern bool agc_is_unseen(pg_wchar c);

/* the character, in Unicode, at a text that ends in NUL, and its bytes there */
extern pg_wchar agc_character(const char *text, int *len);

/*
 * What a text comes to for a reader that forgives the most (fold.c): NFKC,
 * blanks as spaces, without quotes and what nobody sees.  Bytes above 0x7F stand
 * for what has no ASCII form.
 */
extern char *agc_folded(const char *data, Size len);

#endif							/* AGENTCORE_CORE_QUOTE_H */
