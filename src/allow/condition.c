/*
 * condition.c
 *	  The `when` of a rule compiled, or refused.
 *
 * What a rule may say is a part of JSON Schema 2020-12: the words by which a
 * value is judged, with `equals` and `in` beside them.  Everything that could
 * pass in silence is refused when it is written: a word that is misspelt or
 * judges objects, a schema that is about no type, a context member that does not
 * exist, an allow's pattern that is not anchored.
 *
 * The type that a schema is about is put into its compiled node, so that a value
 * of another type fails it (condition_judge.c).
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: limits of the schema
 * compiler raise (54001); everything else is told by *problem.
 */
#include "allow/condition_tree.h"

#include "miscadmin.h"
#include "text/format.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#define TERMS_MAX	64			/* pointers of one condition */
#define TYPE_NUMBERS (TYPE_NUMBER | TYPE_INTEGER)

static const char *const judging_words[] = {
	"type", "const", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength",
	"maxLength", "pattern", "format", "items", "contains", "minContains", "maxContains", "minItems", "maxItems",
	"uniqueItems", "not", "anyOf", "oneOf", "allOf", "title", "description", "$comment"
};
static const char *const object_words[] = {
	"properties", "patternProperties", "additionalProperties", "required", "propertyNames", "minProperties",
	"maxProperties", "dependentRequired", "dependentSchemas", "dependencies", "unevaluatedProperties"
};
static const char *const scalar_hint = "Members of the context: tool, traits, args, agent, task, subject, labels, facts, clock, est_usd, est_tokens.";

typedef struct Compiler
{
	ConditionPointers *pointers;
	ConditionUse use;
	char	   *problem;
	char	   *hint;
} Compiler;

static bool
fail(Compiler *c, char *problem, const char *hint)
{
	if (c->problem == NULL)
	{
		c->problem = problem;
		c->hint = hint == NULL ? NULL : pstrdup(hint);
	}
	return false;
}

static bool
is_word(const char *const *words, int n, const char *word, uint32 len)
{
	for (int i = 0; i < n; i++)
		if (strlen(words[i]) == len && memcmp(words[i], word, len) == 0)
			return true;
	return false;
}

#define IS_WORD(words, item) is_word(words, lengthof(words), (item)->data, (item)->len)

static bool
item_is(const JbItem *item, const char *word)
{
	return is_word(&word, 1, item->data, item->len);
}

/* ----- pointers -------------------------------------------------------------------- */

ConditionPointers *
condition_pointers_new(void)
{
	return palloc0(sizeof(ConditionPointers));
}

static bool
unknown_member(Compiler *c, const char *token)
{
	AgcNearest	nearest = {.wanted = token, .limit = 3};
	char	   *near;

	for (int i = 0; i < CONTEXT_MEMBERS; i++)
		if (i != CONTEXT_RESULT || c->use == CONDITION_FACT)
			agc_nearest_add(&nearest, context_member_name((ContextMember) i));
	near = agc_nearest_list(&nearest);
	return fail(c, psprintf("the context has no member %s", agc_quoted_name(token)),
				near == NULL ? scalar_hint : psprintf("Perhaps you meant %s.", near));
}

/* What stands below members whose shape is known. */
static bool
check_step(Compiler *c, const ConditionPointer *pointer)
{
	static const char *const clock[] = {"hour", "minute", "weekday"};
	const PointerStep *step = pointer->nsteps == 0 ? NULL : &pointer->steps[0];

	switch (pointer->member)
	{
		case CONTEXT_ARGS:
		case CONTEXT_RESULT:
		case CONTEXT_FACTS:
			return true;
		case CONTEXT_TRAITS:
		case CONTEXT_LABELS:
			if (step == NULL || (pointer->nsteps == 1 && (step->key == NULL || step->is_index)))
				return true;
			return fail(c, psprintf("%s is a list of words", context_member_name(pointer->member)),
						"Write \"contains\", or * for each of them.");
		case CONTEXT_CLOCK:
			if (step == NULL || (pointer->nsteps == 1 && step->key != NULL && is_word(clock, lengthof(clock), step->key, step->len)))
				return true;
			return fail(c, pstrdup("the clock has no such member"), "It has hour, minute and weekday (1 is Monday).");
		default:
			if (step == NULL)
				return true;
			return fail(c, psprintf("%s has no members", context_member_name(pointer->member)), NULL);
	}
}

