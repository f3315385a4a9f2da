/*
 * coerce.c
 *	  Safe repairs of arguments: what a model meant, and only that.
 *
 * Repairs are tried one at a time, and only where `type`, `enum`, `const` or all
 * alternatives failed.  drop_unknown looks at properties that are not allowed, once
 * nothing else is left to repair, and integer at whole numbers that are valid but
 * written with a fraction.
 *
 * A repair is kept only if the new value is valid there and nothing else became
 * worse.  Each is reported as {path, rule, from, to}, one that takes several steps
 * (repair.c) step by step.  Inside anyOf and oneOf, only the branch that was meant is
 * repaired: the one that neither type nor constants rule out.  No rule invents a value:
 * null never becomes 0, a number never a boolean, and text becomes a number only if it
 * is one.
 *
 *	  json		a string that holds JSON of the wanted type, read as written_json.h says
 *	  number	a string that is a JSON number
 *	  boolean	the strings true and false, in any case
 *	  string	a number where text is wanted and no number
 *	  integer	5.0 where an integer is wanted: 5
 *	  enum		a fixed value in other case, or with blanks around it
 *	  wrap		one value where an array of such values is wanted
 *	  unwrap	an array of one element where that element is wanted
 *	  drop_null	null for a property that may be left out
 *	  drop_empty	"" for one that takes no text
 *	  default	a property left out whose schema has a default
 *	  drop_unknown	only if asked: a property that the schema does not allow
 *
 * Memory: CurrentMemoryContext.  Locks: none.  Errors: limits of validation.
 */
#include "schema/schema.h"

#include "miscadmin.h"
#include "schema/eval.h"
#include "schema/repair.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

/* repairs of one document, and errors looked at to find them */
#define REPAIRS_MAX 200
#define ERRORS_MAX 1000

/*
 * What all tries together may cost, in bytes of documents rewritten and judged;
 * so a large document gets few tries.  A node visit counts as VISIT_EFFORT bytes,
 * the search for a default as LOOK_EFFORT.
 */
#define EFFORT_MAX (32 * 1024 * 1024)
#define VISIT_EFFORT 8
#define LOOK_EFFORT 64

typedef struct Coercion
{
	const SchemaProgram *program;
	Jsonb	   *args;
	EvalErrors *errors;			/* of args */
	MemoryContext errors_cxt;	/* where they are; NULL: the caller's */
	JsonbParseState *changes;	/* NULL: none yet */
	int			repairs;
	int64		effort;			/* left */
} Coercion;

/* Schemas whose default was filled in on the way here. */
typedef struct Filled
{
	const struct Filled *outer;
	const SchemaNode *node;
} Filled;

static void report_written(Coercion *c, const char *path, int rules);
static bool repair_errors(Coercion *c, const EvalErrors *errors);
static bool repair_one(Coercion *c, const EvalError *error);
static bool drop_unknown_key(Coercion *c, const EvalErrors *errors);
static bool accept(Coercion *c, const char *path, const Repair *repair, const Repair *tried, const JbItem *from);
static EvalErrors *try_edit(Coercion *c, const char *path, const Jsonb *value, Jsonb **edited, MemoryContext cxt);
static void keep_edit(Coercion *c, Jsonb *edited, EvalErrors *errors, MemoryContext cxt);
static void trim_numbers(Coercion *c, EvalPlaces *places);
static void fill_defaults(Coercion *c);

