/*
 * price_set.c
 *	  model_price_set() and model_price_drop(): the price list.
 *
 * Memory: the caller's context.  Locks: FOR NO KEY UPDATE on the prices of the
 * model, to the end of the transaction.  On ERROR: the transaction takes back what
 * was written.
 */
#include "price/prices.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

enum
{
	A_MODEL, A_INPUT, A_OUTPUT, A_CACHED, A_VALID_FROM, A_VALID_TO, A_CACHE_WRITE,
	A_LONG_CACHE_WRITE, A_REASONING, A_INPUT_WEIGHT, A_OUTPUT_WEIGHT, A_CACHED_WEIGHT,
	A_AUDIO_INPUT, A_AUDIO_OUTPUT, A_IMAGE_INPUT, A_FEES, A_USE_REPORTED_COST,
	A_SERVICE_TIER, A_ABOVE_TOKENS
};

/* what a price says, of the row known by "p" */
#define PRICE_OF(p) \
	p "usd_per_input_token, " p "usd_per_output_token, " p "usd_per_cached_token, " \
	p "valid_to, " p "usd_per_cache_write_token, " p "usd_per_long_cache_write_token, " \
	p "usd_per_reasoning_token, " p "input_weight, " p "output_weight, " p "cached_weight, " \
	p "usd_per_audio_input_token, " p "usd_per_audio_output_token, " p "usd_per_image_input_token, " \
	p "fees, " p "use_reported_cost"
#define PRICE_GIVEN "$3, $4, $5, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18"

static const AgcMember price_members[] = {
	{"usd_per_input_token", .required = true}, {"usd_per_output_token", .required = true},
	{"usd_per_cached_token"}, {"valid_from"}, {"valid_to"}, {"usd_per_cache_write_token"},
	{"usd_per_long_cache_write_token"}, {"usd_per_reasoning_token"}, {"input_weight", "1"},
	{"output_weight", "1"}, {"cached_weight"}, {"usd_per_audio_input_token"},
	{"usd_per_audio_output_token"}, {"usd_per_image_input_token"}, {"fees"},
	{"use_reported_cost", "false"}, {"service_tier", TIER_STANDARD}, {"above_tokens", "0"}
};

static void
check_rates(FunctionCallInfo fcinfo)
{
	for (int n = A_INPUT; n <= A_IMAGE_INPUT; n++)
		if (n != A_VALID_FROM && n != A_VALID_TO && !PG_ARGISNULL(n))
			(void) agc_numeric_nanousd(PG_GETARG_DATUM(n), price_members[n - A_INPUT].name);
	if (!PG_ARGISNULL(A_FEES))
		price_check_fees(PG_GETARG_JSONB_P(A_FEES));
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
		" ORDER BY service_tier, above_tokens, valid_from FOR NO KEY UPDATE", lengthof(types), types
	};

	agc_spi(&plan, set->keys, NULL);
}

/* How the statements below number the arguments: the tenant is $1, then as they come. */
static void
put_price(AgcRow *row, FunctionCallInfo fcinfo, AgcSetting *set, TimestampTz from)
{
	agc_row_init(row);
	agc_put(row, set->keys[0]);
	for (int n = A_MODEL; n <= A_USE_REPORTED_COST; n++)
		if (n == A_VALID_FROM)
			agc_put_time(row, from);
		else
			agc_put_arg(row, fcinfo, n);
	agc_put(row, set->keys[4]);
	agc_put(row, set->keys[5]);
	agc_put_bool(row, !AGC_GIVEN(set, A_VALID_FROM));
	agc_put_bool(row, set->exists);
}

