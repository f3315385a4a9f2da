/*
 * retry_policy.c
 *	  Retry policies as data: table agentcore.retry_policy, the built-in policy
 *	  "default", and the strict reading of a policy's rules.
 *
 * Memory: a compiled policy is an object of core/object.c; readers get a flat
 * copy, so no pin outlives a call.  Locks: AccessShareLock for reading, row
 * locks of the writing statements.  On ERROR: the transaction takes a change
 * back; a row whose rules do not compile (written around retry_policy_set)
 * raises 22023 at every use, it never falls back to something milder.
 */
#include "retry/retry_policy.h"

#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/rel.h"

#define MAX_RULES		1000
#define MAX_ATTEMPTS	1000
#define MAX_WAIT		(INT64CONST(366) * USECS_PER_DAY)

enum
{
	A_BASE = 1, A_CAP, A_MAX_ATTEMPTS, A_MAX_ELAPSED, A_MAX_RETRY_AFTER, A_RULES, A_METHOD
};

static void *compile_policy(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name);

static AgcTable policy_table = AGC_TABLE("retry_policy", "retry_policy_pkey");
static const AgcObjectClass policy_class = {"retry_policy", &policy_table, compile_policy};

/* in the order of BackoffMethod */
static const char *const method_names[] = {"none", "equal", "full", "decorrelated"};

/* the delays of 16 attempts are 151 s on average, and in one run of 7000 less than a minute: they outlast a limit by the minute */
static const RetryPolicy builtin_policy = {
	.method = BACKOFF_FULL,
	.base = 500 * INT64CONST(1000),
	.cap = 30 * USECS_PER_SEC,
	.max_attempts = 16,
	.max_elapsed = 10 * USECS_PER_MINUTE,
	.max_retry_after = 2 * USECS_PER_MINUTE,
};

/* ----- rules --------------------------------------------------------------- */

/* does not return */
static void
bad_rule(int n, const char *problem)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("rule %d of the retry policy %s", n + 1, problem),
			 errhint("A rule is {\"status\": 429 or [500, 599], \"error\": \"phrase\", \"class\": \"retry\" | \"throttle\" | \"fatal\" | \"quota\"}; status or error may be left out.")));
}

static int
parse_status(const JsonbValue *value, int n)
{
	Datum		number;

	if (value->type != jbvNumeric)
		bad_rule(n, "has a status that is no number");
	number = NumericGetDatum(value->val.numeric);
	if (numeric_is_nan(value->val.numeric) || numeric_is_inf(value->val.numeric) ||
		!DatumGetBool(DirectFunctionCall2(numeric_eq, number,
										  DirectFunctionCall1(numeric_floor, number))) ||
		!DatumGetBool(DirectFunctionCall2(numeric_ge, number, NumericGetDatum(int64_to_numeric(100)))) ||
		!DatumGetBool(DirectFunctionCall2(numeric_le, number,
										  NumericGetDatum(int64_to_numeric(RETRY_STATUS_MAX)))))
		bad_rule(n, "has a status outside 100 to 999");
	return DatumGetInt32(DirectFunctionCall1(numeric_int4, number));
}

/* 429 or [500, 599] */
static void
parse_status_range(JsonbValue *value, RetryRule *rule, int n)
{
	JsonbContainer *pair;

	if (value->type != jbvBinary)
	{
		rule->first = rule->last = parse_status(value, n);
		return;
	}
	pair = value->val.binary.data;
	if (!JsonContainerIsArray(pair) || JsonContainerSize(pair) != 2)
		bad_rule(n, "has a status that is neither a number nor a pair of them");
	rule->first = parse_status(getIthJsonbValueFromContainer(pair, 0), n);
	rule->last = parse_status(getIthJsonbValueFromContainer(pair, 1), n);
	if (rule->first > rule->last)
		bad_rule(n, "has a status range that ends before it begins");
}

static bool
is_key(const JsonbValue *key, const char *word)
{
	return key->val.string.len == (int) strlen(word) &&
		memcmp(key->val.string.val, word, key->val.string.len) == 0;
}

