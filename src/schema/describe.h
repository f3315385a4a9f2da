/*
 * describe.h
 *	  What a schema asks for, in a few words.
 */
#ifndef AGENTCORE_SCHEMA_DESCRIBE_H
#define AGENTCORE_SCHEMA_DESCRIBE_H

#include "schema/schema.h"

/* "string of at most 10 characters", "one of 1, 2", "object {"a": number, "b"?: string}" */
extern char *schema_description(const SchemaNode *node);

/* " (integer)"; "" where the schema says nothing */
extern char *schema_in_brackets(const SchemaNode *node);

/* of alternatives, joined by "or" */
extern char *choice_description(SchemaNode *const *nodes, uint32 n);


#endif							/* AGENTCORE_SCHEMA_DESCRIBE_H */
