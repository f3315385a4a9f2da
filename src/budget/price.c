/*
 * price.c
 *	  What a model call costs: prices of models and weights of their tokens.
 *
 * Prices are numeric and may have any number of digits; the cost of a call is
 * computed exactly and rounded up to a nano-dollar once.  A price holds from
 * valid_from until valid_to.  Of those that hold, the one that began last counts,
 * so that a temporary price takes the place of the lasting one.
 *
 * Memory: the caller's context.  Locks: AccessShareLock on agentcore.model_price.
 * On ERROR: nothing to undo.
 */
#include "budget/budget.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/rel.h"

/* what 64 bits of nano-dollars hold */
#define MOST_USD	INT64CONST(9000000000)

static AgcTable price_table = AGC_TABLE("model_price", "model_price_pkey");

/* The columns of the price and weight of each kind; where one is NULL, another kind's counts. */
static const struct
{
	const char *usd;
	const char *weight;
	TokenKind	otherwise;		/* comes before it in this table */
}			kind_columns[TOKEN_KINDS] = {
	[TOKEN_INPUT] = {"usd_per_input_token", "input_weight", TOKEN_INPUT},
	[TOKEN_CACHED] = {"usd_per_cached_token", "cached_weight", TOKEN_INPUT},
	[TOKEN_CACHE_WRITE] = {"usd_per_cache_write_token", NULL, TOKEN_INPUT},
	[TOKEN_LONG_CACHE_WRITE] = {"usd_per_long_cache_write_token", NULL, TOKEN_CACHE_WRITE},
	[TOKEN_OUTPUT] = {"usd_per_output_token", "output_weight", TOKEN_OUTPUT},
	[TOKEN_REASONING] = {"usd_per_reasoning_token", NULL, TOKEN_OUTPUT}
};

typedef struct Price
{
	TimestampTz at;
	TimestampTz valid_from;
	bool		found;
	bool		settling;		/* what is out of range is bounded */
	Datum		usd[TOKEN_KINDS];
	Datum		weight[TOKEN_KINDS];
} Price;

static Datum
read_rate(HeapTuple tuple, TupleDesc desc, const char *column, Datum otherwise)
{
	bool		isnull = true;
	Datum		rate = column == NULL ? (Datum) 0 : agc_col(tuple, desc, column, &isnull);

	return isnull ? otherwise : datumCopy(rate, false, -1);
}

/* Keeps the price that began last of those that hold. */
static void
look_at_price(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Price	   *price = arg;
	bool		from_null;
	bool		to_null;
	TimestampTz valid_from = DatumGetTimestampTz(agc_col(tuple, desc, "valid_from", &from_null));
	TimestampTz valid_to = DatumGetTimestampTz(agc_col(tuple, desc, "valid_to", &to_null));

	if (valid_from > price->at || (!to_null && valid_to <= price->at) ||
		(price->found && valid_from < price->valid_from))
		return;
	price->found = true;
	price->valid_from = valid_from;
	for (int kind = 0; kind < TOKEN_KINDS; kind++)
	{
		TokenKind	otherwise = kind_columns[kind].otherwise;

		price->usd[kind] = read_rate(tuple, desc, kind_columns[kind].usd, price->usd[otherwise]);
		price->weight[kind] = read_rate(tuple, desc, kind_columns[kind].weight, price->weight[otherwise]);
	}
}

static bool
find_price(const char *tenant, const char *model, TimestampTz at, Price *price)
{
	const char *keys[2] = {tenant, model};
	Relation	rel = agc_table_open(&price_table, AccessShareLock);

	memset(price, 0, sizeof(*price));
	price->at = at;
	agc_table_scan(&price_table, rel, 2, keys, look_at_price, price);
	agc_table_close(rel, AccessShareLock);
	return price->found;
}

static Datum
add_product(Datum sum, Datum rate, int64 tokens)
{
	Datum		product = DirectFunctionCall2(numeric_mul, rate, NumericGetDatum(int64_to_numeric(tokens)));

	return DirectFunctionCall2(numeric_add, sum, product);
}

