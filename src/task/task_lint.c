/*
 * task_lint.c
 *	  What is likely wrong with the facts and limits of a policy, for
 *	  policy_lint(), and what they mean for its rules.
 *
 * Memory: CurrentMemoryContext.  Locks: AccessShareLock on the tables while they
 * are read.  On ERROR: nothing to undo.
 */
#include "task/task.h"

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
lint_fact(HeapTuple tuple, TupleDesc desc, void *arg)
{
	const Lint *lint = arg;

	lint_pattern(lint->house, agc_col_text(tuple, desc, "fact"), agc_col_text(tuple, desc, "tool"), lint->report);
}

static void
lint_limit(HeapTuple tuple, TupleDesc desc, void *arg)
{
	const Lint *lint = arg;
	const char *name = agc_col_text(tuple, desc, "name");
	const char *max_by = agc_col_text(tuple, desc, "max_by");

	lint_pattern(lint->house, name, agc_col_text(tuple, desc, "tool"), lint->report);
	if (max_by != NULL)
		lint_function(lint->house, name, max_by, CHECK_NUMERIC, lint->report);
}

static void
lint(const LintHouse *house, const char *policy, const LintReport *report)
{
	Lint		arg = {house, report};

	each_row(&fact_table, house->tenant, policy, lint_fact, &arg);
	each_row(&limit_table, house->tenant, policy, lint_limit, &arg);
}

void
task_init(void)
{
	static const LintRoom room = {furnish, lint};

	lint_register(&room);
}
