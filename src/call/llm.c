/*
 * llm.c
 *	  Model calls as calls: their request written as arguments.
 *
 * Memory: CurrentMemoryContext.  Locks, errors: none.
 */
#include "call/llm.h"

#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

static void
push_tokens(JsonbParseState **state, const char *name, int64 value)
{
	JsonbValue	number = {.type = jbvNumeric};

	number.val.numeric = int64_to_numeric(value);
	agc_push_text(state, WJB_KEY, name);
	pushJsonbValue(state, WJB_VALUE, &number);
}

static void
push_tier(JsonbParseState **state, const char *tier)
{
	agc_push_text(state, WJB_KEY, "service_tier");
	agc_push_text(state, WJB_VALUE, tier);
}

static void
push_fees(JsonbParseState **state, Jsonb *fees)
{
	agc_push_text(state, WJB_KEY, "fees");
	agc_push_jsonb(state, WJB_VALUE, fees);
}

Jsonb *
llm_request_args(int64 input_tokens, int64 max_output_tokens, const char *service_tier, Jsonb *fees)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_tokens(&state, "input_tokens", input_tokens);
	push_tokens(&state, "max_output_tokens", max_output_tokens);
	if (service_tier != NULL)
		push_tier(&state, service_tier);
	if (fees != NULL)
		push_fees(&state, fees);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static int64
read_member(Jsonb *args, const char *name)
{
	JsonbValue	found;

	if (getKeyJsonValueFromContainer(&args->root, name, strlen(name), &found) == NULL)
		return 0;
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(found.val.numeric)));
}

void
llm_request_tokens(Jsonb *args, int64 *input_tokens, int64 *max_output_tokens)
{
	*input_tokens = read_member(args, "input_tokens");
	*max_output_tokens = read_member(args, "max_output_tokens");
}
