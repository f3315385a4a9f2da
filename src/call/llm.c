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
push_member(JsonbParseState **state, const char *name, JsonbValue *value)
{
	JsonbValue	key = {.type = jbvString};

	key.val.string.val = (char *) name;
	key.val.string.len = strlen(name);
	pushJsonbValue(state, WJB_KEY, &key);
	pushJsonbValue(state, WJB_VALUE, value);
}

static void
push_tokens(JsonbParseState **state, const char *name, int64 value)
{
	JsonbValue	number = {.type = jbvNumeric};

	number.val.numeric = int64_to_numeric(value);
	push_member(state, name, &number);
}

static void
push_tier(JsonbParseState **state, const char *tier)
{
	JsonbValue	text = {.type = jbvString};

	text.val.string.val = (char *) tier;
	text.val.string.len = strlen(tier);
	push_member(state, "service_tier", &text);
}

static void
push_fees(JsonbParseState **state, Jsonb *fees)
{
	JsonbValue	object = {.type = jbvBinary};

	object.val.binary.data = &fees->root;
	object.val.binary.len = VARSIZE_ANY_EXHDR(fees);
	push_member(state, "fees", &object);
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
