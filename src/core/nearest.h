/*
 * nearest.h
 *	  The names near one that nobody has
 */
#ifndef AGENTCORE_CORE_NEAREST_H
#define AGENTCORE_CORE_NEAREST_H

#include "core/table.h"

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

#endif							/* AGENTCORE_CORE_NEAREST_H */
