/*
 * choice_errors.c
 *	  Errors of anyOf, oneOf and not.
 *
 * Of a choice that does not fit, an error says what would do: the values or
 * types of all alternatives, the members of which some are required, or the
 * values of the member that tells the alternatives apart.  Where there is no
 * such thing, it keeps the errors of the nearest alternative.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  Errors: 54001 where the limits of
 * the judgement are reached (eval.c).
 */
#include "schema/eval_errors.h"

#include "schema/describe.h"
#include "schema/place.h"

/* What is known of a choice that does not fit. */
typedef struct Misfit
{
	EvalContext *ctx;
	const SchemaNode *node;
	const EvalFrame *at;
	const Choice *choice;
	const char *keyword;
	EvalErrors **branches;
	const JbItem *item;
	uint32		best;
	Params		params;
} Misfit;

/* ----- the nearest alternative --------------------------------------------------- */

/* A wrong type of the value itself, or a constant that tells branches apart. */
static bool
says_another_branch(const EvalError *error, int depth)
{
	if (error->depth == depth && (error->expected != 0 || strcmp(error->keyword, "false") == 0))
		return true;
	return error->depth <= depth + 1 && error->one_value;
}

static bool
branch_ruled_out(const EvalErrors *branch, int depth)
{
	for (int i = 0; i < branch->count; i++)
		if (says_another_branch(&branch->items[i], depth))
			return true;
	return false;
}

/*
 * How far a branch is from what was meant.  The strongest sign of the wrong
 * branch is a wrong type of the value itself, the next a wrong constant just
 * below it.
 */
static int
branch_score(const EvalErrors *branch, int depth)
{
	int			score = branch->count;

	for (int i = 0; i < branch->count; i++)
	{
		const EvalError *error = &branch->items[i];

		if (error->depth == depth && (error->expected != 0 || strcmp(error->keyword, "false") == 0))
			score += 1000000;
		else if (error->depth <= depth + 1 && error->one_value)
			score += 10000;
		else if (error->depth <= depth + 1 && error->value_list)
			score += 100;
	}
	return score;
}

static void
find_best(Misfit *m)
{
	for (uint32 i = 1; i < m->choice->n; i++)
		if (branch_score(m->branches[i], m->at->depth) < branch_score(m->branches[m->best], m->at->depth))
			m->best = i;
}

/* Whether type or constants rule out every alternative but the best. */
static bool
best_is_meant(const Misfit *m)
{
	uint32		ruled_out = 0;

	for (uint32 i = 0; i < m->choice->n; i++)
		ruled_out += branch_ruled_out(m->branches[i], m->at->depth);
	return ruled_out == m->choice->n - 1 && !branch_ruled_out(m->branches[m->best], m->at->depth);
}

static EvalError *
add_misfit(Misfit *m, char *message)
{
	EvalError  *error = error_add(m->ctx, m->node, m->at, m->keyword, message);

	params_int(&m->params, "alternatives", m->choice->n);
	return error;
}

static void
end_misfit(Misfit *m, EvalError *error)
{
	error_set_params(m->ctx, error, &m->params);
	if (m->ctx->locate)
	{
		error->branches = m->branches;
		error->nbranches = m->choice->n;
	}
}

static void
report_nearest(Misfit *m)
{
	const EvalErrors *best = m->branches[m->best];
	EvalError  *error;

	if (best->count == 0)
		error = add_misfit(m, psprintf("matches none of %u alternatives", m->choice->n));
	else
	{
		JsonbValue	value = {.type = jbvBinary};
		Jsonb	   *nested = errors_to_jsonb(best);

		error = add_misfit(m, psprintf("matches none of %u alternatives; of the nearest, \"%s\" %s", m->choice->n, path_excerpt(best->items[0].path), best->items[0].message));
		error->branch = m->branches[m->best];
		error->branch_chosen = best_is_meant(m);
		params_int(&m->params, "nearest", m->best);
		params_key(&m->params, "errors");
		value.val.binary.data = &nested->root;
		value.val.binary.len = VARSIZE_ANY_EXHDR(nested);
		pushJsonbValue(&m->params.state, WJB_VALUE, &value);
	}
	end_misfit(m, error);
}

/* ----- values and types ------------------------------------------------------------ */

