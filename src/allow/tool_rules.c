/*
 * tool_rules.c
 *	  Writing rules for tools: policy_allow_tool(), policy_deny_tool() and
 *	  policy_ask_tool().
 *
 * A rule without a name is found again by all it says.  A named one is a rule,
 * not an object with settings: writing it again replaces all of it, so what is
 * not given is the default and never the old value.
 *
 * Memory: CurrentMemoryContext.  Locks: row lock on the policy, to the end of
 * the transaction.  On ERROR: the transaction takes everything back.
 */
#include "allow/call_rule.h"
#include "allow/common.h"
#include "allow/history.h"
#include "allow/policy_lint.h"
#include "allow/rules.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "tool/tool.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#define VOTES_MAX	16
#define BIND_MAX	32

/* A rule for a tool as it is to be written. */
typedef struct ToolRuleRow
{
	RuleRow		row;
	char	   *name;			/* NULL: none */
	Jsonb	   *when;
	const Condition *condition;
	char	   *feedback;
	bool		audit;
	char	   *approvers;
	int			votes;			/* 0: no ask */
	bool		self;
	Datum		decide_within;	/* 0: no ask */
	Datum		bind;			/* 0: none */
	int			nbind;
	char	  **arguments;		/* the same, below the arguments */
	bool		changed;
} ToolRuleRow;

void
allow_read_tool_pattern(FunctionCallInfo fcinfo, RuleRow *row)
{
	row->policy = agc_arg_name(fcinfo, 0, "policy");
	row->pattern = agc_arg_tool_pattern(fcinfo, 1);
}

/* Only a name tells which rule a changed condition belongs to. */
static void
require_name(const ToolRuleRow *rule)
{
	if (rule->name == NULL)
		allow_bad_rule("the rule needs a name",
					   "A rule with when, feedback or audit, and one that asks, is written again by its name.",
					   "Pass name => 'small-refund'.");
}

/* What the rule says, for those who look for what is wrong with it. */
static LintRule
linted(const ToolRuleRow *rule)
{
	return (LintRule) {
		.name = rule->name != NULL ? agc_shown(rule->name, AGC_MAX_NAME) : psprintf(INT64_FORMAT, rule->row.id),
			.pattern = rule->row.pattern, .effect = rule->row.effect, .when = rule->condition
	};
}

static void
check_when(ToolRuleRow *rule)
{
	char	   *problem = NULL;
	char	   *hint = NULL;

	rule->condition = condition_compile(condition_pointers_new(), rule->when,
										strcmp(rule->row.effect, "allow_when") == 0 ? CONDITION_ALLOW : CONDITION_REFUSE,
										&problem, &hint);
	if (rule->condition == NULL)
		allow_bad_rule("invalid condition", psprintf("%s.", problem), hint);
}

/* What may be left out makes no call the same.  Of tools that are not there yet the gate finds it out. */
static void
check_bind(const ToolRuleRow *rule)
{
	AgcObject  *tool;

	if (rule->nbind == 0 || strchr(rule->row.pattern, '*') != NULL)
		return;
	tool = tool_try_pin(rule->row.tenant, rule->row.pattern);
	if (tool == NULL)
		return;
	tool_require_pointers(((const ToolDef *) tool->data)->program, rule->arguments, rule->nbind, "bind");
	agc_object_unpin(tool);
}

/* policy, tool, valid, when, name, feedback: what the three setters share */
static void
read_rule(FunctionCallInfo fcinfo, const char *effect, ToolRuleRow *rule)
{
	memset(rule, 0, sizeof(*rule));
	rule->row.kind = "tool";
	allow_read_tool_pattern(fcinfo, &rule->row);
	rule->when = agc_opt_jsonb(fcinfo, 3, "when");
	rule->name = agc_opt_name(fcinfo, 4, "name");
	rule->feedback = agc_opt_text(fcinfo, 5);
	/* a model has to be told something */
	if (rule->feedback != NULL && rule->feedback[0] == '\0')
		rule->feedback = NULL;
	rule->row.effect = strcmp(effect, "allow") == 0 && rule->when != NULL ? "allow_when" : effect;
}

