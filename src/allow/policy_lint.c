/*
 * policy_lint.c
 *	  policy_lint(): what is likely wrong with a policy; the same of one rule while
 *	  it is written.
 *
 * Memory: CurrentMemoryContext.  Locks: those of reading.  On ERROR: nothing to
 * undo.
 */
#include "allow/policy_lint.h"

#include "allow/allow.h"
#include "allow/pin.h"
#include "allow/policy_compile.h"

#include "catalog/pg_type.h"
#include "core/row.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#define NOTICES_MAX 3
#define COLUMNS_MAX 4
#define ROOMS_MAX 2

static const LintRoom *rooms[ROOMS_MAX];
static int	nrooms;

void
lint_register(const LintRoom *room)
{
	Assert(nrooms < ROOMS_MAX);
	rooms[nrooms++] = room;
}

/* Rows that the owner read, as text. */
typedef struct Rows
{
	uint64		count;
	char	 ***values;			/* by row and column; NULL for null */
} Rows;

static Rows
read_rows(AgcPlan *plan, Datum *values)
{
	Rows		rows = {0};
	AgcOwner	owner;

	agc_owner_begin(&owner);
	agc_spi(plan, values, NULL);
	rows.count = SPI_processed;
	rows.values = palloc((rows.count + 1) * sizeof(char **));
	for (uint64 i = 0; i < rows.count; i++)
	{
		rows.values[i] = palloc0(COLUMNS_MAX * sizeof(char *));
		for (int n = 0; n < SPI_tuptable->tupdesc->natts; n++)
			rows.values[i][n] = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, n + 1);
	}
	agc_owner_end(&owner);
	return rows;
}

static void
take_allows(LintHouse *house, const Rows *rows)
{
	house->allows = palloc((rows->count + 1) * sizeof(LintAllow));
	for (uint64 i = 0; i < rows->count; i++)
		house->allows[house->nallows++] = (LintAllow){rows->values[i][0], rows->values[i][1]};
}

/* All but the allows. */
static void
load_house(LintHouse *house, const char *tenant, const char *policy)
{
	lint_load_tools(house, tenant);
	for (int i = 0; i < nrooms; i++)
		rooms[i]->furnish(house, policy);
}

void
lint_function(const LintHouse *house, const char *rule, const char *function, CheckKind kind, const LintReport *report)
{
	const char *problem = check_function_problem(function, kind, house->tenant);

	if (problem != NULL)
		report->tell(rule, NULL, psprintf("its function %s cannot %s: %s", function, kind == CHECK_TEXT ? "judge calls" : "be asked", problem),
					 "Every call of the tool is denied (check_failed).", report->arg);
}

/* ----- while a rule is written ------------------------------------------------------- */

void
lint_refuse(const char *tenant, const LintRule *rule)
{
	LintHouse	house = {0};
	const char *pointer;
	char	   *near;

	lint_load_tools(&house, tenant);
	pointer = lint_impossible(&house, rule, &near);
	if (pointer == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("no tool of the rule can have %s", agc_quoted_name(pointer)),
			 errdetail("The input schema of no tool that \"%s\" names lets it through.", agc_shown(rule->pattern, AGC_MAX_NAME)),
			 near == NULL ? errhint("Look at the tools' input schemas.") : errhint("Perhaps you meant %s.", near)));
}

typedef struct Notices
{
	const char *kind;			/* of what is written */
	int			told;
} Notices;

static Notices
notices_of(const LintRule *rule)
{
	bool		is_rule = strcmp(rule->effect, "fact") != 0 && strcmp(rule->effect, "limit") != 0;

	return (Notices) {is_rule ? "rule" : rule->effect, 0};
}

static void
tell_notice(const char *rule, const char *tool, const char *problem, const char *hint, void *arg)
{
	Notices    *notices = arg;

	if (++notices->told > NOTICES_MAX + 1)
		return;
	if (notices->told == NOTICES_MAX + 1)
		ereport(NOTICE,
				(errmsg("%s \"%s\" has more that is worth a look", notices->kind, rule),
				 errhint("policy_lint() tells all of it.")));
	else if (tool == NULL)
		ereport(NOTICE, (errmsg("%s \"%s\" %s", notices->kind, rule, problem), hint == NULL ? 0 : errhint("%s", hint)));
	else
		ereport(NOTICE, (errmsg("%s \"%s\" for tool \"%s\": %s", notices->kind, rule, tool, problem), hint == NULL ? 0 : errhint("%s", hint)));
}

/* Every pattern that covers this one. */
static Datum
covering_patterns(const char *pattern)
{
	int			len = strlen(pattern);
	char	  **covering = palloc((len + 2) * sizeof(char *));
	int			n = 0;

	covering[n++] = pstrdup(pattern);
	for (int i = 0; i <= len; i++)
		covering[n++] = psprintf("%.*s*", i, pattern);
	return agc_texts_datum(covering, n);
}

