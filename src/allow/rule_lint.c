/*
 * rule_lint.c
 *	  What is likely wrong with one rule for tools, by the schemas of the tools
 *	  that it names.
 *
 * Nothing here decides about a call.  What cannot be told of a schema is not
 * reported.
 *
 * Memory: CurrentMemoryContext.  Locks: AccessShareLock on the table of tools,
 * and those of tool_try_pin(), while they are read.  On ERROR: pins go at
 * transaction end.
 */
#include "allow/rule_lint.h"

#include "allow/condition_tree.h"
#include "allow/reach.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "tool/tool.h"

#define DEPTH_MAX 8				/* of members that are looked for */
#define NAMES_SHOWN 5
#define NUMBERS		(TYPE_NUMBER | TYPE_INTEGER)

typedef struct RuleLint
{
	const LintHouse *house;
	const LintRule *rule;
	const LintReport *report;
	const char *tool;			/* NULL: whichever */
	const SchemaNode *schema;	/* the tool's */
	StringInfoData names;		/* of what is not mentioned */
	int			nnames;
} RuleLint;

static void
found(const RuleLint *lint, const char *problem, const char *hint)
{
	lint->report->tell(lint->rule->name, lint->tool, problem, hint, lint->report->arg);
}

/* ----- tools ---------------------------------------------------------------------- */

