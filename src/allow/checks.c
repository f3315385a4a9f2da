/*
 * checks.c
 *	  The checks of a policy: which functions of the business judge which calls.
 *
 * Memory: compiled rows in their object's context; answers in
 * CurrentMemoryContext.  Locks: none while the row's policy is read; row lock on
 * the policy while a check is written.  On ERROR: the transaction takes
 * everything back; an error of a check is a denial.
 */
#include "allow/allow.h"
#include "allow/common.h"
#include "allow/history.h"
#include "allow/policy_rows.h"
#include "allow/rules.h"

#include "catalog/pg_type.h"
#include "core/row.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#define CHECKS_MAX	64			/* of one policy */
#define FEEDBACK_MAX	4000	/* bytes of what a check tells */

typedef struct Check
{
	const char *name;
	const char *function;
	char	   *pattern;		/* of the tool */
	bool		audit;
	bool		broken;			/* nobody knows which tools it is about, so it fails for all */
} Check;

typedef struct Checks
{
	int			count;
	Check	   *items;
	const char *tz;
	PolicyMode	mode;
} Checks;

static void *compile_checks(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name);

static const AgcObjectClass check_class = {"policy_checks", &allow_policy_table, compile_checks};

static void
add_check(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Checks	   *checks = arg;
	Check	   *check;

	checks->items = checks->count == 0 ? palloc(sizeof(Check)) :
		repalloc(checks->items, (checks->count + 1) * sizeof(Check));
	check = &checks->items[checks->count++];
	check->name = agc_col_text(tuple, desc, "name");
	check->function = agc_col_text(tuple, desc, "check");
	check->pattern = agc_col_text(tuple, desc, "tool");
	check->audit = agc_col_bool(tuple, desc, "audit");
	check->broken = !agc_is_tool_pattern(check->pattern);
	if (check->broken)
		check->pattern = "*";
}

static void *
compile_checks(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name)
{
	Checks	   *checks = palloc0(sizeof(Checks));
	char	   *mode = agc_col_text(tuple, desc, "mode");
	const char *keys[2] = {tenant, name};
	Relation	rel = agc_table_open(&allow_check_table, AccessShareLock);

	checks->tz = agc_col_text(tuple, desc, "tz");
	checks->mode = strcmp(mode, "off") == 0 ? POLICY_OFF : strcmp(mode, "audit") == 0 ? POLICY_AUDIT : POLICY_ENFORCE;
	agc_table_scan(&allow_check_table, rel, 2, keys, add_check, checks);
	agc_table_close(rel, AccessShareLock);
	return checks;
}

/* An empty text refuses as well, and a model has to be told something. */
static char *
told(text *value)
{
	if (VARSIZE_ANY_EXHDR(value) == 0)
		return pstrdup("This call is not allowed. Continue without it, or tell the user.");
	return pnstrdup(VARDATA_ANY(value), pg_mbcliplen(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), FEEDBACK_MAX));
}

/* The word of one check; NULL: it passes. */
static const char *
run_check(const Check *check, const Checks *checks, const char *tenant, RuleContext *context, char **detail, char **feedback)
{
	Datum		value;
	char	   *problem;
	CheckOutcome outcome = CHECK_FAILED;

	if (check->broken)
		problem = "its pattern of tools cannot be read";
	else
		outcome = check_function_run(check->function, CHECK_TEXT, tenant, context, checks->tz, &value, &problem);
	if (outcome == CHECK_NULL)
		return NULL;
	*detail = psprintf("check: %s", agc_shown(check->name, AGC_MAX_NAME));
	if (outcome == CHECK_VALUE)
	{
		*feedback = told(DatumGetTextPP(value));
		return REASON_DENYLIST_MATCH;
	}
	*detail = psprintf("%s (%s)", *detail, problem);
	*feedback = pstrdup("This call could not be checked, so it is not allowed. Continue without it, or tell the user.");
	return REASON_CHECK_FAILED;
}

