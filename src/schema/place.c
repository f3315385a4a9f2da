/*
 * place.c
 *	  Which schemas speak about one place of an instance.
 *
 * What is allowed at a place is the word of all schemas that apply there, not of
 * the one that failed.  So a message that lists the known properties walks once
 * more from the root to the place, through references, allOf, the alternatives
 * that fit, and the side of `if` that counts.  Only errors need it: the walk is
 * paid for by instances that are wrong.  It judges alternatives again, so after
 * many steps no further place is looked at, and what is known there is told as
 * a part.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  Errors: 54001 where the limits of
 * the judgement are reached (eval.c).
 */
#include "schema/place.h"

#include "miscadmin.h"
#include "schema/facts.h"

/* what all walks to places of one document may take, in node visits */
#define LOOKED_MAX 200000

bool
place_item(const EvalContext *ctx, const EvalFrame *at, JbItem *item)
{
	JbItem		parent;

	if (at->parent == NULL)
	{
		*item = jb_root(ctx->instance);
		return true;
	}
	if (!place_item(ctx, at->parent, &parent))
		return false;
	if (at->key != NULL)
		return item_is_object(&parent) && object_find(jb_container(&parent), at->key, at->len, item);
	return item_is_array(&parent) && array_get(jb_container(&parent), at->index, item);
}

static inline void
charge(EvalContext *ctx, const EvalFrame *at, Size steps)
{
	ctx->fuel -= steps;
	if (ctx->fuel <= 0)
		ctx->refuel(ctx, at);
}

static void add_node(EvalContext *ctx, Place *place, const SchemaNode *node, const EvalFrame *at);

static bool
has_node(const Place *place, const SchemaNode *node)
{
	for (int i = 0; i < place->nnodes; i++)
		if (place->nodes[i] == node)
			return true;
	return false;
}

static void
add_other(Place *place, const SchemaNode *node, PlaceReason reason, const Dependency *dependency)
{
	if (node != NULL && place->nothers < PLACE_OTHERS_MAX)
		place->others[place->nothers++] = (PlaceOther){node, reason, dependency};
}

static void
add_choice(EvalContext *ctx, Place *place, SchemaNode *const *nodes, uint32 n, const JbItem *item, const EvalFrame *at)
{
	bool		fits = false;
	int			first = place->nothers;

	for (uint32 i = 0; i < n; i++)
		if (ctx->holds(ctx, nodes[i], item, at))
		{
			fits = true;
			add_node(ctx, place, nodes[i], at);
		}
		else
			add_other(place, nodes[i], PLACE_NO_ALTERNATIVE, NULL);
	for (int i = first; fits && i < place->nothers; i++)
		if (place->others[i].reason == PLACE_NO_ALTERNATIVE)
			place->others[i].reason = PLACE_OTHER_ALTERNATIVE;
}

static void
add_applicators(EvalContext *ctx, Place *place, const AnyRules *any, const JbItem *item, const EvalFrame *at)
{
	if (any->ref != NULL)
		add_node(ctx, place, any->ref, at);
	if (any->dynamic != NULL)
	{
		place->complete = place->complete && any->dynamic_name == NULL;
		add_node(ctx, place, any->dynamic, at);
	}
	for (uint32 i = 0; i < any->nall; i++)
		add_node(ctx, place, any->all[i], at);
	add_choice(ctx, place, any->any, any->nany, item, at);
	add_choice(ctx, place, any->one, any->none, item, at);
	if (any->if_ != NULL)
	{
		bool		holds = ctx->holds(ctx, any->if_, item, at);
		const SchemaNode *taken = holds ? any->then : any->else_;

		if (holds)
			add_node(ctx, place, any->if_, at);
		if (taken != NULL)
			add_node(ctx, place, taken, at);
		add_other(place, holds ? any->else_ : any->then, PLACE_CONDITION, NULL);
	}
}