Jsonb *
schema_coerce(const SchemaProgram *program, Jsonb *args, int rules, bool drop_unknown, Jsonb **changes)
{
	Coercion	c = {.program = program, .args = args, .effort = EFFORT_MAX};
	EvalPlaces	places = {.limit = REPAIRS_MAX};

	*changes = NULL;
	report_written(&c, "", rules);
	if (!schema_valid_noting(c.program, args, &places))
	{
		c.errors = schema_errors(c.program, args, ERRORS_MAX);
		/* each accepted repair may uncover others below it */
		while (c.repairs < REPAIRS_MAX &&
			   (repair_errors(&c, c.errors) || (drop_unknown && drop_unknown_key(&c, c.errors))))
			;
		places = (EvalPlaces){.limit = REPAIRS_MAX};
		(void) schema_valid_noting(c.program, c.args, &places);
	}
	else
		c.errors = errors_new(1);
	if (places.count > 0)
		trim_numbers(&c, &places);
	fill_defaults(&c);
	if (c.errors_cxt != NULL)
		MemoryContextDelete(c.errors_cxt);
	if (c.changes != NULL)
		*changes = JsonbValueToJsonb(pushJsonbValue(&c.changes, WJB_END_ARRAY, NULL));
	return c.args;
}

/* No alternative fits, and it is not clear which was meant. */
static bool
is_choice(const EvalError *error)
{
	return error->name == NULL && !error->branch_chosen && (strcmp(error->keyword, "anyOf") == 0 || strcmp(error->keyword, "oneOf") == 0);
}

/* Whether one of the errors was repaired; if so, the list is out of date. */
static bool
repair_errors(Coercion *c, const EvalErrors *errors)
{
	for (int i = 0; i < errors->count; i++)
	{
		const EvalError *error = &errors->items[i];

		CHECK_FOR_INTERRUPTS();
		if ((error->expected != 0 || error->value_list || is_choice(error)) && repair_one(c, error))
			return true;
		if (error->branch_chosen && repair_errors(c, error->branch))
			return true;
	}
	return false;
}

/*
 * Whether a property was dropped.  This comes last, because a branch that fails
 * for another reason can make a known property look unknown.
 */
static bool
drop_unknown_key(Coercion *c, const EvalErrors *errors)
{
	for (int i = 0; i < errors->count; i++)
	{
		const EvalError *error = &errors->items[i];
		JbItem		root = jb_root(c->args);
		JbItem		item;

		CHECK_FOR_INTERRUPTS();
		if ((strcmp(error->keyword, "additionalProperties") == 0 || strcmp(error->keyword, "unevaluatedProperties") == 0) &&
			pointer_find(&root, error->path, &item) &&
			accept(c, error->path, &(Repair){.rule = "drop_unknown", .after = -1}, NULL, &item))
			return true;
		if (error->branch_chosen && drop_unknown_key(c, error->branch))
			return true;
	}
	return false;
}

/* ----- the rules ------------------------------------------------------------- */

/* Whether dropping the value would leave a hole in an array. */
static bool
is_member(const Jsonb *args, const char *path)
{
	const char *slash = strrchr(path, '/');
	JbItem		root = jb_root(args);
	JbItem		parent;

	return slash != NULL && pointer_find(&root, pnstrdup(path, slash - path), &parent) && item_is_object(&parent);
}

/* Whether the error says that no string may stand there. */
static bool
refuses_text(Coercion *c, const EvalError *error)
{
	if (error->expected != 0 && !error->value_list)
		return (error->expected & TYPE_STRING) == 0;
	return !repair_takes_text(error->node, &c->effort);
}

/* null, and text where no text may stand: nothing was meant. */
static bool
drop_nothing(Coercion *c, const EvalError *error, const JbItem *item)
{
	const char *rule = JBE_ISNULL(item->entry) ? "drop_null" :
		repair_is_blank(item) && refuses_text(c, error) ? "drop_empty" : NULL;

	return rule != NULL && is_member(c->args, error->path) &&
		accept(c, error->path, &(Repair){.rule = rule, .after = -1}, NULL, item);
}

static bool
respell(Coercion *c, const EvalError *error, const JbItem *item)
{
	Jsonb	   *value = repair_spelling(error->node, item, &c->effort);

	return value != NULL && accept(c, error->path, &(Repair){.rule = "enum", .after = -1, .value = value}, NULL, item);
}

