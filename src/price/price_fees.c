/*
 * price_fees.c
 *	  Fees of a model beside its tokens: a search, a page that was fetched.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "price/prices.h"

#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#define MAX_FEES	32

/* more than any call can use: a mistake */
#define MOST_OF_A_FEE	INT64CONST(1000000000)

/* A fee of this name is for the call itself: counted once at least. */
#define FEE_OF_CALL		"requests"

typedef void (*FeeCallback) (const JsonbValue *name, const JsonbValue *value, void *arg);

static void
each_fee(Jsonb *fees, FeeCallback callback, void *arg)
{
	JsonbIterator *it = JsonbIteratorInit(&fees->root);
	JsonbValue	name;
	JsonbValue	value;

	for (JsonbIteratorToken token; (token = JsonbIteratorNext(&it, &name, true)) != WJB_DONE;)
		if (token == WJB_KEY)
		{
			(void) JsonbIteratorNext(&it, &value, true);
			callback(&name, &value, arg);
		}
}

static char *
name_of(const JsonbValue *name)
{
	return pnstrdup(name->val.string.val, name->val.string.len);
}

/* ----- what they may be ---------------------------------------------------------- */

pg_noreturn static void
refuse_fees(char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("fees must be an object of names and numbers"),
			 errdetail("%s", detail),
			 errhint("%s", hint)));
}

/* "arg" is the hint */
static void
check_number(const JsonbValue *name, const JsonbValue *value, void *arg)
{
	if (name->val.string.len == 0 || name->val.string.len > AGC_MAX_NAME)
		refuse_fees(psprintf("The name of a fee has 1 to %d bytes.", AGC_MAX_NAME), arg);
	if (value->type != jbvNumeric)
		refuse_fees(psprintf("The value of %s is no number.", agc_quoted_name(name_of(name))), arg);
}

static void
check_fees(Jsonb *fees, FeeCallback check, char *hint)
{
	if (!JB_ROOT_IS_OBJECT(fees))
		refuse_fees("It is no object.", hint);
	if (JB_ROOT_COUNT(fees) > MAX_FEES)
		refuse_fees(psprintf("It has more than %d members.", MAX_FEES), hint);
	each_fee(fees, check, hint);
}

static void
check_price(const JsonbValue *name, const JsonbValue *value, void *arg)
{
	check_number(name, value, arg);
	(void) agc_numeric_nanousd(NumericGetDatum(value->val.numeric), psprintf("fee %s", agc_quoted_name(name_of(name))));
}

void
price_check_fees(Jsonb *fees)
{
	check_fees(fees, check_price, "Name what the usage object counts and its price in USD, as {\"web_search_requests\": 0.01}.");
}

static bool
is_count(Numeric number)
{
	Datum		whole;

	if (numeric_is_nan(number))
		return false;
	whole = DirectFunctionCall2(numeric_trunc, NumericGetDatum(number), Int32GetDatum(0));
	return DatumGetBool(DirectFunctionCall2(numeric_eq, whole, NumericGetDatum(number))) &&
		DatumGetBool(DirectFunctionCall2(numeric_ge, whole, NumericGetDatum(int64_to_numeric(0)))) &&
		DatumGetBool(DirectFunctionCall2(numeric_le, whole, NumericGetDatum(int64_to_numeric(MOST_OF_A_FEE))));
}

static void
check_count(const JsonbValue *name, const JsonbValue *value, void *arg)
{
	check_number(name, value, arg);
	if (!is_count(value->val.numeric))
		refuse_fees(psprintf("The value of %s is no whole number from 0 to %lld.", agc_quoted_name(name_of(name)),
							 (long long) MOST_OF_A_FEE), arg);
}

void
price_check_counts(Jsonb *fees)
{
	check_fees(fees, check_count, "Name what the call may use and how many at most, as {\"web_search_requests\": 5}.");
}

/* ----- what they come to ------------------------------------------------------------ */