static void
parse_rule(JsonbValue *value, RetryRule *rule, int n, bool last)
{
	JsonbIterator *it;
	JsonbValue	key;
	bool		any_status = true;

	*rule = (RetryRule)
	{
		0, RETRY_STATUS_MAX, NULL, RETRY_CLASS_UNKNOWN
	};
	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		bad_rule(n, "is not an object");
	it = JsonbIteratorInit(value->val.binary.data);
	(void) JsonbIteratorNext(&it, &key, true);
	while (JsonbIteratorNext(&it, &key, true) == WJB_KEY)
	{
		JsonbValue	member;

		(void) JsonbIteratorNext(&it, &member, true);
		if (is_key(&key, "status"))
		{
			parse_status_range(&member, rule, n);
			any_status = false;
		}
		else if (is_key(&key, "error"))
		{
			if (member.type != jbvString || member.val.string.len == 0 ||
				member.val.string.len > AGC_MAX_NAME)
				bad_rule(n, "has an error that is not a string of 1 to 255 bytes");
			rule->error = pnstrdup(member.val.string.val, member.val.string.len);
		}
		else if (is_key(&key, "class"))
		{
			if (member.type == jbvString)
				rule->class = retry_class_parse(member.val.string.val, member.val.string.len);
			if (rule->class == RETRY_CLASS_UNKNOWN)
				bad_rule(n, "has a class other than retry, throttle, fatal and quota");
		}
		else
			bad_rule(n, "has a member other than status, error and class");
	}
	if (rule->class == RETRY_CLASS_UNKNOWN)
		bad_rule(n, "has no class");
	if (any_status && rule->error == NULL && !last)
		bad_rule(n, "matches everything, so that the rules after it never match");
}

/* In CurrentMemoryContext; NULL when there are none. */
static RetryRule *
parse_rules(Jsonb *jsonb, int *nrules)
{
	RetryRule  *rules;

	if (!JB_ROOT_IS_ARRAY(jsonb) || JB_ROOT_IS_SCALAR(jsonb))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rules must be an array of objects")));
	*nrules = JB_ROOT_COUNT(jsonb);
	if (*nrules > MAX_RULES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a retry policy has too many rules"),
				 errdetail("It has %d; at most %d are allowed.", *nrules, MAX_RULES)));
	if (*nrules == 0)
		return NULL;
	rules = palloc(*nrules * sizeof(RetryRule));
	for (int i = 0; i < *nrules; i++)
		parse_rule(getIthJsonbValueFromContainer(&jsonb->root, i), &rules[i], i, i == *nrules - 1);
	return rules;
}

/* ----- methods ------------------------------------------------------------- */

/* 22023 for another word */
static BackoffMethod
parse_method(const char *word)
{
	for (int i = 0; i < lengthof(method_names); i++)
		if (strcmp(method_names[i], word) == 0)
			return i;
	agc_refuse_word("method", word, "none, equal, full or decorrelated");
}

/* ----- reading ------------------------------------------------------------- */

static void *
compile_policy(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name)
{
	RetryPolicy *policy = palloc(sizeof(RetryPolicy));
	bool		isnull;

	policy->method = parse_method(TextDatumGetCString(agc_col(tuple, desc, "method", &isnull)));
	policy->base = agc_col_interval(tuple, desc, "base", 0);
	policy->cap = agc_col_interval(tuple, desc, "cap", 0);
	policy->max_attempts = DatumGetInt32(agc_col(tuple, desc, "max_attempts", &isnull));
	policy->max_elapsed = agc_col_interval(tuple, desc, "max_elapsed", -1);
	policy->max_retry_after = agc_col_interval(tuple, desc, "max_retry_after", 0);
	policy->rules = parse_rules(DatumGetJsonbP(agc_col(tuple, desc, "rules", &isnull)),
								&policy->nrules);
	return policy;
}

/* does not return */
static void
unknown_policy(const char *tenant, const char *name)
{
	AgcNearest	nearest = {.wanted = name, .limit = 3};

	agc_nearest_add(&nearest, RETRY_DEFAULT_POLICY);
	agc_nearest_in(&nearest, &policy_table, tenant);
	agc_refuse_unknown("retry policy", name, &nearest,
					   "agentcore.retry_policy_set() creates it; \"" RETRY_DEFAULT_POLICY "\" is built in.");
}

static RetryPolicy *
copy_policy(const RetryPolicy *policy)
{
	RetryPolicy *copy = palloc(sizeof(RetryPolicy));

	*copy = *policy;
	if (policy->nrules > 0)
	{
		copy->rules = palloc(policy->nrules * sizeof(RetryRule));
		memcpy(copy->rules, policy->rules, policy->nrules * sizeof(RetryRule));
		for (int i = 0; i < policy->nrules; i++)
			if (policy->rules[i].error != NULL)
				copy->rules[i].error = pstrdup(policy->rules[i].error);
	}
	return copy;
}

RetryPolicy *
retry_policy_read(const char *tenant, const char *name)
{
	AgcObject  *object = agc_object_pin(&policy_class, tenant, name);
	RetryPolicy *policy;

	if (object == NULL)
	{
		if (strcmp(name, RETRY_DEFAULT_POLICY) != 0)
			unknown_policy(tenant, name);
		return copy_policy(&builtin_policy);
	}
	policy = copy_policy(object->data);
	agc_object_unpin(object);
	return policy;
}

void
retry_policy_check(const char *tenant, const char *name)
{
	(void) retry_policy_read(tenant, name);
}

