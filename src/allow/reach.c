/*
 * reach.c
 *	  What can stand at a JSON Pointer in a document that a schema takes.
 *
 * A walk over the compiled schema, along the pointer.  Parts that all hold are
 * cut with each other, alternatives are joined; `if` and `not` are left out, so
 * the answer may be too much and never too little.
 *
 * Memory: CurrentMemoryContext, for tokens.  Locks: none.  On ERROR: nothing to
 * undo.
 */
#include "allow/reach.h"

#include "miscadmin.h"

/* steps of one walk; beyond, anything can stand there */
#define FUEL 4000

typedef struct Walk
{
	int			fuel;
} Walk;

static uint8 reach(Walk *w, const SchemaNode *node, const char *rest);

static uint8
types_of_value(const JbItem *item)
{
	uint8		type = item_type(item);

	return type & (TYPE_NUMBER | TYPE_INTEGER) ? TYPE_NUMBER | TYPE_INTEGER : type;
}

static uint8
types_of_values(const AnyRules *any)
{
	uint8		types = any->has_enum && any->nstrings > 0 ? TYPE_STRING : 0;

	if (any->has_const)
		return types_of_value(&any->constant);
	for (uint32 i = 0; i < any->nothers; i++)
		types |= types_of_value(&any->others[i]);
	return types;
}

/* what the node itself lets stand at its own place */
static uint8
types_here(const SchemaNode *node)
{
	uint8		types = node->types;

	if (types & TYPE_NUMBER)
		types |= TYPE_INTEGER;
	if (types & TYPE_STRING)
		types |= REACH_TEXT;
	if (node->any != NULL && (node->any->has_const || node->any->has_enum))
		types &= types_of_values(node->any);
	return types;
}

static uint8
in_object(Walk *w, const ObjectRules *object, const char *token, const char *rest)
{
	const Property *property = object == NULL ? NULL : rules_property(object, token, strlen(token));
	uint8		types;

	if (object == NULL)
		return REACH_ANY;
	if (property != NULL && property->node != NULL)
		return reach(w, property->node, rest);
	types = object->additional == NULL ? REACH_ANY : reach(w, object->additional, rest);
	for (uint32 i = 0; i < object->npatterns; i++)
		types |= reach(w, object->patterns[i].node, rest);
	return types;
}

static uint8
in_array(Walk *w, const ArrayRules *array, const char *token, const char *rest)
{
	bool		every = strcmp(token, "*") == 0;
	uint32		index = 0;
	uint8		types = 0;

	if (!every && !pointer_index(token, &index))
		return 0;
	if (array == NULL)
		return REACH_ANY;
	for (uint32 i = 0; i < array->nprefix; i++)
		if (every || i == index)
			types |= reach(w, array->prefix[i], rest);
	if (every || index >= array->nprefix)
		types |= array->rest == NULL ? REACH_ANY : reach(w, array->rest, rest);
	return types;
}

/* what the node itself lets stand below its place */
static uint8
types_below(Walk *w, const SchemaNode *node, const char *rest)
{
	char	   *token = pointer_next(&rest);
	uint8		types = 0;

	if (node->types & TYPE_OBJECT && strcmp(token, "*") != 0)
		types |= in_object(w, node->object, token, rest);
	if (node->types & TYPE_ARRAY)
		types |= in_array(w, node->array, token, rest);
	pfree(token);
	return types;
}

static uint8
reach_one_of(Walk *w, SchemaNode **nodes, uint32 n, const char *rest)
{
	uint8		types = n == 0 ? REACH_ANY : 0;

	for (uint32 i = 0; i < n; i++)
		types |= reach(w, nodes[i], rest);
	return types;
}

static uint8
reach(Walk *w, const SchemaNode *node, const char *rest)
{
	const AnyRules *any = node->any;
	uint8		types;

	check_stack_depth();
	if (w->fuel <= 0)
		return REACH_ANY;
	w->fuel--;
	if (node->never)
		return 0;
	types = rest == NULL || rest[0] == '\0' ? types_here(node) : types_below(w, node, rest);
	if (any == NULL || types == 0)
		return types;
	if (any->ref != NULL)
		types &= reach(w, any->ref, rest);
	for (uint32 i = 0; i < any->nall; i++)
		types &= reach(w, any->all[i], rest);
	return types & reach_one_of(w, any->any, any->nany, rest) & reach_one_of(w, any->one, any->none, rest);
}

uint8
reach_types(const SchemaNode *root, const char *pointer)
{
	Walk		w = {FUEL};
	uint8		types = reach(&w, root, pointer);

	/* a schema that contains itself */
	return w.fuel <= 0 ? REACH_ANY : types;
}

/* No tool names a member like this one. */
bool
reach_is_open(const SchemaNode *root)
{
	return reach_types(root, "/\001") != 0;
}

static bool
is_known(const AgcNearest *nearest, const char *name)
{
	for (int i = 0; i < nearest->count; i++)
		if (strcmp(nearest->name[i], name) == 0)
			return true;
	return false;
}

static void
add_members(const NodeFacts *facts, const char *path, const char *rest, AgcNearest *nearest)
{
	for (int i = 0; i < facts->nobjects; i++)
		for (uint32 n = 0; n < facts->objects[i]->nproperties; n++)
		{
			StringInfoData pointer;

			initStringInfo(&pointer);
			appendStringInfoString(&pointer, path);
			pointer_append_key(&pointer, facts->objects[i]->properties[n].key, facts->objects[i]->properties[n].len);
			appendStringInfoString(&pointer, rest == NULL ? "" : rest);
			if (!is_known(nearest, pointer.data))
				agc_nearest_add(nearest, pointer.data);
		}
}

void
reach_nearest(const SchemaNode *root, const char *pointer, const char *prefix, AgcNearest *nearest)
{
	const SchemaNode *node = root;
	const char *rest = pointer;
	StringInfoData path;

	initStringInfo(&path);
	appendStringInfoString(&path, prefix);
	while (rest != NULL && rest[0] != '\0')
	{
		char	   *token = pointer_next(&rest);
		const Property *property;
		NodeFacts	facts;

		node_facts(node, &facts);
		property = facts_property(&facts, token, strlen(token));
		if (property != NULL)
			node = property->node;
		else if (facts.array != NULL && facts.array->rest != NULL)
			node = facts.array->rest;
		else
		{
			add_members(&facts, path.data, rest, nearest);
			return;
		}
		pointer_append_key(&path, token, strlen(token));
	}
}
