/*
 * object_errors.c
 *	  Errors about the members of an object.
 *
 * What is allowed is the word of every schema of the place (place.c), not only of
 * the one that failed.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  Errors: 54001 where the limits of
 * the judgement are reached (eval.c).
 */
#include "schema/eval_errors.h"

#include "mb/pg_wchar.h"
#include "schema/describe.h"
#include "schema/place.h"

#define PATTERNS_MAX 5
#define PATTERN_SHOWN 200

/* "(string of at most 5 characters)", or "" where nothing is said of the value */
static char *
wanted(EvalContext *ctx, const SchemaNode *node)
{
	if (node != NULL && ctx->explain)
		return schema_in_brackets(node);
	return node == NULL || node->types == TYPE_ANY ? "" : psprintf(" (%s)", type_list(node->types));
}

void
error_required(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const Property *missing)
{
	const SchemaNode *value = missing->node;
	EvalError  *error;
	Params		params;

	if (error_full(ctx))
		return;
	if (value == NULL)
	{
		const Property *property = place_property(place_find(ctx, at), missing->key, missing->len);

		value = property == NULL ? NULL : property->node;
	}
	error = error_add(ctx, node, at, "required",
					  psprintf("required property %s%s is missing", key_shown(missing->key, missing->len), wanted(ctx, value)));
	error->missing = missing;
	params = params_begin();
	params_string(&params, "property", missing->key, missing->len);
	if (value != NULL && value->types != TYPE_ANY)
		params_types(&params, "expected", value->types);
	error_set_params(ctx, error, &params);
}

void
error_dependency(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at,
				 const Dependency *dependency, const JbItem *missing)
{
	const Property *property;
	EvalError  *error;
	Params		params;

	if (error_full(ctx))
		return;
	property = place_property(place_find(ctx, at), missing->data, missing->len);
	error = error_add(ctx, node, at, dependency->keyword,
					  psprintf("property %s%s is required where %s is given",
							   key_shown(missing->data, missing->len), wanted(ctx, property == NULL ? NULL : property->node),
							   key_shown(dependency->key, dependency->len)));
	params = params_begin();
	params_string(&params, "property", missing->data, missing->len);
	params_string(&params, "given", dependency->key, dependency->len);
	error_set_params(ctx, error, &params);
}

/* ----- unknown properties ------------------------------------------------------ */

/* The names that an object may have. */
typedef struct Known
{
	EvalContext *ctx;
	const EvalFrame *object;
	const SchemaNode *node;		/* that refused one */
	Place	   *place;			/* all schemas of the object */
	const Place *own;			/* those whose names count for the node */
	bool		alone;			/* no other schema has a word in it */
	AgcNearest	nearest;
	uint32		seen;
	uint32		shown;
} Known;

/* Whether an earlier schema has named the key. */
static bool
named_before(const Known *known, int n, const Property *property)
{
	for (int i = 0; i < n; i++)
	{
		const ObjectRules *rules = known->own->nodes[i]->object;
		const Property *before = rules == NULL ? NULL : rules_property(rules, property->key, property->len);

		if (before != NULL && before->node != NULL)
			return true;
	}
	return false;
}

static void
list_names(Known *known, int n, Params *params)
{
	const ObjectRules *rules = known->own->nodes[n]->object;

	for (uint32 i = 0; i < rules->nproperties; i++)
	{
		const Property *property = &rules->properties[i];
		JbItem		name = string_item(property->key, property->len);

		if (property->node == NULL || property->node->never ||
			(!known->alone &&
			 (named_before(known, n, property) ||
			  !place_allows(known->ctx, known->place, known->node, known->object, property->key, property->len))))
			continue;
		if (known->seen++ < NEAREST_LOOKED_AT)
			agc_nearest_add(&known->nearest, pnstrdup(property->key, property->len));
		if (known->shown++ < LIST_MAX)
			params_element(params, &name);
	}
}

static void
list_patterns(const Known *known, Params *params)
{
	int			count = 0;

	for (int i = 0; i < known->own->nnodes; i++)
	{
		const ObjectRules *rules = known->own->nodes[i]->object;

		for (uint32 j = 0; rules != NULL && j < rules->npatterns && count < PATTERNS_MAX; j++)
		{
			const char *source = pattern_source(rules->patterns[j].pattern);
			JbItem		item = string_item(source, pg_mbcliplen(source, strlen(source), PATTERN_SHOWN));

			if (rules->patterns[j].node->never)
				continue;
			if (count++ == 0)
				params_begin_list(params, "patterns");
			params_element(params, &item);
		}
	}
	if (count > 0)
		params_end_list(params);
}

/* Why a name that is known somewhere is not allowed now. */
static const char *
why_not_here(const PlaceOther *other)
{
	if (other == NULL || other->reason == PLACE_NO_ALTERNATIVE)
		return "";
	if (other->reason == PLACE_DEPENDENCY)
		return psprintf(" unless %s is given", key_shown(other->dependency->key, other->dependency->len));
	return other->reason == PLACE_CONDITION ? " under this condition" : " in this alternative";
}

/* "at" is the unknown key itself; the error lists the known ones and names the nearest */
void
error_unknown_key(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const char *keyword)
{
	bool		unevaluated = keyword[0] == 'u';
	Place	   *own = unevaluated ? place_of(ctx, node, at->parent) : place_alone(node);
	const PlaceOther *other = place_elsewhere(own, at->key, at->len);
	Known		known = {ctx, at->parent, node, place_find(ctx, at->parent), own, .nearest = {.limit = 1}};
	EvalError  *error;
	Params		params;

	/* where no alternative fits, its names were not evaluated: that error says it all */
	if (other != NULL && other->reason == PLACE_NO_ALTERNATIVE && ctx->errors->count > 0 && !ctx->locate)
		return;
	if (error_full(ctx))
		return;
	known.alone = own->nnodes == 1 && known.place->nnodes == 1 && known.place->nodes[0] == node && node->object->names == NULL;
	known.nearest.wanted = pnstrdup(at->key, at->len);
	error = error_add(ctx, node, at, keyword,
					  psprintf("property %s is not allowed%s", agc_quoted_bytes(at->key, at->len, GIVEN_SHOWN), why_not_here(other)));
	params = params_begin();
	params_string(&params, "property", at->key, at->len);
	params_begin_list(&params, "allowed");
	for (int i = 0; i < own->nnodes; i++)
		if (own->nodes[i]->object != NULL)
			list_names(&known, i, &params);
	params_end_list(&params);
	list_patterns(&known, &params);
	if (known.shown > LIST_MAX)
		params_int(&params, "more", known.shown - LIST_MAX);
	if (known.nearest.count > 0)
		params_string(&params, "nearest", known.nearest.name[0], strlen(known.nearest.name[0]));
	if (!known.place->complete || !own->complete)
		params_true(&params, "incomplete");
	error_set_params(ctx, error, &params);
}

/*
 * Errors since "first" of a member that holds null or "": it may as well be left
 * out, where nothing requires it.
 */
void
error_optional(EvalContext *ctx, int first, const EvalFrame *at)
{
	JbItem		object;

	if (!place_item(ctx, at->parent, &object) ||
		place_requires(place_find(ctx, at->parent), &object, at->key, at->len))
		return;
	for (int i = first; i < ctx->errors->count; i++)
		if (ctx->errors->items[i].depth == at->depth && ctx->errors->items[i].name == NULL)
			ctx->errors->items[i].optional = true;
}
