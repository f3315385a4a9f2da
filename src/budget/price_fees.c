/*
 * price_fees.c
 *	  Fees of a model beside its tokens: a search, a page that was fetched.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "budget/prices.h"

#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#define MAX_FEES	32

pg_noreturn static void
refuse_fees(char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("fees must be an object of names and prices"),
			 errdetail("%s", detail),
			 errhint("Name what the usage object counts and its price in USD, as {\"web_search_requests\": 0.01}.")));
}

static void
check_fee(const JsonbValue *name, const JsonbValue *usd)
{
	char	   *fee = pnstrdup(name->val.string.val, name->val.string.len);

	if (name->val.string.len == 0 || name->val.string.len > AGC_MAX_NAME)
		refuse_fees(psprintf("The name of a fee has 1 to %d bytes.", AGC_MAX_NAME));
	if (usd->type != jbvNumeric)
		refuse_fees(psprintf("The price of %s is no number.", agc_quoted_name(fee)));
	(void) agc_numeric_nanousd(NumericGetDatum(usd->val.numeric), psprintf("fee %s", agc_quoted_name(fee)));
}

void
price_check_fees(Jsonb *fees)
{
	JsonbIterator *it;
	JsonbValue	name;
	JsonbValue	usd;

	if (!JB_ROOT_IS_OBJECT(fees))
		refuse_fees("It is no object.");
	if (JB_ROOT_COUNT(fees) > MAX_FEES)
		refuse_fees(psprintf("A price has at most %d fees.", MAX_FEES));
	it = JsonbIteratorInit(&fees->root);
	for (JsonbIteratorToken token; (token = JsonbIteratorNext(&it, &name, true)) != WJB_DONE;)
	{
		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &usd, true);
		check_fee(&name, &usd);
	}
}

/* A count that is none counts as nothing: what the settlement does with such an object is told there. */
Datum
price_add_fees(Datum sum, Jsonb *fees, const UsageReadings *usage)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	fee;
	JsonbValue	usd;

	if (fees == NULL)
		return sum;
	it = JsonbIteratorInit(&fees->root);
	while ((token = JsonbIteratorNext(&it, &fee, true)) != WJB_DONE)
	{
		int64		count;

		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &usd, true);
		if (!usage_fee_count(usage->document, fee.val.string.val, fee.val.string.len, &count) || count == 0)
			continue;
		sum = DirectFunctionCall2(numeric_add, sum,
								  DirectFunctionCall2(numeric_mul, NumericGetDatum(usd.val.numeric),
													  NumericGetDatum(int64_to_numeric(count))));
	}
	return sum;
}
