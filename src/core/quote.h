/*
 * quote.h
 *	  Showing what somebody else wrote, and the names near one that nobody has
 */
#ifndef AGENTCORE_CORE_QUOTE_H
#define AGENTCORE_CORE_QUOTE_H

#include "core/table.h"

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

/* ----- names that nobody has (nearest.c) ------------------------------------
 *
 * The candidates nearest by edit distance, for "unknown x, did you mean".  Set
 * wanted and limit, add candidates, read name[0 .. count - 1].
 */
#define AGC_NEAREST_MAX		16
#define AGC_NEAREST_EDITS	8	/* further away nothing is near, however long the names */

typedef struct AgcNearest
{
	const char *wanted;
	int			count;
	int			limit;			/* at most AGC_NEAREST_MAX */
	char	   *name[AGC_NEAREST_MAX];
	int			distance[AGC_NEAREST_MAX];
} AgcNearest;

extern void agc_nearest_add(AgcNearest *nearest, const char *candidate);

/* the same of a candidate that is compared in another form */
extern void agc_nearest_add_as(AgcNearest *nearest, const char *form, const char *candidate);

/* every "name" of a tenant in a registry table */
extern void agc_nearest_in(AgcNearest *nearest, AgcTable *table, const char *tenant);

/* quoted, divided by commas; NULL when nothing is near */
extern char *agc_nearest_list(const AgcNearest *nearest);

/*
 * Raises 42704: kind "name" does not exist.  The HINT names what is near, or
 * where nothing is, says what to do; nearest is NULL where nothing was looked
 * for, "near" a list of agc_nearest_list()'s kind.
 */
pg_noreturn extern void agc_refuse_unknown(const char *kind, const char *name, const AgcNearest *nearest,
										   const char *hint);
pg_noreturn extern void agc_refuse_unknown_near(const char *kind, const char *name, const char *near,
												const char *hint);

#endif							/* AGENTCORE_CORE_QUOTE_H */