/* The values that were asked for, of all alternatives. */
typedef struct Values
{
	StringInfoData text;
	uint32		seen;
	AgcNearest	nearest;
} Values;

static void
add_value(Values *values, Params *params, const JbItem *value)
{
	if (JBE_ISSTRING(value->entry) && values->seen < NEAREST_LOOKED_AT && values->nearest.wanted != NULL)
		agc_nearest_add(&values->nearest, pnstrdup(value->data, value->len));
	if (values->seen++ >= LIST_MAX)
		return;
	params_element(params, value);
	appendStringInfo(&values->text, "%s%s", values->seen > 1 ? ", " : "", json_excerpt(value, VALUE_SHOWN));
}

/* The values of a schema, or of the alternatives that it consists of. */
static void
add_values(Values *values, Params *params, const SchemaNode *node, int level)
{
	NodeFacts	facts;

	node_facts(node, &facts);
	for (uint32 i = 0; i < facts_nvalues(&facts); i++)
	{
		JbItem		value = facts_value(&facts, i);

		add_value(values, params, &value);
	}
	if (facts.values != NULL || facts.choice == NULL || level >= BRANCH_DEPTH_MAX)
		return;
	for (uint32 i = 0; i < facts.choice->nany; i++)
		add_values(values, params, facts.choice->any[i], level + 1);
	for (uint32 i = 0; facts.choice->nany == 0 && i < facts.choice->none; i++)
		add_values(values, params, facts.choice->one[i], level + 1);
}

/* The one thing that is wrong with the value is that it is none of some values. */
static bool
wants_values(const Misfit *m, uint32 i)
{
	const EvalErrors *branch = m->branches[i];
	NodeFacts	facts;

	if (branch->count != 1 || branch->omitted > 0 || branch->items[0].depth != m->at->depth)
		return false;
	if (branch->items[0].value_list)
		return true;
	node_facts(m->choice->nodes[i], &facts);
	return facts.values != NULL && branch->items[0].expected != 0;
}

/* The types that a branch would accept, if the value's type is its only problem. */
static uint8
wants_types(const Misfit *m, uint32 i)
{
	const EvalErrors *branch = m->branches[i];

	if (branch->count == 1 && branch->items[0].depth == m->at->depth)
		return branch->items[0].expected;
	return 0;
}

/* A branch that refuses only the value itself, by keywords that a description holds. */
static bool
wants_described(const Misfit *m, uint32 i)
{
	static const char *const told[] = {"pattern", "format", "minLength", "maxLength", "minimum", "maximum",
										"exclusiveMinimum", "exclusiveMaximum", "multipleOf"};
	const EvalErrors *branch = m->branches[i];

	if (!m->ctx->explain || branch->count == 0 || branch->omitted > 0)
		return false;
	for (int j = 0; j < branch->count; j++)
	{
		bool		is_told = branch->items[j].depth == m->at->depth;
		int			k = 0;

		while (k < lengthof(told) && strcmp(told[k], branch->items[j].keyword) != 0)
			k++;
		if (!is_told || k == lengthof(told))
			return false;
	}
	return true;
}

/* Types are told as types where no alternative says more. */
static char *
types_wanted(const Misfit *m, uint8 types)
{
	SchemaNode **nodes = palloc(sizeof(SchemaNode *) * m->choice->n);
	uint32		n = 0;

	for (uint32 i = 0; i < m->choice->n; i++)
		if (!wants_values(m, i))
			nodes[n++] = m->choice->nodes[i];
		else if (m->branches[i]->items[0].value_list && m->branches[i]->items[0].expected != 0)
			return type_list(types);
	return m->ctx->explain ? choice_description(nodes, n) : type_list(types);
}

/* "one of "a", "b"", "one of "a", null or integer" */
static char *
values_and_types(const Misfit *m, const Values *values, uint8 types, bool others)
{
	StringInfoData out;

	initStringInfo(&out);
	if (values->seen > 0)
		appendStringInfo(&out, "%s%s", values->seen > 1 ? "one of " : "", values->text.data);
	if (values->seen > LIST_MAX)
		appendStringInfo(&out, " and %u more", values->seen - LIST_MAX);
	if (values->seen > 0 && others)
		appendStringInfoString(&out, ", or ");
	if (others)
		appendStringInfoString(&out, types_wanted(m, types));
	return out.data;
}

