/*
 * choice.h
 *	  What tells the alternatives of anyOf and oneOf apart.
 */
#ifndef AGENTCORE_SCHEMA_CHOICE_H
#define AGENTCORE_SCHEMA_CHOICE_H

#include "schema/facts.h"

typedef struct Choice
{
	SchemaNode *const *nodes;
	uint32		n;
	bool		one;			/* oneOf */
} Choice;

/*
 * A property that every alternative for objects describes by constants, no two
 * by the same.  Every one of them requires it: `required`.
 */
typedef struct Discriminator
{
	const char *key;
	uint32		len;
	bool		required;
} Discriminator;

/* steps: what looking for it took, in node visits */
extern bool choice_discriminator(const Choice *choice, Discriminator *found, int64 *steps);

/* Whether an alternative has the value. */
extern bool choice_has_value(const Choice *choice, const Discriminator *by, const JbItem *value);

#endif							/* AGENTCORE_SCHEMA_CHOICE_H */