static void
note_tool(HeapTuple tuple, TupleDesc desc, void *arg)
{
	List	  **names = arg;

	*names = lappend(*names, agc_col_text(tuple, desc, "name"));
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

void
lint_load_tools(LintHouse *house, const char *tenant)
{
	List	   *names = NIL;
	ListCell   *cell;

	house->tenant = tenant;
	tool_each_name(tenant, note_tool, &names);
	house->tools = palloc((list_length(names) + 1) * sizeof(char *));
	foreach(cell, names)
		house->tools[house->ntools++] = lfirst(cell);
	qsort(house->tools, house->ntools, sizeof(char *), compare_names);
}

bool
lint_covers(const char *pattern, const char *tool)
{
	return agc_patterns_cover((char *const *) &pattern, 1, tool);
}

bool
lint_covers_pattern(const char *pattern, const char *other)
{
	return strcmp(pattern, other) == 0 || (pattern[0] != '\0' && pattern[strlen(pattern) - 1] == '*' && lint_covers(pattern, other));
}

/* ----- pointers of a condition ------------------------------------------------------- */

/* Below /args, without `?`; NULL: it points elsewhere. */
static const char *
args_pointer(const char *pointer)
{
	size_t		len = strlen(pointer);

	if (strncmp(pointer, "/args", 5) != 0 || (pointer[5] != '/' && pointer[5] != '\0' && pointer[5] != '?'))
		return NULL;
	return pnstrdup(pointer + 5, len - 5 - (pointer[len - 1] == '?'));
}

/* The other side of `equals` or `in`; NULL: none. */
static char *
other_pointer(const ConditionTerm *term, const char *word)
{
	JbItem		other;

	if (!JB_ROOT_IS_OBJECT(term->schema) || !object_find_cstring(&term->schema->root, word, &other) || !JBE_ISSTRING(other.entry))
		return NULL;
	return pnstrdup(other.data, other.len);
}

typedef bool (*PointerVisitor) (RuleLint *lint, const char *pointer, const Term *term, void *arg);

/* Every pointer that the rule reads, with its term (of the other side: NULL), until the visitor says true. */
static bool
each_pointer(RuleLint *lint, PointerVisitor visit, void *arg)
{
	const Condition *when = lint->rule->when;

	for (int i = 0; when != NULL && i < when->nterms; i++)
	{
		const ConditionTerm *shown = &when->terms[i].shown;
		const char *sides[] = {other_pointer(shown, "equals"), other_pointer(shown, "in")};

		if (visit(lint, shown->pointer, &when->terms[i], arg))
			return true;
		for (int n = 0; n < lengthof(sides); n++)
			if (sides[n] != NULL && visit(lint, sides[n], NULL, arg))
				return true;
	}
	for (int i = 0; i < lint->rule->npointers; i++)
		if (visit(lint, lint->rule->pointers[i], NULL, arg))
			return true;
	return false;
}

/* ----- always unknown ------------------------------------------------------------------ */

static bool
has_effect(const RuleLint *lint, const char *effect)
{
	return strcmp(lint->rule->effect, effect) == 0;
}

/* What can stand in the context beside the arguments (context.h). */
static uint8
context_types(const char *pointer)
{
	static const struct
	{
		const char *member;
		uint8		itself;
		uint8		below;		/* of its members or elements */
	}			members[] = {
		{"tool", TYPE_STRING}, {"agent", TYPE_STRING}, {"task", TYPE_STRING}, {"subject", TYPE_STRING},
		{"traits", TYPE_ARRAY, TYPE_STRING}, {"labels", TYPE_ARRAY, TYPE_STRING}, {"facts", TYPE_OBJECT, TYPE_ARRAY},
		{"clock", TYPE_OBJECT, NUMBERS}, {"est_usd", NUMBERS},
		{"est_tokens", NUMBERS}
	};
	const char *rest = pointer;
	char	   *member = pointer[0] == '/' ? pointer_next(&rest) : "";
	size_t		len = strcspn(member, "?");

	for (int i = 0; i < lengthof(members); i++)
		if (strlen(members[i].member) == len && strncmp(members[i].member, member, len) == 0)
			return rest == NULL ? members[i].itself : strchr(rest + 1, '/') == NULL ? members[i].below : REACH_ANY;
	return REACH_ANY;
}

static uint8
types_at(const RuleLint *lint, const char *pointer)
{
	const char *below = args_pointer(pointer);

	return below == NULL ? context_types(pointer) : reach_types(lint->schema, below) & ~TYPE_NULL;
}

/* Those of values that it is not unknown for. */
static uint8
types_about(const RuleLint *lint, const Term *term)
{
	static const uint8 values[] = {
		[LINT_ANY] = REACH_ANY, [LINT_NUMBER] = NUMBERS, [LINT_SCALAR] = TYPE_STRING | TYPE_BOOLEAN | NUMBERS
	};

	return term != NULL && term->node != NULL ? term->node->types : values[lint->rule->values];
}

/* what comes of a rule that is unknown */
static const char *
if_unknown(const RuleLint *lint)
{
	if (has_effect(lint, "allow_when"))
		return "The rule never allows it.";
	if (has_effect(lint, "fact"))
		return "No call of it gives the fact.";
	return has_effect(lint, "limit") ? "Every call of it is denied." : "The rule applies to every call of it.";
}

static bool
visit_unknown(RuleLint *lint, const char *pointer, const Term *term, void *arg)
{
	uint8		types = types_at(lint, pointer);
	const char *hint = if_unknown(lint);

	if (types == 0 && !(term != NULL && term->shown.optional))
		found(lint, psprintf("is always unknown: no call has %s", agc_quoted_name(pointer)), hint);
	else if (types != 0 && (types & types_about(lint, term)) == 0)
		found(lint, psprintf("is always unknown: %s is of another type than the rule is about", agc_quoted_name(pointer)), hint);
	else
		return false;
	return true;
}

/* ----- members that an allow does not mention ------------------------------------------------ */

typedef enum Mention
{
	MENTION_NONE,
	MENTION_BELOW,
	MENTION_ITSELF
} Mention;

typedef struct MentionSearch
{
	const char *pointer;
	Mention		best;
} MentionSearch;

static bool
visit_mention(RuleLint *lint, const char *pointer, const Term *term, void *arg)
{
	MentionSearch *search = arg;
	const char *below = args_pointer(pointer);
	size_t		len = strlen(search->pointer);

	if (below == NULL || strncmp(below, search->pointer, len) != 0 || (below[len] != '\0' && below[len] != '/'))
		return false;
	search->best = Max(search->best, below[len] == '\0' ? MENTION_ITSELF : MENTION_BELOW);
	return search->best == MENTION_ITSELF;
}

static Mention
mention(RuleLint *lint, const char *pointer)
{
	MentionSearch search = {pointer, MENTION_NONE};

	(void) each_pointer(lint, visit_mention, &search);
	return search.best;
}

static void find_unmentioned(RuleLint *lint, const SchemaNode *node, const char *path, int depth);

static void
note_unmentioned(RuleLint *lint, const char *pointer)
{
	if (lint->nnames++ < NAMES_SHOWN)
		appendStringInfo(&lint->names, "%s%s", lint->nnames > 1 ? ", " : "", agc_quoted_name(psprintf("/args%s", pointer)));
}

static void
look_at_member(RuleLint *lint, const SchemaNode *node, const char *pointer, int depth)
{
	Mention		how = mention(lint, pointer);
	NodeFacts	facts;

	if (how == MENTION_ITSELF)
		return;
	if (how == MENTION_NONE)
	{
		if (reach_types(node, NULL) & (TYPE_STRING | TYPE_ARRAY | TYPE_OBJECT))
			note_unmentioned(lint, pointer);
		return;
	}
	node_facts(node, &facts);
	if (facts.nobjects > 0)
		find_unmentioned(lint, node, pointer, depth + 1);
	else if (facts.array != NULL && facts.array->rest != NULL && mention(lint, psprintf("%s/*", pointer)) == MENTION_BELOW)
		find_unmentioned(lint, facts.array->rest, psprintf("%s/*", pointer), depth + 1);
}

static void
find_unmentioned(RuleLint *lint, const SchemaNode *node, const char *path, int depth)
{
	NodeFacts facts;

	if (depth > DEPTH_MAX)
		return;
	node_facts(node, &facts);
	for (int i = 0; i < facts.nobjects; i++)
		for (uint32 n = 0; n < facts.objects[i]->nproperties; n++)
		{
			const Property *property = &facts.objects[i]->properties[n];
			StringInfoData pointer;

			if (property->node == NULL)
				continue;
			initStringInfo(&pointer);
			appendStringInfoString(&pointer, path);
			pointer_append_key(&pointer, property->key, property->len);
			look_at_member(lint, property->node, pointer.data, depth);
		}
}

static bool
takes_arguments(const SchemaNode *schema)
{
	NodeFacts facts;

	node_facts(schema, &facts);
	for (int i = 0; i < facts.nobjects; i++)
		if (facts.objects[i]->nproperties > 0)
			return true;
	return reach_is_open(schema);
}

static void
lint_unmentioned(RuleLint *lint)
{
	if (mention(lint, "") == MENTION_NONE)
	{
		/* one that is about something else */
		if (!lint->report->at_writing && takes_arguments(lint->schema))
			found(lint, "looks at no argument: whatever stands there passes", "Say in the rule what may stand there, or deny in another what may not.");
		return;
	}
	initStringInfo(&lint->names);
	lint->nnames = 0;
	find_unmentioned(lint, lint->schema, "", 0);
	if (lint->nnames > NAMES_SHOWN)
		appendStringInfo(&lint->names, " and %d more", lint->nnames - NAMES_SHOWN);
	if (lint->nnames > 0)
		found(lint, psprintf("does not mention %s", lint->names.data), "Anything may stand there. Say in the rule what may, or in the tool's schema.");
	if (reach_is_open(lint->schema))
		found(lint, "lets members pass that nobody mentions: the tool's schema is open", "Set \"additionalProperties\": false in it.");
}

/* ----- a refusal by text --------------------------------------------------------------------- */

static bool judges_text(const SchemaNode *node);

static bool
any_judges_text(SchemaNode **nodes, uint32 n)
{
	for (uint32 i = 0; i < n; i++)
		if (judges_text(nodes[i]))
			return true;
	return false;
}

/* Whether it names texts that fit; below `not` it names those that do not. */
static bool
judges_text(const SchemaNode *node)
{
	const AnyRules *any = node->any;

	if (node->string != NULL && node->string->pattern != NULL)
		return true;
	if (any != NULL && ((any->has_const && item_type(&any->constant) == TYPE_STRING) || (any->has_enum && any->nstrings > 0)))
		return true;
	if (node->array != NULL && ((node->array->rest != NULL && judges_text(node->array->rest)) ||
								(node->array->contains != NULL && judges_text(node->array->contains))))
		return true;
	return any != NULL && (any_judges_text(any->all, any->nall) || any_judges_text(any->any, any->nany) || any_judges_text(any->one, any->none));
}

/* Whether a tool of the rule lets any text stand there; without tools, one may. */
static bool
text_is_free(const RuleLint *lint, const char *below)
{
	bool		seen = false;
	bool		is_free = false;

	for (int i = 0; i < lint->house->ntools && !is_free; i++)
	{
		AgcObject  *object;

		if (!lint_covers(lint->rule->pattern, lint->house->tools[i]))
			continue;
		object = tool_try_pin(lint->house->tenant, lint->house->tools[i]);
		if (object == NULL)
			continue;
		seen = true;
		/* of an array its elements are meant, and those are not told apart */
		is_free = (reach_types(((ToolDef *) object->data)->program->root, below) & (REACH_TEXT | TYPE_ARRAY)) != 0;
		agc_object_unpin(object);
	}
	return is_free || !seen;
}

static bool
visit_text(RuleLint *lint, const char *pointer, const Term *term, void *arg)
{
	const char *below = args_pointer(pointer);

	if (below != NULL && term != NULL && term->node != NULL && judges_text(term->node) && text_is_free(lint, below))
		found(lint, psprintf("refuses by text: other spellings of %s pass", agc_quoted_name(pointer)),
			  "Allow what is right instead: an allow with an enum, or an enum in the tool's schema.");
	return false;
}

/* ----- a maximum without a sum ------------------------------------------------------------------ */

static bool
is_summed(const RuleLint *lint)
{
	ListCell   *cell;

	foreach(cell, lint->house->sums)
		if (lint->tool != NULL ? lint_covers(lfirst(cell), lint->tool) : lint_covers_pattern(lfirst(cell), lint->rule->pattern))
			return true;
	return false;
}

static bool
visit_maximum(RuleLint *lint, const char *pointer, const Term *term, void *arg)
{
	const NumberRules *number = term == NULL || term->node == NULL ? NULL : term->node->number;

	if (args_pointer(pointer) == NULL || number == NULL || (number->maximum == NULL && number->exclusive_maximum == NULL) || is_summed(lint))
		return false;
	found(lint, psprintf("has a maximum of one call: many small ones of %s pass", agc_quoted_name(pointer)),
		  "Limit the sum too, with policy_limit_tool(sum_of => ...).");
	return true;
}

/* ----- facts that nothing gives -------------------------------------------------------------------- */

static bool
visit_fact(RuleLint *lint, const char *pointer, const Term *term, void *arg)
{
	const char *rest = pointer + strlen("/facts");
	char	   *fact;
	size_t		len;
	ListCell   *cell;

	if (strncmp(pointer, "/facts/", 7) != 0)
		return false;
	fact = pointer_next(&rest);
	len = strlen(fact);
	if (term != NULL && term->shown.optional && rest == NULL && len > 0)
		fact[len - 1] = '\0';
	foreach(cell, lint->house->facts)
		if (strcmp(lfirst(cell), fact) == 0)
			return false;
	found(lint, psprintf("nothing gives the fact %s", agc_quoted_name(fact)), "Say which call does, with policy_fact().");
	return false;
}

/* ----- the rule ---------------------------------------------------------------------------------- */

static bool
lint_idle(RuleLint *lint, const char *tool)
{
	for (int i = 0; i < lint->house->nallows; i++)
	{
		const LintAllow *allow = &lint->house->allows[i];

		if (tool == NULL ? !lint_covers_pattern(allow->pattern, lint->rule->pattern) : !lint_covers(allow->pattern, tool))
			continue;
		lint->tool = tool;
		found(lint, psprintf("is idle: rule %s allows every call", allow->name), "Drop one of them.");
		return true;
	}
	return false;
}

static void
lint_tool(RuleLint *lint, const char *tool, bool allows, bool idle)
{
	AgcObject  *object = tool_try_pin(lint->house->tenant, tool);

	if (object == NULL)
		return;
	lint->tool = tool;
	lint->schema = ((ToolDef *) object->data)->program->root;
	if (!each_pointer(lint, visit_unknown, NULL) && allows && !idle && !lint_idle(lint, tool))
	{
		lint_unmentioned(lint);
		(void) each_pointer(lint, visit_maximum, NULL);
	}
	agc_object_unpin(object);
}

void
lint_rule(const LintHouse *house, const LintRule *rule, const LintReport *report)
{
	RuleLint	lint = {.house = house, .rule = rule, .report = report};
	bool		allows = has_effect(&lint, "allow_when");
	bool		idle = allows && lint_idle(&lint, NULL);

	if (rule->when == NULL && rule->npointers == 0)
		return;
	lint.tool = NULL;
	if (has_effect(&lint, "deny") || has_effect(&lint, "ask"))
		(void) each_pointer(&lint, visit_text, NULL);
	if (!report->at_writing)
		(void) each_pointer(&lint, visit_fact, NULL);
	for (int i = 0; i < house->ntools; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (lint_covers(rule->pattern, house->tools[i]))
			lint_tool(&lint, house->tools[i], allows, idle);
	}
}

void
lint_pattern(const LintHouse *house, const char *rule, const char *pattern, const LintReport *report)
{
	AgcNearest	nearest = {.wanted = pattern, .limit = 3};
	char	   *near;

	/* rules of tenant '*' are about the tools of others */
	if (strcmp(house->tenant, "*") == 0)
		return;
	for (int i = 0; i < house->ntools; i++)
	{
		if (lint_covers(pattern, house->tools[i]))
			return;
		agc_nearest_add(&nearest, house->tools[i]);
	}
	near = agc_nearest_list(&nearest);
	report->tell(rule, NULL, psprintf("matches no tool: %s", agc_quoted_name(pattern)),
				 near == NULL ? "Register the tool with tool_set()." : psprintf("Perhaps you meant %s.", near), report->arg);
}

/* ----- what is refused when it is written ----------------------------------------------------------- */

typedef struct Impossible
{
	const char *pointer;		/* the first that no tool can have */
	char	   *near;
} Impossible;

static bool
visit_impossible(RuleLint *lint, const char *pointer, const Term *term, void *arg)
{
	Impossible *impossible = arg;
	const char *below = args_pointer(pointer);
	AgcNearest	nearest = {.wanted = pointer, .limit = 3};
	bool		seen = false;

	for (int i = 0; below != NULL && i < lint->house->ntools; i++)
	{
		AgcObject  *object;
		const SchemaNode *root;
		bool		possible;

		CHECK_FOR_INTERRUPTS();
		if (!lint_covers(lint->rule->pattern, lint->house->tools[i]))
			continue;
		object = tool_try_pin(lint->house->tenant, lint->house->tools[i]);
		if (object == NULL)
			return false;
		root = ((ToolDef *) object->data)->program->root;
		possible = reach_types(root, below) != 0;
		if (!possible)
			reach_nearest(root, below, "/args", &nearest);
		agc_object_unpin(object);
		if (possible)
			return false;
		seen = true;
	}
	if (!seen)
		return false;
	impossible->pointer = pointer;
	impossible->near = agc_nearest_list(&nearest);
	return true;
}

const char *
lint_impossible(const LintHouse *house, const LintRule *rule, char **near)
{
	RuleLint	lint = {.house = house, .rule = rule};
	Impossible	impossible = {0};

	(void) each_pointer(&lint, visit_impossible, &impossible);
	*near = impossible.near;
	return impossible.pointer;
}
