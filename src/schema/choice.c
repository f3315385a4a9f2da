/*
 * choice.c
 *	  What tells the alternatives of anyOf and oneOf apart.
 *
 * Schemas say it in no keyword: the constants do (`kind: "circle"` in one
 * alternative, `kind: "square"` in the other).
 *
 * Memory: none of its own.  Locks: none.  On ERROR: nothing to undo.
 */
#include "schema/choice.h"

/* with more, comparing every pair would take long */
#define ALTERNATIVES_MAX 50
#define VALUES_MAX 20
#define PROPERTIES_MAX 20

/* comparisons, and how many the facts of an alternative are worth */
#define STEPS_MAX 20000
#define FACTS_STEPS 20

/* Whether an alternative is one for objects, with something said of their members. */
static bool
is_object_alternative(const NodeFacts *facts)
{
	return (facts->types & TYPE_OBJECT) && facts->nobjects > 0;
}

/* The constants that an alternative allows for a property. */
static bool
constants_of(const SchemaNode *alternative, const char *key, uint32 len, NodeFacts *constants)
{
	NodeFacts	facts;
	const Property *property;

	node_facts(alternative, &facts);
	property = facts_property(&facts, key, len);
	if (property == NULL)
		return false;
	node_facts(property->node, constants);
	return facts_nvalues(constants) > 0 && facts_nvalues(constants) <= VALUES_MAX;
}

static bool
share_a_value(const NodeFacts *a, const NodeFacts *b, int64 *steps)
{
	*steps += (int64) facts_nvalues(a) * facts_nvalues(b);
	for (uint32 i = 0; i < facts_nvalues(a); i++)
		for (uint32 j = 0; j < facts_nvalues(b); j++)
		{
			JbItem		one = facts_value(a, i);
			JbItem		other = facts_value(b, j);

			if (item_compare(&one, &other) == 0)
				return true;
		}
	return false;
}

static bool
discriminates(const Choice *choice, const char *key, uint32 len, bool *required, int64 *steps)
{
	NodeFacts	constants[ALTERNATIVES_MAX];
	uint32		objects = 0;

	*required = true;
	for (uint32 i = 0; i < choice->n; i++)
	{
		NodeFacts	facts;

		*steps += FACTS_STEPS;
		node_facts(choice->nodes[i], &facts);
		if (!is_object_alternative(&facts))
			continue;
		if (!constants_of(choice->nodes[i], key, len, &constants[objects]))
			return false;
		*required = *required && facts_require(&facts, key, len);
		for (uint32 j = 0; j < objects; j++)
			if (*steps > STEPS_MAX || share_a_value(&constants[objects], &constants[j], steps))
				return false;
		objects++;
	}
	return objects > 1;
}

bool
choice_discriminator(const Choice *choice, Discriminator *found, int64 *steps)
{
	NodeFacts	first;
	uint32		at = 0;

	if (choice->n < 2 || choice->n > ALTERNATIVES_MAX)
		return false;
	for (node_facts(choice->nodes[0], &first); !is_object_alternative(&first); node_facts(choice->nodes[at], &first))
		if (++at == choice->n)
			return false;
	for (int i = 0; i < first.nobjects; i++)
		for (uint32 j = 0; j < first.objects[i]->nproperties && j < PROPERTIES_MAX; j++)
		{
			const Property *property = &first.objects[i]->properties[j];

			if (property->node != NULL && discriminates(choice, property->key, property->len, &found->required, steps))
			{
				found->key = property->key;
				found->len = property->len;
				return true;
			}
		}
	return false;
}

bool
choice_has_value(const Choice *choice, const Discriminator *by, const JbItem *value)
{
	for (uint32 i = 0; i < choice->n; i++)
	{
		NodeFacts	constants;

		if (!constants_of(choice->nodes[i], by->key, by->len, &constants))
			continue;
		for (uint32 j = 0; j < facts_nvalues(&constants); j++)
		{
			JbItem		one = facts_value(&constants, j);

			if (item_compare(&one, value) == 0)
				return true;
		}
	}
	return false;
}
