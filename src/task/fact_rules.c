/*
 * fact_rules.c
 *	  policy_fact() and policy_fact_clear(), and their rows compiled.
 *
 * A rule that cannot be compiled (somebody wrote to the table) gives nothing: a
 * missing fact opens nothing.  One that takes away does so whatever else its row
 * says.
 *
 * Memory: compiled rules in their object's context.  Locks: row lock on the
 * policy while a rule is written.  On ERROR: the transaction takes everything
 * back.
 */
#include "task/fact_rules.h"

#include "catalog/pg_type.h"
#include "core/row.h"
#include "utils/builtins.h"
#include "utils/rel.h"

static void *compile_rules(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name);

static AgcTable policy_table = AGC_TABLE("policy", "policy_pkey");
static AgcTable fact_table = AGC_TABLE("policy_fact", "policy_fact_pkey");
static const AgcObjectClass fact_class = {"policy_facts", &policy_table, compile_rules};

bool
fact_rule_compile(PolicyPart *part, FactRule *rule, HeapTuple tuple, TupleDesc desc)
{
	char	   *value = agc_col_text(tuple, desc, "value");
	bool		isnull;
	Datum		when = agc_col(tuple, desc, "when", &isnull);
	char	   *problem;
	char	   *hint;
	bool		readable;

	memset(rule, 0, sizeof(*rule));
	rule->pattern = agc_col_text(tuple, desc, "tool");
	readable = agc_is_tool_pattern(rule->pattern);
	if (!readable)
		rule->pattern = "*";
	rule->fact = agc_col_text(tuple, desc, "fact");
	rule->clears = agc_col_bool(tuple, desc, "clears");
	readable &= agc_try_col_interval(tuple, desc, "valid_for", -1, &rule->valid_for);
	rule->value = value == NULL ? -1 : condition_pointer(part->pointers, value, CONDITION_FACT, &problem, &hint);
	if (!isnull)
		rule->when = condition_compile_stored(part->pointers, DatumGetJsonbP(when), CONDITION_FACT, &problem, &hint);
	readable &= (value == NULL || rule->value >= 0) && (isnull || rule->when != NULL);
	return rule->clears || readable;
}

static void *
compile_row(PolicyPart *part, HeapTuple tuple, TupleDesc desc)
{
	FactRule   *rule = palloc(sizeof(FactRule));

	return fact_rule_compile(part, rule, tuple, desc) ? rule : NULL;
}

static void *
compile_rules(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name)
{
	return policy_part_compile(&fact_table, compile_row, tuple, desc, tenant, name);
}

const PolicyPart *
fact_rules_pin(const char *tenant, const char *policy, AgcObject **object)
{
	return policy_part_pin(&fact_class, tenant, policy, object);
}

/* ----- writing -------------------------------------------------------------------- */

typedef struct FactRow
{
	char	   *tenant;
	char	   *policy;
	char	   *tool;
	char	   *fact;
	bool		clears;
	char	   *value;
	Jsonb	   *when;
	Datum		valid_for;		/* 0: none */
	bool		changed;
} FactRow;

pg_noreturn static void
refuse(const char *what, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", what),
			 errdetail("%s", detail),
			 hint == NULL ? 0 : errhint("%s", hint)));
}

static void
read_names(FunctionCallInfo fcinfo, FactRow *row, int tenant)
{
	memset(row, 0, sizeof(*row));
	row->policy = agc_arg_name(fcinfo, 0, "policy");
	row->tool = agc_arg_tool_pattern(fcinfo, 1);
	row->fact = agc_arg_name(fcinfo, 2, "fact");
	row->tenant = agc_arg_tenant(fcinfo, tenant);
	agc_enter(row->tenant, AGC_ADMIN);
	allow_require_policy(row->tenant, row->policy);
}

/* What the fact reads of a call, for those who look for what is wrong with it. */
static LintRule
linted(const FactRow *row, const Condition *when)
{
	LintRule	rule = {.name = agc_shown(row->fact, AGC_MAX_NAME), .pattern = row->tool, .effect = "fact", .when = when};

	if (row->value != NULL)
	{
		rule.npointers = 1;
		rule.pointers = palloc(sizeof(char *));
		rule.pointers[0] = row->value;
	}
	return rule;
}

