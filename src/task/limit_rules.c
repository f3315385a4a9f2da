/*
 * limit_rules.c
 *	  policy_limit_tool(), and its rows compiled.
 *
 * A row that cannot be compiled (somebody wrote to the table) lets nothing pass.
 *
 * Memory: compiled rules in their object's context.  Locks: row lock on the
 * policy while a limit is written.  On ERROR: the transaction takes everything
 * back.
 */
#include "task/limit_rules.h"

#include "catalog/pg_type.h"
#include "core/row.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"

#define LIMITS_MAX	32			/* of one policy */

static void *compile_rules(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name);

static AgcTable policy_table = AGC_TABLE("policy", "policy_pkey");
static AgcTable limit_table = AGC_TABLE("policy_limit", "policy_limit_pkey");
static const AgcObjectClass limit_class = {"policy_limits", &policy_table, compile_rules};

/* ----- amounts ----------------------------------------------------------------------- */

static bool
is_less(Numeric a, int64 b)
{
	return DatumGetBool(DirectFunctionCall2(numeric_lt, NumericGetDatum(a), NumericGetDatum(int64_to_numeric(b))));
}

/* in billionths, rounded down; *exact: nothing was cut off */
static int64
billionths(Numeric number, bool *exact)
{
	Datum		scaled = DirectFunctionCall2(numeric_mul, NumericGetDatum(number),
											 NumericGetDatum(int64_to_numeric(INT64CONST(1000000000))));
	Datum		whole = DirectFunctionCall1(numeric_floor, scaled);

	*exact = DatumGetBool(DirectFunctionCall2(numeric_eq, scaled, whole));
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, whole));
}

bool
limit_amount(Numeric number, int64 *amount)
{
	bool		exact;

	if (numeric_is_nan(number) || numeric_is_inf(number) || is_less(number, 0) ||
		!is_less(number, BUDGET_MAX_SUM / 1000000000 + 1))
		return false;
	*amount = billionths(number, &exact);
	return exact && *amount <= BUDGET_MAX_SUM;
}

bool
limit_maximum(Numeric number, int64 *amount)
{
	bool		exact;

	if (numeric_is_nan(number))
		return false;
	if (is_less(number, 0))
		*amount = 0;
	else if (numeric_is_inf(number) || !is_less(number, BUDGET_MAX_SUM / 1000000000))
		*amount = BUDGET_MAX_SUM;
	else
		*amount = billionths(number, &exact);
	return true;
}

/* ----- compiling ----------------------------------------------------------------------- */

static bool
compile_per(PolicyPart *part, LimitRule *rule, HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	Datum		per = agc_col(tuple, desc, "per", &isnull);
	int			n;
	char	  **texts = isnull ? NULL : agc_try_texts_of(per, &n);
	char	   *problem;
	char	   *hint;

	if (texts == NULL)
		return false;
	for (int i = 0; i < n && i < LIMIT_MAX_PER; i++)
	{
		rule->per_text[i] = texts[i];
		rule->per[i] = condition_pointer(part->pointers, texts[i], CONDITION_ALLOW, &problem, &hint);
		if (rule->per[i] < 0)
			return false;
	}
	rule->nper = n;
	return n <= LIMIT_MAX_PER;
}

static bool
compile_sum(PolicyPart *part, LimitRule *rule, HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	Datum		max_sum = agc_col(tuple, desc, "max_sum", &isnull);
	char	   *problem;
	char	   *hint;

	rule->sum = rule->max_sum = -1;
	rule->sum_text = agc_col_text(tuple, desc, "sum_of");
	rule->max_by = agc_col_text(tuple, desc, "max_by");
	if (rule->sum_text == NULL)
		return isnull && rule->max_by == NULL;
	rule->sum = condition_pointer(part->pointers, rule->sum_text, CONDITION_ALLOW, &problem, &hint);
	return rule->sum >= 0 && (isnull || limit_amount(DatumGetNumeric(max_sum), &rule->max_sum)) &&
		(!isnull || rule->max_by != NULL);
}