static void
add_dependencies(EvalContext *ctx, Place *place, const ObjectRules *rules, const JbItem *item, const EvalFrame *at)
{
	JbItem		found;

	for (uint32 i = 0; i < rules->ndependencies; i++)
	{
		const Dependency *dependency = &rules->dependencies[i];

		if (dependency->schema == NULL)
			continue;
		if (object_find(jb_container(item), dependency->key, dependency->len, &found))
			add_node(ctx, place, dependency->schema, at);
		else
			add_other(place, dependency->schema, PLACE_DEPENDENCY, dependency);
	}
}

static void
add_node(EvalContext *ctx, Place *place, const SchemaNode *node, const EvalFrame *at)
{
	JbItem		item;

	check_stack_depth();
	charge(ctx, at, 1 + place->nnodes / 16);
	if (has_node(place, node))
		return;
	if (place->nnodes == PLACE_NODES_MAX)
	{
		place->complete = false;
		return;
	}
	place->nodes[place->nnodes++] = node;
	if (!place_item(ctx, at, &item))
		return;
	if (node->any != NULL)
		add_applicators(ctx, place, node->any, &item, at);
	if (node->object != NULL && item_is_object(&item))
		add_dependencies(ctx, place, node->object, &item, at);
}

static Place *
place_new(void)
{
	Place	   *place = palloc(sizeof(Place));

	place->complete = true;
	place->nnodes = 0;
	place->nothers = 0;
	return place;
}

Place *
place_alone(const SchemaNode *node)
{
	Place	   *place = place_new();

	place->nodes[place->nnodes++] = node;
	return place;
}

/* Whether a pattern of the object's rules matches the key; *node is its schema. */
static bool
pattern_matches(EvalContext *ctx, const ObjectRules *rules, const EvalFrame *at, const char *key, uint32 len,
				const SchemaNode **node)
{
	charge(ctx, at, rules->npatterns * (3 + len / 16));
	for (uint32 i = 0; i < rules->npatterns; i++)
	{
		int64		cost = 0;

		if (pattern_match(rules->patterns[i].pattern, key, len, &cost) == PATTERN_MATCH)
		{
			*node = rules->patterns[i].node;
			return true;
		}
		ctx->visits += cost;
	}
	return false;
}

/* The schemas that one schema of an object applies to the value of a key. */
static void
add_value_schemas(EvalContext *ctx, Place *place, const ObjectRules *rules, const EvalFrame *at)
{
	const Property *property = rules_property(rules, at->key, at->len);
	bool		named = property != NULL && property->node != NULL;
	const SchemaNode *matching;

	if (named)
		add_node(ctx, place, property->node, at);
	if (pattern_matches(ctx, rules, at, at->key, at->len, &matching))
		add_node(ctx, place, matching, at);
	else if (!named && rules->additional != NULL)
		add_node(ctx, place, rules->additional, at);
}

static Place *
find(EvalContext *ctx, const EvalFrame *at)
{
	Place	   *place = place_new();
	Place	   *parent;

	if (at->parent == NULL)
	{
		add_node(ctx, place, ctx->program->root, at);
		return place;
	}
	parent = find(ctx, at->parent);
	place->complete = parent->complete;
	for (int i = 0; i < parent->nnodes; i++)
	{
		const ObjectRules *object = parent->nodes[i]->object;
		const ArrayRules *array = parent->nodes[i]->array;

		if (at->key != NULL && object != NULL)
			add_value_schemas(ctx, place, object, at);
		else if (at->key == NULL && array != NULL && at->index < array->nprefix)
			add_node(ctx, place, array->prefix[at->index], at);
		else if (at->key == NULL && array != NULL && array->rest != NULL)
			add_node(ctx, place, array->rest, at);
	}
	for (int i = 0; i < parent->nnodes && at->key != NULL && place->nnodes == 0; i++)
		if (parent->nodes[i]->object != NULL && parent->nodes[i]->object->unevaluated != NULL)
			add_node(ctx, place, parent->nodes[i]->object->unevaluated, at);
	pfree(parent);
	return place;
}

/* node NULL: every schema that the program applies there */
static Place *
look(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at)
{
	int64		before = ctx->visits - ctx->fuel;
	Place	   *place;

	if (ctx->looked > LOOKED_MAX)
	{
		place = place_new();
		place->complete = false;
		return place;
	}
	if (node == NULL)
		place = find(ctx, at);
	else
	{
		place = place_new();
		add_node(ctx, place, node, at);
	}
	ctx->looked += ctx->visits - ctx->fuel - before;
	return place;
}

