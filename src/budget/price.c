/*
 * price.c
 *	  What a model call costs, and how much a provider says it used.
 *
 * Prices are numeric and may have any number of digits; the cost of a call is
 * computed exactly and rounded up to a nano-dollar once.
 *
 * Memory: the caller's context.  Locks: AccessShareLock on agentcore.model_price.
 * On ERROR: nothing to undo.
 */
#include "budget/budget.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/rel.h"

static AgcTable price_table = AGC_TABLE("model_price", "model_price_pkey");

typedef struct PriceScan
{
	TimestampTz at;
	TimestampTz valid_from;
	bool		found;
	Datum		input;
	Datum		output;
	Datum		cached;
} PriceScan;

static Datum
copy_price(Datum price)
{
	return datumCopy(price, false, -1);
}

/* Keeps the price with the latest valid_from that has come. */
static void
look_at_price(HeapTuple tuple, TupleDesc desc, void *arg)
{
	PriceScan  *scan = arg;
	bool		isnull;
	TimestampTz valid_from = DatumGetTimestampTz(agc_col(tuple, desc, "valid_from", &isnull));
	Datum		cached;

	if (valid_from > scan->at || (scan->found && valid_from < scan->valid_from))
		return;
	scan->found = true;
	scan->valid_from = valid_from;
	scan->input = copy_price(agc_col(tuple, desc, "usd_per_input_token", &isnull));
	scan->output = copy_price(agc_col(tuple, desc, "usd_per_output_token", &isnull));
	cached = agc_col(tuple, desc, "usd_per_cached_token", &isnull);
	scan->cached = isnull ? scan->input : copy_price(cached);
}

static Datum
cost_of(Datum price, int64 tokens)
{
	return DirectFunctionCall2(numeric_mul, price, NumericGetDatum(int64_to_numeric(tokens)));
}

bool
price_call(const char *tenant, const char *model, int64 input_tokens, int64 output_tokens,
		   int64 cached_tokens, int64 *nanousd)
{
	const char *keys[2] = {tenant, model};
	PriceScan	scan = {.at = agc_now()};
	Relation	rel = agc_table_open(&price_table, AccessShareLock);
	Datum		cost;

	agc_table_scan(&price_table, rel, 2, keys, look_at_price, &scan);
	agc_table_close(rel, AccessShareLock);
	if (!scan.found)
		return false;

	cached_tokens = Min(cached_tokens, input_tokens);
	cost = DirectFunctionCall2(numeric_add, cost_of(scan.input, input_tokens - cached_tokens),
							   cost_of(scan.cached, cached_tokens));
	cost = DirectFunctionCall2(numeric_add, cost, cost_of(scan.output, output_tokens));
	*nanousd = agc_numeric_nanousd(cost, "cost of the call");
	return true;
}

/* ----- usage objects ----- */

typedef enum UsageField
{
	USAGE_ABSENT,				/* or null */
	USAGE_COUNT,
	USAGE_BAD
} UsageField;

static UsageField
read_count(JsonbValue *value, int64 *count)
{
	Datum		whole;

	if (value == NULL || value->type == jbvNull)
		return USAGE_ABSENT;
	if (value->type != jbvNumeric || numeric_is_nan(value->val.numeric))
		return USAGE_BAD;
	whole = DirectFunctionCall2(numeric_trunc, NumericGetDatum(value->val.numeric), Int32GetDatum(0));
	if (!DatumGetBool(DirectFunctionCall2(numeric_eq, whole, NumericGetDatum(value->val.numeric))) ||
		DatumGetBool(DirectFunctionCall2(numeric_lt, whole, NumericGetDatum(int64_to_numeric(0)))) ||
		DatumGetBool(DirectFunctionCall2(numeric_gt, whole, NumericGetDatum(int64_to_numeric(PG_INT64_MAX)))))
		return USAGE_BAD;
	*count = DatumGetInt64(DirectFunctionCall1(numeric_int8, whole));
	return USAGE_COUNT;
}

static UsageField
get_count(JsonbContainer *object, const char *name, int64 *count)
{
	JsonbValue	value;

	*count = 0;
	return read_count(getKeyJsonValueFromContainer(object, name, strlen(name), &value), count);
}

/* a count inside a nested object: {"prompt_tokens_details": {"cached_tokens": 3}} */
static UsageField
get_nested(JsonbContainer *object, const char *outer, const char *name, int64 *count)
{
	JsonbValue	value;

	*count = 0;
	if (getKeyJsonValueFromContainer(object, outer, strlen(outer), &value) == NULL ||
		value.type == jbvNull)
		return USAGE_ABSENT;
	if (value.type != jbvBinary || !JsonContainerIsObject(value.val.binary.data))
		return USAGE_BAD;
	return get_count(value.val.binary.data, name, count);
}

static bool
read_openai_chat(JsonbContainer *usage, int64 *input, int64 *output, int64 *cached)
{
	return get_count(usage, "prompt_tokens", input) == USAGE_COUNT &&
		get_count(usage, "completion_tokens", output) != USAGE_BAD &&
		get_nested(usage, "prompt_tokens_details", "cached_tokens", cached) != USAGE_BAD;
}

/*
 * OpenAI's responses and Anthropic name input and output alike.  Anthropic
 * counts what it read from and wrote to its cache apart from input_tokens.
 */
