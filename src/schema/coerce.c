/*
 * coerce.c
 *	  Safe repairs of arguments: what a model meant, and only that.
 *
 * Repairs are tried one at a time, and only where `type` failed.  Two rules look
 * elsewhere: drop_null also where `enum` or `const` refuses a null, drop_unknown
 * at properties that are not allowed, once nothing else is left to repair.
 *
 * A repair is kept only if the new value is valid there and nothing else became
 * worse.  Each is reported as {path, rule, from, to}.  Inside anyOf and oneOf,
 * only the branch that was meant is repaired: the one that neither type nor
 * constants rule out.  No rule invents a value: null never becomes 0, a number
 * never a boolean, and text becomes a number only if it is one.
 *
 *	  json		a string that holds JSON of the wanted type
 *	  number	a string that is a JSON number
 *	  boolean	the strings true and false, in any case
 *	  wrap		one value where an array of such values is wanted
 *	  unwrap	an array of one element where that element is wanted
 *	  drop_null	null for a property that may be left out
 *	  default	a property left out whose schema has a default
 *	  drop_unknown	only if asked: a property that the schema does not allow
 *
 * Memory: CurrentMemoryContext.  Locks: none.  Errors: limits of validation.
 */
#include "schema/schema.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonfuncs.h"
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

/* the longest number that is read from a string, and its largest exponent */
#define NUMBER_MAX_LEN 400

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

typedef struct Repair
{
	const char *rule;
	Jsonb	   *value;			/* NULL: remove the member */
} Repair;

static bool repair_errors(Coercion *c, const EvalErrors *errors);
static bool repair_one(Coercion *c, const EvalError *error);
static bool drop_unknown_key(Coercion *c, const EvalErrors *errors);
static bool accept(Coercion *c, const char *path, const Repair *repair, const JbItem *from);
static EvalErrors *try_edit(Coercion *c, const char *path, const Jsonb *value, Jsonb **edited, MemoryContext cxt);
static void keep_edit(Coercion *c, Jsonb *edited, EvalErrors *errors, MemoryContext cxt);
static void fill_defaults(Coercion *c);

Jsonb *
schema_coerce(const SchemaProgram *program, Jsonb *args, bool drop_unknown, Jsonb **changes)
{
	Coercion	c = {.program = program, .args = args, .effort = EFFORT_MAX};

	*changes = NULL;
	if (!schema_valid(c.program, args))
	{
		c.errors = schema_errors(c.program, args, ERRORS_MAX);
		/* each accepted repair may uncover others below it */
		while (c.repairs < REPAIRS_MAX &&
			   (repair_errors(&c, c.errors) || (drop_unknown && drop_unknown_key(&c, c.errors))))
			;
	}
	else
		c.errors = errors_new(1);
	fill_defaults(&c);
	if (c.errors_cxt != NULL)
		MemoryContextDelete(c.errors_cxt);
	if (c.changes != NULL)
		*changes = JsonbValueToJsonb(pushJsonbValue(&c.changes, WJB_END_ARRAY, NULL));
	return c.args;
}

/* Whether one of the errors was repaired; if so, the list is out of date. */
static bool
repair_errors(Coercion *c, const EvalErrors *errors)
{
	for (int i = 0; i < errors->count; i++)
	{
		const EvalError *error = &errors->items[i];

		CHECK_FOR_INTERRUPTS();
		if ((error->expected != 0 || error->value_list) && repair_one(c, error))
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
			accept(c, error->path, &(Repair){"drop_unknown", NULL}, &item))
			return true;
		if (error->branch_chosen && drop_unknown_key(c, error->branch))
			return true;
	}
	return false;
}

/* ----- the rules ------------------------------------------------------------- */

static void
trim(const char **s, uint32 *len)
{
	while (*len > 0 && strchr(" \t\r\n", **s) != NULL && **s != '\0')
	{
		(*s)++;
		(*len)--;
	}
	while (*len > 0 && (*s)[*len - 1] != '\0' && strchr(" \t\r\n", (*s)[*len - 1]) != NULL)
		(*len)--;
}

/* JSON's grammar of numbers, short and with an exponent of at most three digits */
static bool
is_number(const char *s, uint32 len)
{
	const char *p = s;
	const char *end = s + len;
	const char *start;

	if (len == 0 || len > NUMBER_MAX_LEN)
		return false;
	if (*p == '-')
		p++;
	if (p == end || *p < '0' || *p > '9')
		return false;
	if (*p++ == '0' && p < end && *p >= '0' && *p <= '9')
		return false;
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	if (p < end && *p == '.')
	{
		start = ++p;
		while (p < end && *p >= '0' && *p <= '9')
			p++;
		if (p == start)
			return false;
	}
	if (p < end && (*p == 'e' || *p == 'E'))
	{
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		start = p;
		while (p < end && *p >= '0' && *p <= '9')
			p++;
		if (p == start || p - start > 3)
			return false;
	}
	return p == end;
}

