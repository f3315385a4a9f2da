/*
 * task_lint.c
 *	  What is likely wrong with the facts and limits of a policy, for
 *	  policy_lint(), and what they mean for its rules.
 *
 * Memory: CurrentMemoryContext.  Locks: AccessShareLock on the tables while they
 * are read.  On ERROR: nothing to undo.
 */
#include "task/fact_rules.h"
#include "task/limit_rules.h"

static AgcTable fact_table = AGC_TABLE("policy_fact", "policy_fact_pkey");
static AgcTable limit_table = AGC_TABLE("policy_limit", "policy_limit_pkey");

/* of the policy; NULL: of every one of the tenant */
static void
each_row(AgcTable *table, const char *tenant, const char *policy, AgcRowCallback callback, void *arg)
{
	const char *keys[2] = {tenant, policy};
	Relation	rel = agc_table_open(table, AccessShareLock);

	agc_table_scan(table, rel, policy == NULL ? 1 : 2, keys, callback, arg);
	agc_table_close(rel, AccessShareLock);
}

/* ----- what rules are compared with ----------------------------------------------- */

static void
add_fact(HeapTuple tuple, TupleDesc desc, void *arg)
{
	LintHouse  *house = arg;

	if (!agc_col_bool(tuple, desc, "clears"))
		house->facts = lappend(house->facts, agc_col_text(tuple, desc, "fact"));
}

static void
add_sum(HeapTuple tuple, TupleDesc desc, void *arg)
{
	LintHouse  *house = arg;

	if (agc_col_text(tuple, desc, "sum_of") != NULL)
		house->sums = lappend(house->sums, agc_col_text(tuple, desc, "tool"));
}

static void
furnish(LintHouse *house, const char *policy)
{
	/* of any policy: a task is of several agents */
	each_row(&fact_table, house->tenant, NULL, add_fact, house);
	each_row(&limit_table, house->tenant, policy, add_sum, house);
}

/* ----- what is wrong with them ------------------------------------------------------ */

typedef struct Lint
{
	const LintHouse *house;
	const LintReport *report;
} Lint;

static void
tell_unreadable(const Lint *lint, const char *name, const char *hint)
{
	lint->report->tell(agc_shown(name, AGC_MAX_NAME), NULL, "cannot be read", hint, lint->report->arg);
}

static void
lint_fact(HeapTuple tuple, TupleDesc desc, void *arg)
{
	const Lint *lint = arg;
	PolicyPart	part = {.pointers = condition_pointers_new()};
	FactRule	fact;
	char	   *value = agc_col_text(tuple, desc, "value");
	LintRule	rule = {.effect = "fact", .npointers = value != NULL, .pointers = &value};

	if (!fact_rule_compile(&part, &fact, tuple, desc))
		tell_unreadable(lint, agc_col_text(tuple, desc, "fact"), "No call gives it. Drop it, and write it again by policy_fact().");
	rule.name = agc_shown(fact.fact, AGC_MAX_NAME);
	rule.pattern = agc_col_text(tuple, desc, "tool");
	rule.when = fact.when;
	lint_pattern(lint->house, rule.name, rule.pattern, lint->report);
	if (!fact.clears)
		lint_rule(lint->house, &rule, lint->report);
}

static void
lint_limit(HeapTuple tuple, TupleDesc desc, void *arg)
{
	const Lint *lint = arg;
	const char *name = agc_col_text(tuple, desc, "name");
	const char *max_by = agc_col_text(tuple, desc, "max_by");
	bool		isnull;
	Datum		per = agc_col(tuple, desc, "per", &isnull);
	int			nper = 0;
	char	  **pointers = isnull ? NULL : agc_try_texts_of(per, &nper);
	LintRule	counts;
	LintRule	adds;

	limit_linted(name, agc_col_text(tuple, desc, "tool"), pointers, pointers == NULL ? 0 : nper, agc_col_text(tuple, desc, "sum_of"), &counts, &adds);
	lint_rule(lint->house, &counts, lint->report);
	lint_rule(lint->house, &adds, lint->report);
	lint_pattern(lint->house, name, agc_col_text(tuple, desc, "tool"), lint->report);
	if (max_by != NULL)
		lint_function(lint->house, name, max_by, CHECK_NUMERIC, lint->report);
}

static void
lint_broken_limits(const Lint *lint, const char *policy)
{
	AgcObject  *object;
	const PolicyPart *part = limit_rules_pin(lint->house->tenant, policy, &object);
	ListCell   *cell;

	foreach(cell, part == NULL ? NIL : part->rules)
	{
		const LimitRule *rule = lfirst(cell);

		if (rule->broken)
			tell_unreadable(lint, rule->name, "Every call that it may be about is denied. Drop it, and write it again by policy_limit_tool().");
	}
	if (part != NULL)
		agc_object_unpin(object);
}

static void
lint(const LintHouse *house, const char *policy, const LintReport *report)
{
	Lint		arg = {house, report};

	each_row(&fact_table, house->tenant, policy, lint_fact, &arg);
	each_row(&limit_table, house->tenant, policy, lint_limit, &arg);
	lint_broken_limits(&arg, policy);
}

void
task_init(void)
{
	static const LintRoom room = {furnish, lint};

	lint_register(&room);
}