/* Tries what could have been meant, the most faithful repair first. */
static bool
repair_one(Coercion *c, const EvalError *error)
{
	JbItem		root = jb_root(c->args);
	Repairs		repairs = {.effort = &c->effort};

	if (!pointer_find(&root, error->path, &repairs.item))
		return false;
	if ((error->value_list || error->expected == 0) && respell(c, error, &repairs.item))
		return true;
	for (int i = 0; i < NREPAIRS && (error->expected != 0 || error->value_list); i++)
	{
		const Repair *repair = repair_try(&repairs, i);

		if (repair->value != NULL && repair_fits(repair, error->expected, error->value_list) &&
			accept(c, error->path, repair, repairs.tried, &repairs.item))
			return true;
	}
	return drop_nothing(c, error, &repairs.item);
}

/* ----- keeping a repair -------------------------------------------------------- */

static bool
at_or_below(const char *path, const char *top)
{
	size_t		len = strlen(top);

	return strncmp(path, top, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* Errors at, below and outside of a path; a choice counts as its one real branch. */
typedef struct Tally
{
	int			at;
	int			below;
	int			outside;
} Tally;

static void
tally(Tally *t, const EvalErrors *errors, const char *path)
{
	for (int i = 0; i < errors->count; i++)
	{
		const EvalError *error = &errors->items[i];

		if (error->branch_chosen)
			tally(t, error->branch, path);
		else if (strcmp(error->path, path) == 0)
			t->at++;
		else if (at_or_below(error->path, path))
			t->below++;
		else
			t->outside++;
	}
}

/*
 * Whether the edit improves the document: the new value is valid (a parsed
 * container may still have errors inside, which are repaired next), and nothing
 * else became worse.
 */
static bool
improves(const EvalErrors *before, const EvalErrors *after, const char *path, bool container)
{
	Tally		old = {0};
	Tally		new = {0};

	tally(&old, before, path);
	tally(&new, after, path);
	return new.at == 0 && (new.below == 0 || container) && new.outside <= old.outside;
}

/* An object that was wrapped is an element, but for errors inside of it, or it was meant as something else. */
static bool
wraps_element(const EvalErrors *after, const char *path, const Repair *repair)
{
	Tally		element = {0};

	if (!repair->container || strcmp(repair->rule, "wrap") != 0)
		return true;
	tally(&element, after, psprintf("%s/0", path));
	return element.at == 0;
}

/* Copied: the state keeps the pointer until the end. */
static void
push_text(JsonbParseState **state, JsonbIteratorToken where, const char *text)
{
	agc_push_text(state, where, pstrdup(text));
}

static void
push_item_value(JsonbParseState **state, const JbItem *item)
{
	JsonbValue	value;

	item_to_value(item, &value);
	pushJsonbValue(state, WJB_VALUE, &value);
}

static void
report(Coercion *c, const char *path, const char *rule, const JbItem *from, const Jsonb *to)
{
	if (c->changes == NULL)
		pushJsonbValue(&c->changes, WJB_BEGIN_ARRAY, NULL);
	pushJsonbValue(&c->changes, WJB_BEGIN_OBJECT, NULL);
	push_text(&c->changes, WJB_KEY, "path");
	push_text(&c->changes, WJB_VALUE, path);
	push_text(&c->changes, WJB_KEY, "rule");
	push_text(&c->changes, WJB_VALUE, rule);
	if (from != NULL)
	{
		push_text(&c->changes, WJB_KEY, "from");
		push_item_value(&c->changes, from);
	}
	if (to != NULL)
	{
		JbItem		root = jb_root(to);

		push_text(&c->changes, WJB_KEY, "to");
		push_item_value(&c->changes, &root);
	}
	pushJsonbValue(&c->changes, WJB_END_OBJECT, NULL);
}

/*
 * The errors of an edited copy, both in cxt; NULL when there are too many, or
 * no effort is left.
 */
static EvalErrors *
try_edit(Coercion *c, const char *path, const Jsonb *value, Jsonb **edited, MemoryContext cxt)
{
	MemoryContext old;
	EvalErrors *after;

	c->effort -= VARSIZE(c->args);
	if (c->effort < 0 || c->repairs >= REPAIRS_MAX || c->errors->count >= ERRORS_MAX)
		return NULL;
	CHECK_FOR_INTERRUPTS();
	old = MemoryContextSwitchTo(cxt);
	*edited = pointer_set(c->args, path, value);
	after = schema_errors(c->program, *edited, ERRORS_MAX);
	MemoryContextSwitchTo(old);
	c->effort -= after->visits * VISIT_EFFORT;
	return after->count < ERRORS_MAX ? after : NULL;
}

/*
 * The document is copied out and stays: the report points into it.  The errors
 * stay where they are until the next edit is kept.
 */
static void
keep_edit(Coercion *c, Jsonb *edited, EvalErrors *errors, MemoryContext cxt)
{
	c->args = memcpy(palloc(VARSIZE(edited)), edited, VARSIZE(edited));
	if (c->errors_cxt != NULL)
		MemoryContextDelete(c->errors_cxt);
	c->errors = errors;
	c->errors_cxt = cxt;
	c->repairs++;
}

/* The rules that a text was read with. */
static void
report_written(Coercion *c, const char *path, int rules)
{
	for (; rules != 0; rules &= rules - 1)
		report(c, path, written_json_first_rule(rules), NULL, NULL);
}

/* Every step of a repair; "tried" has those that it is made of. */
static void
report_repair(Coercion *c, const char *path, const Repair *repair, const Repair *tried, const JbItem *from)
{
	JbItem		before = *from;

	if (repair->after >= 0)
	{
		report_repair(c, path, &tried[repair->after], tried, from);
		before = jb_root(tried[repair->after].value);
	}
	report_written(c, path, repair->written);
	report(c, path, repair->rule, &before, repair->value);
}

static bool
accept(Coercion *c, const char *path, const Repair *repair, const Repair *tried, const JbItem *from)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "agentcore coercion", ALLOCSET_DEFAULT_SIZES);
	Jsonb	   *edited;
	EvalErrors *after = try_edit(c, path, repair->value, &edited, cxt);

	if (after == NULL || !improves(c->errors, after, path, repair->container) || !wraps_element(after, path, repair))
	{
		MemoryContextDelete(cxt);
		return false;
	}
	report_repair(c, path, repair, tried, from);
	keep_edit(c, edited, after, cxt);
	return true;
}

