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

/* The schemas that say which names an object may have; found once per object. */
typedef struct KnownNames
{
	const SchemaNode *node;		/* that refused one */
	const char *data;			/* the object, by where it is stored */
	const Place *place;			/* all schemas of the object */
	const Place *own;			/* those whose names count for the node */
	const Property **names;
	uint32		nnames;			/* those beyond the array are counted only */
} KnownNames;

/* Whether an earlier schema has named the key. */
static bool
named_before(const Place *own, int n, const Property *property)
{
	for (int i = 0; i < n; i++)
	{
		const ObjectRules *rules = own->nodes[i]->object;
		const Property *before = rules == NULL ? NULL : rules_property(rules, property->key, property->len);

		if (before != NULL && before->node != NULL)
			return true;
	}
	return false;
}

static void
find_names(EvalContext *ctx, KnownNames *known, const EvalFrame *object)
{
	bool		alone = known->own->nnodes == 1 && known->place->nnodes == 1 && known->place->nodes[0] == known->node &&
		known->node->object->names == NULL;

	uint32		room = 0;

	for (int i = 0; i < known->own->nnodes; i++)
		room += known->own->nodes[i]->object == NULL ? 0 : known->own->nodes[i]->object->nproperties;
	known->names = palloc(sizeof(Property *) * Min(room, NEAREST_LOOKED_AT));
	known->nnames = 0;
	for (int i = 0; i < known->own->nnodes; i++)
	{
		const ObjectRules *rules = known->own->nodes[i]->object;

		for (uint32 j = 0; rules != NULL && j < rules->nproperties; j++)
		{
			const Property *property = &rules->properties[j];

			if (property->node == NULL || property->node->never ||
				(!alone && (named_before(known->own, i, property) ||
							!place_allows(ctx, known->place, known->node, object, property->key, property->len))))
				continue;
			if (known->nnames < NEAREST_LOOKED_AT)
				known->names[known->nnames] = property;
			known->nnames++;
		}
	}
}

static const KnownNames *
known_names(EvalContext *ctx, const SchemaNode *node, const EvalFrame *object, bool unevaluated)
{
	KnownNames *known = ctx->known;
	JbItem		item = {0};

	place_item(ctx, object, &item);
	if (known != NULL && known->node == node && known->data == item.data)
		return known;
	if (known == NULL)
		ctx->known = known = palloc(sizeof(KnownNames));
	known->node = node;
	known->data = item.data;
	known->place = place_find(ctx, object);
	known->own = unevaluated ? place_of(ctx, node, object) : place_alone(node);
	find_names(ctx, known, object);
	return known;
}

static void
push_names(Params *params, const KnownNames *known, const EvalFrame *given)
{
	AgcNearest	nearest = {.limit = 1, .wanted = pnstrdup(given->key, given->len)};

	params_begin_list(params, "allowed");
	for (uint32 i = 0; i < known->nnames && i < NEAREST_LOOKED_AT; i++)
	{
		JbItem		name = string_item(known->names[i]->key, known->names[i]->len);

		agc_nearest_add(&nearest, pnstrdup(name.data, name.len));
		if (i < LIST_MAX)
			params_element(params, &name);
	}
	params_end_list(params);
	if (known->nnames > LIST_MAX)
		params_int(params, "more", known->nnames - LIST_MAX);
	if (nearest.count > 0)
		params_string(params, "nearest", nearest.name[0], strlen(nearest.name[0]));
}

static void
list_patterns(const KnownNames *known, Params *params)
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
	const KnownNames *known;
	const PlaceOther *other;
	EvalError  *error;
	Params		params;

	if (error_full(ctx))
		return;
	known = known_names(ctx, node, at->parent, keyword[0] == 'u');
	other = place_elsewhere(known->own, at->key, at->len);
	/* where no alternative fits, its names were not evaluated: that error says it all */
	if (other != NULL && other->reason == PLACE_NO_ALTERNATIVE && ctx->errors->count > 0 && !ctx->locate)
		return;
	error = error_add(ctx, node, at, keyword,
					  psprintf("property %s is not allowed%s", agc_quoted_bytes(at->key, at->len, GIVEN_SHOWN), why_not_here(other)));
	params = params_begin();
	params_string(&params, "property", at->key, at->len);
	push_names(&params, known, at);
	list_patterns(known, &params);
	if (!known->place->complete || !known->own->complete)
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
