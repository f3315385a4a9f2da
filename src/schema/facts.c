/*
 * facts.c
 *	  What a schema asks of a value, its references and allOf included.
 *
 * A message that names only what stands beside a keyword is wrong where a
 * reference or allOf says more.  What only some instances meet (anyOf, if) is
 * not among the facts.
 *
 * Memory: none of its own.  Locks: none.  On ERROR: nothing to undo.
 */
#include "schema/facts.h"

/* references and allOf are followed that far, and that many of them */
#define FACTS_DEPTH 8
#define FACTS_NODES 64

static void
gather(const SchemaNode *node, NodeFacts *facts, int depth, int *nodes)
{
	const AnyRules *any = node->any;

	if (depth > FACTS_DEPTH || ++*nodes > FACTS_NODES)
		return;
	facts->never |= node->never;
	facts->types &= node->types | (node->types & TYPE_NUMBER ? TYPE_INTEGER : 0);
	if (facts->string == NULL)
		facts->string = node->string;
	if (facts->number == NULL)
		facts->number = node->number;
	if (facts->array == NULL)
		facts->array = node->array;
	if (node->object != NULL && facts->nobjects < FACTS_OBJECTS_MAX)
		facts->objects[facts->nobjects++] = node->object;
	if (any == NULL)
		return;
	if (facts->values == NULL && (any->has_const || any->has_enum))
		facts->values = any;
	if (facts->choice == NULL && (any->nany > 0 || any->none > 0))
		facts->choice = any;
	if (any->ref != NULL)
		gather(any->ref, facts, depth + 1, nodes);
	if (any->dynamic != NULL && any->dynamic_name == NULL)
		gather(any->dynamic, facts, depth + 1, nodes);
	for (uint32 i = 0; i < any->nall; i++)
		gather(any->all[i], facts, depth + 1, nodes);
}

void
node_facts(const SchemaNode *node, NodeFacts *facts)
{
	int			nodes = 0;

	memset(facts, 0, sizeof(*facts));
	facts->types = TYPE_ANY;
	gather(node, facts, 0, &nodes);
}

const Property *
rules_property(const ObjectRules *rules, const char *key, uint32 len)
{
	uint32		low = 0;
	uint32		high = rules->nproperties;

	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;
		const Property *property = &rules->properties[middle];
		int			cmp = key_compare(key, len, property->key, property->len);

		if (cmp == 0)
			return property;
		if (cmp < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const Property *
facts_property(const NodeFacts *facts, const char *key, uint32 len)
{
	for (int i = 0; i < facts->nobjects; i++)
	{
		const Property *property = rules_property(facts->objects[i], key, len);

		if (property != NULL && property->node != NULL)
			return property;
	}
	return NULL;
}

bool
facts_require(const NodeFacts *facts, const char *key, uint32 len)
{
	for (int i = 0; i < facts->nobjects; i++)
	{
		const Property *property = rules_property(facts->objects[i], key, len);

		if (property != NULL && property->required)
			return true;
	}
	return false;
}

uint32
facts_nvalues(const NodeFacts *facts)
{
	if (facts->values == NULL)
		return 0;
	return facts->values->has_const ? 1 : JsonContainerSize(jb_container(&facts->values->enumeration));
}

JbItem
facts_value(const NodeFacts *facts, uint32 i)
{
	JbItem		value = facts->values->constant;

	if (!facts->values->has_const)
		array_get(jb_container(&facts->values->enumeration), i, &value);
	return value;
}