static void
lock_policy_for(const ToolRuleRow *rule)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"SELECT FROM agentcore.policy_rule WHERE tenant = $1 AND policy = $2 AND name IS NOT NULL", 2, types
	};
	AgcRow		key;

	allow_lock_policy(&rule->row);
	agc_row_init(&key);
	agc_put_text(&key, rule->row.tenant);
	agc_put_text(&key, rule->row.policy);
	agc_spi_row(&plan, &key);
	if (SPI_processed >= CALL_RULES_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("policy \"%s\" has too many rules with a name", rule->row.policy),
				 errdetail("A policy has at most %d of them.", CALL_RULES_MAX)));
}

static void
write_named(void *arg)
{
	ToolRuleRow *rule = arg;
	static const Oid types[] = {
		TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TSTZRANGEOID, JSONBOID, TEXTOID, BOOLOID, TEXTOID, INT4OID, BOOLOID,
		INTERVALOID, TEXTARRAYOID
	};
	static AgcPlan plan = {
		"INSERT INTO agentcore.policy_rule AS r (tenant, policy, name, kind, effect, pattern, valid, \"when\", feedback, audit, approvers,"
		" votes, self, decide_within, bind, created_by)"
		" VALUES ($1, $2, $3, 'tool', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, agentcore.history_writer())"
		" ON CONFLICT (tenant, policy, name) WHERE name IS NOT NULL DO UPDATE"
		" SET effect = EXCLUDED.effect, pattern = EXCLUDED.pattern, valid = EXCLUDED.valid, \"when\" = EXCLUDED.\"when\","
		" feedback = EXCLUDED.feedback, audit = EXCLUDED.audit, approvers = EXCLUDED.approvers, votes = EXCLUDED.votes,"
		" self = EXCLUDED.self, decide_within = EXCLUDED.decide_within, bind = EXCLUDED.bind, created_by = EXCLUDED.created_by,"
		" created_at = EXCLUDED.created_at"
		" WHERE (r.effect, r.pattern, r.valid, r.\"when\", r.feedback, r.audit, r.approvers, r.votes, r.self, r.decide_within, r.bind)"
		" IS DISTINCT FROM (EXCLUDED.effect, EXCLUDED.pattern, EXCLUDED.valid, EXCLUDED.\"when\", EXCLUDED.feedback, EXCLUDED.audit,"
		" EXCLUDED.approvers, EXCLUDED.votes, EXCLUDED.self, EXCLUDED.decide_within, EXCLUDED.bind)", lengthof(types), types
	};
	static AgcPlan find = {
		"SELECT id FROM agentcore.policy_rule WHERE tenant = $1 AND policy = $2 AND name = $3", 3, types
	};
	AgcRow		row;
	bool		isnull;

	agc_row_init(&row);
	agc_put_text(&row, rule->row.tenant);
	agc_put_text(&row, rule->row.policy);
	agc_put_text(&row, rule->name);
	lock_policy_for(rule);
	agc_put_text(&row, rule->row.effect);
	agc_put_text(&row, rule->row.pattern);
	agc_put_datum(&row, rule->row.valid, rule->row.valid == (Datum) 0);
	agc_put_jsonb(&row, rule->when);
	agc_put_text(&row, rule->feedback);
	agc_put_bool(&row, rule->audit);
	agc_put_text(&row, rule->approvers);
	agc_put_datum(&row, Int32GetDatum(rule->votes), rule->votes == 0);
	agc_put_bool(&row, rule->self);
	agc_put_datum(&row, rule->decide_within, rule->decide_within == (Datum) 0);
	agc_put_datum(&row, rule->bind, rule->bind == (Datum) 0);
	agc_spi_row(&plan, &row);
	rule->changed = SPI_processed > 0;
	row.n = 3;
	agc_spi_row(&find, &row);
	rule->row.id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* What may not be written is refused. */
static void
check_rule(FunctionCallInfo fcinfo, ToolRuleRow *rule)
{
	allow_check_common(rule->row.tenant, rule->row.policy, strncmp(rule->row.effect, "allow", 5) == 0);
	rule->row.valid = allow_valid_arg(fcinfo, 2);
	if (rule->when != NULL || rule->feedback != NULL || rule->audit || rule->votes > 0)
		require_name(rule);
	if (rule->when != NULL)
		check_when(rule);
}

/* What is refused by the tools and roles as they are; what stands so already stays although they have changed. */
static void
check_named(const ToolRuleRow *rule)
{
	LintRule	shown = linted(rule);

	if (rule->condition != NULL)
		lint_refuse(rule->row.tenant, &shown);
	check_bind(rule);
	if (rule->approvers != NULL)
		(void) get_role_oid(rule->approvers, false);
}

static Datum
write_rule(FunctionCallInfo fcinfo, ToolRuleRow *rule)
{
	LintRule	shown;

	agc_enter(rule->row.tenant, AGC_ADMIN);
	check_rule(fcinfo, rule);
	if (rule->name != NULL)
		allow_write(write_named, rule);
	else
		allow_write(allow_add_rule, &rule->row);
	if (rule->changed)
		check_named(rule);
	shown = linted(rule);
	if (rule->condition != NULL)
		lint_notice(rule->row.tenant, rule->row.policy, &shown);
	else if (strcmp(rule->row.effect, "allow") == 0 && rule->row.valid == (Datum) 0)
		lint_notice_idle(rule->row.tenant, rule->row.policy, &shown);
	PG_RETURN_INT64(rule->row.id);
}

/* policy_allow_tool(policy, tool, valid, when, name, feedback, tenant) -> rule id */
AGC_FUNCTION(policy_allow_tool)
{
	ToolRuleRow rule;

	read_rule(fcinfo, "allow", &rule);
	rule.row.tenant = agc_arg_tenant_or_every(fcinfo, 6);
	return write_rule(fcinfo, &rule);
}

/* policy_deny_tool(policy, tool, valid, when, name, feedback, audit, tenant) -> rule id */
AGC_FUNCTION(policy_deny_tool)
{
	ToolRuleRow rule;

	read_rule(fcinfo, "deny", &rule);
	rule.audit = agc_arg_bool(fcinfo, 6, "audit");
	rule.row.tenant = agc_arg_tenant_or_every(fcinfo, 7);
	return write_rule(fcinfo, &rule);
}

static void
read_votes(FunctionCallInfo fcinfo, ToolRuleRow *rule)
{
	if (PG_ARGISNULL(8))
		agc_refuse_null("votes");
	rule->votes = PG_GETARG_INT32(8);
	if (rule->votes < 1 || rule->votes > VOTES_MAX)
		allow_bad_rule("votes is out of range", psprintf("Got %d; an ask needs 1 to %d votes.", rule->votes, VOTES_MAX), NULL);
	if (agc_opt_interval(fcinfo, 10, "decide_within", 0) == 0)
		allow_bad_rule("decide_within must be longer than nothing", NULL, "The default is one day.");
	rule->decide_within = PG_GETARG_DATUM(10);
}

/* Pointers into the context, all of them below /args; /amount is taken for /args/amount. */
static void
read_bind(FunctionCallInfo fcinfo, int arg, ToolRuleRow *rule)
{
	char	  **pointers = agc_opt_names(fcinfo, arg, "bind", &rule->nbind);

	if (pointers == NULL || rule->nbind == 0)
		return;
	if (rule->nbind > BIND_MAX)
		allow_bad_rule("bind has too many pointers", psprintf("Got %d; there may be %d.", rule->nbind, BIND_MAX), NULL);
	rule->arguments = palloc(rule->nbind * sizeof(char *));
	for (int i = 0; i < rule->nbind; i++)
	{
		if (pointers[i][0] != '/' || strchr(pointers[i], '*') != NULL)
			allow_bad_rule("bind has an element that is no JSON Pointer to one argument",
						   psprintf("Element %d is %s.", i + 1, agc_quoted_name(pointers[i])), "For example /args/amount.");
		if (strncmp(pointers[i], "/args/", 6) != 0)
			pointers[i] = psprintf("/args%s", pointers[i]);
		rule->arguments[i] = pointers[i] + strlen("/args");
	}
	rule->bind = agc_texts_datum(pointers, rule->nbind);
}

static void
read_ask(FunctionCallInfo fcinfo, ToolRuleRow *rule)
{
	rule->audit = agc_arg_bool(fcinfo, 6, "audit");
	rule->approvers = agc_opt_name(fcinfo, 7, "approvers");
	read_votes(fcinfo, rule);
	rule->self = agc_arg_bool(fcinfo, 9, "self");
	read_bind(fcinfo, 11, rule);
}

/*
 * policy_ask_tool(policy, tool, valid, when, name, feedback, audit, approvers,
 *				   votes, self, decide_within, bind, tenant) -> rule id
 */
AGC_FUNCTION(policy_ask_tool)
{
	ToolRuleRow rule;

	read_rule(fcinfo, "ask", &rule);
	read_ask(fcinfo, &rule);
	rule.row.tenant = agc_arg_tenant_or_every(fcinfo, 12);
	return write_rule(fcinfo, &rule);
}

/* ----- the row of a rule that is only tried; nothing is written --------------- */

HeapTuple
allow_tool_rule_row(TupleDesc desc, const RuleRow *row, int64 id, FunctionCallInfo fcinfo, char **name)
{
	Datum	   *values = palloc0(desc->natts * sizeof(Datum));
	bool	   *nulls = palloc(desc->natts * sizeof(bool));
	ToolRuleRow rule;

	read_rule(fcinfo, row->effect, &rule);
	rule.row.tenant = row->tenant;
	rule.audit = agc_arg_bool(fcinfo, 6, "audit");
	if (strcmp(row->effect, "ask") == 0)
		read_ask(fcinfo, &rule);
	check_rule(fcinfo, &rule);
	check_named(&rule);
	memset(nulls, true, desc->natts * sizeof(bool));
	allow_set_column(desc, values, nulls, "tenant", CStringGetTextDatum(rule.row.tenant));
	allow_set_column(desc, values, nulls, "policy", CStringGetTextDatum(rule.row.policy));
	allow_set_column(desc, values, nulls, "id", Int64GetDatum(id));
	allow_set_column(desc, values, nulls, "kind", CStringGetTextDatum("tool"));
	allow_set_column(desc, values, nulls, "effect", CStringGetTextDatum(rule.row.effect));
	allow_set_column(desc, values, nulls, "pattern", CStringGetTextDatum(rule.row.pattern));
	allow_set_column(desc, values, nulls, "valid", rule.row.valid);
	allow_set_column(desc, values, nulls, "name", rule.name == NULL ? (Datum) 0 : CStringGetTextDatum(rule.name));
	allow_set_column(desc, values, nulls, "when", JsonbPGetDatum(rule.when));
	allow_set_column(desc, values, nulls, "feedback", rule.feedback == NULL ? (Datum) 0 : CStringGetTextDatum(rule.feedback));
	allow_set_column(desc, values, nulls, "votes", Int32GetDatum(rule.votes));
	allow_set_column(desc, values, nulls, "decide_within", rule.decide_within);
	allow_set_column(desc, values, nulls, "bind", rule.bind);
	allow_set_flag(desc, values, nulls, "audit", rule.audit);
	allow_set_flag(desc, values, nulls, "self", rule.self);
	allow_set_flag(desc, values, nulls, "forced", false);
	*name = rule.name;
	return heap_form_tuple(desc, values, nulls);
}