static bool
read_input_output(JsonbContainer *usage, int64 *input, int64 *output, int64 *cached)
{
	int64		detail;
	int64		cache_read;
	int64		cache_write;

	if (get_count(usage, "input_tokens", input) != USAGE_COUNT ||
		get_count(usage, "output_tokens", output) == USAGE_BAD ||
		get_nested(usage, "input_tokens_details", "cached_tokens", &detail) == USAGE_BAD ||
		get_count(usage, "cache_read_input_tokens", &cache_read) == USAGE_BAD ||
		get_count(usage, "cache_creation_input_tokens", &cache_write) == USAGE_BAD ||
		pg_add_s64_overflow(*input, cache_read, input) ||
		pg_add_s64_overflow(*input, cache_write, input) ||
		pg_add_s64_overflow(detail, cache_read, cached))
		return false;
	return true;
}

bool
usage_read(Jsonb *usage, int64 *input_tokens, int64 *output_tokens, int64 *cached_tokens)
{
	int64		probe;

	if (usage == NULL || !JB_ROOT_IS_OBJECT(usage))
		return false;
	if (get_count(&usage->root, "prompt_tokens", &probe) != USAGE_ABSENT)
	{
		if (!read_openai_chat(&usage->root, input_tokens, output_tokens, cached_tokens))
			return false;
	}
	else if (!read_input_output(&usage->root, input_tokens, output_tokens, cached_tokens))
		return false;
	return *cached_tokens <= *input_tokens;
}

/* ----- model_price_set ----- */

static Datum
arg_price(FunctionCallInfo fcinfo, int n, const char *what)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be null", what)));
	(void) agc_numeric_nanousd(PG_GETARG_DATUM(n), what);
	return PG_GETARG_DATUM(n);
}

/* model_price_set(model, input, output, cached, valid_from, tenant) -> boolean */
AGC_FUNCTION(model_price_set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, NUMERICOID, NUMERICOID, NUMERICOID, TIMESTAMPTZOID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.model_price AS p (tenant, name, usd_per_input_token,"
		" usd_per_output_token, usd_per_cached_token, valid_from)"
		" SELECT $1, $2, $3, $4, $5, $6"
		/* from now on: nothing to do while the price in force is this one */
		" WHERE NOT ($7 AND EXISTS (SELECT FROM (SELECT * FROM agentcore.model_price q"
		" WHERE q.tenant = $1 AND q.name = $2 AND q.valid_from <= $6"
		" ORDER BY q.valid_from DESC LIMIT 1) q"
		" WHERE (q.usd_per_input_token, q.usd_per_output_token, q.usd_per_cached_token)"
		" IS NOT DISTINCT FROM ($3, $4, $5)))"
		" ON CONFLICT (tenant, name, valid_from) DO UPDATE SET"
		" usd_per_input_token = EXCLUDED.usd_per_input_token,"
		" usd_per_output_token = EXCLUDED.usd_per_output_token,"
		" usd_per_cached_token = EXCLUDED.usd_per_cached_token"
		" WHERE (p.usd_per_input_token, p.usd_per_output_token, p.usd_per_cached_token)"
		" IS DISTINCT FROM (EXCLUDED.usd_per_input_token, EXCLUDED.usd_per_output_token,"
		" EXCLUDED.usd_per_cached_token)", lengthof(types), types
	};
	char	   *tenant = agc_arg_tenant(fcinfo, 5);
	char	   *model = agc_arg_name(fcinfo, 0, "model");
	char		nulls[lengthof(types) + 1] = "       ";
	Datum		values[lengthof(types)];

	values[0] = CStringGetTextDatum(tenant);
	values[1] = CStringGetTextDatum(model);
	values[2] = arg_price(fcinfo, 1, "usd_per_input_token");
	values[3] = arg_price(fcinfo, 2, "usd_per_output_token");
	if (PG_ARGISNULL(3))
		nulls[4] = 'n';
	else
		values[4] = arg_price(fcinfo, 3, "usd_per_cached_token");
	values[5] = PG_ARGISNULL(4) ? TimestampTzGetDatum(agc_now()) : PG_GETARG_DATUM(4);
	values[6] = BoolGetDatum(PG_ARGISNULL(4));

	agc_enter(tenant, AGC_ADMIN);
	PG_RETURN_BOOL(agc_owner_spi(&plan, values, nulls) > 0);
}

/* model_price_drop(model, tenant) -> boolean: all its prices, past ones too */
AGC_FUNCTION(model_price_drop)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.model_price WHERE tenant = $1 AND name = $2", 2, types
	};

	return agc_drop(fcinfo, "model", &plan);
}

/* model_cost(model, usage, tenant) -> (input_tokens, output_tokens, cached_tokens, usd) */
AGC_FUNCTION(model_cost)
{
	char	   *tenant = agc_arg_tenant(fcinfo, 2);
	char	   *model = agc_arg_name(fcinfo, 0, "model");
	Jsonb	   *usage = agc_arg_jsonb(fcinfo, 1, "usage");
	int64		input;
	int64		output;
	int64		cached;
	int64		nanousd;
	Datum		values[4];
	bool		nulls[4] = {false};

	agc_enter(tenant, AGC_READER);
	if (!usage_read(usage, &input, &output, &cached))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("usage is not a usage object of a known provider"),
				 errhint("It has prompt_tokens and completion_tokens, or input_tokens and output_tokens, as whole numbers.")));
	if (!price_call(tenant, model, input, output, cached, &nanousd))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" has no price", model),
				 errhint("Set one with agentcore.model_price_set().")));
	values[0] = Int64GetDatum(input);
	values[1] = Int64GetDatum(output);
	values[2] = Int64GetDatum(cached);
	values[3] = agc_nanousd_numeric(nanousd);
	return agc_row(fcinfo, values, nulls, lengthof(values));
}