static void
check_fact(const FactRow *row, LintRule *shown)
{
	ConditionPointers *pointers = condition_pointers_new();
	Condition  *when = NULL;
	char	   *problem = NULL;
	char	   *hint = NULL;

	if (row->value != NULL && condition_pointer(pointers, row->value, CONDITION_FACT, &problem, &hint) < 0)
		refuse("invalid value of a fact", psprintf("%s.", problem), hint);
	if (row->value != NULL && strchr(row->value, '*') != NULL)
		refuse("invalid value of a fact", "It points at more than one value.", "Leave out the *.");
	if (row->when != NULL)
		when = condition_compile(pointers, row->when, CONDITION_FACT, &problem, &hint);
	if (row->when != NULL && when == NULL)
		refuse("invalid condition", psprintf("%s.", problem), hint);
	*shown = linted(row, when);
}

static void
write_fact(void *arg)
{
	FactRow    *fact = arg;
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID, TEXTOID, JSONBOID, INTERVALOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.policy_fact AS f (tenant, policy, tool, fact, clears, value, \"when\", valid_for)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
		" ON CONFLICT (tenant, policy, tool, fact, clears) DO UPDATE SET value = EXCLUDED.value, \"when\" = EXCLUDED.\"when\","
		" valid_for = EXCLUDED.valid_for WHERE (f.value, f.\"when\", f.valid_for) IS DISTINCT FROM"
		" (EXCLUDED.value, EXCLUDED.\"when\", EXCLUDED.valid_for)", lengthof(types), types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, fact->tenant);
	agc_put_text(&row, fact->policy);
	agc_put_text(&row, fact->tool);
	agc_put_text(&row, fact->fact);
	agc_put_bool(&row, fact->clears);
	agc_put_text(&row, fact->value);
	agc_put_jsonb(&row, fact->when);
	agc_put_datum(&row, fact->valid_for, fact->valid_for == (Datum) 0);
	fact->changed = agc_owner_spi_row_bounded(&plan, &row) > 0;
}

/* policy_fact(policy, tool, fact, value, when, valid_for, tenant) -> boolean: whether anything changed */
AGC_FUNCTION(policy_fact)
{
	FactRow		row;
	LintRule	shown;

	read_names(fcinfo, &row, 6);
	row.value = agc_opt_text(fcinfo, 3);
	row.when = agc_opt_jsonb(fcinfo, 4, "when");
	if (!PG_ARGISNULL(5))
	{
		if (agc_opt_interval(fcinfo, 5, "valid_for", 0) == 0)
			refuse("valid_for must be longer than nothing", "A fact would end as it begins.", "Leave it out for one that lasts as long as its task.");
		row.valid_for = PG_GETARG_DATUM(5);
	}
	check_fact(&row, &shown);
	agc_attributed(write_fact, &row);
	/* what stands so already stays although the tools have changed */
	if (row.changed)
		lint_refuse(row.tenant, &shown);
	lint_notice(row.tenant, row.policy, &shown);
	PG_RETURN_BOOL(row.changed);
}

/* policy_fact_clear(policy, tool, fact, tenant) -> boolean: whether anything changed */
AGC_FUNCTION(policy_fact_clear)
{
	FactRow		row;

	read_names(fcinfo, &row, 3);
	row.clears = true;
	agc_attributed(write_fact, &row);
	PG_RETURN_BOOL(row.changed);
}

static void
drop_fact(void *arg)
{
	FactRow    *fact = arg;
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.policy_fact WHERE tenant = $1 AND policy = $2 AND tool = $3 AND fact = $4", lengthof(types), types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, fact->tenant);
	agc_put_text(&row, fact->policy);
	agc_put_text(&row, fact->tool);
	agc_put_text(&row, fact->fact);
	fact->changed = agc_owner_spi_row_bounded(&plan, &row) > 0;
}

/* policy_fact_drop(policy, tool, fact, tenant) -> boolean: whether there was one */
AGC_FUNCTION(policy_fact_drop)
{
	FactRow		row;

	read_names(fcinfo, &row, 3);
	agc_attributed(drop_fact, &row);
	PG_RETURN_BOOL(row.changed);
}
