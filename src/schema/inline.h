/*
 * inline.h
 *	  Schemas given as an argument, compiled once per call site.
 */
#ifndef AGENTCORE_SCHEMA_INLINE_H
#define AGENTCORE_SCHEMA_INLINE_H

#include "schema/schema.h"

/*
 * The program of the schema in argument 0, which is jsonb or json, compiled
 * once per call site and kept for the session while there is room.  dialect_arg
 * and format_arg are the numbers of those arguments.  -1: as in pg_jsonschema,
 * JSON Schema only, and formats asserted up to draft 7.  Valid until the next
 * call.
 */
extern const SchemaProgram *inline_schema(FunctionCallInfo fcinfo, bool is_text, int dialect_arg, int format_arg);

/* the same of a jsonb that may refer to the tenant's documents; after agc_enter() */
extern const SchemaProgram *inline_schema_registered(FunctionCallInfo fcinfo, int dialect_arg, int format_arg,
													 const char *tenant);

/* the dialect of a schema that pg_jsonschema would take; false and *problem */
extern bool inline_json_schema(const Jsonb *schema, SchemaDialect *dialect, SchemaProblem *problem);

extern void inline_init(void);

#endif							/* AGENTCORE_SCHEMA_INLINE_H */