static void
add_step(ConditionPointer *pointer, char *token)
{
	PointerStep *step = &pointer->steps[pointer->nsteps++];

	memset(step, 0, sizeof(*step));
	if (strcmp(token, "*") == 0)
	{
		pointer->every = true;
		return;
	}
	step->key = token;
	step->len = strlen(token);
	step->is_index = pointer_index(token, &step->index);
}

/* The pointer's place among those of the policy; -1: *problem. */
static int
intern(Compiler *c, const char *text)
{
	ConditionPointers *pointers = c->pointers;
	ConditionPointer pointer = {.text = text};
	const char *rest = text;
	const char *wrong = pointer_problem(text);
	char	   *token;

	for (int i = 0; i < pointers->count; i++)
		if (strcmp(pointers->items[i].text, text) == 0 && (pointers->items[i].member != CONTEXT_RESULT || c->use == CONDITION_FACT))
			return i;
	if (wrong != NULL || text[0] == '\0')
	{
		fail(c, psprintf("%s is not a JSON Pointer into the context", agc_quoted_name(text)),
			 "For example /args/amount, /args/to/* or /subject.");
		return -1;
	}
	token = pointer_next(&rest);
	pointer.member = context_member_named(token, strlen(token));
	if (pointer.member == CONTEXT_MEMBERS || (pointer.member == CONTEXT_RESULT && c->use != CONDITION_FACT))
	{
		unknown_member(c, token);
		return -1;
	}
	pointer.steps = palloc((strlen(text) + 1) * sizeof(PointerStep));
	while (rest != NULL)
		add_step(&pointer, pointer_next(&rest));
	if (!check_step(c, &pointer))
		return -1;
	if (pointers->count == pointers->size)
	{
		pointers->size = Max(8, 2 * pointers->size);
		pointers->items = pointers->items == NULL ? palloc(pointers->size * sizeof(ConditionPointer)) :
			repalloc(pointers->items, pointers->size * sizeof(ConditionPointer));
	}
	pointer.steps = repalloc(pointer.steps, Max(pointer.nsteps, 1) * sizeof(PointerStep));
	pointer.text = pstrdup(text);
	pointers->items[pointers->count] = pointer;
	return pointers->count++;
}

/* The other side of `equals` and `in`. */
static int
other_side(Compiler *c, const char *word, const JbItem *value)
{
	char	   *text;
	int			n;

	if (!JBE_ISSTRING(value->entry))
	{
		fail(c, psprintf("\"%s\" must be a JSON Pointer into the context", word), NULL);
		return -1;
	}
	text = pnstrdup(value->data, value->len);
	n = intern(c, text);
	if (n >= 0 && c->pointers->items[n].every)
	{
		fail(c, psprintf("\"%s\" points at more than one value", word), "Leave out the *.");
		return -1;
	}
	return n;
}

/* ----- patterns ---------------------------------------------------------------------- */

/* Whether one alternative begins with ^ and ends with $, neither of them with a quantifier or escaped. */
static bool
is_anchored_part(const char *part, const char *end)
{
	int			slashes = 0;

	if (end - part < 2 || *part != '^' || end[-1] != '$' || strchr("*+?{", part[1]) != NULL)
		return false;
	for (const char *p = end - 2; p > part && *p == '\\'; p--)
		slashes++;
	return slashes % 2 == 0;
}

/* Whether a pattern matches whole strings only; an alternation outside of a group has to be anchored on both sides. */
static bool
is_anchored(const char *pattern, uint32 len)
{
	const char *end = pattern + len;
	const char *part = pattern;
	int			depth = 0;
	bool		in_class = false;

	for (const char *p = pattern; p < end; p++)
	{
		if (*p == '\\')
			p++;
		else if (in_class)
			in_class = *p != ']';
		else if (*p == '[')
			in_class = true;
		else if (*p == '(')
			depth++;
		else if (*p == ')')
			depth--;
		else if (*p == '|' && depth == 0)
		{
			if (!is_anchored_part(part, p))
				return false;
			part = p + 1;
		}
	}
	return is_anchored_part(part, end);
}

/* ----- words ------------------------------------------------------------------------- */

static bool check_schema(Compiler *c, const JbItem *schema, bool opens);

