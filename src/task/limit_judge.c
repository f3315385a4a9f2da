/*
 * limit_judge.c
 *	  What limits the policies of a call have, and what they say when they refuse.
 *
 * A limit counts by a counter of the budgets (budget.h, PermitLimit), so it is
 * exact as they are, and waits as they do.  The counter's name is a digest of whose
 * limit it is and of what it counts by, so it is made by its first use and nobody
 * has to hear of it.  Which sum may be reached is the call's, not the counter's: it
 * may come from a row of the business, read anew for each call.
 *
 * Values that are counted by are told apart as texts are: 7, 7.0 and "7" are one, or
 * a call would evade its limit by another spelling of a number.
 *
 * Memory: CurrentMemoryContext.  Locks: none here.  On ERROR: nothing to undo; an
 * error of a function that says the most is a refusal.
 */
#include "task/limit_rules.h"

#include "task/tasks.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

/* ----- which ------------------------------------------------------------------------- */

typedef struct Finder
{
	const char *tenant;			/* of the call */
	const char *tool;
	const char *root;			/* of the task */
	RuleContext *context;
	bool		of_now;
	CallLimits *out;
	int			size;
} Finder;

static bool
policy_limits(const char *tenant, const char *policy, const char *tool)
{
	AgcObject  *object;
	const PolicyPart *part = limit_rules_pin(tenant, policy, &object);
	bool		found = false;
	ListCell   *cell;

	if (part == NULL)
		return false;
	foreach(cell, part->rules)
		found |= agc_patterns_cover(&((LimitRule *) lfirst(cell))->pattern, 1, tool);
	agc_object_unpin(object);
	return found;
}

bool
task_has_limits(const char *tenant, const char *policy, const char *tool)
{
	AgcObject  *common[COMMON_MAX];
	int			ncommon = allow_pin_common(tenant, common);
	bool		found = policy_limits(tenant, policy, tool);

	for (int i = 0; i < ncommon; i++)
		found |= policy_limits(common[i]->tenant, COMMON_POLICY, tool);
	while (ncommon > 0)
		agc_object_unpin(common[--ncommon]);
	return found;
}

/* ----- what a call is for a limit ------------------------------------------------------- */

static void
add_field(StringInfo fields, const char *text)
{
	appendBinaryStringInfo(fields, text, strlen(text) + 1);
}

char *
task_value_text(Jsonb *value)
{
	JsonbValue	scalar;

	if (value == NULL || !JsonbExtractScalar(&value->root, &scalar))
		return NULL;
	switch (scalar.type)
	{
		case jbvString:
			return pnstrdup(scalar.val.string.val, scalar.val.string.len);
		case jbvNumeric:
			return numeric_normalize(scalar.val.numeric);
		case jbvBool:
			return pstrdup(scalar.val.boolean ? "true" : "false");
		default:
			return NULL;
	}
}

static const char *
per_value(const Finder *finder, const LimitRule *rule, int i, ConditionScope *scope)
{
	return strcmp(rule->per_text[i], "/task") == 0 ? finder->root : task_value_text(condition_value(scope, rule->per[i]));
}

/* The last name in a pointer, as people speak of it. */
static char *
pointer_name(const char *pointer)
{
	return strncmp(pointer, "/args/", 6) == 0 ? agc_shown(pointer + 6, AGC_NAME_SHOWN) : agc_shown(pointer, AGC_NAME_SHOWN);
}

/* A call that a limit cannot count does not run. */
static void
cannot_count(CallLimit *limit, const char *reason, const char *problem, char *feedback)
{
	limit->reason = reason;
	limit->detail = psprintf("limit: %s (%s)", limit->name, problem);
	limit->feedback = feedback;
}

static void
lacks_per(CallLimit *limit, const char *pointer)
{
	if (strcmp(pointer, "/task") == 0)
		cannot_count(limit, REASON_TASK_REQUIRED, "no task",
					 pstrdup("This call is allowed within a task only. Continue without it, or tell the user."));
	else if (strcmp(pointer, "/subject") == 0)
		cannot_count(limit, REASON_SUBJECT_REQUIRED, "no subject",
					 pstrdup("This call is allowed for a known subject only. Continue without it, or tell the user."));
	else
		cannot_count(limit, REASON_LIMIT_EXCEEDED, psprintf("no single value at %s", agc_shown(pointer, AGC_NAME_SHOWN)),
					 psprintf("This call is limited by its %s, which must be one text or number. Call again with it.",
							  pointer_name(pointer)));
}

