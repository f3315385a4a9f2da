/*
 * usage_beside.c
 *	  What stands in a usage object beside the counts that are known: others that
 *	  are named like tokens, and a cost.
 *
 * Memory: CurrentMemoryContext.  Locks, errors: none.
 */
#include "price/usage_beside.h"

#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

/* how deep the parts of a usage object stand in it */
#define MOST_DEPTH		3

/* more than any call can use by the piece */
#define MOST_USES		INT64CONST(1000000000)

/* what 64 bits of nano-dollars hold */
#define MOST_USD		INT64CONST(9000000000)

/* Words in the name of a member that count something else than tokens used. */
static const char *const other_words[] = {
	"max", "limit", "budget", "cost", "price", "usd", "per_", "/", "rate", "time", "duration", "second", "window"
};

void
usage_problem(UsageReadings *out, const char *field, const char *problem, bool bad)
{
	if (out->problem != NULL && (out->bad || !bad))
		return;
	out->problem_field = field;
	out->problem = problem;
	out->bad = bad;
}

bool
usage_member(JsonbContainer *object, const char *name, int len, JsonbValue *value)
{
	return getKeyJsonValueFromContainer(object, name, len, value) != NULL && value->type != jbvNull;
}

static bool
has_word(const char *name, const char *word)
{
	for (; *name; name++)
		if (pg_strncasecmp(name, word, strlen(word)) == 0)
			return true;
	return false;
}

static bool
is_named_like_tokens(const char *name)
{
	if (!has_word(name, "token"))
		return false;
	for (int i = 0; i < lengthof(other_words); i++)
		if (has_word(name, other_words[i]))
			return false;
	return true;
}

/* A part's name is none at the top, where nobody reads it. */
static bool
is_known_name(const char *name, bool top, const bool there[USAGE_MAX_SHAPES])
{
	for (int i = 0; i < usage_nshapes; i++)
		for (int f = 0; there[i] && f < usage_shapes[i].nfields; f++)
			if (strcmp(usage_shapes[i].field[f].name, name) == 0 && (!top || usage_shapes[i].field[f].outer == NULL))
				return true;
	return false;
}

static bool
is_positive(const JsonbValue *value)
{
	return value->type == jbvNumeric && !numeric_is_nan(value->val.numeric) &&
		DatumGetBool(DirectFunctionCall2(numeric_gt, NumericGetDatum(value->val.numeric), NumericGetDatum(int64_to_numeric(0))));
}

static bool
is_count_of_uses(const JsonbValue *value)
{
	return value->type == jbvNumeric && !numeric_is_nan(value->val.numeric) &&
		DatumGetBool(DirectFunctionCall2(numeric_ge, NumericGetDatum(value->val.numeric), NumericGetDatum(int64_to_numeric(0)))) &&
		DatumGetBool(DirectFunctionCall2(numeric_le, NumericGetDatum(value->val.numeric), NumericGetDatum(int64_to_numeric(MOST_USES))));
}

/* Places are read by themselves, and arrays of elements by their shape. */
static bool
is_place(const char *name)
{
	int			len = strlen(name);

	for (int i = 0; i < usage_nplaces; i++)
		if (strncmp(usage_places[i].path, name, len) == 0 && (usage_places[i].path[len] == '/' || usage_places[i].path[len] == '\0'))
			return true;
	return false;
}

static void
find_unknown_in(JsonbContainer *object, const char *path, int depth, const bool there[USAGE_MAX_SHAPES], UsageReadings *out)
{
	JsonbIterator *it = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	while (out->problem == NULL && (token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		char	   *name;

		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &value, true);
		if (value.type != jbvNumeric && value.type != jbvBinary)
			continue;
		name = pnstrdup(key.val.string.val, key.val.string.len);
		if (value.type == jbvBinary)
		{
			if (depth < MOST_DEPTH && JsonContainerIsObject(value.val.binary.data) && !(depth == 1 && is_place(name)))
				find_unknown_in(value.val.binary.data, psprintf("%s%s.", path, name), depth + 1, there, out);
		}
		else if (is_positive(&value) && !is_known_name(name, depth == 1, there) && is_named_like_tokens(name))
			usage_problem(out, psprintf("%s%s", path, name), "is named like tokens, and not known", false);
	}
}

