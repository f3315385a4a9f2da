/*
 * call_rule.c
 *	  Rules that look at the call: read from their rows, compiled, and found by
 *	  the tool's name.
 *
 * Such a rule has a condition, asks a person, or is only observed.  A policy of
 * any size keeps them all: there is no index by which one could be looked up in
 * the table without its condition.
 *
 * Memory: CurrentMemoryContext of the compilation, which lives as long as the
 * policy.  Locks: none.  On ERROR: nothing to undo; a row that cannot be compiled
 * raises nothing and makes the policy deny.
 */
#include "allow/call_rule.h"

#include "allow/policy_rows.h"

bool
call_rule_row_is(HeapTuple tuple, TupleDesc desc)
{
	const char *effect;
	bool		conditional;

	if (!allow_row_is_tool(tuple, desc))
		return false;
	(void) agc_col(tuple, desc, "when", &conditional);
	if (!conditional || agc_col_bool(tuple, desc, "audit"))
		return true;
	effect = agc_col_text(tuple, desc, "effect");
	return strcmp(effect, "ask") == 0 || strcmp(effect, "allow_when") == 0;
}

/* An effect that is none of these is a deny, as it is to an older library. */
static CallEffect
read_effect(HeapTuple tuple, TupleDesc desc)
{
	const char *effect = agc_col_text(tuple, desc, "effect");

	if (strcmp(effect, "allow_when") == 0)
		return CALL_ALLOW;
	return strcmp(effect, "ask") == 0 ? CALL_ASK : CALL_DENY;
}

/* What may stand in the arguments of a call; false: another pointer, or none. */
static bool
read_bind(CallAsk *ask, HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	Datum		bind = agc_col(tuple, desc, "bind", &isnull);

	if (isnull)
		return true;
	ask->bind = agc_try_texts_of(bind, &ask->nbind);
	for (int i = 0; i < ask->nbind; i++)
		if (strncmp(ask->bind[i], "/args/", 6) != 0)
			return false;
	return ask->bind != NULL;
}

/* False: it is no ask that a setter could have written. */
static bool
read_ask(CallAsk *ask, const char *policy, HeapTuple tuple, TupleDesc desc)
{
	ask->policy = policy;
	ask->rule = agc_col_int64(tuple, desc, "id", 0);
	ask->name = agc_col_text(tuple, desc, "name");
	ask->approvers = agc_col_text(tuple, desc, "approvers");
	ask->votes = Max(1, agc_col_int64(tuple, desc, "votes", 1));
	ask->self = agc_col_bool(tuple, desc, "self");
	ask->feedback = agc_col_text(tuple, desc, "feedback");
	return agc_try_col_interval(tuple, desc, "decide_within", USECS_PER_DAY, &ask->decide_within) &&
		read_bind(ask, tuple, desc) && ask->name != NULL;
}

static bool
read_rule(CallRules *rules, CallRule *rule, const char *policy, HeapTuple tuple, TupleDesc desc)
{
	ToolRule	names;
	bool		isnull;
	Datum		when = agc_col(tuple, desc, "when", &isnull);
	char	   *problem;
	char	   *hint;

	memset(rule, 0, sizeof(*rule));
	if (!allow_read_tool_rule(tuple, desc, &names))
		return false;
	rule->id = names.id;
	rule->pattern = names.pattern;
	rule->len = names.len;
	rule->prefix = names.prefix;
	rule->valid_from = names.valid_from;
	rule->valid_until = names.valid_until;
	rule->effect = read_effect(tuple, desc);
	rule->audit = agc_col_bool(tuple, desc, "audit");
	if (!read_ask(&rule->ask, policy, tuple, desc) && rule->effect == CALL_ASK)
		return false;
	/* an allow without its condition would allow everything */
	if (isnull)
		return rule->effect != CALL_ALLOW;
	rule->when = condition_compile_stored(rules->pointers, DatumGetJsonbP(when),
								   rule->effect == CALL_ALLOW ? CONDITION_ALLOW : CONDITION_REFUSE, &problem, &hint);
	return rule->when != NULL;
}

bool
call_rules_add(CallRules **rules, const char *policy, HeapTuple tuple, TupleDesc desc)
{
	CallRules  *all = *rules;

	if (all == NULL)
	{
		*rules = all = palloc0(sizeof(CallRules));
		all->pointers = condition_pointers_new();
	}
	if (all->count == all->size)
	{
		all->size = Max(16, 2 * all->size);
		all->items = all->items == NULL ? palloc(all->size * sizeof(CallRule)) :
			repalloc_huge(all->items, all->size * sizeof(CallRule));
	}
	if (all->count >= CALL_RULES_MAX || !read_rule(all, &all->items[all->count], policy, tuple, desc))
		return false;
	all->count++;
	return true;
}

/* exact names first, in the order of their bytes; within a name the oldest first */
static int
compare_rules(const void *a, const void *b)
{
	const CallRule *one = a;
	const CallRule *other = b;
	int			cmp;

	if (one->prefix != other->prefix)
		return one->prefix ? 1 : -1;
	cmp = strcmp(one->pattern, other->pattern);
	if (cmp == 0)
		cmp = one->id < other->id ? -1 : one->id > other->id;
	return cmp;
}

void
call_rules_index(CallRules *rules)
{
	qsort(rules->items, rules->count, sizeof(CallRule), compare_rules);
	while (rules->nexact < rules->count && !rules->items[rules->nexact].prefix)
		rules->nexact++;
	for (int i = 1; i < rules->count; i++)
		rules->items[i].again = rules->items[i].prefix == rules->items[i - 1].prefix &&
			strcmp(rules->items[i].pattern, rules->items[i - 1].pattern) == 0;
}

/* the first exact rule whose name is not before the tool's */
static int
first_exact(const CallRules *rules, const char *tool)
{
	int			low = 0;
	int			high = rules->nexact;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (strcmp(rules->items[middle].pattern, tool) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const CallRule *
call_rules_next(const CallRules *rules, const char *tool, int *at)
{
	int			i = *at > 0 ? *at : first_exact(rules, tool);

	/* the rule before was given, so it names the tool */
	if (*at > 0 && i < rules->count && rules->items[i].again)
	{
		*at = i + 1;
		return &rules->items[i];
	}
	for (; i < rules->count; i++)
	{
		const CallRule *rule = &rules->items[i];

		if (rule->prefix ? strncmp(rule->pattern, tool, rule->len) == 0 : strcmp(rule->pattern, tool) == 0)
		{
			*at = i + 1;
			return rule;
		}
		if (!rule->prefix)
			i = rules->nexact - 1;	/* names are in order: the next are others */
	}
	return NULL;
}
