/*
 * condition_judge.c
 *	  Conditions judged: true, false or unknown.
 *
 * The logic is Kleene's.  What a schema is not about is unknown: nothing, null,
 * a value of another type, and whatever a limit kept from being judged.  Plain
 * JSON Schema would let all of these pass.
 *
 * A value level is a place where something of a type is expected: what a pointer
 * finds, and each element that `items` and `contains` look at.  Between levels
 * the schemas of `not`, `anyOf`, ... look at the same value, and one that is about
 * another type is false.
 *
 * Memory: what was found lives in the scope's context.  Locks: none.  On ERROR:
 * nothing to undo; nothing is raised for what stands in the context.
 */
#include "allow/condition_tree.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "text/format.h"
#include "text/text.h"

/* how many values one decision looks at before what is left is unknown */
#define VISITS_MAX 1000000

static Truth judge_level(const SchemaNode *node, const JbItem *item, int64 *visits);

static Truth
truth(bool value)
{
	return value ? TRUTH_TRUE : TRUTH_FALSE;
}

static Truth
negated(Truth value)
{
	return value == TRUTH_UNKNOWN ? TRUTH_UNKNOWN : truth(value == TRUTH_FALSE);
}

void
condition_scope_init(ConditionScope *scope, RuleContext *context, const char *zone, const ConditionPointers *pointers)
{
	scope->context = context;
	scope->zone = zone;
	scope->pointers = pointers;
	scope->values = palloc0(Max(pointers->count, 1) * sizeof(ConditionValue));
}

/* ----- finding ---------------------------------------------------------------- */

static void
add_place(ConditionValue *value, PlaceState state, const JbItem *item)
{
	if (value->count == value->size)
	{
		value->size = Max(8, 2 * value->size);
		value->each = value->each == NULL ? palloc(value->size * sizeof(Place)) :
			repalloc_huge(value->each, value->size * sizeof(Place));
	}
	value->each[value->count].state = state;
	if (state == PLACE_FOUND)
		value->each[value->count].item = *item;
	value->count++;
}

/* One step down from what is no null; false: nothing is there, and *state says why. */
static bool
step_down(const PointerStep *step, const JbItem *from, JbItem *to, PlaceState *state)
{
	bool		found = false;

	*state = PLACE_ABSENT;
	if (item_is_object(from))
		found = object_find(jb_container(from), step->key, step->len, to);
	else if (item_is_array(from) && step->is_index)
		found = step->index < JsonContainerSize(jb_container(from)) && array_get(jb_container(from), step->index, to);
	else
		*state = PLACE_WRONG;
	return found && !JBE_ISNULL(to->entry);
}

/* The places that the rest of a pointer leads to; `*` leads to each element. */
static void
walk(const ConditionPointer *pointer, int at, JbItem item, ConditionValue *value)
{
	for (; at < pointer->nsteps; at++)
	{
		const PointerStep *step = &pointer->steps[at];
		PlaceState	state;
		JbItem		next;

		if (step->key == NULL)
		{
			JbCursor	cursor;

			check_stack_depth();
			if (!item_is_array(&item))
			{
				add_place(value, PLACE_WRONG, NULL);
				return;
			}
			/* no element is absence, in a list within a list too */
			if (JsonContainerSize(jb_container(&item)) == 0)
				add_place(value, PLACE_ABSENT, NULL);
			cursor = jb_first(jb_container(&item));
			for (uint32 n = JsonContainerSize(jb_container(&item)); n > 0; n--)
			{
				next = jb_next(&cursor);
				if (JBE_ISNULL(next.entry))
					add_place(value, PLACE_ABSENT, NULL);
				else
					walk(pointer, at + 1, next, value);
			}
			return;
		}
		if (!step_down(step, &item, &next, &state))
		{
			add_place(value, state, NULL);
			return;
		}
		item = next;
	}
	add_place(value, PLACE_FOUND, &item);
}

static ConditionValue *
find(ConditionScope *scope, int n)
{
	const ConditionPointer *pointer = &scope->pointers->items[n];
	ConditionValue *value = &scope->values[n];
	Jsonb	   *member;

	if (value->state != PLACE_UNREAD)
		return value;
	value->state = PLACE_FOUND;
	value->each = &value->one;
	value->size = 1;
	member = context_member(scope->context, pointer->member, scope->zone);
	if (member == NULL)
		add_place(value, PLACE_ABSENT, NULL);
	else if (pointer->every)
	{
		value->each = NULL;
		value->size = 0;
		walk(pointer, 0, jb_root(member), value);
	}
	else
		walk(pointer, 0, jb_root(member), value);
	return value;
}

