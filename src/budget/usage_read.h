/*
 * usage_read.h
 *	  What the files on usage objects (usage*.c) share.
 */
#ifndef AGENTCORE_BUDGET_USAGE_READ_H
#define AGENTCORE_BUDGET_USAGE_READ_H

#include "budget/usage_shapes.h"

/* of a stream, given as an array */
#define USAGE_MOST_EVENTS	4096

/* A field that is not wholly understood; the first one is told, and one that is bad before others. */
extern void usage_problem(UsageReadings *out, const char *field, const char *problem, bool bad);

/* false: it is not there, or null */
extern bool usage_member(JsonbContainer *object, const char *name, int len, JsonbValue *value);

extern void usage_add_reading(UsageReadings *out, const UsageReading *reading);

/* usage_beside.c: members named like tokens that none of the shapes that are there has */
extern void usage_find_unknown(JsonbContainer *object, const bool there[USAGE_MAX_SHAPES], UsageReadings *out);

/* usage_beside.c: what the object says that the call cost */
extern void usage_read_cost(JsonbContainer *object, UsageReadings *out);

#endif							/* AGENTCORE_BUDGET_USAGE_READ_H */
