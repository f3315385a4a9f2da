/*
 * eval.h
 *	  Ways to judge an instance besides those of schema.h.
 */
#ifndef AGENTCORE_SCHEMA_EVAL_H
#define AGENTCORE_SCHEMA_EVAL_H

#include "schema/schema.h"

struct		OutputUnits;

/*
 * The first error of a schema that compiles, by a published metaschema, whose
 * work is linear: without agentcore.max_node_visits.  NULL: valid.
 */
extern EvalErrors *schema_errors_of_schema(const SchemaProgram *metaschema, const Jsonb *schema);

/* the same with locations; and what the keywords of a valid instance say (annotate.c) */
extern EvalErrors *schema_located_errors(const SchemaProgram *program, const Jsonb *instance, int limit);
extern void schema_annotate(const SchemaProgram *program, const Jsonb *instance, struct OutputUnits *units);

#endif							/* AGENTCORE_SCHEMA_EVAL_H */