/* ----- one value and a schema --------------------------------------------------- */

static Truth
judge_string(const StringRules *rules, const JbItem *item, int64 *visits)
{
	if (rules->min > 0 || rules->max < item->len)
	{
		uint32		length = pg_mbstrlen_with_len(item->data, item->len);

		if (length < rules->min || length > rules->max)
			return TRUTH_FALSE;
	}
	if (rules->pattern != NULL)
	{
		PatternResult result = pattern_match(rules->pattern, item->data, item->len, visits);

		if (result != PATTERN_MATCH)
			return result == PATTERN_LIMIT ? TRUTH_UNKNOWN : TRUTH_FALSE;
	}
	if (rules->format != NULL)
	{
		uint32		len = item->len;
		const char *text = string_utf8(item->data, &len);

		if (rules->format_id == FORMAT_REGEX)
			return truth(pattern_is_valid(item->data, item->len));
		return truth(format_check(rules->format_id, text, len));
	}
	return TRUTH_TRUE;
}

static bool
in_range(const NumberRules *rules, const Number *value)
{
	return (rules->minimum == NULL || number_cmp(value, rules->minimum) >= 0) &&
		(rules->maximum == NULL || number_cmp(value, rules->maximum) <= 0) &&
		(rules->exclusive_minimum == NULL || number_cmp(value, rules->exclusive_minimum) > 0) &&
		(rules->exclusive_maximum == NULL || number_cmp(value, rules->exclusive_maximum) < 0);
}

static Truth
judge_number(const NumberRules *rules, const JbItem *item)
{
	Number		value;

	number_read(&value, jb_numeric(item));
	if (!in_range(rules, &value))
		return TRUTH_FALSE;
	if (rules->multiple_of == NULL)
		return TRUTH_TRUE;
	return value.huge || rules->multiple_of->huge ? TRUTH_UNKNOWN : truth(number_multiple_of(&value, rules->multiple_of));
}

/* How many elements surely fit, and how many may. */
static Truth
judge_contains(const ArrayRules *rules, const JbItem *item, int64 *visits)
{
	JbCursor	cursor = jb_first(jb_container(item));
	uint32		sure = 0;
	uint32		possible = 0;

	for (uint32 n = JsonContainerSize(jb_container(item)); n > 0; n--)
	{
		JbItem		child = jb_next(&cursor);
		Truth		one = judge_level(rules->contains, &child, visits);

		sure += one == TRUTH_TRUE;
		possible += one != TRUTH_FALSE;
	}
	if (possible < rules->min_contains || sure > rules->max_contains)
		return TRUTH_FALSE;
	return sure >= rules->min_contains && possible <= rules->max_contains ? TRUTH_TRUE : TRUTH_UNKNOWN;
}

static Truth
judge_items(const ArrayRules *rules, const JbItem *item, int64 *visits)
{
	JbCursor	cursor = jb_first(jb_container(item));
	Truth		all = TRUTH_TRUE;

	for (uint32 n = JsonContainerSize(jb_container(item)); n > 0 && all != TRUTH_FALSE; n--)
	{
		JbItem		child = jb_next(&cursor);

		all = Min(all, judge_level(rules->rest, &child, visits));
	}
	return all;
}

static Truth
judge_array(const ArrayRules *rules, const JbItem *item, int64 *visits)
{
	uint32		n = JsonContainerSize(jb_container(item));
	Truth		all = TRUTH_TRUE;
	uint32		first;
	uint32		second;

	if (n < rules->min || n > rules->max)
		return TRUTH_FALSE;
	if (rules->unique && !items_unique(jb_container(item), &first, &second))
		return TRUTH_FALSE;
	if (rules->rest != NULL)
		all = judge_items(rules, item, visits);
	if (rules->contains != NULL && all != TRUTH_FALSE)
		all = Min(all, judge_contains(rules, item, visits));
	return all;
}

static bool
is_listed(const AnyRules *rules, const JbItem *item)
{
	for (uint32 i = 0; JBE_ISSTRING(item->entry) && i < rules->nstrings; i++)
		if (key_compare(item->data, item->len, rules->strings[i].data, rules->strings[i].len) == 0)
			return true;
	for (uint32 i = 0; !JBE_ISSTRING(item->entry) && i < rules->nothers; i++)
		if (item_compare(item, &rules->others[i]) == 0)
			return true;
	return false;
}

static Truth judge_value(const SchemaNode *node, const JbItem *item, int64 *visits);

