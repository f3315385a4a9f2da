/*
 * annotate.h
 *	  Building the units of the specification's output.
 */
#ifndef AGENTCORE_SCHEMA_ANNOTATE_H
#define AGENTCORE_SCHEMA_ANNOTATE_H

#include "schema/eval_context.h"

typedef struct OutputUnits
{
	JsonbParseState *state;
	int			count;
} OutputUnits;

extern void output_push_text(JsonbParseState **state, JsonbIteratorToken token, const char *text);
extern void output_push_member(JsonbParseState **state, const char *key, const char *text);
extern void output_push_valid(JsonbParseState **state, bool valid);

/* The caller adds what the unit says, and ends it.  54001 for too many units. */
extern void output_begin_unit(OutputUnits *units, bool valid, const char *keyword_location,
							  const char *absolute_location, const char *instance_location);

/* a unit for each keyword of a schema that holds */
extern void output_annotate(EvalContext *ctx, const SchemaNode *node, const JbItem *item, const EvalFrame *at);

#endif							/* AGENTCORE_SCHEMA_ANNOTATE_H */
