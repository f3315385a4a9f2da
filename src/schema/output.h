/*
 * output.h
 *	  The output formats of the JSON Schema specification.
 */
#ifndef AGENTCORE_SCHEMA_OUTPUT_H
#define AGENTCORE_SCHEMA_OUTPUT_H

#include "schema/schema.h"

/* flag, or basic */
extern Jsonb *schema_output(const SchemaProgram *program, const Jsonb *instance, bool basic);

#endif							/* AGENTCORE_SCHEMA_OUTPUT_H */