/* ----- whole numbers ------------------------------------------------------------ */

static int
compare_places(const void *a, const void *b)
{
	const char *l = ((const EvalPlace *) a)->data;
	const char *r = ((const EvalPlace *) b)->data;

	return l < r ? -1 : l > r;
}

static bool
is_noted(const EvalPlaces *places, const Numeric number)
{
	EvalPlace	wanted = {(const char *) number};

	return bsearch(&wanted, places->items, places->count, sizeof(EvalPlace), compare_places) != NULL;
}

static Numeric
trim_number(Numeric number)
{
	return DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale, NumericGetDatum(number)));
}

/* Each place once, although more than one subschema looked at it. */
static void
report_trimmed(Coercion *c, const EvalPlaces *places)
{
	for (int i = 0; i < places->count; i++)
	{
		const EvalPlace *place = &places->items[i];
		JbItem		from = {JENTRY_ISNUMERIC, place->data};
		JsonbValue	to = {.type = jbvNumeric};

		if (i > 0 && place->data == places->items[i - 1].data)
			continue;
		to.val.numeric = trim_number((Numeric) place->data);
		report(c, place->path, "integer", &from, JsonbValueToJsonb(&to));
	}
}

/* 5.0 where an integer is wanted is the same number, but not for every executor. */
static void
trim_numbers(Coercion *c, EvalPlaces *places)
{
	JsonbIterator *it = JsonbIteratorInit(&c->args->root);
	JsonbParseState *state = NULL;
	JsonbValue *result = NULL;
	JsonbValue	value;
	JsonbIteratorToken token;

	qsort(places->items, places->count, sizeof(EvalPlace), compare_places);
	report_trimmed(c, places);
	while ((token = JsonbIteratorNext(&it, &value, false)) != WJB_DONE)
	{
		bool		scalar = token < WJB_BEGIN_ARRAY || (token == WJB_BEGIN_ARRAY && value.val.array.rawScalar);

		if (token < WJB_BEGIN_ARRAY && value.type == jbvNumeric && is_noted(places, value.val.numeric))
			value.val.numeric = trim_number(value.val.numeric);
		result = pushJsonbValue(&state, token, scalar ? &value : NULL);
	}
	c->args = JsonbValueToJsonb(result);
}

