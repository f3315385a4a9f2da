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
push_member(JsonbParseState **state, const char *name, int64 value)
{
	JsonbValue	key = {.type = jbvString};
	JsonbValue	number = {.type = jbvNumeric};

	key.val.string.val = (char *) name;
	key.val.string.len = strlen(name);
	number.val.numeric = int64_to_numeric(value);
	pushJsonbValue(state, WJB_KEY, &key);
	pushJsonbValue(state, WJB_VALUE, &number);
}

Jsonb *
llm_request_args(int64 input_tokens, int64 max_output_tokens)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_member(&state, "input_tokens", input_tokens);
	push_member(&state, "max_output_tokens", max_output_tokens);
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
