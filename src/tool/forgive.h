/*
 * forgive.h
 *	  Shapes of schemas that serializers make by mistake.
 */
#ifndef AGENTCORE_TOOL_FORGIVE_H
#define AGENTCORE_TOOL_FORGIVE_H

#include "tool/provider.h"

#define FORGIVEN_SHOWN 5		/* places; more are counted */

/* What is no schema as it stands, in words. */
typedef struct Forgiven
{
	StringInfoData places;
	int			count;
} Forgiven;

extern void forgive(Forgiven *forgiven, const char *pointer, const char *what);

/* The schema, of which at is the JSON Pointer, without these shapes. */
extern Jsonb *forgive_schema(Forgiven *forgiven, const char *at, const Jsonb *schema);

/* "forgiven: ...", or NULL */
extern char *forgiven_in_words(const Forgiven *forgiven);

#endif							/* AGENTCORE_TOOL_FORGIVE_H */