static void *
compile_rule(PolicyPart *part, HeapTuple tuple, TupleDesc desc)
{
	LimitRule  *rule;

	if (part->off)
		return NULL;
	rule = palloc0(sizeof(LimitRule));
	rule->name = agc_col_text(tuple, desc, "name");
	rule->pattern = agc_col_text(tuple, desc, "tool");
	rule->max_calls = agc_col_int64(tuple, desc, "max_calls", -1);
	rule->ask = agc_col_text(tuple, desc, "ask");
	rule->broken = !agc_try_col_interval(tuple, desc, "period", 0, &rule->period) ||
		!compile_per(part, rule, tuple, desc) || !compile_sum(part, rule, tuple, desc) ||
		rule->max_calls < -1 || (rule->max_calls < 0 && rule->sum < 0);
	/* nobody knows which tools it is about */
	if (!agc_is_tool_pattern(rule->pattern))
	{
		rule->pattern = "*";
		rule->broken = true;
	}
	return rule;
}

static void *
compile_rules(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name)
{
	return policy_part_compile(&limit_table, compile_rule, tuple, desc, tenant, name);
}

const PolicyPart *
limit_rules_pin(const char *tenant, const char *policy, AgcObject **object)
{
	return policy_part_pin(&limit_class, tenant, policy, object);
}

/* ----- what is likely wrong with them -------------------------------------------------- */

void
limit_linted(const char *name, const char *pattern, char **per, int nper, char *sum_of, LintRule *counts, LintRule *adds)
{
	LintRule	rule = {.name = agc_shown(name, AGC_MAX_NAME), .pattern = pattern, .effect = "limit"};

	*counts = *adds = rule;
	counts->npointers = nper;
	counts->pointers = per;
	counts->values = LINT_SCALAR;
	if (sum_of == NULL)
		return;
	adds->npointers = 1;
	adds->pointers = palloc(sizeof(char *));
	adds->pointers[0] = sum_of;
	adds->values = LINT_NUMBER;
}

/* ----- writing ----------------------------------------------------------------------- */

typedef struct LimitRow
{
	char	   *tenant;
	char	   *policy;
	char	   *name;
	char	   *pattern;		/* of the tool */
	Datum		per;
	int64		max_calls;
	char	   *sum_of;
	Datum		max_sum;		/* 0: none, as for period */
	char	   *max_by;
	Datum		period;
	char	   *ask;
	bool		changed;
} LimitRow;

pg_noreturn static void
refuse(const char *what, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", what),
			 detail == NULL ? 0 : errdetail("%s", detail),
			 hint == NULL ? 0 : errhint("%s", hint)));
}

static void
read_tool(FunctionCallInfo fcinfo, LimitRow *limit)
{
	limit->policy = agc_arg_name(fcinfo, 0, "policy");
	limit->pattern = agc_arg_tool_pattern(fcinfo, 1);
	limit->name = agc_arg_name(fcinfo, 2, "name");
}

static void
check_pointer(ConditionPointers *pointers, const char *text, const char *what)
{
	char	   *problem = NULL;
	char	   *hint = NULL;
	Size		len = strlen(text);

	if (condition_pointer(pointers, text, CONDITION_ALLOW, &problem, &hint) < 0)
		refuse(psprintf("invalid %s of a limit", what), psprintf("%s.", problem), hint);
	if (strstr(text, "/*") != NULL || text[len - 1] == '?')
		refuse(psprintf("invalid %s of a limit", what),
					   psprintf("%s does not point at one value that is always there.", agc_quoted_name(text)),
					   "Leave out the * and the ?.");
}

static void
read_per(FunctionCallInfo fcinfo, ConditionPointers *pointers, LimitRow *limit)
{
	int n;
	char **per = agc_opt_names(fcinfo, 3, "per", &n);

	if (per == NULL)
	{
		per = palloc(sizeof(char *));
		per[0] = "/task";
		n = 1;
	}
	if (n > LIMIT_MAX_PER)
		refuse("too many pointers in per", psprintf("A limit has at most %d of them.", LIMIT_MAX_PER), NULL);
	for (int i = 0; i < n; i++)
		check_pointer(pointers, per[i], "per");
	limit->per = agc_texts_datum(per, n);
}

