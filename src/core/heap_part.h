/*
 * heap_part.h
 *	  Rows of tables that are partitioned by a time.
 */
#ifndef AGENTCORE_CORE_HEAP_PART_H
#define AGENTCORE_CORE_HEAP_PART_H

#include "core/core.h"

/* agc_heap_insert() into a table PARTITION BY RANGE (a timestamptz); "at" is that column's value */
extern void agc_heap_insert_part(Relation root, TimestampTz at, Datum *values, bool *nulls);

#endif							/* AGENTCORE_CORE_HEAP_PART_H */