/*
 * Every alternative only wants another type or another value: all of them are told.  Where one
 * wants another text or number, and none a value, the nearest says more.
 */
static bool
report_values(Misfit *m)
{
	Values		values = {.nearest = {.limit = 1}};
	uint8		types = 0;
	bool		any_values = false;
	bool		any_described = false;
	const char *got = item_type_name(m->item);
	EvalError  *error;

	for (uint32 i = 0; i < m->choice->n; i++)
	{
		bool		of_values = wants_values(m, i);

		any_values = any_values || of_values;
		if (!of_values || m->branches[i]->items[0].value_list)
			types |= wants_types(m, i);
		if (of_values || wants_types(m, i) != 0)
			continue;
		if (!wants_described(m, i))
			return false;
		any_described = true;
	}
	if (any_described && !any_values)
		return false;
	initStringInfo(&values.text);
	if (JBE_ISSTRING(m->item->entry) && m->item->len > 0)
		values.nearest.wanted = pnstrdup(m->item->data, m->item->len);
	if (any_values)
	{
		params_begin_list(&m->params, "allowed");
		for (uint32 i = 0; i < m->choice->n; i++)
			if (wants_values(m, i))
				add_values(&values, &m->params, m->choice->nodes[i], 0);
		params_end_list(&m->params);
	}
	error = add_misfit(m, psprintf(any_values ? "must be %s" : "must be %s, not %s",
								   values_and_types(m, &values, types, types != 0 || any_described), got));
	error->expected = types;
	error->value_list = any_values;
	error->one_value = any_values && types == 0 && values.seen == 1;
	if (any_values)
	{
		error->branch = m->branches[m->best];
		error->branch_chosen = best_is_meant(m);
	}
	if (values.seen > LIST_MAX)
		params_int(&m->params, "more", values.seen - LIST_MAX);
	if (values.nearest.count > 0)
		params_string(&m->params, "nearest", values.nearest.name[0], strlen(values.nearest.name[0]));
	if (types != 0)
	{
		params_types(&m->params, "expected", types);
		params_string(&m->params, "got", got, strlen(got));
	}
	end_misfit(m, error);
	return true;
}

/* ----- the member that tells alternatives apart ----------------------------------------- */

static void
list_discriminator(Misfit *m, const Discriminator *by, Values *values)
{
	params_begin_list(&m->params, "allowed");
	for (uint32 i = 0; i < m->choice->n; i++)
	{
		NodeFacts	facts;
		const Property *property;

		node_facts(m->choice->nodes[i], &facts);
		property = facts_property(&facts, by->key, by->len);
		if (property != NULL)
			add_values(values, &m->params, property->node, 0);
	}
	params_end_list(&m->params);
}

/* What each alternative is, the other types that would do among them. */
static const char *
alternatives_told(const Misfit *m)
{
	SchemaNode **nodes = palloc(sizeof(SchemaNode *) * m->choice->n);

	if (!m->ctx->explain)
		return "";
	/* the nearest first, since a long description is cut */
	memcpy(nodes, m->choice->nodes, sizeof(SchemaNode *) * m->choice->n);
	memmove(nodes + 1, nodes, sizeof(SchemaNode *) * m->best);
	nodes[0] = m->choice->nodes[m->best];
	return psprintf("; the alternatives are %s", choice_description(nodes, m->choice->n));
}

static bool
report_discriminator(Misfit *m)
{
	Discriminator by;
	int64		steps = 0;
	bool		found;
	Values		values = {.nearest = {.limit = 1}};
	JbItem		given;
	bool		missing;
	EvalError  *error;
	char	   *key;

	if (!item_is_object(m->item))
		return false;
	found = choice_discriminator(m->choice, &by, &steps);
	m->ctx->fuel -= steps;
	if (!found)
		return false;
	missing = !object_find(jb_container(m->item), by.key, by.len, &given);
	if (missing && !by.required)
		return false;
	if (!missing && choice_has_value(m->choice, &by, &given))
		return false;
	initStringInfo(&values.text);
	if (!missing && JBE_ISSTRING(given.entry) && given.len > 0)
		values.nearest.wanted = pnstrdup(given.data, given.len);
	params_string(&m->params, "property", by.key, by.len);
	list_discriminator(m, &by, &values);
	key = key_shown(by.key, by.len);
	error = add_misfit(m, psprintf("%s %s must be one of %s%s%s", missing ? "required property" : "property",
								   missing ? psprintf("%s is missing; it", key) : key, values.text.data,
								   values.seen > LIST_MAX ? psprintf(" and %u more", values.seen - LIST_MAX) : "",
								   alternatives_told(m)));
	params_true(&m->params, "discriminator");
	if (values.seen > LIST_MAX)
		params_int(&m->params, "more", values.seen - LIST_MAX);
	if (values.nearest.count > 0)
		params_string(&m->params, "nearest", values.nearest.name[0], strlen(values.nearest.name[0]));
	end_misfit(m, error);
	return true;
}

