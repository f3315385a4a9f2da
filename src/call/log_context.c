/*
 * log_context.c
 *	  What the log keeps of a call's context: of the arguments those that the tool's
 *	  log_args points at, and nothing without log_args.
 *
 * What is kept can be asked of a policy again (policy_simulate, policy_diff), so it
 * has the shape of a context.  An element of an array that is not kept is null, which
 * leaves the others in their places.
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

/* The pointers that lead to or through one value: what is left of each. */
typedef struct Kept
{
	int			n;
	const char **rest;
} Kept;

static JsonbValue *keep(JsonbParseState **state, JsonbValue *value, JsonbIteratorToken as, const Kept *kept);

/* The rest of a pointer behind its next step, if that step is this key; else NULL. */
static const char *
behind(const char *pointer, const char *key, int len, bool element)
{
	const char *at = pointer + 1;

	if (element && at[0] == '*' && (at[1] == '/' || at[1] == '\0'))
		return at + 1;
	for (int i = 0; i < len; i++)
	{
		if (at[0] == '~' && at[1] == (key[i] == '~' ? '0' : '1') && (key[i] == '~' || key[i] == '/'))
			at += 2;
		else if (*at == key[i] && *at != '/' && *at != '~')
			at++;
		else
			return NULL;
	}
	return *at == '/' || *at == '\0' ? at : NULL;
}

/* What leads on below one member; false: nothing does. */
static bool
step(const Kept *kept, const char *key, int len, bool element, Kept *below)
{
	below->n = 0;
	below->rest = palloc(Max(kept->n, 1) * sizeof(char *));
	for (int i = 0; i < kept->n; i++)
	{
		const char *rest = kept->rest[i][0] == '/' ? behind(kept->rest[i], key, len, element) : NULL;

		if (rest != NULL)
			below->rest[below->n++] = rest;
	}
	return below->n > 0;
}

static bool
is_whole(const Kept *kept)
{
	for (int i = 0; i < kept->n; i++)
		if (kept->rest[i][0] == '\0')
			return true;
	return false;
}

static JsonbValue *
keep_object(JsonbParseState **state, JsonbContainer *object, const Kept *kept)
{
	JsonbIterator *it = JsonbIteratorInit(object);
	JsonbValue	key;
	JsonbValue	value;

	(void) JsonbIteratorNext(&it, &key, true);
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	while (JsonbIteratorNext(&it, &key, true) == WJB_KEY)
	{
		Kept		below;

		(void) JsonbIteratorNext(&it, &value, true);
		if (!step(kept, key.val.string.val, key.val.string.len, false, &below))
			continue;
		pushJsonbValue(state, WJB_KEY, &key);
		keep(state, &value, WJB_VALUE, &below);
	}
	return pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static JsonbValue *
keep_array(JsonbParseState **state, JsonbContainer *array, const Kept *kept)
{
	JsonbIterator *it = JsonbIteratorInit(array);
	JsonbValue	value;
	int			n = 0;

	(void) JsonbIteratorNext(&it, &value, true);
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	while (JsonbIteratorNext(&it, &value, true) == WJB_ELEM)
	{
		char	   *index = psprintf("%d", n++);
		JsonbValue	none = {.type = jbvNull};
		Kept		below;

		if (step(kept, index, strlen(index), true, &below))
			keep(state, &value, WJB_ELEM, &below);
		else
			pushJsonbValue(state, WJB_ELEM, &none);
	}
	return pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* A scalar that a pointer leads through is kept as what it is not: null. */
static JsonbValue *
keep(JsonbParseState **state, JsonbValue *value, JsonbIteratorToken as, const Kept *kept)
{
	JsonbValue	none = {.type = jbvNull};

	check_stack_depth();
	if (is_whole(kept))
		return pushJsonbValue(state, as, value);
	if (value->type != jbvBinary)
		return pushJsonbValue(state, as, &none);
	return JsonContainerIsObject(value->val.binary.data) ? keep_object(state, value->val.binary.data, kept) :
		keep_array(state, value->val.binary.data, kept);
}

/* A pointer may be written from the arguments on, or from the context on. */
static Kept
kept_by(const ToolDef *tool)
{
	Kept		kept = {0, palloc(2 * Max(tool->nlog_args, 1) * sizeof(char *))};

	for (int i = 0; i < tool->nlog_args; i++)
	{
		kept.rest[kept.n++] = tool->log_args[i];
		if (strncmp(tool->log_args[i], "/args/", 6) == 0)
			kept.rest[kept.n++] = tool->log_args[i] + 5;
	}
	return kept;
}

static Jsonb *
kept_args(const Gate *gate)
{
	JsonbParseState *state = NULL;
	Kept		kept = kept_by(gate->tool);

	if (gate->args == NULL || !JB_ROOT_IS_OBJECT(gate->args))
		return NULL;
	return JsonbValueToJsonb(keep_object(&state, &gate->args->root, &kept));
}

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
kept_member(Gate *gate, ContextMember member)
{
	RuleContext *context = gate_context(gate);
	Jsonb	   *value = member == CONTEXT_ARGS ? kept_args(gate) : context_member(context, member, "UTC");

	return member == CONTEXT_CLOCK && value != NULL ? timed_clock(context, value) : value;
}

Jsonb *
log_context(Gate *gate)
{
	JsonbParseState *state = NULL;

	if (gate->tool == NULL || gate->tool->nlog_args == 0)
		return NULL;
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < CONTEXT_RESULT; i++)
		push_member(&state, (ContextMember) i, kept_member(gate, (ContextMember) i));
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}
