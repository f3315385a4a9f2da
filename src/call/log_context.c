/*
 * log_context.c
 *	  What the log keeps of a call's context, beside its arguments.
 *
 * What is kept can be asked of a policy again (policy_simulate, policy_diff), so it
 * has the shape of a context.
 *
 * Memory: CurrentMemoryContext.  Locks: those of reading labels and facts.  On
 * ERROR: nothing to undo.
 */
#include "call/log_context.h"

#include "call/call_context.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"

static void
push_member(JsonbParseState **state, ContextMember member, const Jsonb *value)
{
	if (value == NULL)
		return;
	agc_push_text(state, WJB_KEY, context_member_name(member));
	agc_push_jsonb(state, WJB_VALUE, value);
}

/* The clock of the call, with the time itself: what asks later may read it in another zone. */
static Jsonb *
timed_clock(const RuleContext *context, const Jsonb *clock)
{
	char		text[MAXDATELEN + 1];
	JsonbParseState *state = NULL;

	JsonEncodeDateTime(text, TimestampTzGetDatum(context->now), TIMESTAMPTZOID, NULL);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	agc_push_text(&state, WJB_KEY, CONTEXT_CLOCK_AT);
	agc_push_text(&state, WJB_VALUE, text);
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(clock),
											  JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)))));
}

static Jsonb *
kept_member(Gate *gate, ContextMember member, Jsonb *args)
{
	RuleContext *context = gate_context(gate);
	Jsonb	   *value = member == CONTEXT_ARGS ? args : context_member(context, member, "UTC");

	return member == CONTEXT_CLOCK && value != NULL ? timed_clock(context, value) : value;
}

Jsonb *
log_context(Gate *gate, Jsonb *args)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < CONTEXT_RESULT; i++)
		push_member(&state, (ContextMember) i, kept_member(gate, (ContextMember) i, args));
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}
