/*
 * usage_facts.c
 *	  What a usage object, or the response around it, says beside its tokens: the
 *	  service tier, and how often something was used that costs by the piece.
 *
 * Looked at are the object, its usage member, and both in what an event of a
 * stream holds; for counts, also the objects that are members of one of these.
 * The text of an answer is in none of them, so a model cannot write a count.
 *
 * Memory: CurrentMemoryContext.  Locks, errors: none.
 */
#include "price/prices.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/formatting.h"
#include "utils/numeric.h"

/* more than any call can use: a mistake, or a lie */
#define MOST_OF_A_FEE	INT64CONST(1000000000)

#define MAX_PLACES		20

typedef struct Places
{
	int			n;
	JsonbContainer *object[MAX_PLACES];
} Places;

static const char *const usages[] = {"usage", "usageMetadata", "usage_metadata", "meta"};
static const char *const events[] = {"message", "response", "delta"};

/* Tiers by other names: what is sent when nothing special is, and what is the same elsewhere. */
static const struct
{
	const char *name;
	const char *tier;
}			tier_names[] = {
	{"default", TIER_STANDARD},
	{"on_demand", TIER_STANDARD},
	{"standard_only", TIER_STANDARD},
	{"on_demand_flex", "flex"},
	{"on_demand_priority", "priority"},
	{"batches", "batch"}
};

static void
add_place(Places *places, JsonbContainer *object, const char *name)
{
	JsonbValue	value;

	if (places->n < MAX_PLACES && getKeyJsonValueFromContainer(object, name, strlen(name), &value) != NULL &&
		value.type == jbvBinary && JsonContainerIsObject(value.val.binary.data))
		places->object[places->n++] = value.val.binary.data;
}

/* The object, or one of the events of a stream that are given as an array; NULL: no more. */
static JsonbContainer *
nth_object(Jsonb *usage, int n)
{
	JsonbValue *event;

	if (usage == NULL || JB_ROOT_IS_SCALAR(usage) || n >= USAGE_MOST_EVENTS)
		return NULL;
	if (JB_ROOT_IS_OBJECT(usage))
		return n == 0 ? &usage->root : NULL;
	event = getIthJsonbValueFromContainer(&usage->root, n);
	return event != NULL && event->type == jbvBinary ? event->val.binary.data : NULL;
}

static void
find_places(JsonbContainer *object, Places *places)
{
	int			outer;

	places->n = 0;
	if (!JsonContainerIsObject(object))
		return;
	places->object[places->n++] = object;
	for (int i = 0; i < lengthof(events); i++)
		add_place(places, object, events[i]);
	outer = places->n;
	for (int n = 0; n < outer; n++)
		for (int i = 0; i < lengthof(usages); i++)
			add_place(places, places->object[n], usages[i]);
}

const char *
price_tier_name(const char *name)
{
	char	   *tier = asc_tolower(name, strlen(name));

	for (int i = 0; i < lengthof(tier_names); i++)
		if (strcmp(tier, tier_names[i].name) == 0)
			return tier_names[i].tier;
	return tier;
}

/* NULL: it names none; a word for "whichever" names none either */
static const char *
tier_in(JsonbContainer *object, const char *member)
{
	JsonbValue	value;
	const char *tier;

	if (getKeyJsonValueFromContainer(object, member, strlen(member), &value) == NULL)
		return NULL;
	if (value.type == jbvBinary && JsonContainerIsObject(value.val.binary.data) &&
		getKeyJsonValueFromContainer(value.val.binary.data, "type", 4, &value) == NULL)
		return NULL;
	if (value.type != jbvString || value.val.string.len == 0 || value.val.string.len > AGC_MAX_NAME)
		return NULL;
	tier = price_tier_name(pnstrdup(value.val.string.val, value.val.string.len));
	return strcmp(tier, TIER_ANY) == 0 ? NULL : tier;
}

/* What one object names, and what was named before; false: two that are not the same */
static bool
find_tier(JsonbContainer *object, const char **found)
{
	static const char *const members[] = {"service_tier", "serviceTier", "traffic_type", "trafficType"};
	Places		places;

	find_places(object, &places);
	for (int n = 0; n < places.n; n++)
		for (int i = 0; i < lengthof(members); i++)
		{
			const char *tier = tier_in(places.object[n], members[i]);

			if (tier != NULL && *found != NULL && strcmp(tier, *found) != 0)
				return false;
			if (tier != NULL)
				*found = tier;
		}
	return true;
}

const char *
usage_named_tier(Jsonb *usage)
{
	const char *found = NULL;
	JsonbContainer *object;

	for (int n = 0; (object = nth_object(usage, n)) != NULL; n++)
		if (!find_tier(object, &found))
			return TIER_ANY;
	return found;
}

/* The same figure in several places is one: the largest counts. */
static bool
largest_count(const JsonbValue *value, int64 *count)
{
	Datum		number;
	Datum		whole;

	if (value->type != jbvNumeric)
		return value->type == jbvNull || value->type == jbvBinary;
	number = NumericGetDatum(value->val.numeric);
	if (numeric_is_nan(value->val.numeric) ||
		DatumGetBool(DirectFunctionCall2(numeric_lt, number, NumericGetDatum(int64_to_numeric(0)))) ||
		DatumGetBool(DirectFunctionCall2(numeric_gt, number, NumericGetDatum(int64_to_numeric(MOST_OF_A_FEE)))))
		return false;
	whole = DirectFunctionCall1(numeric_ceil, number);
	*count = Max(*count, DatumGetInt64(DirectFunctionCall1(numeric_int8, whole)));
	return true;
}

static bool
count_in(JsonbContainer *object, const char *fee, int fee_len, int64 *count)
{
	JsonbValue	value;

	return getKeyJsonValueFromContainer(object, fee, fee_len, &value) == NULL || largest_count(&value, count);
}

/* In the object and in the objects that are its members. */
static bool
count_at(JsonbContainer *object, const char *fee, int fee_len, int64 *count)
{
	JsonbIterator *it = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	value;

	if (!count_in(object, fee, fee_len, count))
		return false;
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
		if (token == WJB_VALUE && value.type == jbvBinary && JsonContainerIsObject(value.val.binary.data) &&
			!count_in(value.val.binary.data, fee, fee_len, count))
			return false;
	return true;
}

bool
usage_fee_count(Jsonb *usage, const char *fee, int fee_len, int64 *count)
{
	JsonbContainer *object;
	Places		places;

	*count = 0;
	for (int e = 0; (object = nth_object(usage, e)) != NULL; e++)
	{
		find_places(object, &places);
		for (int n = 0; n < places.n; n++)
			if (!count_at(places.object[n], fee, fee_len, count))
				return false;
	}
	return true;
}