/* The checks of one policy; the first that refuses is the answer. */
static void
judge_checks(const Checks *checks, const char *tenant, const char *tool, RuleContext *context, CallJudgement *out)
{
	for (int i = 0; i < checks->count && out->reason == NULL; i++)
	{
		const Check *check = &checks->items[i];
		char	   *detail;
		char	   *feedback;
		const char *reason;

		if (!agc_patterns_cover(&check->pattern, 1, tool))
			continue;
		reason = run_check(check, checks, tenant, context, &detail, &feedback);
		if (reason == NULL)
			continue;
		if (!check->audit && checks->mode == POLICY_ENFORCE)
		{
			out->reason = reason;
			out->detail = detail;
			out->feedback = feedback;
		}
		else if (out->observed_reason == NULL)
		{
			out->observed_reason = reason;
			out->observed_detail = detail;
		}
	}
}

/* pinned as *object; NULL: there are none */
static const Checks *
pin_checks(const char *tenant, const char *policy, AgcObject **object)
{
	const Checks *checks;

	*object = agc_object_pin(&check_class, tenant, policy);
	checks = *object == NULL ? NULL : (*object)->data;
	if (checks == NULL || (checks->count > 0 && checks->mode != POLICY_OFF))
		return checks;
	agc_object_unpin(*object);
	return NULL;
}

static void
judge_policy(const char *tenant, const char *policy, const char *call_tenant, const char *tool, RuleContext *context,
			 CallJudgement *out)
{
	AgcObject  *object;
	const Checks *checks = out->reason == NULL ? pin_checks(tenant, policy, &object) : NULL;

	if (checks == NULL)
		return;
	judge_checks(checks, call_tenant, tool, context, out);
	agc_object_unpin(object);
}

/* The policy '*' of a tenant is that tenant's; the function judges for the tenant of the call. */
void
allow_run_checks(const char *tenant, const char *policy, const char *tool, RuleContext *context, CallJudgement *out)
{
	AgcObject  *common[COMMON_MAX];
	int			ncommon = allow_pin_common(tenant, common);

	if (policy != NULL)
		judge_policy(tenant, policy, tenant, tool, context, out);
	for (int i = 0; i < ncommon; i++)
		judge_policy(common[i]->tenant, COMMON_POLICY, tenant, tool, context, out);
	while (ncommon > 0)
		agc_object_unpin(common[--ncommon]);
}

bool
allow_has_checks(const char *tenant, const char *policy, const char *tool)
{
	AgcObject  *object;
	const Checks *checks = pin_checks(tenant, policy, &object);
	bool		found = false;

	if (checks == NULL)
		return false;
	for (int i = 0; i < checks->count; i++)
		found |= agc_patterns_cover(&checks->items[i].pattern, 1, tool);
	agc_object_unpin(object);
	return found;
}

bool
allow_checks_look(const char *tenant, const char *policy, const char *tool)
{
	AgcObject  *common[COMMON_MAX];
	int			ncommon = allow_pin_common(tenant, common);
	bool		found = policy != NULL && allow_has_checks(tenant, policy, tool);

	while (ncommon > 0)
	{
		found = found || allow_has_checks(common[ncommon - 1]->tenant, COMMON_POLICY, tool);
		agc_object_unpin(common[--ncommon]);
	}
	return found;
}

/* ----- every check's word --------------------------------------------------------- */

typedef struct CheckWords
{
	const char *owner;			/* whose policy it is */
	const char *policy;
	const char *tenant;			/* of the call */
	const char *tool;
	RuleContext *context;
} CheckWords;

static RuleWord *
check_word(const CheckWords *of, const Check *check, const Checks *checks)
{
	RuleWord   *word = palloc0(sizeof(RuleWord));
	char	   *detail;
	char	   *feedback;
	const char *reason = run_check(check, checks, of->tenant, of->context, &detail, &feedback);

	word->policy = of->policy;
	word->name = pstrdup(check->name);
	word->effect = "check";
	word->pattern = pstrdup(check->pattern);
	word->truth = reason == NULL ? TRUTH_FALSE : strcmp(reason, REASON_CHECK_FAILED) == 0 ? TRUTH_UNKNOWN : TRUTH_TRUE;
	word->audit = check->audit || checks->mode == POLICY_AUDIT;
	return word;
}

static List *
add_check_words(List *words, const CheckWords *of)
{
	AgcObject  *object;
	const Checks *checks = pin_checks(of->owner, of->policy, &object);

	if (checks == NULL)
		return words;
	for (int i = 0; i < checks->count; i++)
		if (agc_patterns_cover(&checks->items[i].pattern, 1, of->tool))
			words = lappend(words, check_word(of, &checks->items[i], checks));
	agc_object_unpin(object);
	return words;
}