static bool
is_fee_of_call(const JsonbValue *name)
{
	return name->val.string.len == strlen(FEE_OF_CALL) && memcmp(name->val.string.val, FEE_OF_CALL, name->val.string.len) == 0;
}

static Datum
add_fee(Datum sum, const JsonbValue *name, const JsonbValue *usd, int64 count)
{
	if (is_fee_of_call(name))
		count = Max(count, 1);
	if (count == 0)
		return sum;
	return DirectFunctionCall2(numeric_add, sum,
							   DirectFunctionCall2(numeric_mul, NumericGetDatum(usd->val.numeric),
												   NumericGetDatum(int64_to_numeric(count))));
}

typedef struct FeeSum
{
	Datum		sum;
	Jsonb	   *counted;		/* the usage object, or what was asked for; NULL: nothing */
	char	   *bad;			/* the first whose count is none */
} FeeSum;

/* A count that is none counts as nothing, and is told. */
static void
add_used(const JsonbValue *name, const JsonbValue *usd, void *arg)
{
	FeeSum	   *fees = arg;
	int64		count;

	if (!usage_fee_count(fees->counted, name->val.string.val, name->val.string.len, &count))
	{
		count = 0;
		if (fees->bad == NULL)
			fees->bad = name_of(name);
	}
	fees->sum = add_fee(fees->sum, name, usd, count);
}

Datum
price_add_fees(Datum sum, Jsonb *fees, const UsageReadings *usage, const char **bad_fee)
{
	FeeSum		result = {sum, usage->document};

	if (fees != NULL)
		each_fee(fees, add_used, &result);
	*bad_fee = result.bad;
	return result.sum;
}

static bool
find_fee(Jsonb *fees, const JsonbValue *name, JsonbValue *value)
{
	return fees != NULL &&
		getKeyJsonValueFromContainer(&fees->root, name->val.string.val, name->val.string.len, value) != NULL;
}

static int64
count_of(const JsonbValue *value)
{
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(value->val.numeric)));
}

static void
add_asked(const JsonbValue *name, const JsonbValue *usd, void *arg)
{
	FeeSum	   *fees = arg;
	JsonbValue	count;

	fees->sum = add_fee(fees->sum, name, usd, find_fee(fees->counted, name, &count) ? count_of(&count) : 0);
}

Datum
price_add_asked(Datum sum, Jsonb *fees, Jsonb *asked)
{
	FeeSum		result = {sum, asked};

	if (fees != NULL)
		each_fee(fees, add_asked, &result);
	return result.sum;
}

const char *
price_unpriced_use(Jsonb *fees, const UsageReadings *usage)
{
	for (int i = 0; i < usage->nuses; i++)
	{
		const char *name = usage->use[i].name;
		JsonbValue	usd;

		if (fees == NULL || getKeyJsonValueFromContainer(&fees->root, name, strlen(name), &usd) == NULL)
			return usage->use[i].field;
	}
	return NULL;
}

typedef struct UnpricedFee
{
	const PriceList *list;
	char	   *name;			/* the first that was found */
} UnpricedFee;

static void
look_for_price(const JsonbValue *name, const JsonbValue *count, void *arg)
{
	UnpricedFee *unpriced = arg;
	JsonbValue	usd;

	for (int i = 0; i < unpriced->list->n; i++)
	{
		const PriceRow *row = &unpriced->list->row[i];

		if (row->reachable && find_fee(price_row_fees(unpriced->list, row), name, &usd))
			return;
	}
	if (unpriced->name == NULL && count_of(count) > 0 && !is_fee_of_call(name))
		unpriced->name = name_of(name);
}

char *
price_unpriced(const PriceList *list, Jsonb *asked)
{
	UnpricedFee unpriced = {list, NULL};

	if (asked != NULL)
		each_fee(asked, look_for_price, &unpriced);
	return unpriced.name;
}