static bool
unknown_word(Compiler *c, const JbItem *key)
{
	char	   *word = pnstrdup(key->data, key->len);
	AgcNearest	nearest = {.wanted = word, .limit = 3};
	char	   *near;

	if (IS_WORD(object_words, key))
		return fail(c, psprintf("\"%s\" judges the members of an object", word), "Write a pointer to each member instead.");
	if (item_is(key, "equals") || item_is(key, "in"))
		return fail(c, psprintf("\"%s\" stands below another word", word), "It stands beside the pointer only.");
	if (item_is(key, "if") || item_is(key, "then") || item_is(key, "else"))
		return fail(c, psprintf("\"%s\" is not for rules", word), "Write two rules.");
	if (item_is(key, "prefixItems"))
		return fail(c, psprintf("\"%s\" is not for rules", word), "Write a pointer to each element, as /args/range/0.");
	for (int i = 0; i < lengthof(judging_words); i++)
		agc_nearest_add(&nearest, judging_words[i]);
	near = agc_nearest_list(&nearest);
	return fail(c, psprintf("a rule's schema has no word %s", agc_quoted_name(word)),
				near == NULL ? NULL : psprintf("Perhaps you meant %s.", near));
}

static bool
check_list(Compiler *c, const JbItem *list, bool opens)
{
	JbCursor	cursor;

	if (!item_is_array(list))
		return true;			/* the metaschema says so */
	cursor = jb_first(jb_container(list));
	for (uint32 n = JsonContainerSize(jb_container(list)); n > 0; n--)
	{
		JbItem		child = jb_next(&cursor);

		if (!check_schema(c, &child, opens))
			return false;
	}
	return true;
}

static bool
check_word(Compiler *c, const JbItem *key, const JbItem *value, bool opens)
{
	if (!IS_WORD(judging_words, key))
		return unknown_word(c, key);
	if (item_is(key, "items") || item_is(key, "contains"))
		return check_schema(c, value, opens);
	if (item_is(key, "not"))
		return check_schema(c, value, !opens);
	if (item_is(key, "anyOf") || item_is(key, "allOf") || item_is(key, "oneOf"))
		return check_list(c, value, opens);
	if (item_is(key, "format") && JBE_ISSTRING(value->entry) && format_find(pnstrdup(value->data, value->len)) < 0)
		return fail(c, psprintf("format %s is not judged", agc_quoted_name(pnstrdup(value->data, value->len))), "Write a pattern.");
	if (item_is(key, "pattern") && opens && JBE_ISSTRING(value->entry) && !is_anchored(value->data, value->len))
		return fail(c, pstrdup("the pattern of an allow must begin with ^ and end with $"),
					"Otherwise it allows every text with such a piece in it. An alternation needs both in each part, or a group.");
	return true;
}

/* opens: what fits lets the call pass */
static bool
check_schema(Compiler *c, const JbItem *schema, bool opens)
{
	const JsonbContainer *object;
	JbCursor	keys;
	JbCursor	values;

	check_stack_depth();
	if (!item_is_object(schema))
		return fail(c, pstrdup("a rule's schema must be an object"), "It says what must stand at the pointer, as {\"maximum\": 500}.");
	object = jb_container(schema);
	keys = jb_first(object);
	values = jb_first_value(object);
	for (uint32 n = JsonContainerSize(object); n > 0; n--)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);

		if (!check_word(c, &key, &value, opens))
			return false;
	}
	return true;
}

/* ----- types -------------------------------------------------------------------------- */

static uint8
types_of_value(const JbItem *item)
{
	uint8		type = item_type(item);

	return type & TYPE_NUMBERS ? TYPE_NUMBERS : type;
}

/* What the words of a schema say of its type. */
typedef struct Types
{
	uint8		mask;
	bool		differ;			/* they say different things */
} Types;

static void
add_types(Types *types, uint8 more)
{
	types->differ |= types->mask != 0 && more != 0 && types->mask != more;
	types->mask |= more;
}

static bool imply_types(Compiler *c, SchemaNode *node);

static bool
imply_list(Compiler *c, SchemaNode **nodes, uint32 n, Types *types)
{
	uint8		all = 0;

	for (uint32 i = 0; i < n; i++)
	{
		if (!imply_types(c, nodes[i]))
			return false;
		all |= nodes[i]->types;
	}
	add_types(types, all);
	return true;
}