/* ----- defaults ----------------------------------------------------------------- */

static bool
already_filled(const Filled *filled, const SchemaNode *node)
{
	for (; filled != NULL; filled = filled->outer)
		if (filled->node == node)
			return true;
	return false;
}

/* Whether the member was missing and now is there. */
static bool
fill_member(Coercion *c, const SchemaNode *node, const char *path)
{
	Jsonb	   *filler = item_to_jsonb(&node->default_value);
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "agentcore coercion", ALLOCSET_DEFAULT_SIZES);
	Jsonb	   *edited;
	EvalErrors *after = try_edit(c, path, filler, &edited, cxt);

	if (after == NULL || after->count > c->errors->count)
	{
		MemoryContextDelete(cxt);
		return false;
	}
	report(c, path, "default", NULL, filler);
	keep_edit(c, edited, after, cxt);
	return true;
}

/*
 * Fills properties that were left out and whose schema has a default, where the
 * schema applies for certain: through properties, items, $ref and allOf, not
 * inside a choice.  A default that contains itself is filled once.  When the
 * effort is used up, the rest stays out, because schemas that apply one another
 * many times multiply.
 */
static void
fill_at(Coercion *c, const SchemaNode *node, StringInfo path, const Filled *filled)
{
	JbItem		root = jb_root(c->args);
	JbItem		item;
	int			len = path->len;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	c->effort -= LOOK_EFFORT;
	if (node == NULL || c->effort < 0 || !pointer_find(&root, path->data, &item))
		return;
	if (node->any != NULL)
	{
		fill_at(c, node->any->ref, path, filled);
		for (uint32 i = 0; i < node->any->nall; i++)
			fill_at(c, node->any->all[i], path, filled);
	}
	for (uint32 i = 0; node->object != NULL && i < node->object->nproperties && c->effort >= 0; i++)
	{
		const Property *property = &node->object->properties[i];
		Filled		here = {filled, property->node};
		JbItem		value;
		bool		fresh = false;

		c->effort -= LOOK_EFFORT;
		/* the document moves with every change */
		root = jb_root(c->args);
		if (property->node == NULL || !pointer_find(&root, path->data, &item) || !item_is_object(&item))
			continue;
		pointer_append_key(path, property->key, property->len);
		if (property->node->has_default && !already_filled(filled, property->node) &&
			!object_find(jb_container(&item), property->key, property->len, &value))
			fresh = fill_member(c, property->node, path->data);
		fill_at(c, property->node, path, fresh ? &here : filled);
		path->data[path->len = len] = '\0';
	}
	for (uint32 i = 0; c->effort >= 0 && node->array != NULL && node->array->nprefix == 0 &&
		 node->array->rest != NULL;
		 i++)
	{
		root = jb_root(c->args);
		if (!pointer_find(&root, path->data, &item) || !item_is_array(&item) ||
			i >= JsonContainerSize(jb_container(&item)))
			break;
		appendStringInfo(path, "/%u", i);
		fill_at(c, node->array->rest, path, filled);
		path->data[path->len = len] = '\0';
	}
}

static void
fill_defaults(Coercion *c)
{
	StringInfoData path;

	initStringInfo(&path);
	fill_at(c, c->program->root, &path, NULL);
}
