/*
 * usage_count.c
 *	  Counts in a usage object: where a field leads to, and what stands there.
 *
 * Memory: CurrentMemoryContext.  Locks, errors: none; what is no count is said.
 */
#include "price/usage_beside.h"

#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

/* more than any model reads or writes in one call: a mistake of units, or a lie */
#define MOST_TOKENS		INT64CONST(10000000000)

/* elements of an array, which are few in what providers send */
#define MOST_ELEMENTS	64

static const char not_object[] = "is no object";

/* As it is told: with dots. */
static const char *
dotted(char *path)
{
	for (char *p = path; *p; p++)
		if (*p == '/')
			*p = '.';
	return path;
}

const char *
usage_field_path(const UsageField *field)
{
	return field->outer == NULL ? field->name : dotted(psprintf("%s/%s", field->outer, field->name));
}

static bool
is_count(Numeric value, int64 *count)
{
	Datum		number = NumericGetDatum(value);
	Datum		whole;

	if (numeric_is_nan(value) || numeric_is_inf(value))
		return false;
	whole = DirectFunctionCall2(numeric_trunc, number, Int32GetDatum(0));
	if (!DatumGetBool(DirectFunctionCall2(numeric_eq, whole, number)) ||
		DatumGetBool(DirectFunctionCall2(numeric_lt, whole, NumericGetDatum(int64_to_numeric(0)))) ||
		DatumGetBool(DirectFunctionCall2(numeric_gt, whole, NumericGetDatum(int64_to_numeric(MOST_TOKENS)))))
		return false;
	*count = DatumGetInt64(DirectFunctionCall1(numeric_int8, whole));
	return true;
}

JsonbContainer *
usage_container(const JsonbValue *value)
{
	return value->type == jbvBinary ? value->val.binary.data : NULL;
}

JsonbContainer *
usage_follow(JsonbContainer *at, const char *path, const char **bad)
{
	while (*path != '\0' && at != NULL)
	{
		int			len = strcspn(path, "/");
		JsonbValue	value;
		JsonbValue *element;

		if (JsonContainerIsObject(at))
		{
			if (!usage_member(at, path, len, &value))
				return NULL;
			at = usage_container(&value);
			if (at == NULL && bad != NULL)
				*bad = not_object;
		}
		else
		{
			element = *path == '0' ? getIthJsonbValueFromContainer(at, 0) : NULL;
			at = element != NULL ? usage_container(element) : NULL;
		}
		path += len + (path[len] == '/');
	}
	return at;
}

static bool
says(JsonbContainer *object, const char *member, const char *word)
{
	JsonbValue	value;

	return usage_member(object, member, strlen(member), &value) && value.type == jbvString &&
		value.val.string.len == strlen(word) && pg_strncasecmp(value.val.string.val, word, value.val.string.len) == 0;
}

/* Of an array of {"modality": name, "tokenCount": n} the counts that have the name. */
static const char *
count_elements(JsonbContainer *array, const char *name, int64 *count)
{
	static const char *const counts[] = {"tokenCount", "token_count", "inputTokens", "tokens"};
	int			n = JsonContainerSize(array);

	for (int i = 0; i < Min(n, MOST_ELEMENTS); i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(array, i);
		JsonbContainer *object = element != NULL ? usage_container(element) : NULL;
		JsonbValue	value;
		int64		one;

		if (object == NULL || !JsonContainerIsObject(object))
			return "is in no list of counts";
		if (!says(object, "modality", name) && !says(object, "ttl", name))
			continue;
		for (int c = 0; c < lengthof(counts); c++)
			if (usage_member(object, counts[c], strlen(counts[c]), &value))
			{
				if (value.type != jbvNumeric || !is_count(value.val.numeric, &one))
					return "is no count of tokens";
				*count += one;
			}
	}
	return NULL;
}

bool
usage_is_divided(const UsageField *field, const JsonbValue *value)
{
	if (field->relation != USAGE_WHOLE || value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		return false;
	for (int i = 0; i < usage_nshapes; i++)
		for (int f = 0; f < usage_shapes[i].nfields && usage_shapes[i].field[f].relation == USAGE_WHOLE; f++)
		{
			const UsageField *sum = &usage_shapes[i].field[f];
			JsonbValue	total;

			if (sum->outer != NULL && strcmp(sum->outer, field->name) == 0 &&
				usage_member(value->val.binary.data, sum->name, strlen(sum->name), &total))
				return true;
		}
	return false;
}

static const char *
read_at(JsonbContainer *object, const UsageField *field, int64 *count)
{
	JsonbValue	value;

	if (JsonContainerIsArray(object))
		return count_elements(object, field->name, count);
	if (!usage_member(object, field->name, strlen(field->name), &value) || usage_is_divided(field, &value))
		return NULL;
	/* a part that is divided further, by others' names */
	if ((field->relation == USAGE_WITHIN || field->relation == USAGE_KNOWN) &&
		value.type == jbvBinary && JsonContainerIsObject(value.val.binary.data))
		return NULL;
	return value.type == jbvNumeric && is_count(value.val.numeric, count) ? NULL : "is no count of tokens";
}

const char *
usage_read_count(JsonbContainer *object, const UsageField *field, int64 *count, const char **at)
{
	const char *bad = NULL;

	*count = 0;
	if (field->outer != NULL)
		object = usage_follow(object, field->outer, &bad);
	if (object != NULL)
		bad = read_at(object, field, count);
	if (bad != NULL)
		*at = bad == not_object ? dotted(pstrdup(field->outer)) : usage_field_path(field);
	return bad;
}