void
lint_notice(const char *tenant, const char *policy, const LintRule *rule)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTARRAYOID};
	static AgcPlan plan = {
		"SELECT coalesce(name, id::text), pattern FROM agentcore.policy_rule"
		" WHERE tenant = $1 AND policy = $2 AND pattern = ANY ($3) AND kind = 'tool' AND effect = 'allow' AND valid IS NULL"
		" ORDER BY id LIMIT 1", 3, types
	};
	Datum		values[3] = {CStringGetTextDatum(tenant), CStringGetTextDatum(policy), covering_patterns(rule->pattern)};
	Notices		notices = notices_of(rule);
	LintReport	report = {tell_notice, &notices, true};
	LintHouse	house = {0};
	Rows		allows = read_rows(&plan, values);

	take_allows(&house, &allows);
	load_house(&house, tenant, policy);
	lint_rule(&house, rule, &report);
}

void
lint_notice_idle(const char *tenant, const char *policy, const LintRule *rule)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"SELECT coalesce(name, id::text), pattern FROM agentcore.policy_rule"
		" WHERE tenant = $1 AND policy = $2 AND kind = 'tool' AND effect = 'allow_when' ORDER BY id", 2, types
	};
	Datum		values[2] = {CStringGetTextDatum(tenant), CStringGetTextDatum(policy)};
	Notices		notices = notices_of(rule);
	LintAllow	allow = {rule->name, rule->pattern};
	LintHouse	house = {.tenant = tenant, .nallows = 1, .allows = &allow};
	LintReport	report = {tell_notice, &notices, true};
	Rows		rows = read_rows(&plan, values);

	for (uint64 i = 0; i < rows.count; i++)
	{
		LintRule	idle = {.name = rows.values[i][0], .pattern = rows.values[i][1], .effect = "allow_when"};

		lint_rule(&house, &idle, &report);
	}
}

/* ----- the whole policy ------------------------------------------------------------------ */

static void
tell_row(const char *rule, const char *tool, const char *problem, const char *hint, void *arg)
{
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, rule);
	agc_put_text(&row, tool);
	agc_put_text(&row, problem);
	agc_put_text(&row, hint);
	agc_row_store(arg, &row);
}

/* Whatever of a rule cannot be read: somebody wrote to the table. */
static void
lint_unreadable(const char *tenant, const char *policy, const LintReport *report)
{
	List	   *rules = allow_unreadable_rules(tenant, policy);
	ListCell   *cell;

	foreach(cell, rules)
		report->tell(lfirst(cell), NULL, "cannot be read", "The whole policy denies. Drop the rule, and write it again by its function.", report->arg);
}

static void
lint_rules(LintHouse *house, Datum *values, const LintReport *report)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"SELECT coalesce(name, id::text), pattern, effect, \"when\"::text FROM agentcore.policy_rule"
		" WHERE tenant = $1 AND policy = $2 AND kind = 'tool' ORDER BY id", 2, types
	};
	Rows		rows = read_rows(&plan, values);

	for (uint64 i = 0; i < rows.count; i++)
	{
		LintRule	rule = {.name = rows.values[i][0], .pattern = rows.values[i][1], .effect = rows.values[i][2]};
		char	   *when = rows.values[i][3];
		char	   *problem;
		char	   *hint;

		CHECK_FOR_INTERRUPTS();
		lint_pattern(house, rule.name, rule.pattern, report);
		if (when != NULL)
			rule.when = condition_compile_stored(condition_pointers_new(), DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(when))),
												 strcmp(rule.effect, "allow_when") == 0 ? CONDITION_ALLOW : CONDITION_REFUSE, &problem, &hint);
		if (when != NULL && rule.when == NULL)
			report->tell(rule.name, NULL, psprintf("has no condition that can be read: %s", problem), hint, report->arg);
		else
			lint_rule(house, &rule, report);
	}
}

static void
lint_checks(LintHouse *house, Datum *values, const LintReport *report)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"SELECT name, tool, \"check\" FROM agentcore.policy_check WHERE tenant = $1 AND policy = $2 ORDER BY name", 2, types
	};
	Rows		rows = read_rows(&plan, values);

	for (uint64 i = 0; i < rows.count; i++)
	{
		lint_pattern(house, rows.values[i][0], rows.values[i][1], report);
		lint_function(house, rows.values[i][0], rows.values[i][2], CHECK_TEXT, report);
	}
}

static void
load_allows(LintHouse *house, Datum *values)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"SELECT coalesce(name, id::text), pattern FROM agentcore.policy_rule"
		" WHERE tenant = $1 AND policy = $2 AND kind = 'tool' AND effect = 'allow' AND valid IS NULL ORDER BY id", 2, types
	};
	Rows		rows = read_rows(&plan, values);

	take_allows(house, &rows);
}

/* policy_lint(policy, tenant) -> setof (rule, tool, problem, hint) */
AGC_FUNCTION(policy_lint)
{
	char	   *policy = agc_arg_name(fcinfo, 0, "policy");
	char	   *tenant = agc_arg_tenant_or_every(fcinfo, 1);
	Datum		values[2] = {CStringGetTextDatum(tenant), CStringGetTextDatum(policy)};
	LintReport	report = {tell_row, fcinfo->resultinfo, false};
	LintHouse	house = {0};

	agc_enter(tenant, AGC_READER);
	allow_require_policy(tenant, policy);
	InitMaterializedSRF(fcinfo, 0);
	load_allows(&house, values);
	load_house(&house, tenant, policy);
	lint_unreadable(tenant, policy, &report);
	lint_rules(&house, values, &report);
	lint_checks(&house, values, &report);
	for (int i = 0; i < nrooms; i++)
		rooms[i]->lint(&house, policy, &report);
	return (Datum) 0;
}