static Datum
total_of(const Datum rate[TOKEN_KINDS], const TokenUsage *usage)
{
	Datum		sum = NumericGetDatum(int64_to_numeric(0));

	for (int kind = 0; kind < TOKEN_KINDS; kind++)
		if (usage->count[kind] != 0)
			sum = add_product(sum, rate[kind], usage->count[kind]);
	return sum;
}

/* Rounded up; a sum out of range counts as the largest number, never as a smaller one. */
static int64
weighted_tokens(Datum sum)
{
	Datum		whole = DirectFunctionCall1(numeric_ceil, sum);

	if (DatumGetBool(DirectFunctionCall2(numeric_gt, whole, NumericGetDatum(int64_to_numeric(PG_INT64_MAX)))))
		return PG_INT64_MAX;
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, whole));
}

/* Rounded up; beyond what agc_numeric_nanousd() takes it is the most that fits. */
static int64
nanousd_of(Datum usd)
{
	if (DatumGetBool(DirectFunctionCall2(numeric_gt, usd, NumericGetDatum(int64_to_numeric(MOST_USD)))))
		return MOST_USD * 1000000000;
	return agc_numeric_nanousd(usd, "cost of the call");
}

static void
apply_price(const Price *price, const TokenUsage *usage, CallCost *cost)
{
	cost->tokens = weighted_tokens(total_of(price->weight, usage));
	cost->nanousd = price->settling ? nanousd_of(total_of(price->usd, usage)) :
		agc_numeric_nanousd(total_of(price->usd, usage), "cost of the call");
}

static void
price_readings(const Price *price, const UsageReadings *usage, CallCost *cost, const TokenUsage **dearest)
{
	cost->tokens = cost->nanousd = -1;
	for (int i = 0; i < usage->n; i++)
	{
		CallCost	one;

		apply_price(price, &usage->reading[i], &one);
		if (dearest != NULL && one.nanousd > cost->nanousd)
			*dearest = &usage->reading[i];
		cost->tokens = Max(cost->tokens, one.tokens);
		cost->nanousd = Max(cost->nanousd, one.nanousd);
	}
}

bool
price_call(const char *tenant, const char *model, TimestampTz at, const UsageReadings *usage,
		   CallCost *cost, const TokenUsage **dearest)
{
	Price		price;

	if (!find_price(tenant, model, at, &price))
		return false;
	price_readings(&price, usage, cost, dearest);
	return true;
}

bool
price_settlement(const char *tenant, const char *model, TimestampTz at, const UsageReadings *usage, CallCost *cost)
{
	Price		price;

	if (!find_price(tenant, model, at, &price))
		return false;
	price.settling = true;
	price_readings(&price, usage, cost, NULL);
	return true;
}

/* Every kind that these tokens may turn out to be costs as the dearest of them. */
static void
level_up(Datum rate[TOKEN_KINDS], TokenKind first, TokenKind last)
{
	for (int kind = first + 1; kind <= (int) last; kind++)
		rate[first] = DirectFunctionCall2(numeric_larger, rate[first], rate[kind]);
}

static bool
is_zero(Datum rate)
{
	return DatumGetBool(DirectFunctionCall2(numeric_eq, rate, NumericGetDatum(int64_to_numeric(0))));
}

/* A bound of 0 is a promise only where every token is free. */
static int64
bound_or_unknown(int64 bound, const Datum rate[TOKEN_KINDS])
{
	return bound == 0 && !(is_zero(rate[TOKEN_INPUT]) && is_zero(rate[TOKEN_OUTPUT])) ? -1 : bound;
}

bool
price_bound(const char *tenant, const char *model, int64 input_tokens, int64 output_tokens,
			CallCost *cost)
{
	TokenUsage	most = {{0}};
	Price		price;

	if (!find_price(tenant, model, agc_now(), &price))
		return false;
	level_up(price.usd, TOKEN_INPUT, TOKEN_LONG_CACHE_WRITE);
	level_up(price.usd, TOKEN_OUTPUT, TOKEN_REASONING);
	level_up(price.weight, TOKEN_INPUT, TOKEN_LONG_CACHE_WRITE);
	level_up(price.weight, TOKEN_OUTPUT, TOKEN_REASONING);
	most.count[TOKEN_INPUT] = input_tokens;
	most.count[TOKEN_OUTPUT] = output_tokens;
	apply_price(&price, &most, cost);
	cost->tokens = bound_or_unknown(cost->tokens, price.weight);
	cost->nanousd = bound_or_unknown(cost->nanousd, price.usd);
	return true;
}

