/*
 * price.c
 *	  What a model call costs: which price holds for it, and the arithmetic.
 *
 * A call is priced by one row: of its service tier the one with the highest
 * above_tokens that its whole input is above, for all its tokens.  Prices are numeric
 * and may have any number of digits; the cost of a call is computed exactly and
 * rounded up to a nano-dollar once.
 *
 * Memory: the caller's context.  Locks: AccessShareLock on agentcore.model_price.
 * On ERROR: nothing to undo.
 */
#include "price/prices.h"

#include "common/int.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

/* what 64 bits of nano-dollars hold */
#define MOST_USD	INT64CONST(9000000000)

/* ----- which row -------------------------------------------------------------- */

/* What was read from a cache and written to one is input too. */
static int64
whole_input(const TokenUsage *usage)
{
	int64		input = 0;

	for (int kind = TOKEN_INPUT; kind < TOKEN_OUTPUT; kind++)
		if (pg_add_s64_overflow(input, usage->count[kind], &input))
			return PG_INT64_MAX;
	return input;
}

/* An input of 0 is above nothing, and costs as the shortest. */
static bool
reaches(const PriceRow *row, int64 input)
{
	return row->above_tokens == 0 || row->above_tokens < input;
}

/* NULL: the tier has no price for so much input */
static PriceRow *
row_of_tier(const PriceList *list, const char *tier, int64 input)
{
	PriceRow   *best = NULL;

	for (int i = 0; i < list->n; i++)
	{
		PriceRow   *row = &list->row[i];

		if (strcmp(row->service_tier, tier) == 0 && reaches(row, input) &&
			(best == NULL || row->above_tokens > best->above_tokens))
			best = row;
	}
	return best;
}

/* The tier that the response names wins. */
static const char *
tier_of_call(const PriceOf *of, const UsageReadings *usage)
{
	if (usage->service_tier != NULL)
		return usage->service_tier;
	return of->service_tier != NULL ? of->service_tier : TIER_STANDARD;
}

/* ----- arithmetic ------------------------------------------------------------- */