/* What is used by the piece: objects of counts, and counts beside those of tokens. */
static const char *const objects_of_uses[] = {"server_tool_use", "server_side_tool_usage_details"};
static const char *const names_of_uses[] = {"num_search_queries", "num_sources_used", "search_units", "classifications"};

/* No provider charges for it: https://docs.claude.com/en/docs/agents-and-tools/tool-use/web-fetch-tool */
#define FREE_USE	"web_fetch_requests"

/* A count of it that is none must not pass for nothing. */
static void
add_use(const char *outer, const char *name, const JsonbValue *value, UsageReadings *out)
{
	const char *field = outer != NULL ? psprintf("%s.%s", outer, name) : name;

	if (value->type == jbvNull || value->type == jbvBool)
		return;
	if (!is_count_of_uses(value))
		usage_problem(out, field, "is no count", true);
	else if (is_positive(value) && strcmp(name, FREE_USE) != 0 && out->nuses < USAGE_MAX_USES)
		out->use[out->nuses++] = (UsageUse){name, field};
}

static void
find_uses_in(JsonbContainer *object, const char *outer, UsageReadings *out)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	if (!usage_member(object, outer, strlen(outer), &value))
		return;
	if (value.type != jbvBinary || !JsonContainerIsObject(value.val.binary.data))
	{
		usage_problem(out, outer, "is no object", true);
		return;
	}
	it = JsonbIteratorInit(value.val.binary.data);
	while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &value, true);
		add_use(outer, pnstrdup(key.val.string.val, key.val.string.len), &value, out);
	}
}

void
usage_find_uses(JsonbContainer *object, UsageReadings *out)
{
	JsonbValue	value;

	for (int i = 0; i < lengthof(objects_of_uses); i++)
		find_uses_in(object, objects_of_uses[i], out);
	for (int i = 0; i < lengthof(names_of_uses); i++)
		if (usage_member(object, names_of_uses[i], strlen(names_of_uses[i]), &value))
			add_use(NULL, names_of_uses[i], &value, out);
}

void
usage_find_unknown(JsonbContainer *object, const bool there[USAGE_MAX_SHAPES], UsageReadings *out)
{
	find_unknown_in(object, "", 1, there, out);
}

/* Rounded up to a nano-dollar; false: out of range */
static bool
nanousd_of(Numeric value, int64 *nanousd)
{
	Datum		usd = NumericGetDatum(value);

	if (numeric_is_nan(value) ||
		DatumGetBool(DirectFunctionCall2(numeric_lt, usd, NumericGetDatum(int64_to_numeric(0)))) ||
		DatumGetBool(DirectFunctionCall2(numeric_gt, usd, NumericGetDatum(int64_to_numeric(MOST_USD)))))
		return false;
	usd = DirectFunctionCall1(numeric_ceil,
							  DirectFunctionCall2(numeric_mul, usd, NumericGetDatum(int64_to_numeric(1000000000))));
	*nanousd = DatumGetInt64(DirectFunctionCall1(numeric_int8, usd));
	return true;
}

/* OpenRouter's cost is a number, Perplexity's an object. */
void
usage_read_cost(JsonbContainer *object, UsageReadings *out)
{
	const char *field = "cost";
	JsonbValue	value;
	int64		nanousd;

	if (!usage_member(object, "cost", 4, &value))
		return;
	if (value.type == jbvBinary && JsonContainerIsObject(value.val.binary.data))
	{
		field = "cost.total_cost";
		if (!usage_member(value.val.binary.data, "total_cost", 10, &value))
			return;
	}
	if (value.type != jbvNumeric || !nanousd_of(value.val.numeric, &nanousd))
		usage_problem(out, field, "is no cost that can be", true);
	else
		out->reported_nanousd = Max(out->reported_nanousd, nanousd);
}
