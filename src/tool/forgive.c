/*
 * forgive.c
 *	  Shapes of schemas that serializers make by mistake: null for a keyword
 *	  that is not set, an empty list for an object without members, and an empty
 *	  object for a list without elements.
 *
 * None of them is a schema, and each can mean one thing only, so the meaning is
 * kept.  Null stays where it is a value (const, default, examples), and where it
 * could be meant (type).  Places that are no schemas are not looked into.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR (54001, nesting beyond
 * agentcore.max_depth): nothing to undo.
 */
#include "tool/forgive.h"

#include "miscadmin.h"

/* What a keyword holds. */
typedef enum Holds
{
	HOLDS_VALUE,				/* anything: null is one */
	HOLDS_OTHER,				/* what is neither, and never null */
	HOLDS_LIST,					/* strings or numbers */
	HOLDS_SCHEMA,				/* or a list of them */
	HOLDS_MAP					/* an object of schemas */
} Holds;

static const struct
{
	const char *name;
	Holds		holds;
}			keywords[] = {
	{"$defs", HOLDS_MAP}, {"additionalItems", HOLDS_SCHEMA}, {"additionalProperties", HOLDS_SCHEMA}, {"allOf", HOLDS_SCHEMA},
	{"anyOf", HOLDS_SCHEMA}, {"const", HOLDS_VALUE}, {"contains", HOLDS_SCHEMA}, {"default", HOLDS_VALUE},
	{"definitions", HOLDS_MAP}, {"dependencies", HOLDS_MAP}, {"dependentRequired", HOLDS_MAP}, {"dependentSchemas", HOLDS_MAP},
	{"deprecated", HOLDS_OTHER}, {"description", HOLDS_OTHER}, {"else", HOLDS_SCHEMA}, {"enum", HOLDS_LIST},
	{"exclusiveMaximum", HOLDS_OTHER}, {"exclusiveMinimum", HOLDS_OTHER}, {"format", HOLDS_OTHER}, {"if", HOLDS_SCHEMA},
	{"items", HOLDS_SCHEMA}, {"maxContains", HOLDS_OTHER}, {"maxItems", HOLDS_OTHER}, {"maxLength", HOLDS_OTHER},
	{"maxProperties", HOLDS_OTHER}, {"maximum", HOLDS_OTHER}, {"minContains", HOLDS_OTHER}, {"minItems", HOLDS_OTHER},
	{"minLength", HOLDS_OTHER}, {"minProperties", HOLDS_OTHER}, {"minimum", HOLDS_OTHER}, {"multipleOf", HOLDS_OTHER},
	{"not", HOLDS_SCHEMA}, {"nullable", HOLDS_OTHER}, {"oneOf", HOLDS_SCHEMA}, {"pattern", HOLDS_OTHER},
	{"patternProperties", HOLDS_MAP}, {"prefixItems", HOLDS_SCHEMA}, {"properties", HOLDS_MAP}, {"propertyNames", HOLDS_SCHEMA},
	{"readOnly", HOLDS_OTHER}, {"required", HOLDS_LIST}, {"then", HOLDS_SCHEMA}, {"title", HOLDS_OTHER},
	{"unevaluatedItems", HOLDS_SCHEMA}, {"unevaluatedProperties", HOLDS_SCHEMA}, {"uniqueItems", HOLDS_OTHER},
	{"writeOnly", HOLDS_OTHER}, {"$schema", HOLDS_OTHER}, {"$id", HOLDS_OTHER}, {"$ref", HOLDS_OTHER}, {"$comment", HOLDS_OTHER}
};

typedef struct Forgiving
{
	Forgiven   *forgiven;
	JsonbParseState *state;
	StringInfoData path;
	int			depth;
} Forgiving;

static void push_schema(Forgiving *f, const JbItem *schema, JsonbIteratorToken where);

void
forgive(Forgiven *forgiven, const char *pointer, const char *what)
{
	if (++forgiven->count <= FORGIVEN_SHOWN)
		appendStringInfo(&forgiven->places, "%s\"%s\" %s", forgiven->count > 1 ? ", " : "", agc_shown(pointer, 200), what);
}

char *
forgiven_in_words(const Forgiven *forgiven)
{
	int			more = forgiven->count - FORGIVEN_SHOWN;

	if (forgiven->count == 0)
		return NULL;
	return psprintf("forgiven: %s%s", forgiven->places.data, more > 0 ? psprintf(" and %d more", more) : "");
}

static Holds
what_holds(const JbItem *key)
{
	for (int i = 0; i < lengthof(keywords); i++)
		if (text_is(key, keywords[i].name))
			return keywords[i].holds;
	return HOLDS_VALUE;
}