/* Whether one of several schemas is about the type of the value; if none is, they say nothing of it. */
static bool
some_is_about(SchemaNode **nodes, uint32 n, const JbItem *item)
{
	for (uint32 i = 0; i < n; i++)
		if (item_type(item) & nodes[i]->types)
			return true;
	return false;
}

static Truth
judge_any(SchemaNode **nodes, uint32 n, const JbItem *item, int64 *visits)
{
	Truth		any = some_is_about(nodes, n, item) ? TRUTH_FALSE : TRUTH_UNKNOWN;

	for (uint32 i = 0; i < n && any != TRUTH_TRUE; i++)
		any = Max(any, judge_value(nodes[i], item, visits));
	return any;
}

static Truth
judge_one(SchemaNode **nodes, uint32 n, const JbItem *item, int64 *visits)
{
	uint32		sure = 0;
	uint32		possible = some_is_about(nodes, n, item) ? 0 : 1;

	for (uint32 i = 0; i < n; i++)
	{
		Truth		one = judge_value(nodes[i], item, visits);

		sure += one == TRUTH_TRUE;
		possible += one != TRUTH_FALSE;
	}
	if (sure > 1 || possible == 0)
		return TRUTH_FALSE;
	return sure == 1 && possible == 1 ? TRUTH_TRUE : TRUTH_UNKNOWN;
}

static Truth
judge_applicators(const AnyRules *rules, const JbItem *item, int64 *visits)
{
	Truth		all = TRUTH_TRUE;

	if (rules->has_const && item_compare(item, &rules->constant) != 0)
		return TRUTH_FALSE;
	if (rules->has_enum && !is_listed(rules, item))
		return TRUTH_FALSE;
	for (uint32 i = 0; i < rules->nall && all != TRUTH_FALSE; i++)
		all = Min(all, judge_level(rules->all[i], item, visits));
	if (rules->nany > 0 && all != TRUTH_FALSE)
		all = Min(all, judge_any(rules->any, rules->nany, item, visits));
	if (rules->none > 0 && all != TRUTH_FALSE)
		all = Min(all, judge_one(rules->one, rules->none, item, visits));
	if (rules->not != NULL && all != TRUTH_FALSE)
		all = Min(all, negated(judge_level(rules->not, item, visits)));
	return all;
}

/* Of several schemas one that is about another type does not hold: false here. */
static Truth
judge_value(const SchemaNode *node, const JbItem *item, int64 *visits)
{
	Truth		all = TRUTH_TRUE;

	if (!(item_type(item) & node->types))
		return TRUTH_FALSE;
	if (++*visits > VISITS_MAX)
		return TRUTH_UNKNOWN;
	if (node->string != NULL && JBE_ISSTRING(item->entry))
		all = judge_string(node->string, item, visits);
	else if (node->number != NULL && JBE_ISNUMERIC(item->entry))
		all = judge_number(node->number, item);
	else if (node->array != NULL && item_is_array(item))
		all = judge_array(node->array, item, visits);
	if (node->any != NULL && all != TRUTH_FALSE)
		all = Min(all, judge_applicators(node->any, item, visits));
	return all;
}

/* Something of another type than the schema is about is unknown. */
static Truth
judge_level(const SchemaNode *node, const JbItem *item, int64 *visits)
{
	return item_type(item) & node->types ? judge_value(node, item, visits) : TRUTH_UNKNOWN;
}

/* ----- terms ---------------------------------------------------------------------- */

static bool
same_type(const JbItem *a, const JbItem *b)
{
	return JBE_ISNUMERIC(a->entry) ? JBE_ISNUMERIC(b->entry) : item_type(a) == item_type(b);
}

static Truth
judge_equals(const JbItem *item, const ConditionValue *other)
{
	if (other->each[0].state != PLACE_FOUND || !same_type(item, &other->each[0].item))
		return TRUTH_UNKNOWN;
	return truth(item_compare(item, &other->each[0].item) == 0);
}

/* One of the list equals it; an element of another type may have been meant: "5" and 5 are not told apart for a deny. */
static Truth
judge_in(const JbItem *item, const ConditionValue *other)
{
	const JbItem *list = &other->each[0].item;
	Truth		any = TRUTH_FALSE;
	JbCursor	cursor;

	if (other->each[0].state != PLACE_FOUND || !item_is_array(list))
		return TRUTH_UNKNOWN;
	cursor = jb_first(jb_container(list));
	for (uint32 n = JsonContainerSize(jb_container(list)); n > 0 && any != TRUTH_TRUE; n--)
	{
		JbItem		child = jb_next(&cursor);

		any = Max(any, same_type(item, &child) ? truth(item_compare(item, &child) == 0) : TRUTH_UNKNOWN);
	}
	return any;
}

