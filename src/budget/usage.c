/*
 * usage.c
 *	  Reading how many tokens a provider says a model call used.
 *
 * Providers differ in the names of fields, and in whether cached or reasoning
 * tokens are part of other counts or counted apart.  Each form is a table of its
 * fields.  The result is the same for all: counts that do not overlap.  An object
 * that has several forms at once (a gateway's, or a forged one) is read by each
 * form, and the larger cost counts.
 *
 * Memory: the caller's context.  Locks, errors: none.  The answer is false for what
 * is not understood, because a wrong guess would be a wrong charge.
 */
#include "budget/budget.h"

#include "common/int.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

typedef enum UsageField
{
	USAGE_ABSENT,				/* or null */
	USAGE_COUNT,
	USAGE_BAD
} UsageField;

/* "part_of": the kind whose count includes this one; APART when none does */
#define APART	TOKEN_KINDS

typedef struct FormField
{
	const char *outer;			/* the member that holds it; NULL: the object itself */
	const char *name;
	TokenKind	kind;
	TokenKind	part_of;
} FormField;

typedef struct UsageForm
{
	const char *total;			/* what the provider adds up itself; an answer may leave it out */
	int			nfields;
	const FormField *field;		/* the first is the one the form is known by */
} UsageForm;

static const FormField openai_chat[] = {
	{NULL, "prompt_tokens", TOKEN_INPUT, APART},
	{NULL, "completion_tokens", TOKEN_OUTPUT, APART},
	{"prompt_tokens_details", "cached_tokens", TOKEN_CACHED, TOKEN_INPUT},
	{"prompt_tokens_details", "cache_write_tokens", TOKEN_CACHE_WRITE, TOKEN_INPUT},
	{"completion_tokens_details", "reasoning_tokens", TOKEN_REASONING, TOKEN_OUTPUT}
};

/*
 * OpenAI's responses and Anthropic name input and output alike.  Anthropic
 * counts what it read from and wrote to its cache apart from input_tokens, and
 * what it wrote for an hour, at another price, as part of what it wrote.
 */
static const FormField input_output[] = {
	{NULL, "input_tokens", TOKEN_INPUT, APART},
	{NULL, "output_tokens", TOKEN_OUTPUT, APART},
	{NULL, "cache_read_input_tokens", TOKEN_CACHED, APART},
	{NULL, "cache_creation_input_tokens", TOKEN_CACHE_WRITE, APART},
	{"input_tokens_details", "cached_tokens", TOKEN_CACHED, TOKEN_INPUT},
	{"output_tokens_details", "reasoning_tokens", TOKEN_REASONING, TOKEN_OUTPUT},
	{"cache_creation", "ephemeral_1h_input_tokens", TOKEN_LONG_CACHE_WRITE, TOKEN_CACHE_WRITE}
};

/* Gemini leaves out what is zero, and counts thoughts apart from candidates. */
static const FormField gemini[] = {
	{NULL, "promptTokenCount", TOKEN_INPUT, APART},
	{NULL, "toolUsePromptTokenCount", TOKEN_INPUT, APART},
	{NULL, "candidatesTokenCount", TOKEN_OUTPUT, APART},
	{NULL, "thoughtsTokenCount", TOKEN_REASONING, APART},
	{NULL, "cachedContentTokenCount", TOKEN_CACHED, TOKEN_INPUT}
};

/* the same as its Python library writes it */
static const FormField gemini_python[] = {
	{NULL, "prompt_token_count", TOKEN_INPUT, APART},
	{NULL, "tool_use_prompt_token_count", TOKEN_INPUT, APART},
	{NULL, "candidates_token_count", TOKEN_OUTPUT, APART},
	{NULL, "thoughts_token_count", TOKEN_REASONING, APART},
	{NULL, "cached_content_token_count", TOKEN_CACHED, TOKEN_INPUT}
};

/* USAGE_MAX_READINGS (budget.h) grows with these, and with the wrappers. */
static const UsageForm forms[] = {
	{"total_tokens", lengthof(openai_chat), openai_chat},
	{"total_tokens", lengthof(input_output), input_output},
	{"totalTokenCount", lengthof(gemini), gemini},
	{"total_token_count", lengthof(gemini_python), gemini_python}
};

/* where a whole response keeps its usage object */
static const char *const wrappers[] = {"usage", "usageMetadata", "usage_metadata"};

/* where an event of a stream keeps the response as far as it has come: Anthropic's message_start, OpenAI's response.completed */
static const char *const events[] = {"message", "response"};

StaticAssertDecl(lengthof(forms) * (1 + lengthof(wrappers) * (1 + lengthof(events))) == USAGE_MAX_READINGS,
				 "every form may be in every object");

static UsageField
read_count(JsonbValue *value, int64 *count)
{
	Datum		whole;

	if (value == NULL || value->type == jbvNull)
		return USAGE_ABSENT;
	if (value->type != jbvNumeric || numeric_is_nan(value->val.numeric))
		return USAGE_BAD;
	whole = DirectFunctionCall2(numeric_trunc, NumericGetDatum(value->val.numeric), Int32GetDatum(0));
	if (!DatumGetBool(DirectFunctionCall2(numeric_eq, whole, NumericGetDatum(value->val.numeric))) ||
		DatumGetBool(DirectFunctionCall2(numeric_lt, whole, NumericGetDatum(int64_to_numeric(0)))) ||
		DatumGetBool(DirectFunctionCall2(numeric_gt, whole, NumericGetDatum(int64_to_numeric(PG_INT64_MAX)))))
		return USAGE_BAD;
	*count = DatumGetInt64(DirectFunctionCall1(numeric_int8, whole));
	return USAGE_COUNT;
}

