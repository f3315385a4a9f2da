/*
 * call_cost.c
 *	  What a settlement says that the call has used.
 *
 * The money is gone, so a settlement does not fail for a usage object: what is not
 * understood is charged as it was estimated, and told.
 *
 * Memory: CurrentMemoryContext.  Locks: AccessShareLock on the prices.  On ERROR:
 * nothing to undo.
 */
#include "call/call_cost.h"

#include "access/detoast.h"

/* more than any model reads or writes in one call: a mistake of units */
#define MOST_TOKENS	INT64CONST(10000000000)

static bool
read_usage(Datum usage, UsageReadings *used)
{
	return toast_raw_datum_size(usage) <= (Size) agc_max_args_size * 1024 &&
		usage_read(DatumGetJsonbP(usage), used) && usage_most_tokens(used) <= MOST_TOKENS;
}

bool
call_cost_of_usage(FunctionCallInfo fcinfo, int n, const char *tenant, const PermitRow *permit, CallCost *cost)
{
	UsageReadings used;
	CallCost	priced = {-1, -1};
	/* of when it began: a later price does not make a repeated commit another one */
	PriceOf		of = {
		tenant, permit->priced_as != NULL ? permit->priced_as : permit->tool, permit->created_at, permit->service_tier
	};

	if (PG_ARGISNULL(n))
		return false;
	if (cost->tokens >= 0 && cost->nanousd >= 0)
		return true;
	if (!read_usage(PG_GETARG_DATUM(n), &used))
		ereport(WARNING,
				(errmsg("usage object is not understood"),
				 errdetail("What is not told by tokens and usd is charged as it was estimated."),
				 errhint("Pass the usage member of an OpenAI, Anthropic or Gemini response, or tokens and usd.")));
	else if (!price_settlement(&of, &used, &priced))
		priced.tokens = usage_most_tokens(&used);
	if (cost->tokens < 0)
		cost->tokens = priced.tokens;
	if (cost->nanousd < 0)
		cost->nanousd = priced.nanousd;
	return true;
}