/* ----- members of which some are required -------------------------------------------- */

/* Each alternative only misses members. */
static bool
only_missing(const Misfit *m)
{
	for (uint32 i = 0; i < m->choice->n; i++)
	{
		const EvalErrors *branch = m->branches[i];

		if (branch->count == 0 || branch->omitted > 0)
			return false;
		for (int j = 0; j < branch->count; j++)
			if (branch->items[j].missing == NULL || branch->items[j].depth != m->at->depth)
				return false;
	}
	return true;
}

/* "a" (string), or "b" and "c" */
static void
append_missing(Misfit *m, StringInfo out, const Place *place, uint32 i)
{
	const EvalErrors *branch = m->branches[i];

	appendStringInfoString(out, i == 0 ? "" : ", or ");
	for (int j = 0; j < branch->count; j++)
	{
		const Property *missing = branch->items[j].missing;
		const Property *named = missing->node != NULL ? missing : place_property(place, missing->key, missing->len);
		JbItem		name = string_item(missing->key, missing->len);

		params_element(&m->params, &name);
		appendStringInfo(out, "%s%s%s", j == 0 ? "" : " and ", key_shown(missing->key, missing->len),
						 m->ctx->explain && named != NULL ? schema_in_brackets(named->node) : "");
	}
}

static bool
report_missing(Misfit *m)
{
	const Place *place;
	StringInfoData out;
	EvalError  *error;
	uint32		n = Min(m->choice->n, LIST_MAX);

	if (!only_missing(m))
		return false;
	place = place_find(m->ctx, m->at);
	initStringInfo(&out);
	appendStringInfoString(&out, m->choice->one ? "must have exactly one of these: " : "must have at least one of these: ");
	params_begin_list(&m->params, "choices");
	for (uint32 i = 0; i < n; i++)
	{
		pushJsonbValue(&m->params.state, WJB_BEGIN_ARRAY, NULL);
		append_missing(m, &out, place, i);
		pushJsonbValue(&m->params.state, WJB_END_ARRAY, NULL);
	}
	params_end_list(&m->params);
	if (m->choice->n > n)
		appendStringInfo(&out, " and %u more", m->choice->n - n);
	error = add_misfit(m, out.data);
	if (m->choice->n > n)
		params_int(&m->params, "more", m->choice->n - n);
	end_misfit(m, error);
	return true;
}

void
error_branches(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const Choice *choice,
			   EvalErrors **branches, const JbItem *item)
{
	Misfit		m = {ctx, node, at, choice, choice->one ? "oneOf" : "anyOf", branches, item, 0, params_begin()};

	find_best(&m);
	if (!report_values(&m) && !report_discriminator(&m) && !report_missing(&m))
		report_nearest(&m);
}

/* ----- too much ---------------------------------------------------------------------- */

/* The members that one alternative requires and the other does not. */
static int
append_required_alone(StringInfo out, const SchemaNode *node, const SchemaNode *other)
{
	NodeFacts	mine;
	NodeFacts	theirs;
	int			count = 0;

	node_facts(node, &mine);
	node_facts(other, &theirs);
	for (int i = 0; i < mine.nobjects; i++)
		for (uint32 j = 0; j < mine.objects[i]->nproperties && count < LIST_MAX; j++)
		{
			const Property *property = &mine.objects[i]->properties[j];

			if (!property->required || facts_require(&theirs, property->key, property->len))
				continue;
			appendStringInfo(out, "%s%s", count++ > 0 ? ", " : "", key_shown(property->key, property->len));
		}
	return count;
}

