/*
 * usage_beside.h
 *	  What stands in a usage object beside the counts that are known.
 */
#ifndef AGENTCORE_BUDGET_USAGE_BESIDE_H
#define AGENTCORE_BUDGET_USAGE_BESIDE_H

#include "budget/usage_shapes.h"

/* A field that is not wholly understood; the first one is told, and one that is bad before others. */
extern void usage_problem(UsageReadings *out, const char *field, const char *problem, bool bad);

/* false: it is not there, or null */
extern bool usage_member(JsonbContainer *object, const char *name, int len, JsonbValue *value);

/* members named like tokens that none of the shapes that are there has */
extern void usage_find_unknown(JsonbContainer *object, const bool there[USAGE_MAX_SHAPES], UsageReadings *out);

/* what the object says that the call cost */
extern void usage_read_cost(JsonbContainer *object, UsageReadings *out);

#endif							/* AGENTCORE_BUDGET_USAGE_BESIDE_H */