static bool
write_price(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, NUMERICOID, NUMERICOID, NUMERICOID, TIMESTAMPTZOID,
								 TIMESTAMPTZOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID,
								 NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID, JSONBOID, BOOLOID,
								 TEXTOID, INT8OID, BOOLOID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.model_price AS p (tenant, name, service_tier, above_tokens, valid_from, " PRICE_OF("") ")"
		" SELECT $1, $2, $19, $20, $6, " PRICE_GIVEN
		/* from now on: nothing to do while the price in force is this one */
		" WHERE NOT ($21 AND EXISTS (SELECT FROM (SELECT * FROM agentcore.model_price q"
		" WHERE q.tenant = $1 AND q.name = $2 AND q.service_tier = $19 AND q.above_tokens = $20 AND q.valid_from <= $6"
		" AND (q.valid_to IS NULL OR q.valid_to > $6)"
		" ORDER BY q.valid_from DESC LIMIT 1) q"
		" WHERE (" PRICE_OF("q.") ") IS NOT DISTINCT FROM (" PRICE_GIVEN ")))"
		" ON CONFLICT (tenant, name, service_tier, above_tokens, valid_from) DO UPDATE SET (" PRICE_OF("") ") = (" PRICE_OF("EXCLUDED.") ")"
		" WHERE $22 AND (" PRICE_OF("p.") ") IS DISTINCT FROM (" PRICE_OF("EXCLUDED.") ")", lengthof(types), types
	};
	TimestampTz from = AGC_GIVEN(set, A_VALID_FROM) ? PG_GETARG_TIMESTAMPTZ(A_VALID_FROM) : agc_now();
	AgcRow		row;

	check_rates(fcinfo);
	check_validity(fcinfo, set, from);
	put_price(&row, fcinfo, set, from);
	return agc_set_write_row(set, &plan, &row);
}

/* The tier that a price is set for; any other word than a provider's is one of its own. */
static Datum
arg_tier(FunctionCallInfo fcinfo)
{
	char	   *name = agc_opt_name(fcinfo, A_SERVICE_TIER, "service_tier");
	const char *tier = name != NULL ? price_tier_name(name) : TIER_STANDARD;

	if (strcmp(tier, TIER_ANY) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("service_tier \"%s\" is no tier", tier),
				 errdetail("It stands for whichever tier the provider takes."),
				 errhint("Set a price for each tier that it may be, such as standard, flex and priority.")));
	return CStringGetTextDatum(tier);
}

/*
 * model_price_set(model, input, output, cached, valid_from, ..., service_tier,
 * above_tokens, reset, tenant) -> boolean.
 * The price that begins at valid_from; where that is not given, the one in force
 * is taken over from now on with what was given changed.
 */
AGC_FUNCTION(model_price_set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID, BOOLOID, TEXTOID, INT8OID};
	static AgcPlan row = {
		"SELECT usd_per_input_token, usd_per_output_token, usd_per_cached_token, valid_from, valid_to,"
		" usd_per_cache_write_token, usd_per_long_cache_write_token, usd_per_reasoning_token,"
		" input_weight, output_weight, cached_weight, usd_per_audio_input_token,"
		" usd_per_audio_output_token, usd_per_image_input_token, fees, use_reported_cost, service_tier, above_tokens"
		" FROM agentcore.model_price WHERE tenant = $1 AND name = $2 AND service_tier = $5 AND above_tokens = $6"
		" AND CASE WHEN $4 THEN valid_from = $3"
		" ELSE valid_from <= agentcore.clock_now() AND (valid_to IS NULL OR valid_to > agentcore.clock_now()) END"
		" ORDER BY valid_from DESC LIMIT 1", lengthof(types), types
	};
	static const AgcSetter setter = {
		"price", A_INPUT, lengthof(price_members), price_members, &row, .before = lock_prices, .write = write_price
	};
	bool		named = !PG_ARGISNULL(A_VALID_FROM);
	Datum		keys[] = {0, CStringGetTextDatum(agc_arg_name(fcinfo, A_MODEL, "model")),
					  TimestampTzGetDatum(named ? PG_GETARG_TIMESTAMPTZ(A_VALID_FROM) : 0), BoolGetDatum(named),
					  arg_tier(fcinfo), Int64GetDatum(agc_opt_amount(fcinfo, A_ABOVE_TOKENS, "above_tokens", 0))};

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