/* ----- model_price_set ----- */

enum
{
	A_MODEL, A_INPUT, A_OUTPUT, A_CACHED, A_VALID_FROM, A_VALID_TO, A_CACHE_WRITE,
	A_LONG_CACHE_WRITE, A_REASONING, A_INPUT_WEIGHT, A_OUTPUT_WEIGHT, A_CACHED_WEIGHT
};

/* what a price says, of the row known by "p" */
#define PRICE_OF(p) \
	p "usd_per_input_token, " p "usd_per_output_token, " p "usd_per_cached_token, " \
	p "valid_to, " p "usd_per_cache_write_token, " p "usd_per_long_cache_write_token, " \
	p "usd_per_reasoning_token, " p "input_weight, " p "output_weight, " p "cached_weight"
#define PRICE_GIVEN "$3, $4, $5, $7, $8, $9, $10, $11, $12, $13"

static const AgcMember price_members[] = {
	{"usd_per_input_token", .required = true}, {"usd_per_output_token", .required = true},
	{"usd_per_cached_token"}, {"valid_from"}, {"valid_to"}, {"usd_per_cache_write_token"},
	{"usd_per_long_cache_write_token"}, {"usd_per_reasoning_token"}, {"input_weight", "1"},
	{"output_weight", "1"}, {"cached_weight"}
};

static void
check_rates(FunctionCallInfo fcinfo)
{
	for (int i = 0; i < lengthof(price_members); i++)
		if (A_INPUT + i != A_VALID_FROM && A_INPUT + i != A_VALID_TO && !PG_ARGISNULL(A_INPUT + i))
			(void) agc_numeric_nanousd(PG_GETARG_DATUM(A_INPUT + i), price_members[i].name);
}

static void
check_validity(FunctionCallInfo fcinfo, AgcSetting *set, TimestampTz from)
{
	if (!PG_ARGISNULL(A_VALID_TO) && PG_GETARG_TIMESTAMPTZ(A_VALID_TO) <= from)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("valid_to must be later than valid_from"),
				 AGC_GIVEN(set, A_VALID_FROM) ? 0 : errhint("valid_from is now when it is not given.")));
}

/* Changes of one model's prices wait for each other here, so the price in force stays in force. */
static void
lock_prices(AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"SELECT FROM agentcore.model_price WHERE tenant = $1 AND name = $2"
		" ORDER BY valid_from FOR NO KEY UPDATE", lengthof(types), types
	};

	agc_spi(&plan, set->keys, NULL);
}

static bool
write_price(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, NUMERICOID, NUMERICOID, NUMERICOID, TIMESTAMPTZOID,
								 TIMESTAMPTZOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID, BOOLOID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.model_price AS p (tenant, name, valid_from, " PRICE_OF("") ")"
		" SELECT $1, $2, $6, " PRICE_GIVEN
		/* from now on: nothing to do while the price in force is this one */
		" WHERE NOT ($14 AND EXISTS (SELECT FROM (SELECT * FROM agentcore.model_price q"
		" WHERE q.tenant = $1 AND q.name = $2 AND q.valid_from <= $6"
		" AND (q.valid_to IS NULL OR q.valid_to > $6)"
		" ORDER BY q.valid_from DESC LIMIT 1) q"
		" WHERE (" PRICE_OF("q.") ") IS NOT DISTINCT FROM (" PRICE_GIVEN ")))"
		" ON CONFLICT (tenant, name, valid_from) DO UPDATE SET (" PRICE_OF("") ") = (" PRICE_OF("EXCLUDED.") ")"
		" WHERE $15 AND (" PRICE_OF("p.") ") IS DISTINCT FROM (" PRICE_OF("EXCLUDED.") ")", lengthof(types), types
	};
	TimestampTz from = AGC_GIVEN(set, A_VALID_FROM) ? PG_GETARG_TIMESTAMPTZ(A_VALID_FROM) : agc_now();
	AgcRow		row;

	check_rates(fcinfo);
	check_validity(fcinfo, set, from);
	agc_row_init(&row);
	agc_put(&row, set->keys[0]);
	for (int n = A_MODEL; n <= A_CACHED_WEIGHT; n++)
		if (n == A_VALID_FROM)
			agc_put_time(&row, from);
		else
			agc_put_arg(&row, fcinfo, n);
	agc_put_bool(&row, !AGC_GIVEN(set, A_VALID_FROM));
	agc_put_bool(&row, set->exists);
	return agc_set_write_row(set, &plan, &row);
}

