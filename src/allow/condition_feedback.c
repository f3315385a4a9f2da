/*
 * condition_feedback.c
 *	  What a condition would let stand at a pointer, in words for a model.
 *
 * Only what the rule itself says is told: a short list of values of an argument,
 * and the ends of a range.  Never a value of the call or of its context, no
 * pattern, and no list of people, agents or tasks.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "allow/condition_feedback.h"

#include "allow/condition_tree.h"
#include "lib/stringinfo.h"

#define VALUES_MAX 8
#define VALUE_LEN 64

static bool
has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool
put_values(StringInfo out, const char *pointer, const AnyRules *any)
{
	uint32		n = any == NULL ? 0 : any->has_const ? 1 : any->has_enum ? JsonContainerSize(jb_container(&any->enumeration)) : 0;

	if (n == 0 || n > VALUES_MAX)
		return false;
	appendStringInfo(out, " Allowed at %s: ", agc_shown(pointer, AGC_MAX_NAME));
	for (uint32 i = 0; i < n; i++)
	{
		JbItem		value = any->constant;

		if (!any->has_const)
			array_get(jb_container(&any->enumeration), i, &value);
		appendStringInfo(out, "%s%s", i > 0 ? ", " : "", json_excerpt(&value, VALUE_LEN));
	}
	appendStringInfoChar(out, '.');
	return true;
}

static void
put_end(StringInfo out, const char *word, const Number *end)
{
	if (end != NULL)
		appendStringInfo(out, "%s%s %s", out->len > 0 ? ", " : "", word, number_text(end));
}

static void
put_range(StringInfo out, const char *pointer, const NumberRules *number)
{
	StringInfoData ends;

	initStringInfo(&ends);
	put_end(&ends, "at least", number->minimum);
	put_end(&ends, "more than", number->exclusive_minimum);
	put_end(&ends, "at most", number->maximum);
	put_end(&ends, "less than", number->exclusive_maximum);
	if (ends.len > 0)
		appendStringInfo(out, " Allowed at %s: %s.", agc_shown(pointer, AGC_MAX_NAME), ends.data);
}

/* Of a refusal only its opposite says what passes. */
static const SchemaNode *
allowing_node(const Condition *condition, const Term *term)
{
	if (term->node == NULL || condition->use != CONDITION_REFUSE)
		return term->node;
	return term->node->any == NULL ? NULL : term->node->any->not;
}

/* The term of the pointer; NULL names the only one that there is. */
static const Term *
find_term(const Condition *condition, const char *pointer)
{
	if (pointer == NULL)
		return condition->nterms == 1 ? &condition->terms[0] : NULL;
	for (int i = 0; i < condition->nterms; i++)
		if (strcmp(condition->terms[i].shown.pointer, pointer) == 0)
			return &condition->terms[i];
	return NULL;
}

char *
condition_allowed(const Condition *condition, const char *pointer)
{
	const Term *term = condition == NULL ? NULL : find_term(condition, pointer);
	const SchemaNode *node = term == NULL ? NULL : allowing_node(condition, term);
	bool		of_args;
	StringInfoData out;

	initStringInfo(&out);
	if (node == NULL)
		return out.data;
	pointer = pnstrdup(term->shown.pointer, strlen(term->shown.pointer) - term->shown.optional);
	of_args = has_prefix(pointer, "/args/");
	if (!(of_args && put_values(&out, pointer, node->any)) && node->number != NULL &&
		(of_args || has_prefix(pointer, "/clock/") || has_prefix(pointer, "/est_")))
		put_range(&out, pointer, node->number);
	return out.data;
}
