/*
 * price_cost.c
 *	  model_cost(): what a usage object comes to.
 *
 * Memory: the caller's context.  Locks: those of price.c.  On ERROR: nothing to
 * undo.
 */
#include "price/prices.h"

#include "core/row.h"

/*
 * model_cost(model, usage, at, service_tier, tenant) -> (input_tokens, output_tokens,
 * cached_tokens, usd, cache_write_tokens, reasoning_tokens, tokens)
 */
AGC_FUNCTION(model_cost)
{
	char	   *tenant = agc_arg_tenant(fcinfo, 4);
	char	   *model = agc_arg_name(fcinfo, 0, "model");
	Jsonb	   *document = agc_arg_jsonb(fcinfo, 1, "usage");
	char	   *tier = agc_opt_name(fcinfo, 3, "service_tier");
	PriceOf		of = {
		tenant, model, PG_ARGISNULL(2) ? agc_now() : PG_GETARG_TIMESTAMPTZ(2), tier != NULL ? price_tier_name(tier) : NULL
	};
	UsageReadings usage;
	const TokenUsage *dearest = NULL;
	const int64 *count;
	int64		written;
	CallCost	cost;
	AgcRow		row;

	agc_enter(tenant, AGC_READER);
	if (!usage_read(document, &usage) || usage.bad)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("usage is not a usage object of a known provider"),
				 errdetail("%s %s.", usage.problem_field, usage.problem),
				 errhint("It has prompt_tokens and completion_tokens, input_tokens and output_tokens, or promptTokenCount and candidatesTokenCount, as whole numbers.")));
	if (!price_call(&of, &usage, &cost, &dearest))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" has no price", model),
				 errhint("Set one with agentcore.model_price_set().")));
	if (cost.bad_fee != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the count of %s in usage is none", agc_quoted_name(cost.bad_fee))));
	count = dearest->count;
	written = count[TOKEN_CACHE_WRITE] + count[TOKEN_LONG_CACHE_WRITE];
	agc_row_init(&row);
	agc_put_int64(&row, count[TOKEN_INPUT] + count[TOKEN_CACHED] + written + count[TOKEN_AUDIO_INPUT] + count[TOKEN_IMAGE_INPUT]);
	agc_put_int64(&row, count[TOKEN_OUTPUT] + count[TOKEN_REASONING] + count[TOKEN_AUDIO_OUTPUT]);
	agc_put_int64(&row, count[TOKEN_CACHED]);
	agc_put_usd(&row, cost.nanousd);
	agc_put_int64(&row, written);
	agc_put_int64(&row, count[TOKEN_REASONING]);
	agc_put_int64(&row, cost.tokens);
	return agc_row_return(fcinfo, &row);
}