static void
read_maxima(FunctionCallInfo fcinfo, ConditionPointers *pointers, LimitRow *limit)
{
	int64 amount;

	limit->max_calls = agc_opt_amount(fcinfo, 4, "max_calls", -1);
	limit->sum_of = agc_opt_name(fcinfo, 5, "sum_of");
	limit->max_sum = PG_ARGISNULL(6) ? (Datum) 0 : PG_GETARG_DATUM(6);
	limit->max_by = agc_opt_name(fcinfo, 7, "max_by");
	if (limit->sum_of != NULL)
		check_pointer(pointers, limit->sum_of, "sum_of");
	if ((limit->sum_of != NULL) != (limit->max_sum != (Datum) 0 || limit->max_by != NULL))
		refuse("a sum and its maximum belong together",
					   limit->sum_of != NULL ? "There is a sum_of, and neither max_sum nor max_by." : "There is a maximum of a sum, and no sum_of.",
					   "For example sum_of => '/args/amount', max_sum => 1000.");
	if (limit->max_calls < 0 && limit->sum_of == NULL)
		refuse("the limit limits nothing", NULL, "Give it max_calls, or sum_of with max_sum or max_by.");
	if (limit->max_sum != (Datum) 0 && !limit_amount(DatumGetNumeric(limit->max_sum), &amount))
		refuse("max_sum is out of range", "It is at least 0, at most 2000000000, and has at most 9 decimals.", NULL);
}

static void
read_period(FunctionCallInfo fcinfo, LimitRow *limit)
{
	int64 us = agc_opt_interval(fcinfo, 8, "period", -1);

	if (us < 0)
		return;
	if (PG_GETARG_INTERVAL_P(8)->month != 0)
		refuse("months are not of equal length", NULL, "Write the period in days.");
	if (us < USECS_PER_SEC || us > INT64CONST(100) * 366 * USECS_PER_DAY)
		refuse("period is out of range", "It is at least a second and at most 100 years.", "Leave it out for a limit that counts for ever.");
	limit->period = PG_GETARG_DATUM(8);
}

static void
linted(const LimitRow *limit, LintRule *counts, LintRule *adds)
{
	int n;
	char **per = agc_texts_of(limit->per, &n);

	limit_linted(limit->name, limit->pattern, per, n, limit->sum_of, counts, adds);
}

/* By what there is; what stands so already stays although that has changed, and policy_lint() tells it. */
static void
check_named(const LimitRow *limit, const LintRule *counts, const LintRule *adds)
{
	CallAsk		ask;

	if (limit->ask != NULL && !allow_find_ask(limit->tenant, limit->policy, limit->ask, &ask))
		agc_refuse_unknown("ask", limit->ask, NULL, "Create it with agentcore.policy_ask_tool(), in the same policy.");
	if (limit->max_by != NULL)
		check_function_require(limit->max_by, CHECK_NUMERIC, limit->tenant);
	lint_refuse(limit->tenant, counts);
	lint_refuse(limit->tenant, adds);
}

