/*
 * error_params.h
 *	  The facts of an error as jsonb, and the small words of messages.
 */
#ifndef AGENTCORE_SCHEMA_ERROR_PARAMS_H
#define AGENTCORE_SCHEMA_ERROR_PARAMS_H

#include "schema/schema.h"

/* how many allowed values or known keys an error lists */
#define LIST_MAX 20
#define KEY_SHOWN 128
#define VALUE_SHOWN 128
#define GIVEN_SHOWN 64			/* of a name that was given, which may be anything */

/* how many names are compared in search of the nearest */
#define NEAREST_LOOKED_AT 1000

/* A jsonb object that is being built. */
typedef struct Params
{
	JsonbParseState *state;
} Params;

extern Params params_begin(void);
extern void params_key(Params *params, const char *key);
extern void params_string(Params *params, const char *key, const char *text, uint32 len);
extern void params_numeric(Params *params, const char *key, Numeric num);
extern void params_int(Params *params, const char *key, int64 n);
extern void params_true(Params *params, const char *key);
extern void params_item(Params *params, const char *key, const JbItem *item);
extern void params_types(Params *params, const char *key, uint8 types);
extern void params_begin_list(Params *params, const char *key);
extern void params_element(Params *params, const JbItem *item);
extern void params_end_list(Params *params);

/* every member of an object */
extern void params_copy(Params *params, const Jsonb *object);
extern Jsonb *params_end(Params *params);

/* "integer or null" */
extern char *type_list(uint8 types);

/* A key as a message shows it: escaped and cut. */
extern char *key_shown(const char *key, uint32 len);

extern JbItem string_item(const char *text, uint32 len);

#endif							/* AGENTCORE_SCHEMA_ERROR_PARAMS_H */