/* The object or array in a string; NULL when it holds none. */
static Jsonb *
parse_json(const char *s, uint32 len)
{
	char	   *problem;

	trim(&s, &len);
	if (len == 0 || (*s != '{' && *s != '['))
		return NULL;
	return agc_json_text(pnstrdup(s, len), &problem);
}

static Jsonb *
parse_number(const char *s, uint32 len)
{
	JsonbValue	value = {.type = jbvNumeric};
	Datum		number;

	trim(&s, &len);
	if (!is_number(s, len))
		return NULL;
	number = DirectFunctionCall3(numeric_in, CStringGetDatum(pnstrdup(s, len)),
								 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	value.val.numeric = DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale, number));
	return JsonbValueToJsonb(&value);
}

static Jsonb *
parse_boolean(const char *s, uint32 len)
{
	JsonbValue	value = {.type = jbvBool};

	trim(&s, &len);
	value.val.boolean = len == 4 && pg_strncasecmp(s, "true", 4) == 0;
	if (!value.val.boolean && !(len == 5 && pg_strncasecmp(s, "false", 5) == 0))
		return NULL;
	return JsonbValueToJsonb(&value);
}

static Jsonb *
wrap(const JbItem *item)
{
	JsonbParseState *state = NULL;
	JsonbValue	value;

	item_to_value(item, &value);
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	pushJsonbValue(&state, WJB_ELEM, &value);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

/* Whether dropping the value would leave a hole in an array. */
static bool
is_member(const Jsonb *args, const char *path)
{
	const char *slash = strrchr(path, '/');
	JbItem		root = jb_root(args);
	JbItem		parent;

	return slash != NULL && pointer_find(&root, pnstrdup(path, slash - path), &parent) && item_is_object(&parent);
}

/* Tries what could have been meant, the most faithful repair first. */
static bool
repair_one(Coercion *c, const EvalError *error)
{
	JbItem		root = jb_root(c->args);
	JbItem		item;
	Repair		tries[6];
	int			ntries = 0;
	JbItem		only;

	if (!pointer_find(&root, error->path, &item))
		return false;
	if (JBE_ISSTRING(item.entry))
	{
		if (error->expected & (TYPE_OBJECT | TYPE_ARRAY))
			tries[ntries++] = (Repair){"json", parse_json(item.data, item.len)};
		if (error->expected & (TYPE_NUMBER | TYPE_INTEGER))
			tries[ntries++] = (Repair){"number", parse_number(item.data, item.len)};
		if (error->expected & TYPE_BOOLEAN)
			tries[ntries++] = (Repair){"boolean", parse_boolean(item.data, item.len)};
	}
	if ((error->expected & TYPE_ARRAY) && !JBE_ISNULL(item.entry))
		tries[ntries++] = (Repair){"wrap", wrap(&item)};
	if (error->expected != 0 && item_is_array(&item) && JsonContainerSize(jb_container(&item)) == 1 &&
		array_get(jb_container(&item), 0, &only))
		tries[ntries++] = (Repair){"unwrap", item_to_jsonb(&only)};
	for (int i = 0; i < ntries; i++)
		if (tries[i].value != NULL && accept(c, error->path, &tries[i], &item))
			return true;
	if (JBE_ISNULL(item.entry) && is_member(c->args, error->path))
		return accept(c, error->path, &(Repair){"drop_null", NULL}, &item);
	return false;
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

/* Copied: the state keeps the pointer until the end. */
static void
push_text(JsonbParseState **state, JsonbIteratorToken where, const char *text)
{
	JsonbValue	value = {.type = jbvString};

	value.val.string.val = pstrdup(text);
	value.val.string.len = strlen(text);
	pushJsonbValue(state, where, &value);
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

static bool
accept(Coercion *c, const char *path, const Repair *repair, const JbItem *from)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "agentcore coercion", ALLOCSET_DEFAULT_SIZES);
	Jsonb	   *edited;
	EvalErrors *after = try_edit(c, path, repair->value, &edited, cxt);
	bool		container = strcmp(repair->rule, "json") == 0;

	if (after == NULL || !improves(c->errors, after, path, container))
	{
		MemoryContextDelete(cxt);
		return false;
	}
	report(c, path, repair->rule, from, repair->value);
	keep_edit(c, edited, after, cxt);
	return true;
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