void
error_many(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const Choice *choice, uint32 first,
		   uint32 second)
{
	StringInfoData mine;
	StringInfoData theirs;
	SchemaNode *both[] = {choice->nodes[first], choice->nodes[second]};
	const char *why = "";
	EvalError  *error;
	Params		params;

	if (error_full(ctx))
		return;
	initStringInfo(&mine);
	initStringInfo(&theirs);
	if (append_required_alone(&mine, both[0], both[1]) > 0 && append_required_alone(&theirs, both[1], both[0]) > 0)
		why = psprintf("; %s and %s must not be given together", mine.data, theirs.data);
	else if (ctx->explain)
		why = psprintf("; they are %s", choice_description(both, 2));
	error = error_add(ctx, node, at, "oneOf",
					  psprintf("matches alternatives %u and %u; exactly one is allowed%s", first + 1, second + 1, why));
	params = params_begin();
	params_int(&params, "first", first);
	params_int(&params, "second", second);
	error_set_params(ctx, error, &params);
}

/* ----- not ------------------------------------------------------------------------------ */

/* The alternative of a choice that the instance matches; the schema itself where there is none. */
static const SchemaNode *
excluded_part(EvalContext *ctx, const SchemaNode *node, const JbItem *item, const EvalFrame *at)
{
	const AnyRules *any = node->any;

	while (any != NULL && any->ref != NULL)
	{
		node = any->ref;
		any = node->any;
	}
	for (uint32 i = 0; any != NULL && i < any->nany + any->none; i++)
	{
		const SchemaNode *part = i < any->nany ? any->any[i] : any->one[i - any->nany];

		if (ctx->holds(ctx, part, item, at))
			return part;
	}
	return node;
}

/* A member of what is excluded: its name, and the value where it is excluded only with one. */
static void
append_clash(StringInfo out, const Property *property, int n)
{
	appendStringInfo(out, "%s%s%s", n > 0 ? " and " : "", key_shown(property->key, property->len),
					 property->node == NULL ? "" : schema_in_brackets(property->node));
}

/* The members that clash; how many there are. */
static int
append_clashes(StringInfo out, const NodeFacts *facts, const JbItem *item, Params *params)
{
	int			count = 0;
	JbItem		found;

	params_begin_list(params, "members");
	for (int i = 0; i < facts->nobjects; i++)
		for (uint32 j = 0; j < facts->objects[i]->nproperties && count < LIST_MAX; j++)
		{
			const Property *property = &facts->objects[i]->properties[j];
			const Property *named = facts_property(facts, property->key, property->len);
			JbItem		name = string_item(property->key, property->len);

			if ((named != NULL && named != property) || (named == NULL && !property->required) ||
				!object_find(jb_container(item), property->key, property->len, &found))
				continue;
			params_element(params, &name);
			append_clash(out, property, count++);
		}
	params_end_list(params);
	return count;
}

/* Of what is no object, or has no member that clashes. */
static char *
excluded_value(const SchemaNode *part)
{
	char	   *description = schema_description(part);

	if (part->any == NULL && part->types == TYPE_ANY && part->object == NULL && part->array == NULL &&
		part->string == NULL && part->number == NULL)
		return pstrdup("must not be given");
	if (schema_in_brackets(part)[0] == '\0' || strcmp(description, "object {}") == 0)
		return pstrdup("matches a schema that is excluded");
	return psprintf("must not be %s", description);
}

static char *
excluded_message(const SchemaNode *part, const JbItem *item, Params *params)
{
	StringInfoData out;
	NodeFacts	facts;
	int			clashes;

	initStringInfo(&out);
	node_facts(part, &facts);
	if (!item_is_object(item) || facts.nobjects == 0)
		return excluded_value(part);
	clashes = append_clashes(&out, &facts, item, params);
	if (clashes == 0)
		return excluded_value(part);
	return psprintf(clashes == 1 ? "must not have %s" : "%s must not be given together", out.data);
}

void
error_not(EvalContext *ctx, const SchemaNode *node, const EvalFrame *at, const JbItem *item)
{
	Params		params = params_begin();
	EvalError  *error;

	if (error_full(ctx))
		return;
	error = error_add(ctx, node, at, "not",
					  excluded_message(excluded_part(ctx, node->any->not, item, at), item, &params));
	error_set_params(ctx, error, &params);
}