List *
allow_explain_checks(const char *tenant, const char *policy, const char *tool, RuleContext *context)
{
	AgcObject  *common[COMMON_MAX];
	int			ncommon = allow_pin_common(tenant, common);
	CheckWords	of = {tenant, policy, tenant, tool, context};
	List	   *words = policy == NULL ? NIL : add_check_words(NIL, &of);

	of.policy = COMMON_POLICY;
	for (int i = 0; i < ncommon; i++)
	{
		of.owner = common[i]->tenant;
		words = add_check_words(words, &of);
	}
	while (ncommon > 0)
		agc_object_unpin(common[--ncommon]);
	return words;
}

/* ----- writing -------------------------------------------------------------------- */

typedef struct CheckRow
{
	RuleRow		row;			/* tenant, policy and the tool's pattern */
	char	   *name;
	char	   *function;
	bool		audit;
	bool		changed;
} CheckRow;

static void
write_check(void *arg)
{
	CheckRow   *check = arg;
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID};
	static AgcPlan count = {"SELECT FROM agentcore.policy_check WHERE tenant = $1 AND policy = $2 AND name <> $3", 3, types};
	static AgcPlan plan = {
		"INSERT INTO agentcore.policy_check AS c (tenant, policy, name, tool, \"check\", audit) VALUES ($1, $2, $3, $4, $5, $6)"
		" ON CONFLICT (tenant, policy, name) DO UPDATE SET tool = EXCLUDED.tool, \"check\" = EXCLUDED.\"check\", audit = EXCLUDED.audit"
		" WHERE (c.tool, c.\"check\", c.audit) IS DISTINCT FROM (EXCLUDED.tool, EXCLUDED.\"check\", EXCLUDED.audit)",
		lengthof(types), types
	};
	AgcRow		row;

	allow_lock_policy(&check->row);
	agc_row_init(&row);
	agc_put_text(&row, check->row.tenant);
	agc_put_text(&row, check->row.policy);
	agc_put_text(&row, check->name);
	agc_spi_row(&count, &row);
	if (SPI_processed >= CHECKS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("policy \"%s\" has too many checks", check->row.policy),
				 errdetail("A policy has at most %d of them.", CHECKS_MAX)));
	agc_put_text(&row, check->row.pattern);
	agc_put_text(&row, check->function);
	agc_put_bool(&row, check->audit);
	agc_spi_row(&plan, &row);
	check->changed = SPI_processed > 0;
}

/* policy_check_set(policy, tool, name, check, audit, tenant) -> boolean: whether anything changed */
AGC_FUNCTION(policy_check_set)
{
	CheckRow	check = {0};

	allow_read_tool_pattern(fcinfo, &check.row);
	check.name = agc_arg_name(fcinfo, 2, "name");
	check.function = agc_arg_name(fcinfo, 3, "check");
	check.audit = agc_arg_bool(fcinfo, 4, "audit");
	check.row.tenant = agc_arg_tenant_or_every(fcinfo, 5);
	agc_enter(check.row.tenant, AGC_ADMIN);
	allow_check_common(check.row.tenant, check.row.policy, false);
	allow_write(write_check, &check);
	/* what stands so already stays although its function has changed: policy_lint() tells that */
	if (check.changed)
		check_function_require(check.function, CHECK_TEXT, check.row.tenant);
	PG_RETURN_BOOL(check.changed);
}

/* policy_check_drop(policy, name, tenant) -> boolean: whether there was one */
AGC_FUNCTION(policy_check_drop)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.policy_check WHERE tenant = $1 AND policy = $2 AND name = $3", 3, types
	};
	char	   *policy = agc_arg_name(fcinfo, 0, "policy");
	char	   *name = agc_arg_name(fcinfo, 1, "name");
	char	   *tenant = agc_arg_tenant_or_every(fcinfo, 2);
	AgcRow		key;

	agc_enter(tenant, AGC_ADMIN);
	allow_require_policy(tenant, policy);
	agc_row_init(&key);
	agc_put_text(&key, tenant);
	agc_put_text(&key, policy);
	agc_put_text(&key, name);
	PG_RETURN_BOOL(allow_write_statement(&plan, &key) > 0);
}