/* Whose limit it is, and what it counts by: the counter's name. */
static char *
counter_name(const Finder *finder, const char *tenant, const char *policy, const LimitRule *rule, ConditionScope *scope,
			 CallLimit *limit)
{
	StringInfoData fields;
	AgcDigest  *digest;
	uint8		hash[AGC_HASH_LEN];

	initStringInfo(&fields);
	add_field(&fields, "limit");
	add_field(&fields, tenant);
	add_field(&fields, policy);
	add_field(&fields, rule->name);
	add_field(&fields, rule->sum_text != NULL ? rule->sum_text : "");
	add_field(&fields, psprintf("%lld", (long long) rule->period));
	for (int i = 0; i < rule->nper; i++)
	{
		const char *value = per_value(finder, rule, i, scope);

		if (value == NULL)
		{
			lacks_per(limit, rule->per_text[i]);
			return NULL;
		}
		add_field(&fields, rule->per_text[i]);
		add_field(&fields, value);
	}
	digest = agc_digest_begin();
	agc_digest_field(digest, fields.data, fields.len);
	agc_digest_end(digest, hash);
	return budget_limit_counter(hash);
}

static bool
add_sum(const LimitRule *rule, ConditionScope *scope, CallLimit *limit, PermitLimit *count)
{
	Jsonb	   *value = condition_value(scope, rule->sum);
	JsonbValue	scalar;

	if (value != NULL && JsonbExtractScalar(&value->root, &scalar) && scalar.type == jbvNumeric &&
		limit_amount(scalar.val.numeric, &count->sum))
		return true;
	cannot_count(limit, REASON_LIMIT_EXCEEDED, psprintf("no amount at %s", agc_shown(rule->sum_text, AGC_NAME_SHOWN)),
				 psprintf("%s is added up, so it must be a number from 0 to 2000000000 with at most 9 decimals. Call again with one.",
						  pointer_name(rule->sum_text)));
	return false;
}

/* The most, from a row of the business. */
static bool
lower_by_function(const Finder *finder, const LimitRule *rule, const char *zone, CallLimit *limit, PermitLimit *count)
{
	Datum		value;
	char	   *problem;
	int64		most = 0;
	CheckOutcome outcome = check_function_run(rule->max_by, CHECK_NUMERIC, finder->tenant, finder->context, zone, &value, &problem);

	if (outcome == CHECK_VALUE && !limit_maximum(DatumGetNumeric(value), &most))
	{
		outcome = CHECK_FAILED;
		problem = "not a number";
	}
	if (outcome == CHECK_FAILED)
	{
		cannot_count(limit, REASON_CHECK_FAILED, problem,
					 pstrdup("This call could not be checked, so it is not allowed. Continue without it, or tell the user."));
		return false;
	}
	count->max_sum = count->max_sum < 0 ? most : Min(count->max_sum, most);
	return true;
}

/* ----- what it says ---------------------------------------------------------------------- */

/* In the largest unit that it is a whole number of. */
static void
append_period(StringInfo out, int64 period)
{
	static const struct
	{
		const char *name;
		int64		us;
	} units[] = {{"day", USECS_PER_DAY}, {"hour", USECS_PER_HOUR}, {"minute", USECS_PER_MINUTE}, {"second", USECS_PER_SEC}};
	int			u = 0;

	while (u < lengthof(units) - 1 && period % units[u].us != 0)
		u++;
	appendStringInfo(out, " within %lld %s%s", (long long) (period / units[u].us), units[u].name,
					 period / units[u].us == 1 ? "" : "s");
}

static void
append_scope(StringInfo out, const LimitRule *rule)
{
	for (int i = 0; i < rule->nper; i++)
	{
		const char *pointer = rule->per_text[i];

		appendStringInfoString(out, i > 0 ? " and " : " ");
		if (strcmp(pointer, "/task") == 0)
			appendStringInfoString(out, "in this task");
		else if (strcmp(pointer, "/subject") == 0)
			appendStringInfoString(out, "for this subject");
		else if (strcmp(pointer, "/agent") == 0)
			appendStringInfoString(out, "for you");
		else
			appendStringInfo(out, "for the same %s", pointer_name(pointer));
	}
	if (rule->period > 0)
		append_period(out, rule->period);
}

static char *
amount_text(int64 amount)
{
	return numeric_normalize(DatumGetNumeric(agc_nanousd_numeric(amount)));
}

