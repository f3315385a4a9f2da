/*
 * describe.c
 *	  What a schema asks for, in a few words.
 *
 * A model that hears "required property "address" (object) is missing" has to
 * guess what is in it, and needs a second answer to learn that it guessed
 * wrong.  So feedback describes the value, in TypeScript's manner where it is an
 * object.  A description is cut where it grows long or deep.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "schema/describe.h"

#include "miscadmin.h"
#include "schema/error_params.h"
#include "schema/facts.h"
#include "schema/format_advice.h"

#define ANYTHING "any value"

#define BYTES_MAX 600
#define LEVELS_MAX 4
#define MEMBERS_MAX 12
#define ALTERNATIVES_MAX 6
#define PATTERN_SHOWN 200

typedef struct Description
{
	StringInfoData out;
	bool		cut;
} Description;

static void describe(Description *d, const SchemaNode *node, int level);
static void describe_choice(Description *d, SchemaNode *const *nodes, uint32 n, int level);

/* Whether more may be said; the first time that it may not, it shows. */
static bool
room(Description *d)
{
	if (d->out.len < BYTES_MAX)
		return true;
	if (!d->cut)
		appendStringInfoString(&d->out, "...");
	d->cut = true;
	return false;
}

static void
describe_values(Description *d, const NodeFacts *facts)
{
	uint32		n = facts_nvalues(facts);

	if (n > 1)
		appendStringInfoString(&d->out, "one of ");
	for (uint32 i = 0; i < n && i < LIST_MAX && room(d); i++)
	{
		JbItem		value = facts_value(facts, i);

		appendStringInfo(&d->out, "%s%s", i > 0 ? ", " : "", json_excerpt(&value, VALUE_SHOWN));
	}
	if (n > LIST_MAX)
		appendStringInfo(&d->out, " and %u more", n - LIST_MAX);
}

/* " of 1 to 5 characters" */
static void
describe_count(Description *d, const char *preposition, uint32 min, uint32 max, const char *unit)
{
	if (min == 0 && max == PG_UINT32_MAX)
		return;
	appendStringInfo(&d->out, " %s ", preposition);
	if (min == max)
		appendStringInfo(&d->out, "%u", min);
	else if (max == PG_UINT32_MAX)
		appendStringInfo(&d->out, "at least %u", min);
	else if (min == 0)
		appendStringInfo(&d->out, "at most %u", max);
	else
		appendStringInfo(&d->out, "%u to %u", min, max);
	appendStringInfo(&d->out, " %s%s", unit, (max == PG_UINT32_MAX ? min : max) == 1 ? "" : "s");
}

static void
describe_string(Description *d, const StringRules *rules)
{
	if (rules == NULL)
		return;
	describe_count(d, "of", rules->min, rules->max, "character");
	if (rules->pattern != NULL)
		appendStringInfo(&d->out, " matching the pattern %s", agc_shown(pattern_source(rules->pattern), PATTERN_SHOWN));
	if (rules->format != NULL)
	{
		const char *example = format_example(rules->format);

		appendStringInfo(&d->out, " in the format %s", rules->format);
		if (example != NULL)
			appendStringInfo(&d->out, " such as \"%s\"", example);
	}
}

static void
describe_bound(Description *d, const char *word, const Number *bound)
{
	if (bound != NULL)
		appendStringInfo(&d->out, " %s %s", word, number_text(bound));
}

static void
describe_number(Description *d, const NumberRules *rules)
{
	if (rules == NULL)
		return;
	if (rules->minimum != NULL && rules->maximum != NULL)
	{
		describe_bound(d, "from", rules->minimum);
		describe_bound(d, "to", rules->maximum);
	}
	else
	{
		describe_bound(d, "of at least", rules->minimum);
		describe_bound(d, "of at most", rules->maximum);
	}
	describe_bound(d, "greater than", rules->exclusive_minimum);
	describe_bound(d, "less than", rules->exclusive_maximum);
	describe_bound(d, "that is a multiple of", rules->multiple_of);
}

static void
describe_array(Description *d, const ArrayRules *rules, int level)
{
	if (rules == NULL)
		return;
	if (rules->nprefix > 0)
	{
		appendStringInfoString(&d->out, " [");
		for (uint32 i = 0; i < rules->nprefix && room(d); i++)
		{
			appendStringInfoString(&d->out, i > 0 ? ", " : "");
			describe(d, rules->prefix[i], level + 1);
		}
		appendStringInfoString(&d->out, rules->rest == NULL || !rules->rest->never ? ", ...]" : "]");
	}
	else if (rules->rest != NULL && !rules->rest->never)
	{
		appendStringInfoString(&d->out, " of ");
		describe(d, rules->rest, level + 1);
	}
	describe_count(d, "with", rules->min, rules->max, "element");
	if (rules->contains != NULL && rules->min_contains > 0 && room(d))
	{
		appendStringInfoString(&d->out, " with an element that is ");
		describe(d, rules->contains, level + 1);
	}
	if (rules->unique)
		appendStringInfoString(&d->out, ", all different");
}

