/*
 * facts.h
 *	  What a schema asks of a value, its references and allOf included; for
 *	  messages, never for judging.
 *
 * Part of the room's public face: schema.h includes it.
 */
#ifndef AGENTCORE_SCHEMA_FACTS_H
#define AGENTCORE_SCHEMA_FACTS_H

#include "schema/program.h"

#define FACTS_OBJECTS_MAX 8

typedef struct NodeFacts
{
	uint8		types;			/* what every part allows */
	bool		never;
	const AnyRules *values;		/* has const or enum; NULL: none */
	const StringRules *string;	/* of the first part that has some; so are the next three */
	const NumberRules *number;
	const ArrayRules *array;
	const AnyRules *choice;		/* has anyOf or oneOf */
	int			nobjects;
	const ObjectRules *objects[FACTS_OBJECTS_MAX];
} NodeFacts;

extern void node_facts(const SchemaNode *node, NodeFacts *facts);

/* Where "properties" names the key; NULL: nowhere. */
extern const Property *rules_property(const ObjectRules *rules, const char *key, uint32 len);
extern const Property *facts_property(const NodeFacts *facts, const char *key, uint32 len);
extern bool facts_require(const NodeFacts *facts, const char *key, uint32 len);

/* the values of const or enum, one after the other */
extern uint32 facts_nvalues(const NodeFacts *facts);
extern JbItem facts_value(const NodeFacts *facts, uint32 i);

#endif							/* AGENTCORE_SCHEMA_FACTS_H */