/*
 * model_price_set(model, input, output, cached, valid_from, ..., reset, tenant) -> boolean.
 * The price that begins at valid_from; where that is not given, the one in force
 * is taken over from now on with what was given changed.
 */
AGC_FUNCTION(model_price_set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID, BOOLOID};
	static AgcPlan row = {
		"SELECT usd_per_input_token, usd_per_output_token, usd_per_cached_token, valid_from, valid_to,"
		" usd_per_cache_write_token, usd_per_long_cache_write_token, usd_per_reasoning_token,"
		" input_weight, output_weight, cached_weight"
		" FROM agentcore.model_price WHERE tenant = $1 AND name = $2 AND CASE WHEN $4 THEN valid_from = $3"
		" ELSE valid_from <= agentcore.clock_now() AND (valid_to IS NULL OR valid_to > agentcore.clock_now()) END"
		" ORDER BY valid_from DESC LIMIT 1", lengthof(types), types
	};
	static const AgcSetter setter = {
		"price", A_INPUT, lengthof(price_members), price_members, &row, .before = lock_prices, .write = write_price
	};
	bool		named = !PG_ARGISNULL(A_VALID_FROM);
	Datum		keys[] = {0, CStringGetTextDatum(agc_arg_name(fcinfo, A_MODEL, "model")),
					  TimestampTzGetDatum(named ? PG_GETARG_TIMESTAMPTZ(A_VALID_FROM) : 0), BoolGetDatum(named)};

	return agc_set(fcinfo, &setter, keys);
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

/*
 * model_cost(model, usage, at, tenant) -> (input_tokens, output_tokens,
 * cached_tokens, usd, cache_write_tokens, reasoning_tokens, tokens)
 */
AGC_FUNCTION(model_cost)
{
	char	   *tenant = agc_arg_tenant(fcinfo, 3);
	char	   *model = agc_arg_name(fcinfo, 0, "model");
	Jsonb	   *document = agc_arg_jsonb(fcinfo, 1, "usage");
	TimestampTz at = PG_ARGISNULL(2) ? agc_now() : PG_GETARG_TIMESTAMPTZ(2);
	UsageReadings usage;
	const TokenUsage *dearest = NULL;
	const int64 *count;
	int64		written;
	CallCost	cost;
	AgcRow		row;

	agc_enter(tenant, AGC_READER);
	if (!usage_read(document, &usage))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("usage is not a usage object of a known provider"),
				 errhint("It has prompt_tokens and completion_tokens, input_tokens and output_tokens, or promptTokenCount and candidatesTokenCount, as whole numbers.")));
	if (!price_call(tenant, model, at, &usage, &cost, &dearest))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" has no price", model),
				 errhint("Set one with agentcore.model_price_set().")));
	count = dearest->count;
	written = count[TOKEN_CACHE_WRITE] + count[TOKEN_LONG_CACHE_WRITE];
	agc_row_init(&row);
	agc_put_int64(&row, count[TOKEN_INPUT] + count[TOKEN_CACHED] + written);
	agc_put_int64(&row, count[TOKEN_OUTPUT] + count[TOKEN_REASONING]);
	agc_put_int64(&row, count[TOKEN_CACHED]);
	agc_put_usd(&row, cost.nanousd);
	agc_put_int64(&row, written);
	agc_put_int64(&row, count[TOKEN_REASONING]);
	agc_put_int64(&row, cost.tokens);
	return agc_row_return(fcinfo, &row);
}