Place *
place_find(EvalContext *ctx, const EvalFrame *at)
{
	return look(ctx, NULL, at);
}

Place *
place_of(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at)
{
	return look(ctx, node, at);
}

/* ----- keys ------------------------------------------------------------------ */

const Property *
place_property(const Place *place, const char *key, uint32 len)
{
	for (int i = 0; i < place->nnodes; i++)
	{
		const ObjectRules *rules = place->nodes[i]->object;
		const Property *property = rules == NULL ? NULL : rules_property(rules, key, len);

		if (property != NULL && property->node != NULL)
			return property;
	}
	return NULL;
}

static bool
dependency_requires(const ObjectRules *rules, const JbItem *object, const char *key, uint32 len)
{
	JbItem		found;

	for (uint32 i = 0; i < rules->ndependencies; i++)
		for (uint32 j = 0; j < rules->dependencies[i].nrequired; j++)
			if (key_compare(rules->dependencies[i].required[j].data, rules->dependencies[i].required[j].len, key, len) == 0 &&
				object_find(jb_container(object), rules->dependencies[i].key, rules->dependencies[i].len, &found))
				return true;
	return false;
}

bool
place_requires(const Place *place, const JbItem *object, const char *key, uint32 len)
{
	for (int i = 0; i < place->nnodes; i++)
	{
		const ObjectRules *rules = place->nodes[i]->object;
		const Property *property = rules == NULL ? NULL : rules_property(rules, key, len);

		if ((property != NULL && property->required) ||
			(rules != NULL && item_is_object(object) &&
			 (rules->min >= JsonContainerSize(jb_container(object)) || dependency_requires(rules, object, key, len))))
			return true;
	}
	return false;
}

static bool
knows_key(EvalContext *ctx, const SchemaNode *node, const EvalFrame *object, const char *key, uint32 len)
{
	const Property *property;
	const SchemaNode *matching;

	if (node->object == NULL)
		return false;
	property = rules_property(node->object, key, len);
	return (property != NULL && property->node != NULL) || pattern_matches(ctx, node->object, object, key, len, &matching);
}

static bool
evaluates_key(EvalContext *ctx, const SchemaNode *node, const EvalFrame *object, const char *key, uint32 len)
{
	Place	   *own = place_of(ctx, node, object);

	for (int i = 0; i < own->nnodes; i++)
		if (knows_key(ctx, own->nodes[i], object, key, len) ||
			(own->nodes[i]->object != NULL && own->nodes[i]->object->additional != NULL &&
			 !own->nodes[i]->object->additional->never))
			return true;
	return !own->complete;
}

bool
place_allows(EvalContext *ctx, const Place *place, const SchemaNode *but, const EvalFrame *object,
			 const char *key, uint32 len)
{
	JbItem		name = {JENTRY_ISSTRING, key, len};

	charge(ctx, object, 1 + place->nnodes);
	for (int i = 0; i < place->nnodes; i++)
	{
		const SchemaNode *node = place->nodes[i];
		const ObjectRules *rules = node->object;
		const Property *property = rules == NULL ? NULL : rules_property(rules, key, len);

		if (rules == NULL)
			continue;
		if ((property != NULL && property->node != NULL && property->node->never) ||
			(rules->names != NULL && !ctx->holds(ctx, rules->names, &name, object)))
			return false;
		if (node == but)
			continue;
		if (rules->additional != NULL && rules->additional->never && !knows_key(ctx, node, object, key, len))
			return false;
		if (rules->unevaluated != NULL && rules->unevaluated->never && !evaluates_key(ctx, node, object, key, len))
			return false;
	}
	return true;
}

const PlaceOther *
place_elsewhere(const Place *place, const char *key, uint32 len)
{
	for (int i = 0; i < place->nothers; i++)
	{
		NodeFacts	facts;
		const Property *property;

		node_facts(place->others[i].node, &facts);
		property = facts_property(&facts, key, len);
		if (property != NULL && !property->node->never)
			return &place->others[i];
	}
	return NULL;
}