static bool
types_of_applicators(Compiler *c, AnyRules *any, Types *types)
{
	uint8		listed = any->has_enum && any->nstrings > 0 ? TYPE_STRING : 0;

	if (any->has_const)
		add_types(types, types_of_value(&any->constant));
	for (uint32 i = 0; any->has_enum && i < any->nothers; i++)
		listed |= types_of_value(&any->others[i]);
	add_types(types, listed);
	if (any->not != NULL && !imply_list(c, &any->not, 1, types))
		return false;
	return imply_list(c, any->all, any->nall, types) && imply_list(c, any->any, any->nany, types) &&
		imply_list(c, any->one, any->none, types);
}

static bool
types_of_elements(Compiler *c, ArrayRules *array)
{
	return (array->rest == NULL || imply_types(c, array->rest)) &&
		(array->contains == NULL || imply_types(c, array->contains));
}

/* Puts the type that a schema is about into its node. */
static bool
imply_types(Compiler *c, SchemaNode *node)
{
	bool		stated = node->types != TYPE_ANY;
	Types		types = {0};

	check_stack_depth();
	if (node->array != NULL && !types_of_elements(c, node->array))
		return false;
	if (node->any != NULL && !types_of_applicators(c, node->any, &types))
		return false;
	add_types(&types, node->array != NULL ? TYPE_ARRAY : 0);
	add_types(&types, node->string != NULL ? TYPE_STRING : 0);
	add_types(&types, node->number != NULL ? TYPE_NUMBERS : 0);
	if (stated && (types.mask & ~(node->types & TYPE_NUMBERS ? node->types | TYPE_NUMBERS : node->types)) != 0)
		return fail(c, pstrdup("a word of a schema is about another type than \"type\" says"), "Such a word never judges anything.");
	if (!stated && types.differ)
		return fail(c, pstrdup("the words of a schema are about different types"), "Add \"type\".");
	if (!stated)
		node->types = types.mask;
	if (node->types & TYPE_NUMBER)
		node->types |= TYPE_INTEGER;
	if (node->types == 0 || node->never)
		return fail(c, pstrdup("the type that a schema is about cannot be told"), "Add \"type\".");
	if (node->types & TYPE_NULL)
		return fail(c, pstrdup("null counts as absent"), "Write ? at the pointer's end to let absence speak for the call.");
	return true;
}

/* ----- terms --------------------------------------------------------------------------- */

static Jsonb *
without(Jsonb *schema, const char *key)
{
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(schema), CStringGetTextDatum(key)));
}

static bool
compile_schema(Compiler *c, Term *term, Jsonb *schema)
{
	SchemaOptions options = {.dialect = DIALECT_2020_12, .assert_format = true};
	JbItem		root = jb_root(schema);
	SchemaProblem problem;
	SchemaProgram *program;

	if (!check_schema(c, &root, c->use != CONDITION_REFUSE))
		return false;
	program = schema_compile(schema, &options, &problem);
	if (program == NULL || !metaschema_check(program, NULL, &problem))
		return fail(c, psprintf("%s%s%s", problem.path == NULL ? "" : problem.path,
								problem.path == NULL || problem.path[0] == '\0' ? "" : ": ", problem.message), problem.hint);
	term->node = program->root;
	return imply_types(c, program->root);
}

/* `equals` and `in` are taken out; what is left is plain JSON Schema. */
static bool
compile_term_schema(Compiler *c, Term *term, const JbItem *given)
{
	Jsonb	   *schema = item_to_jsonb(given);
	JbItem		other;

	if (item_is_object(given) && object_find_cstring(jb_container(given), "equals", &other))
	{
		term->equals = other_side(c, "equals", &other);
		schema = without(schema, "equals");
		if (term->equals < 0)
			return false;
	}
	if (item_is_object(given) && object_find_cstring(jb_container(given), "in", &other))
	{
		term->in = other_side(c, "in", &other);
		schema = without(schema, "in");
		if (term->in < 0)
			return false;
	}
	if ((term->equals >= 0 || term->in >= 0) && JB_ROOT_IS_OBJECT(schema) && JB_ROOT_COUNT(schema) == 0)
		return true;
	return compile_schema(c, term, schema);
}

static bool
compile_term(Compiler *c, Term *term, const JbItem *key, const JbItem *schema)
{
	char	   *text = pnstrdup(key->data, key->len);

	term->shown.pointer = pstrdup(text);
	term->shown.schema = item_to_jsonb(schema);
	term->equals = term->in = -1;
	if (key->len > 0 && text[key->len - 1] == '?')
	{
		term->shown.optional = true;
		text[key->len - 1] = '\0';
	}
	term->pointer = intern(c, text);
	return term->pointer >= 0 && compile_term_schema(c, term, schema);
}