static Datum
add_product(Datum sum, Datum rate, int64 count)
{
	Datum		product = DirectFunctionCall2(numeric_mul, rate, NumericGetDatum(int64_to_numeric(count)));

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

/* The same for every reading: the document may be long, so it is counted once. */
static Datum
fees_of(const PriceList *list, PriceRow *row, const UsageReadings *counted)
{
	if (!row->has_fee_sum)
		row->fee_sum = price_add_fees(NumericGetDatum(int64_to_numeric(0)), price_row_fees(list, row), counted, &row->bad_fee);
	row->has_fee_sum = true;
	return row->fee_sum;
}

/* One reading by one row.  Out of range is the most that fits where "settling", else 22023. */
static void
apply_row(const PriceList *list, PriceRow *row, const TokenUsage *usage, const UsageReadings *counted, bool settling, CallCost *cost)
{
	Datum		usd = DirectFunctionCall2(numeric_add, total_of(row->usd, usage), fees_of(list, row, counted));

	cost->tokens = weighted_tokens(total_of(row->weight, usage));
	cost->nanousd = settling ? nanousd_of(usd) : agc_numeric_nanousd(usd, "cost of the call");
}

/* The larger of tokens and money each; whether the money is more. */
static bool
take_larger(CallCost *cost, const CallCost *other)
{
	bool		dearer = other->nanousd > cost->nanousd;

	cost->tokens = Max(cost->tokens, other->tokens);
	cost->nanousd = Max(cost->nanousd, other->nanousd);
	return dearer;
}

/* By the model's dearest price, where the tier has none: of each tier the row for so much input, else every row. */
static PriceRow *
apply_dearest(const PriceList *list, const TokenUsage *usage, const UsageReadings *counted, bool settling, CallCost *cost)
{
	int64		input = whole_input(usage);
	PriceRow   *dearest = NULL;

	cost->tokens = cost->nanousd = -1;
	for (int pass = 0; pass < 2 && dearest == NULL; pass++)
		for (int i = 0; i < list->n; i++)
		{
			PriceRow   *row = &list->row[i];
			CallCost	one = {0};

			if (pass == 0 && row_of_tier(list, row->service_tier, input) != row)
				continue;
			apply_row(list, row, usage, counted, settling, &one);
			if (take_larger(cost, &one))
				dearest = row;
		}
	return dearest;
}

/* What the response itself says that it cost: where the price says so, and it is no mere absence. */
static bool
takes_reported(const PriceRow *row, const UsageReadings *usage)
{
	return row->use_reported_cost && usage->reported_nanousd >= 0 &&
		(usage->reported_nanousd > 0 || usage_most_tokens(usage) == 0);
}

static void
price_readings(const PriceOf *of, const PriceList *list, const UsageReadings *usage, bool settling, CallCost *cost,
			   const TokenUsage **dearest)
{
	const char *tier = tier_of_call(of, usage);
	const PriceRow *applied = NULL;

	cost->tokens = cost->nanousd = -1;
	for (int i = 0; i < usage->n; i++)
	{
		const TokenUsage *reading = &usage->reading[i];
		PriceRow   *row = row_of_tier(list, tier, whole_input(reading));
		CallCost	one = {0};

		if (row != NULL)
			apply_row(list, row, reading, usage, settling, &one);
		else
			row = apply_dearest(list, reading, usage, settling, &one);
		if (!take_larger(cost, &one))
			continue;
		applied = row;
		if (dearest != NULL)
			*dearest = reading;
	}
	cost->bad_fee = applied != NULL ? applied->bad_fee : NULL;
	cost->unpriced_use = NULL;
	if (applied != NULL && takes_reported(applied, usage))
		cost->nanousd = usage->reported_nanousd;
	else if (applied != NULL)
		cost->unpriced_use = price_unpriced_use(price_row_fees(list, applied), usage);
}

/* By the model's own price, else by that of the model that an alias names: one step. */
static bool
find_price(const PriceOf *of, PriceList *list, const char **priced_as)
{
	*priced_as = NULL;
	if (price_rows(of->tenant, of->model, of->at, list))
		return true;
	*priced_as = model_alias_of(of->tenant, of->model);
	return *priced_as != NULL && price_rows(of->tenant, *priced_as, of->at, list);
}

bool
price_exists(const char *tenant, const char *model, TimestampTz at)
{
	PriceList	list;

	return price_rows(tenant, model, at, &list);
}

bool
price_call(const PriceOf *of, const UsageReadings *usage, CallCost *cost, const TokenUsage **dearest)
{
	const char *priced_as;
	PriceList	list;

	if (!find_price(of, &list, &priced_as))
		return false;
	price_readings(of, &list, usage, false, cost, dearest);
	return true;
}

/* The call began by an alias or without: which model's price counts was decided then. */
bool
price_settlement(const PriceOf *of, const UsageReadings *usage, CallCost *cost)
{
	PriceList	list;

	if (!price_rows(of->tenant, of->model, of->at, &list))
		return false;
	price_readings(of, &list, usage, true, cost, NULL);
	return true;
}

/* ----- what a call may cost ----------------------------------------------------- */

/* What a token of "first" may turn out to cost: the dearest of the kinds up to "last". */
static Datum
largest(const Datum rate[TOKEN_KINDS], TokenKind first, TokenKind last)
{
	Datum		most = rate[first];

	for (int kind = first + 1; kind <= (int) last; kind++)
		most = DirectFunctionCall2(numeric_larger, most, rate[kind]);
	return most;
}

static bool
is_zero(Datum rate)
{
	return DatumGetBool(DirectFunctionCall2(numeric_eq, rate, NumericGetDatum(int64_to_numeric(0))));
}

/*
 * The rows that the call may turn out to be priced by: of its tier, or of every tier
 * where it has none; of every length up to its input, since it may be
 * shorter; all, where none of these.
 */
static void
mark_reachable(PriceList *list, const char *tier, int64 input)
{
	bool		any_tier = row_of_tier(list, tier, input) == NULL;
	int			n = 0;

	for (int i = 0; i < list->n; i++)
	{
		PriceRow   *row = &list->row[i];

		row->reachable = (any_tier || strcmp(row->service_tier, tier) == 0) && reaches(row, input);
		n += row->reachable;
	}
	for (int i = 0; n == 0 && i < list->n; i++)
		list->row[i].reachable = true;
}

/* The most that so many tokens come to; a bound of 0 is a promise only where every token is free. */
static Datum
bound_of(const Datum rate[TOKEN_KINDS], const PriceAsk *ask, bool *unknown)
{
	Datum		input = largest(rate, TOKEN_INPUT, TOKEN_OUTPUT - 1);
	Datum		output = largest(rate, TOKEN_OUTPUT, TOKEN_KINDS - 1);

	*unknown |= !is_zero(input) || !is_zero(output);
	return add_product(add_product(NumericGetDatum(int64_to_numeric(0)), input, ask->input_tokens), output, ask->output_tokens);
}

bool
price_bound(const PriceOf *of, const PriceAsk *ask, PriceBound *out)
{
	bool		unknown_tokens = false;
	bool		unknown_money = false;
	CallCost   *cost = &out->cost;
	PriceList	list;

	if (!find_price(of, &list, &out->priced_as))
		return false;
	mark_reachable(&list, of->service_tier != NULL ? of->service_tier : TIER_STANDARD, ask->input_tokens);
	out->unpriced_fee = price_unpriced(&list, ask->fees);
	memset(cost, 0, sizeof(*cost));
	out->revision = 0;
	for (int i = 0; i < list.n; i++)
	{
		const PriceRow *row = &list.row[i];
		CallCost	one = {0};

		if (!row->reachable)
			continue;
		out->revision = Max(out->revision, row->revision);
		one.tokens = weighted_tokens(bound_of(row->weight, ask, &unknown_tokens));
		one.nanousd = agc_numeric_nanousd(price_add_asked(bound_of(row->usd, ask, &unknown_money),
														  price_row_fees(&list, row), ask->fees), "cost of the call");
		(void) take_larger(cost, &one);
	}
	if (cost->tokens == 0 && unknown_tokens)
		cost->tokens = -1;
	if (cost->nanousd == 0 && unknown_money)
		cost->nanousd = -1;
	return true;
}