bool
retry_policy_exists(const char *tenant, const char *name)
{
	AgcObject  *object;

	if (strcmp(name, "default") == 0)
		return true;
	object = agc_object_pin(&policy_class, tenant, name);
	if (object != NULL)
		agc_object_unpin(object);
	return object != NULL;
}

/* ----- SQL ----------------------------------------------------------------- */

/* a wait in microseconds, of at least `least` and at most a year */
static int64
wait_arg(FunctionCallInfo fcinfo, int n, const char *what, int64 least)
{
	int64		us = agc_opt_interval(fcinfo, n, what, 0);

	if (us < least || us > MAX_WAIT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is out of range", what),
				 errdetail("It must be at least %lld us and at most 366 days.", (long long) least)));
	return us;
}

static bool
write_policy(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, INTERVALOID, INTERVALOID, INT4OID,
								 INTERVALOID, INTERVALOID, JSONBOID, BOOLOID, TEXTOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.retry_policy AS p"
		" (tenant, name, base, cap, max_attempts, max_elapsed, max_retry_after, rules, method)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $10)"
		" ON CONFLICT (tenant, name) DO UPDATE SET base = EXCLUDED.base, cap = EXCLUDED.cap,"
		" max_attempts = EXCLUDED.max_attempts, max_elapsed = EXCLUDED.max_elapsed,"
		" max_retry_after = EXCLUDED.max_retry_after, rules = EXCLUDED.rules, method = EXCLUDED.method"
		" WHERE $9 AND (p.base, p.cap, p.max_attempts, p.max_elapsed, p.max_retry_after, p.rules, p.method)"
		" IS DISTINCT FROM (EXCLUDED.base, EXCLUDED.cap, EXCLUDED.max_attempts,"
		" EXCLUDED.max_elapsed, EXCLUDED.max_retry_after, EXCLUDED.rules, EXCLUDED.method)", lengthof(types), types
	};
	int64		base = wait_arg(fcinfo, A_BASE, "base", 0);
	int64		cap = wait_arg(fcinfo, A_CAP, "cap", 0);
	int32		attempts = PG_GETARG_INT32(A_MAX_ATTEMPTS);
	int64		elapsed = wait_arg(fcinfo, A_MAX_ELAPSED, "max_elapsed", 0);
	int64		longest = wait_arg(fcinfo, A_MAX_RETRY_AFTER, "max_retry_after", 0);
	Jsonb	   *rules = agc_arg_jsonb(fcinfo, A_RULES, "rules");
	char	   *method = agc_opt_text(fcinfo, A_METHOD);
	int			nrules;
	Datum		values[] = {
		set->keys[0], set->keys[1], IntervalPGetDatum(agc_us_interval(base)),
		IntervalPGetDatum(agc_us_interval(cap)), Int32GetDatum(attempts),
		IntervalPGetDatum(agc_us_interval(elapsed)), IntervalPGetDatum(agc_us_interval(longest)),
		JsonbPGetDatum(rules), BoolGetDatum(set->exists), CStringGetTextDatum(method)
	};

	if (attempts < 1 || attempts > MAX_ATTEMPTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_attempts is out of range"),
				 errdetail("Got %d; 1 to %d are allowed.", attempts, MAX_ATTEMPTS)));
	if (cap < base)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cap must not be less than base")));
	(void) parse_rules(rules, &nrules);
	(void) parse_method(method);
	return agc_set_write(set, &plan, values, elapsed == 0 ? "     n    " : NULL);
}

/* retry_policy_set(name, base, cap, max_attempts, max_elapsed, max_retry_after, rules, method, reset, tenant) -> boolean */
AGC_FUNCTION(retry_policy_set)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan row = {
		"SELECT base, cap, max_attempts, coalesce(max_elapsed, '0'), max_retry_after, rules, method"
		" FROM agentcore.retry_policy WHERE tenant = $1 AND name = $2 FOR NO KEY UPDATE", lengthof(types), types
	};
	/* as builtin_policy */
	static const AgcMember members[] = {
		{"base", "0.5 s"}, {"cap", "30 s"}, {"max_attempts", "16"}, {"max_elapsed", "10 min"},
		{"max_retry_after", "2 min"}, {"rules", "[]"}, {"method", "full"}
	};
	static const AgcSetter setter = {
		"retry policy", A_BASE, lengthof(members), members, &row, .write = write_policy
	};
	Datum		keys[] = {0, CStringGetTextDatum(agc_arg_name(fcinfo, 0, "name"))};

	return agc_set(fcinfo, &setter, keys);
}

/* retry_policy_drop(name, tenant) -> boolean */
AGC_FUNCTION(retry_policy_drop)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.retry_policy WHERE tenant = $1 AND name = $2", 2, types
	};

	return agc_drop(fcinfo, "name", &plan);
}
