/*
 * eval.h
 *	  Ways to judge an instance besides those of schema.h.
 */
#ifndef AGENTCORE_SCHEMA_EVAL_H
#define AGENTCORE_SCHEMA_EVAL_H

#include "schema/schema.h"

struct		OutputUnits;

/*
 * The first error that a published metaschema finds in a schema that compiles;
 * NULL: none.  Not bounded by agentcore.max_node_visits, because the work is
 * linear in the schema.
 */
extern EvalErrors *schema_errors_of_schema(const SchemaProgram *metaschema, const Jsonb *schema);

/* the same with locations; and what the keywords of a valid instance say (annotate.c) */
extern EvalErrors *schema_located_errors(const SchemaProgram *program, const Jsonb *instance, int limit);
extern void schema_annotate(const SchemaProgram *program, const Jsonb *instance, struct OutputUnits *units);

/* Whole numbers that stand where an integer is wanted, and are written with a fraction. */
typedef struct EvalPlace
{
	const char *data;			/* the number, in the instance */
	char	   *path;
} EvalPlace;

typedef struct EvalPlaces
{
	int			limit;
	int			count;
	Size		bytes;			/* of paths */
	EvalPlace  *items;
} EvalPlaces;

/* schema_valid(), and the places of such numbers among what it looked at, once or more often each */
extern bool schema_valid_noting(const SchemaProgram *program, const Jsonb *instance, EvalPlaces *places);

#endif							/* AGENTCORE_SCHEMA_EVAL_H */
