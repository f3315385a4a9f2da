/*
 * call_cost.c
 *	  What a settlement says that the call has used.
 *
 * The money is gone, so a settlement does not fail for a usage object or a price.
 * Where one is not wholly understood, what is certain is charged, and no less than
 * was held: nobody pays less by sending what cannot be read.
 *
 * Memory: CurrentMemoryContext.  Locks: the permit, AccessShareLock on the prices.
 * On ERROR: the transaction takes the note on the permit back.
 */
#include "call/call_cost.h"

#include "access/detoast.h"

/* the end of the range of money: price_settlement() charges this for what is beyond it */
#define MOST_NANOUSD	INT64CONST(9000000000000000000)

static const char no_input[] = "counts no input, and the call was begun with some";

static bool
read_usage(Datum usage, UsageReadings *used)
{
	if (toast_raw_datum_size(usage) <= (Size) agc_max_args_size * 1024)
		return usage_read(DatumGetJsonbP(usage), used);
	memset(used, 0, sizeof(*used));
	used->reported_nanousd = -1;
	used->problem_field = "usage";
	used->problem = psprintf("is larger than agentcore.max_args_size (%d kB)", agc_max_args_size);
	return false;
}

static void
not_understood(UsageReadings *used, const char *field, const char *problem)
{
	if (used->problem != NULL)
		return;
	used->problem_field = field;
	used->problem = problem;
}

/* A call has an input; who counts none has left it out. */
static bool
lacks_input(const PermitRow *permit, const UsageReadings *used)
{
	return usage_most_input(used) == 0 && (permit->held_tokens > 0 || permit->held_nanousd > 0);
}

static void
price_usage(const char *tenant, const PermitRow *permit, UsageReadings *used, CallCost *priced)
{
	/* of when it began: a later price does not make a repeated commit another one */
	PriceOf		of = {
		tenant, permit->priced_as != NULL ? permit->priced_as : permit->tool, permit->created_at, permit->service_tier
	};

	if (!price_settlement(&of, used, priced))
	{
		priced->tokens = usage_most_tokens(used);
		not_understood(used, "price", "is not there: the model has none that holds");
	}
	else if (priced->nanousd >= MOST_NANOUSD)
		not_understood(used, "cost", "is out of range");
	if (priced->bad_fee != NULL)
		not_understood(used, priced->bad_fee, "is no count");
	if (priced->unpriced_use != NULL)
		not_understood(used, priced->unpriced_use, "is counted, and the price has no fee for it");
	if (lacks_input(permit, used))
		not_understood(used, "usage", no_input);
}

/* Only what is above the hold is named: -1 is charged as it was estimated. */
static int64
at_least_held(int64 amount, int64 held)
{
	return amount > held ? amount : -1;
}

/* A cost that was taken in the place of tokens is no estimate: they are. */
static bool
has_cost(const UsageReadings *used, const CallCost *priced)
{
	return used->problem == no_input && used->reported_nanousd >= 0 && priced->nanousd == used->reported_nanousd;
}

static void
tell_estimated(const UsageReadings *used)
{
	ereport(WARNING,
			(errmsg("the cost of the call is an estimate"),
			 errdetail("%s %s. No less than was held is charged.", used->problem_field, used->problem),
			 errhint("agentcore.model_usage(usage) shows how it is read.")));
}

bool
call_cost_of_usage(FunctionCallInfo fcinfo, int n, const char *tenant, const PermitRow *permit, CallCost *cost)
{
	UsageReadings used;
	CallCost	priced = {-1, -1};

	if (PG_ARGISNULL(n))
		return false;
	if (cost->tokens >= 0 && cost->nanousd >= 0)
		return true;
	if (read_usage(PG_GETARG_DATUM(n), &used))
		price_usage(tenant, permit, &used, &priced);
	if (used.problem != NULL)
	{
		priced.tokens = at_least_held(priced.tokens, permit->held_tokens);
		if (!has_cost(&used, &priced))
			priced.nanousd = at_least_held(priced.nanousd, permit->held_nanousd);
	}
	if (permit_may_end(permit) && (used.problem != NULL || used.reported_nanousd >= 0))
		permit_note_usage(permit, used.problem_field, used.reported_nanousd);
	if (permit_may_end(permit) && used.problem != NULL)
		tell_estimated(&used);
	if (cost->tokens < 0)
		cost->tokens = priced.tokens;
	if (cost->nanousd < 0)
		cost->nanousd = priced.nanousd;
	return true;
}