/* What is allowed; of a maximum that comes from a row nothing is told. */
static void
say_what_is_allowed(const LimitRule *rule, CallLimit *limit)
{
	StringInfoData scope;

	initStringInfo(&scope);
	append_scope(&scope, rule);
	if (rule->max_calls >= 0)
		limit->calls_feedback = psprintf("At most %lld call%s of %s may be made%s. Finish with what you have.",
										 (long long) rule->max_calls, rule->max_calls == 1 ? "" : "s",
										 agc_shown(rule->pattern, AGC_NAME_SHOWN), scope.data);
	if (rule->sum >= 0 && rule->max_by == NULL)
		limit->sum_feedback = psprintf("At most %s of %s is allowed in all%s. Make a smaller call, or finish with what you have.",
									   amount_text(rule->max_sum), pointer_name(rule->sum_text), scope.data);
	else if (rule->sum >= 0)
		limit->sum_feedback = psprintf("This is more of %s than is allowed in all%s. Make a smaller call, or finish with what you have.",
									   pointer_name(rule->sum_text), scope.data);
}

static void
take_limit(Finder *finder, const char *tenant, const char *policy, const PolicyPart *part, const LimitRule *rule)
{
	CallLimits *out = finder->out;
	CallLimit  *limit;
	PermitLimit *count;
	ConditionScope scope;

	if (out->n == finder->size)
	{
		finder->size = Max(4, 2 * finder->size);
		out->limit = out->n == 0 ? palloc(finder->size * sizeof(CallLimit)) : repalloc(out->limit, finder->size * sizeof(CallLimit));
		out->count = out->n == 0 ? palloc(finder->size * sizeof(PermitLimit)) : repalloc(out->count, finder->size * sizeof(PermitLimit));
	}
	limit = &out->limit[out->n];
	count = &out->count[out->n++];
	memset(limit, 0, sizeof(*limit));
	memset(count, 0, sizeof(*count));
	limit->tenant = pstrdup(tenant);
	limit->policy = pstrdup(policy);
	limit->name = agc_shown(rule->name, AGC_MAX_NAME);
	limit->ask = rule->ask == NULL ? NULL : pstrdup(rule->ask);
	limit->audit = part->audit;
	limit->max_is_told = rule->max_by == NULL;
	count->max_calls = rule->max_calls;
	count->max_sum = rule->max_sum;
	count->period = rule->period;
	if (rule->broken)
	{
		cannot_count(limit, REASON_LIMIT_EXCEEDED, "it cannot be read",
					 pstrdup("This call could not be checked, so it is not allowed. Continue without it, or tell the user."));
		return;
	}
	say_what_is_allowed(rule, limit);
	condition_scope_init(&scope, finder->context, part->tz, part->pointers);
	if (rule->sum >= 0 && (!add_sum(rule, &scope, limit, count) ||
						   (rule->max_by != NULL && finder->of_now && !lower_by_function(finder, rule, part->tz, limit, count))))
		return;
	count->counter = counter_name(finder, tenant, policy, rule, &scope, limit);
}

static void
take_policy(Finder *finder, const char *tenant, const char *policy)
{
	AgcObject  *object;
	const PolicyPart *part = limit_rules_pin(tenant, policy, &object);
	ListCell   *cell;

	if (part == NULL)
		return;
	foreach(cell, part->rules)
	{
		LimitRule  *rule = lfirst(cell);

		if (agc_patterns_cover(&rule->pattern, 1, finder->tool))
			take_limit(finder, tenant, policy, part, rule);
	}
	agc_object_unpin(object);
}

void
task_limits(const char *tenant, const char *policy, const char *tool, const char *root, RuleContext *context, bool of_now, CallLimits *out)
{
	Finder		finder = {tenant, tool, root, context, of_now, out};
	AgcObject  *common[COMMON_MAX];
	int			ncommon = allow_pin_common(tenant, common);

	memset(out, 0, sizeof(*out));
	take_policy(&finder, tenant, policy);
	for (int i = 0; i < ncommon; i++)
		take_policy(&finder, common[i]->tenant, COMMON_POLICY);
	while (ncommon > 0)
		agc_object_unpin(common[--ncommon]);
}

/* ----- when it refuses ---------------------------------------------------------------------- */

void
task_limit_refuses(CallLimit *limit, const BudgetFacts *facts)
{
	bool		is_sum = facts->is_usd;

	limit->reason = REASON_LIMIT_EXCEEDED;
	limit->feedback = is_sum ? limit->sum_feedback : limit->calls_feedback;
	if (!is_sum)
		limit->detail = psprintf("limit: %s (%lld of %lld calls used)", limit->name, (long long) facts->used, (long long) facts->max);
	else if (limit->max_is_told)
		limit->detail = psprintf("limit: %s (%s of %s used, %s more asked)", limit->name, amount_text(facts->used),
								 amount_text(facts->max), amount_text(facts->asked));
	else
		limit->detail = psprintf("limit: %s (the sum)", limit->name);
}