static UsageField
get_count(JsonbContainer *object, const char *outer, const char *name, int64 *count)
{
	JsonbValue	value;

	*count = 0;
	if (outer != NULL)
	{
		if (getKeyJsonValueFromContainer(object, outer, strlen(outer), &value) == NULL ||
			value.type == jbvNull)
			return USAGE_ABSENT;
		if (value.type != jbvBinary || !JsonContainerIsObject(value.val.binary.data))
			return USAGE_BAD;
		object = value.val.binary.data;
	}
	return read_count(getKeyJsonValueFromContainer(object, name, strlen(name), &value), count);
}

static bool
usage_total(const TokenUsage *usage, int64 *tokens)
{
	*tokens = 0;
	for (int kind = 0; kind < TOKEN_KINDS; kind++)
		if (pg_add_s64_overflow(*tokens, usage->count[kind], tokens))
			return false;
	return true;
}

/*
 * Tokens that only the provider's total counts have been paid for too.  They are
 * taken as output, which is the dearest.  Some providers count reasoning this way.
 */
static bool
add_unnamed(JsonbContainer *object, const UsageForm *form, TokenUsage *usage)
{
	int64		named;
	int64		total;

	if (!usage_total(usage, &named) || get_count(object, NULL, form->total, &total) == USAGE_BAD)
		return false;
	if (total > named)
		usage->count[TOKEN_OUTPUT] += total - named;
	return true;
}

static bool
read_form(JsonbContainer *object, const UsageForm *form, TokenUsage *usage)
{
	int64		count;

	memset(usage, 0, sizeof(*usage));
	for (int i = 0; i < form->nfields; i++)
	{
		const FormField *field = &form->field[i];

		if (get_count(object, field->outer, field->name, &count) == USAGE_BAD)
			return false;
		if (field->part_of == APART &&
			pg_add_s64_overflow(usage->count[field->kind], count, &usage->count[field->kind]))
			return false;
	}
	if (!add_unnamed(object, form, usage))
		return false;
	for (int i = 0; i < form->nfields; i++)
	{
		const FormField *field = &form->field[i];

		if (field->part_of == APART)
			continue;
		(void) get_count(object, field->outer, field->name, &count);
		if (count > usage->count[field->part_of])
			return false;
		usage->count[field->part_of] -= count;
		usage->count[field->kind] += count;
	}
	return true;
}

/* A reading that says the same as another adds nothing. */
static void
add_reading(UsageReadings *out, const TokenUsage *usage)
{
	for (int i = 0; i < out->n; i++)
		if (memcmp(&out->reading[i], usage, sizeof(TokenUsage)) == 0)
			return;
	out->reading[out->n++] = *usage;
}

/*
 * Fields of a form whose first field is missing: they stand beside those of another
 * form, and count only if they say more than it.  Parts and the total belong to that
 * other form.
 */
static bool
read_beside(JsonbContainer *object, const UsageForm *form, UsageReadings *out)
{
	TokenUsage	usage = {{0}};
	bool		any = false;
	int64		total;

	for (int i = 1; i < form->nfields; i++)
	{
		const FormField *field = &form->field[i];
		int64		count;

		if (field->part_of != APART)
			continue;
		if (get_count(object, field->outer, field->name, &count) == USAGE_BAD ||
			pg_add_s64_overflow(usage.count[field->kind], count, &usage.count[field->kind]))
			return false;
		any = any || count > 0;
	}
	if (any)
		add_reading(out, &usage);
	return usage_total(&usage, &total);
}

/* Every form that the object has fields of; *known: one of them is there by its first. */
static bool
read_object(JsonbContainer *object, UsageReadings *out, bool *known)
{
	for (int i = 0; i < lengthof(forms); i++)
	{
		TokenUsage	usage;
		int64		probe;

		if (get_count(object, NULL, forms[i].field[0].name, &probe) == USAGE_ABSENT)
		{
			if (!read_beside(object, &forms[i], out))
				return false;
			continue;
		}
		if (!read_form(object, &forms[i], &usage))
			return false;
		add_reading(out, &usage);
		*known = true;
	}
	return true;
}

static JsonbContainer *
member_object(JsonbContainer *object, const char *name)
{
	JsonbValue	inner;

	if (getKeyJsonValueFromContainer(object, name, strlen(name), &inner) == NULL ||
		inner.type != jbvBinary || !JsonContainerIsObject(inner.val.binary.data))
		return NULL;
	return inner.val.binary.data;
}

static bool
read_wrapped(JsonbContainer *object, UsageReadings *out, bool *known)
{
	for (int i = 0; i < lengthof(wrappers); i++)
	{
		JsonbContainer *inner = member_object(object, wrappers[i]);

		if (inner != NULL && !read_object(inner, out, known))
			return false;
	}
	return true;
}

bool
usage_read(Jsonb *usage, UsageReadings *out)
{
	bool		known = false;

	out->n = 0;
	out->service_tier = usage_named_tier(usage);
	out->reported_nanousd = -1;
	out->document = usage;
	if (usage == NULL || !JB_ROOT_IS_OBJECT(usage) || !read_object(&usage->root, out, &known) ||
		!read_wrapped(&usage->root, out, &known))
		return false;
	for (int i = 0; i < lengthof(events); i++)
	{
		JsonbContainer *response = member_object(&usage->root, events[i]);

		if (response != NULL && !read_wrapped(response, out, &known))
			return false;
	}
	return known;
}

int64
usage_most_tokens(const UsageReadings *usage)
{
	int64		most = 0;

	for (int i = 0; i < usage->n; i++)
	{
		int64		tokens;

		(void) usage_total(&usage->reading[i], &tokens);
		most = Max(most, tokens);
	}
	return most;
}