/* What absence says where the term has a `?`: it speaks for the call. */
static Truth
judge_absent(const Condition *condition, const Term *term)
{
	if (!term->shown.optional)
		return TRUTH_UNKNOWN;
	return condition->use == CONDITION_REFUSE ? TRUTH_FALSE : TRUTH_TRUE;
}

static Truth
judge_place(const Condition *condition, const Term *term, ConditionScope *scope, const Place *place, int64 *visits)
{
	Truth		all = TRUTH_TRUE;

	if (place->state != PLACE_FOUND)
		return place->state == PLACE_ABSENT ? judge_absent(condition, term) : TRUTH_UNKNOWN;
	if (term->node != NULL)
		all = judge_level(term->node, &place->item, visits);
	if (term->equals >= 0 && all != TRUTH_FALSE)
		all = Min(all, judge_equals(&place->item, find(scope, term->equals)));
	if (term->in >= 0 && all != TRUTH_FALSE)
		all = Min(all, judge_in(&place->item, find(scope, term->in)));
	return all;
}

/* For an allow every element counts; for a deny or an ask one is enough. */
static Truth
judge_term(const Condition *condition, const Term *term, ConditionScope *scope, int64 *visits)
{
	ConditionValue *value = find(scope, term->pointer);
	bool		one_is_enough = condition->use == CONDITION_REFUSE;
	Truth		all = one_is_enough ? TRUTH_FALSE : TRUTH_TRUE;

	for (int i = 0; i < value->count; i++)
	{
		Truth		one = judge_place(condition, term, scope, &value->each[i], visits);

		all = one_is_enough ? Max(all, one) : Min(all, one);
	}
	return all;
}

static bool
is_of_result(const ConditionScope *scope, const Term *term)
{
	return condition_pointer_is_result(scope->pointers, term->pointer);
}

/* One value, compared with a text or with the ends of a range. */
static Truth
judge_quick(QuickKind kind, const SchemaNode *node, ConditionValue *value)
{
	const JbItem *item = &value->each[0].item;

	if (kind == QUICK_TEXT)
	{
		const JbItem *constant = &node->any->constant;

		if (!JBE_ISSTRING(item->entry))
			return TRUTH_UNKNOWN;
		return truth(item->len == constant->len && memcmp(item->data, constant->data, item->len) == 0);
	}
	if (!JBE_ISNUMERIC(item->entry))
		return TRUTH_UNKNOWN;
	if (!value->is_number)
		number_read(&value->number, jb_numeric(item));
	value->is_number = true;
	return truth(in_range(node->number, &value->number));
}

Truth
condition_judge(const Condition *condition, ConditionScope *scope, const char **pointer)
{
	Truth		all = TRUTH_TRUE;
	int64		visits = 0;

	if (condition->quick != QUICK_NONE)
	{
		const Term *term = &condition->terms[0];
		ConditionValue *value = find(scope, term->pointer);

		if (value->count == 1 && value->each[0].state == PLACE_FOUND)
		{
			all = judge_quick(condition->quick, term->node, value);
			if (pointer != NULL)
				*pointer = all == TRUTH_TRUE ? NULL : term->shown.pointer;
			return all;
		}
	}
	if (pointer != NULL)
		*pointer = NULL;
	for (int i = 0; i < condition->nterms && all != TRUTH_FALSE; i++)
	{
		const Term *term = &condition->terms[i];
		Truth		one = judge_term(condition, term, scope, &visits);

		if (one < all && pointer != NULL)
			*pointer = term->shown.pointer;
		all = Min(all, one);
	}
	return all;
}

Truth
condition_judge_part(const Condition *condition, ConditionScope *scope, bool of_result)
{
	Truth		all = TRUTH_TRUE;
	int64		visits = 0;

	for (int i = 0; i < condition->nterms && all != TRUTH_FALSE; i++)
		if (is_of_result(scope, &condition->terms[i]) == of_result)
			all = Min(all, judge_term(condition, &condition->terms[i], scope, &visits));
	return all;
}

bool
condition_pointer_is_result(const ConditionPointers *pointers, int pointer)
{
	return pointers->items[pointer].member == CONTEXT_RESULT;
}

Jsonb *
condition_value(ConditionScope *scope, int pointer)
{
	const ConditionValue *value = find(scope, pointer);

	return value->count == 1 && value->each[0].state == PLACE_FOUND ? item_to_jsonb(&value->each[0].item) : NULL;
}