/* One pass over the members that are required, or over the others. */
static void
describe_members(Description *d, const NodeFacts *facts, bool required, int level, int *shown)
{
	for (int i = 0; i < facts->nobjects; i++)
		for (uint32 j = 0; j < facts->objects[i]->nproperties && room(d); j++)
		{
			const Property *property = &facts->objects[i]->properties[j];
			const Property *named = facts_property(facts, property->key, property->len);
			bool		needed = facts_require(facts, property->key, property->len);

			/* a key of several parts is told where it is described, or first required */
			if (needed != required || (named != NULL ? named != property : !property->required) ||
				(named != NULL && named->node->never))
				continue;
			if (++*shown > MEMBERS_MAX)
				continue;
			appendStringInfoString(&d->out, *shown > 1 ? ", " : "");
			appendStringInfoString(&d->out, key_shown(property->key, property->len));
			appendStringInfoString(&d->out, required ? ": " : "?: ");
			if (named == NULL)
				appendStringInfoString(&d->out, ANYTHING);
			else
				describe(d, named->node, level + 1);
		}
}

static void
describe_object(Description *d, const NodeFacts *facts, int level)
{
	int			shown = 0;

	if (facts->nobjects == 0 || level >= LEVELS_MAX)
		return;
	appendStringInfoString(&d->out, " {");
	describe_members(d, facts, true, level, &shown);
	describe_members(d, facts, false, level, &shown);
	if (shown > MEMBERS_MAX)
		appendStringInfo(&d->out, " and %d more", shown - MEMBERS_MAX);
	if (shown == 0 && facts->objects[0]->additional != NULL && !facts->objects[0]->additional->never)
	{
		appendStringInfoString(&d->out, "any name: ");
		describe(d, facts->objects[0]->additional, level + 1);
	}
	appendStringInfoChar(&d->out, '}');
	for (int i = 0; i < facts->nobjects; i++)
		describe_count(d, "with", facts->objects[i]->min, facts->objects[i]->max, "member");
}

/* Each type with what is asked of it, joined by "or". */
static void
describe_types(Description *d, const NodeFacts *facts, int level)
{
	uint8		types = facts->types;
	int			left = 0;
	int			told = 0;

	if (types & TYPE_NUMBER)
		types &= ~TYPE_INTEGER;
	for (int i = 0; i < NTYPES; i++)
		left += (types >> i) & 1;
	for (int i = 0; i < NTYPES; i++)
	{
		if (!(types & (1 << i)))
			continue;
		left--;
		appendStringInfo(&d->out, "%s%s", told++ == 0 ? "" : left == 0 ? " or " : ", ", type_names[i]);
		if (type_names[i][0] == 's')
			describe_string(d, facts->string);
		else if ((1 << i) & (TYPE_NUMBER | TYPE_INTEGER))
			describe_number(d, facts->number);
		else if ((1 << i) == TYPE_ARRAY)
			describe_array(d, facts->array, level);
		else if ((1 << i) == TYPE_OBJECT)
			describe_object(d, facts, level);
	}
}

/* Without a type, the keywords that are there say what is meant. */
static void
guess_types(NodeFacts *facts)
{
	if (facts->types != TYPE_ANY)
		return;
	facts->types = (facts->string != NULL ? TYPE_STRING : 0) | (facts->number != NULL ? TYPE_NUMBER : 0) |
		(facts->array != NULL ? TYPE_ARRAY : 0) | (facts->nobjects > 0 ? TYPE_OBJECT : 0);
}

static void
describe(Description *d, const SchemaNode *node, int level)
{
	NodeFacts	facts;
	bool		anything;

	check_stack_depth();
	if (!room(d))
		return;
	node_facts(node, &facts);
	anything = facts.types == TYPE_ANY;
	guess_types(&facts);
	if (facts.never)
		appendStringInfoString(&d->out, "nothing");
	else if (facts.values != NULL)
		describe_values(d, &facts);
	else if (facts.choice != NULL && level < LEVELS_MAX && facts.nobjects == 0 && facts.array == NULL)
	{
		const AnyRules *choice = facts.choice;

		if (level > 0)
			appendStringInfoChar(&d->out, '(');
		describe_choice(d, choice->nany > 0 ? choice->any : choice->one, choice->nany > 0 ? choice->nany : choice->none,
						level + 1);
		if (level > 0)
			appendStringInfoChar(&d->out, ')');
	}
	else if (facts.types == 0)
		appendStringInfoString(&d->out, anything ? ANYTHING : "nothing");
	else
		describe_types(d, &facts, level);
}

static void
describe_choice(Description *d, SchemaNode *const *nodes, uint32 n, int level)
{
	for (uint32 i = 0; i < n && i < ALTERNATIVES_MAX && room(d); i++)
	{
		if (i > 0)
			appendStringInfoString(&d->out, " or ");
		describe(d, nodes[i], level);
	}
	if (n > ALTERNATIVES_MAX)
		appendStringInfo(&d->out, " or %u others", n - ALTERNATIVES_MAX);
}

char *
schema_description(const SchemaNode *node)
{
	Description d = {.cut = false};

	initStringInfo(&d.out);
	describe(&d, node, 0);
	return d.out.data;
}

char *
schema_in_brackets(const SchemaNode *node)
{
	char	   *description = schema_description(node);

	return strcmp(description, ANYTHING) == 0 ? pstrdup("") : psprintf(" (%s)", description);
}

char *
choice_description(SchemaNode *const *nodes, uint32 n)
{
	Description d = {.cut = false};

	initStringInfo(&d.out);
	describe_choice(&d, nodes, n, 0);
	return d.out.data;
}