/* Says which pointer it is about. */
static void
tell(const Compiler *c, const Term *term, char **problem, char **hint)
{
	*problem = term == NULL ? c->problem : psprintf("%s: %s", agc_quoted_name(term->shown.pointer), c->problem);
	*hint = c->hint;
}

static bool
has_applicators(const AnyRules *rules)
{
	return rules->ref != NULL || rules->dynamic != NULL || rules->nall > 0 || rules->nany > 0 || rules->none > 0 ||
		rules->not != NULL || rules->if_ != NULL;
}

static QuickKind
quick_kind(const Condition *condition)
{
	const Term *term = &condition->terms[0];
	const SchemaNode *node = term->node;

	if (condition->nterms != 1 || node == NULL || term->equals >= 0 || term->in >= 0 || node->array != NULL || node->object != NULL)
		return QUICK_NONE;
	if (node->types == TYPE_STRING && node->string == NULL && node->any != NULL && node->any->has_const &&
		JBE_ISSTRING(node->any->constant.entry) && !node->any->has_enum && !has_applicators(node->any))
		return QUICK_TEXT;
	if (node->types == (TYPE_NUMBER | TYPE_INTEGER) && node->number != NULL && node->number->multiple_of == NULL && node->any == NULL)
		return QUICK_RANGE;
	return QUICK_NONE;
}

static Condition *
compile_terms(Compiler *c, const JsonbContainer *object, char **problem, char **hint)
{
	Condition  *condition = palloc0(sizeof(Condition));
	JbCursor	keys = jb_first(object);
	JbCursor	values = jb_first_value(object);

	condition->use = c->use;
	condition->terms = palloc0(Max(JsonContainerSize(object), 1) * sizeof(Term));
	condition->shown = palloc(Max(JsonContainerSize(object), 1) * sizeof(ConditionTerm));
	for (uint32 n = JsonContainerSize(object); n > 0; n--)
	{
		JbItem		key = jb_next(&keys);
		JbItem		value = jb_next(&values);
		Term	   *term = &condition->terms[condition->nterms];

		if (!compile_term(c, term, &key, &value))
		{
			tell(c, term, problem, hint);
			return NULL;
		}
		condition->shown[condition->nterms++] = term->shown;
	}
	condition->quick = quick_kind(condition);
	return condition;
}

Condition *
condition_compile(ConditionPointers *pointers, Jsonb *when, ConditionUse use, char **problem, char **hint)
{
	Compiler	c = {.pointers = pointers, .use = use};

	if (!JB_ROOT_IS_OBJECT(when))
		fail(&c, pstrdup("it must be an object of JSON Pointers and schemas"), "For example {\"/args/amount\": {\"maximum\": 500}}.");
	else if (JB_ROOT_COUNT(when) == 0)
		fail(&c, pstrdup("it has no condition"), "Leave it out for a rule that always holds.");
	else if (JB_ROOT_COUNT(when) > TERMS_MAX)
		fail(&c, psprintf("it has more than %d conditions", TERMS_MAX), NULL);
	if (c.problem != NULL)
	{
		tell(&c, NULL, problem, hint);
		return NULL;
	}
	return compile_terms(&c, &when->root, problem, hint);
}

/* There is no subtransaction: compiling takes nothing but memory. */
Condition *
condition_compile_stored(ConditionPointers *pointers, Jsonb *when, ConditionUse use, char **problem, char **hint)
{
	MemoryContext cxt = CurrentMemoryContext;
	Condition  *volatile condition = NULL;

	PG_TRY();
	{
		condition = condition_compile(pointers, when, use, problem, hint);
	}
	PG_CATCH();
	{
		if (geterrcode() != ERRCODE_STATEMENT_TOO_COMPLEX && geterrcode() != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
			PG_RE_THROW();
		MemoryContextSwitchTo(cxt);
		*problem = CopyErrorData()->message;
		*hint = NULL;
		FlushErrorState();
	}
	PG_END_TRY();
	return condition;
}

int
condition_pointer(ConditionPointers *pointers, const char *text, ConditionUse use, char **problem, char **hint)
{
	Compiler	c = {.pointers = pointers, .use = use};
	int			n = intern(&c, text);

	if (n < 0)
		tell(&c, NULL, problem, hint);
	return n;
}

int
condition_terms(const Condition *condition, const ConditionTerm **terms)
{
	*terms = condition->shown;
	return condition->nterms;
}