static bool
is_empty(const JbItem *value)
{
	return JBE_ISCONTAINER(value->entry) && JsonContainerSize(jb_container(value)) == 0;
}

static void
push_empty(Forgiving *f, bool object)
{
	pushJsonbValue(&f->state, object ? WJB_BEGIN_OBJECT : WJB_BEGIN_ARRAY, NULL);
	pushJsonbValue(&f->state, object ? WJB_END_OBJECT : WJB_END_ARRAY, NULL);
}

/* The schemas of an array, or of the members of an object. */
static void
push_schemas(Forgiving *f, const JbItem *schemas)
{
	bool		object = item_is_object(schemas);
	uint32		n = JsonContainerSize(jb_container(schemas));
	JbCursor	keys = jb_first(jb_container(schemas));
	JbCursor	values = object ? jb_first_value(jb_container(schemas)) : keys;

	pushJsonbValue(&f->state, object ? WJB_BEGIN_OBJECT : WJB_BEGIN_ARRAY, NULL);
	for (uint32 i = 0; i < n; i++)
	{
		JbItem		value = jb_next(&values);
		int			len = f->path.len;

		if (object)
		{
			JbItem		key = jb_next(&keys);

			pointer_append_key(&f->path, key.data, key.len);
			put_text(&f->state, WJB_KEY, key.data, key.len);
		}
		else
			appendStringInfo(&f->path, "/%u", i);
		push_schema(f, &value, object ? WJB_VALUE : WJB_ELEM);
		f->path.data[f->path.len = len] = '\0';
	}
	pushJsonbValue(&f->state, object ? WJB_END_OBJECT : WJB_END_ARRAY, NULL);
}

/* The value of a keyword that is there; the key was put. */
static void
push_member(Forgiving *f, const JbItem *value, Holds holds)
{
	bool		misshapen = is_empty(value) &&
		(holds == HOLDS_MAP ? item_is_array(value) : holds == HOLDS_LIST && item_is_object(value));

	if (misshapen)
	{
		forgive(f->forgiven, f->path.data, holds == HOLDS_MAP ? "is []" : "is {}");
		push_empty(f, holds == HOLDS_MAP);
	}
	else if (holds == HOLDS_MAP && item_is_object(value))
		push_schemas(f, value);
	else if (holds == HOLDS_SCHEMA && item_is_array(value))
		push_schemas(f, value);
	else if (holds == HOLDS_SCHEMA)
		push_schema(f, value, WJB_VALUE);
	else
		put_item(&f->state, WJB_VALUE, value);
}

static void
push_object(Forgiving *f, const JbItem *schema)
{
	JbCursor	keys = jb_first(jb_container(schema));
	JbCursor	values = jb_first_value(jb_container(schema));

	pushJsonbValue(&f->state, WJB_BEGIN_OBJECT, NULL);
	for (uint32 i = 0; i < JsonContainerSize(jb_container(schema)); i++)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);
		Holds		holds = what_holds(&key);
		int			len = f->path.len;

		pointer_append_key(&f->path, key.data, key.len);
		if (holds != HOLDS_VALUE && JBE_ISNULL(value.entry))
			forgive(f->forgiven, f->path.data, "is null");
		else
		{
			put_text(&f->state, WJB_KEY, key.data, key.len);
			push_member(f, &value, holds);
		}
		f->path.data[f->path.len = len] = '\0';
	}
	pushJsonbValue(&f->state, WJB_END_OBJECT, NULL);
}

/* A place where a schema stands; what is none there is left for the compiler to refuse. */
static void
push_schema(Forgiving *f, const JbItem *schema, JsonbIteratorToken where)
{
	check_stack_depth();
	if (!item_is_object(schema) || f->depth >= agc_max_depth)
	{
		put_item(&f->state, where, schema);
		return;
	}
	f->depth++;
	push_object(f, schema);
	f->depth--;
}

Jsonb *
forgive_schema(Forgiven *forgiven, const char *at, const Jsonb *schema)
{
	Forgiving	f = {.forgiven = forgiven};
	JbItem		root = jb_root(schema);
	int			before = forgiven->count;

	initStringInfo(&f.path);
	appendStringInfoString(&f.path, at);
	pushJsonbValue(&f.state, WJB_BEGIN_ARRAY, NULL);
	push_schema(&f, &root, WJB_ELEM);
	if (forgiven->count == before)
		return unconstify(Jsonb *, schema);
	return JsonbValueToJsonb(&pushJsonbValue(&f.state, WJB_END_ARRAY, NULL)->val.array.elems[0]);
}