static void
write_limit(void *arg)
{
	LimitRow   *limit = arg;
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, INT8OID, TEXTOID, NUMERICOID, TEXTOID, INTERVALOID, TEXTOID};
	static AgcPlan lock = {"SELECT FROM agentcore.policy WHERE tenant = $1 AND name = $2 FOR NO KEY UPDATE", 2, types};
	static AgcPlan count = {"SELECT FROM agentcore.policy_limit WHERE tenant = $1 AND policy = $2 AND name <> $3", 3, types};
	static AgcPlan plan = {
		"INSERT INTO agentcore.policy_limit AS l (tenant, policy, name, tool, per, max_calls, sum_of, max_sum, max_by, period, ask)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
		" ON CONFLICT (tenant, policy, name) DO UPDATE SET tool = EXCLUDED.tool, per = EXCLUDED.per, max_calls = EXCLUDED.max_calls,"
		" sum_of = EXCLUDED.sum_of, max_sum = EXCLUDED.max_sum, max_by = EXCLUDED.max_by, period = EXCLUDED.period, ask = EXCLUDED.ask"
		" WHERE (l.tool, l.per, l.max_calls, l.sum_of, l.max_sum, l.max_by, l.period, l.ask) IS DISTINCT FROM"
		" (EXCLUDED.tool, EXCLUDED.per, EXCLUDED.max_calls, EXCLUDED.sum_of, EXCLUDED.max_sum, EXCLUDED.max_by, EXCLUDED.period, EXCLUDED.ask)",
		lengthof(types), types
	};
	AgcOwner	owner;
	AgcRow		row;

	agc_owner_begin_bounded(&owner);
	agc_row_init(&row);
	agc_put_text(&row, limit->tenant);
	agc_put_text(&row, limit->policy);
	agc_spi_row(&lock, &row);
	agc_put_text(&row, limit->name);
	agc_spi_row(&count, &row);
	if (SPI_processed >= LIMITS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("policy \"%s\" has too many limits", limit->policy),
				 errdetail("A policy has at most %d of them.", LIMITS_MAX)));
	agc_put_text(&row, limit->pattern);
	agc_put(&row, limit->per);
	agc_put_datum(&row, Int64GetDatum(limit->max_calls), limit->max_calls < 0);
	agc_put_text(&row, limit->sum_of);
	agc_put_datum(&row, limit->max_sum, limit->max_sum == (Datum) 0);
	agc_put_text(&row, limit->max_by);
	agc_put_datum(&row, limit->period, limit->period == (Datum) 0);
	agc_put_text(&row, limit->ask);
	agc_spi_row(&plan, &row);
	limit->changed = SPI_processed > 0;
	agc_owner_end(&owner);
}

/*
 * policy_limit_tool(policy, tool, name, per, max_calls, sum_of, max_sum, max_by, period, ask, tenant)
 * -> boolean: whether anything changed
 */
AGC_FUNCTION(policy_limit_tool)
{
	ConditionPointers *pointers = condition_pointers_new();
	LimitRow	limit = {0};
	LintRule	counts;
	LintRule	adds;

	read_tool(fcinfo, &limit);
	limit.tenant = agc_arg_tenant_or_every(fcinfo, 10);
	agc_enter(limit.tenant, AGC_ADMIN);
	read_per(fcinfo, pointers, &limit);
	read_maxima(fcinfo, pointers, &limit);
	read_period(fcinfo, &limit);
	limit.ask = agc_opt_name(fcinfo, 9, "ask");
	allow_check_common(limit.tenant, limit.policy, false);
	allow_require_policy(limit.tenant, limit.policy);
	linted(&limit, &counts, &adds);
	agc_attributed(write_limit, &limit);
	if (limit.changed)
		check_named(&limit, &counts, &adds);
	lint_notice(limit.tenant, limit.policy, &counts);
	lint_notice(limit.tenant, limit.policy, &adds);
	PG_RETURN_BOOL(limit.changed);
}

static void
drop_limit(void *arg)
{
	LimitRow   *limit = arg;
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.policy_limit WHERE tenant = $1 AND policy = $2 AND name = $3", lengthof(types), types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, limit->tenant);
	agc_put_text(&row, limit->policy);
	agc_put_text(&row, limit->name);
	limit->changed = agc_owner_spi_row_bounded(&plan, &row) > 0;
}

/* policy_limit_drop(policy, name, tenant) -> boolean: whether there was one */
AGC_FUNCTION(policy_limit_drop)
{
	LimitRow	limit = {0};

	limit.policy = agc_arg_name(fcinfo, 0, "policy");
	limit.name = agc_arg_name(fcinfo, 1, "name");
	limit.tenant = agc_arg_tenant_or_every(fcinfo, 2);
	agc_enter(limit.tenant, AGC_ADMIN);
	allow_require_policy(limit.tenant, limit.policy);
	agc_attributed(drop_limit, &limit);
	PG_RETURN_BOOL(limit.changed);
}
