/*
 * usage_beside.h
 *	  What stands in a usage object beside the counts that are known.
 */
#ifndef AGENTCORE_PRICE_USAGE_BESIDE_H
#define AGENTCORE_PRICE_USAGE_BESIDE_H

#include "price/usage_shapes.h"

/* A field that is not wholly understood; the first one is told, and one that is bad before others. */
extern void usage_problem(UsageReadings *out, const char *field, const char *problem, bool bad);

/* false: it is not there, or null */
extern bool usage_member(JsonbContainer *object, const char *name, int len, JsonbValue *value);

/* usage_count.c: as it is told, with dots */
extern const char *usage_field_path(const UsageField *field);

/* usage_count.c: NULL: it is no object or array */
extern JsonbContainer *usage_container(const JsonbValue *value);

/*
 * usage_count.c: the object that a path leads to; a number in it is an element of an
 * array.  NULL: there is none; *bad (may be NULL) then says what is in its way.
 */
extern JsonbContainer *usage_follow(JsonbContainer *at, const char *path, const char **bad);

/* usage_count.c: whether a whole is an object whose parts and sum are read by another shape */
extern bool usage_is_divided(const UsageField *field, const JsonbValue *value);

/* usage_count.c: 0 where there is none; what is wrong with it, and *at where, or NULL */
extern const char *usage_read_count(JsonbContainer *object, const UsageField *field, int64 *count, const char **at);

/* what was used by the piece; what is no count of it is told */
extern void usage_find_uses(JsonbContainer *object, UsageReadings *out);

/* members named like tokens that none of the shapes that are there has */
extern void usage_find_unknown(JsonbContainer *object, const bool there[USAGE_MAX_SHAPES], UsageReadings *out);

/* what the object says that the call cost */
extern void usage_read_cost(JsonbContainer *object, UsageReadings *out);

#endif							/* AGENTCORE_PRICE_USAGE_BESIDE_H */
