/*
 * usage.c
 *	  Reading how many tokens a provider says a model call used.
 *
 * The shapes and the places of usage objects are data (usage_shapes.c).  Of every
 * shape the counts are gathered from all places, by each name the largest: so a
 * figure that stands in several places counts once.  What comes out is the same for
 * all shapes: counts that do not overlap.  Two shapes that name the same input and
 * output are one reading; others are readings of their own, and the one that costs
 * more counts.
 *
 * What is not wholly understood is told by the field, and left out: what stays is
 * certain.  Nothing raises, because a settlement must not fail.
 *
 * Memory: the caller's context.  Locks, errors: none.
 */
#include "price/usage_beside.h"

/* of an array, which are few in what providers send */
#define MOST_ITERATIONS	64

static const char part_above[] = "is a part of what is less";

/* What was found of a shape. */
typedef struct Figures
{
	bool		present;
	bool		has_total;
	int64		value[USAGE_MAX_FIELDS];
} Figures;

/* A shape on its way to a reading; sides: 0 input, 1 output. */
typedef struct Parts
{
	int64		whole[2];
	int64		apart[TOKEN_KINDS];
	int64		within[TOKEN_KINDS];
	int64		either[TOKEN_KINDS];
	int64		of_cached[TOKEN_KINDS];
	int64		short_write;
	int64		long_write;
	bool		writes_beside;	/* by Anthropic's name */
	int64		thoughts;		/* beside the output in every total */
	int64		known[2];
	bool		has_total;
	int64		total;
	const char *known_field[2];
	const char *of_cached_field;
	const char *whole_field[2];
	const char *part_field[TOKEN_KINDS];
	const char *short_field;
	const char *long_field;
	const char *total_field;
} Parts;

/* ----- gathering ------------------------------------------------------------------ */

/* One of the wholes is there, or something that should be one. */
static bool
has_shape(JsonbContainer *object, const UsageShape *shape)
{
	for (int i = 0; i < shape->nfields && shape->field[i].relation == USAGE_WHOLE; i++)
	{
		const UsageField *field = &shape->field[i];
		JsonbContainer *at = field->outer != NULL ? usage_follow(object, field->outer, NULL) : object;
		JsonbValue	value;

		if (at != NULL && JsonContainerIsObject(at) && usage_member(at, field->name, strlen(field->name), &value) &&
			!usage_is_divided(field, &value))
			return true;
	}
	return false;
}

static void
gather_shape(JsonbContainer *object, const UsageShape *shape, Figures *figures, UsageReadings *out)
{
	figures->present = true;
	for (int i = 0; i < shape->nfields; i++)
	{
		const UsageField *field = &shape->field[i];
		int64		count;
		const char *at;
		const char *bad = usage_read_count(object, field, &count, &at);
		JsonbValue	total;

		if (field->relation == USAGE_TOTAL)
			figures->has_total |= usage_member(object, field->name, strlen(field->name), &total);
		if (bad != NULL)
			usage_problem(out, at, bad, true);
		figures->value[i] = Max(figures->value[i], count);
	}
}

/*
 * Anthropic divides a call that summed its context up into iterations, and its other
 * counts leave out those of the summing up: what is charged is their sum.
 */
static void
gather_iterations(JsonbContainer *object, const UsageShape *shape, Figures *figures, UsageReadings *out)
{
	Figures		sum = {0};
	JsonbValue	value;
	JsonbContainer *array;

	if (!usage_member(object, "iterations", 10, &value))
		return;
	if (usage_container(&value) == NULL || !JsonContainerIsArray(usage_container(&value)))
	{
		usage_problem(out, "iterations", "is no array", true);
		return;
	}
	array = usage_container(&value);
	if (JsonContainerSize(array) > MOST_ITERATIONS)
		usage_problem(out, "iterations", "are too many", true);
	for (int i = 0; i < Min(JsonContainerSize(array), MOST_ITERATIONS); i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(array, i);
		Figures		one = {0};

		if (usage_container(element) == NULL || !JsonContainerIsObject(usage_container(element)))
		{
			usage_problem(out, "iterations", "has an element that is no object", true);
			continue;
		}
		gather_shape(usage_container(element), shape, &one, out);
		for (int f = 0; f < shape->nfields; f++)
			sum.value[f] += one.value[f];
	}
	for (int f = 0; f < shape->nfields; f++)
		figures->value[f] = Max(figures->value[f], sum.value[f]);
}

/* A total counts for itself only where nothing divides it. */
static void
read_lone_total(JsonbContainer *object, UsageReadings *out)
{
	for (int i = 0; i < usage_nshapes; i++)
		for (int f = 0; f < usage_shapes[i].nfields; f++)
		{
			const UsageField *field = &usage_shapes[i].field[f];
			const char *at;
			int64		count;

			if (field->relation != USAGE_TOTAL || usage_read_count(object, field, &count, &at) != NULL || count <= out->lone_total)
				continue;
			out->lone_total = count;
			out->lone_total_field = field->name;
		}
}

static void
gather_place(JsonbContainer *object, Figures *figures, UsageReadings *out)
{
	bool		there[USAGE_MAX_SHAPES] = {false};
	bool		any = false;

	for (int i = 0; i < usage_nshapes; i++)
	{
		there[i] = has_shape(object, &usage_shapes[i]);
		if (there[i])
		{
			gather_shape(object, &usage_shapes[i], &figures[i], out);
			gather_iterations(object, &usage_shapes[i], &figures[i], out);
		}
		any = any || there[i];
	}
	if (any)
		usage_find_unknown(object, there, out);
	else
		read_lone_total(object, out);
	usage_find_uses(object, out);
	usage_read_cost(object, out);
}

static void
gather(JsonbContainer *root, Figures *figures, UsageReadings *out)
{
	bool		before = false;

	for (int i = 0; i < usage_nplaces; i++)
	{
		JsonbContainer *object;

		if (usage_places[i].otherwise && before)
			continue;
		object = usage_follow(root, usage_places[i].path, NULL);
		before = object != NULL && JsonContainerIsObject(object) && JsonContainerSize(object) > 0;
		if (before)
			gather_place(object, figures, out);
	}
}

/* ----- from figures to counts ------------------------------------------------------- */

static int
side_of(int kind)
{
	return kind < TOKEN_OUTPUT ? 0 : 1;
}

/* All of one side; the counts are bounded, so no sum of them overflows. */
static int64
sum_of(const int64 count[TOKEN_KINDS], int side)
{
	int64		sum = 0;

	for (int kind = 0; kind < TOKEN_KINDS; kind++)
		if (side_of(kind) == side)
			sum += count[kind];
	return sum;
}

static void
take_part(int64 part[TOKEN_KINDS], Parts *parts, const UsageField *field, int64 count)
{
	if (count > part[field->kind])
		parts->part_field[field->kind] = usage_field_path(field);
	part[field->kind] = Max(part[field->kind], count);
}

static void
sort_figure(const UsageField *field, int64 count, Parts *parts)
{
	int			side = side_of(field->kind);

	switch (field->relation)
	{
		case USAGE_WHOLE:
			parts->whole[side] += count;
			if (parts->whole_field[side] == NULL || count > 0)
				parts->whole_field[side] = usage_field_path(field);
			break;
		case USAGE_APART:
			take_part(parts->apart, parts, field, count);
			parts->thoughts = sum_of(parts->apart, 1);
			break;
		case USAGE_WITHIN:
			take_part(parts->within, parts, field, count);
			break;
		case USAGE_WITHIN_TOO:
			take_part(parts->within, parts, field, count > 0 ? parts->within[field->kind] + count : 0);
			break;
		case USAGE_EITHER:
			take_part(parts->either, parts, field, count);
			break;
		case USAGE_OF_CACHED:
			if (count > 0)
				parts->of_cached_field = usage_field_path(field);
			parts->of_cached[field->kind] = Max(parts->of_cached[field->kind], count);
			break;
		case USAGE_SHORT_WRITE:
			if (count > parts->short_write)
				parts->short_field = usage_field_path(field);
			parts->short_write = Max(parts->short_write, count);
			parts->writes_beside |= count > 0 && strcmp(field->outer, "cache_creation") == 0;
			break;
		case USAGE_LONG_WRITE:
			parts->writes_beside |= count > 0 && strcmp(field->outer, "cache_creation") == 0;
			if (count > parts->long_write)
				parts->long_field = usage_field_path(field);
			parts->long_write = Max(parts->long_write, count);
			break;
		case USAGE_TOTAL:
			parts->total = count;
			parts->total_field = field->name;
			break;
		case USAGE_KNOWN:
			if (count > parts->known[side])
				parts->known_field[side] = usage_field_path(field);
			parts->known[side] = Max(parts->known[side], count);
			break;
	}
}

static int64
named(const Parts *parts)
{
	return parts->whole[0] + parts->whole[1] + sum_of(parts->apart, 0) + sum_of(parts->apart, 1);
}

/* Writes by how long they are kept, where nobody adds them up: as the sum would stand. */
static void
add_up_writes(Parts *parts)
{
	int64		writes = parts->short_write + parts->long_write;

	if (writes == 0 || parts->either[TOKEN_CACHE_WRITE] + parts->within[TOKEN_CACHE_WRITE] + parts->apart[TOKEN_CACHE_WRITE] > 0)
		return;
	(parts->writes_beside ? parts->either : parts->within)[TOKEN_CACHE_WRITE] = writes;
	parts->part_field[TOKEN_CACHE_WRITE] = parts->long_field != NULL ? parts->long_field : parts->short_field;
}

/*
 * Whether what a library counts within or apart is within.  The total tells where it
 * is one of the two sums; else another name for the same whole, or for the same
 * part; else the custom of the shape, as far as it fits.
 */
static bool
is_within(const Parts *parts, const UsageShape *shape, int side, bool same_elsewhere)
{
	int64		either = sum_of(parts->either, side);
	bool		fits = either + sum_of(parts->within, side) <= parts->whole[side];
	bool		apart = shape->either_apart && side == 0;

	if (parts->total == named(parts) + either)
		return false;
	if (!fits)
		return false;
	return parts->total == named(parts) || same_elsewhere || !apart;
}

/* A figure that is spelled within and beside is one. */
static void
decide_either(Parts *parts, const UsageShape *shape, int side, bool same_elsewhere)
{
	bool		within;

	for (int kind = 0; kind < TOKEN_KINDS; kind++)
		if (side_of(kind) == side && parts->within[kind] > 0 && parts->within[kind] == parts->either[kind])
			parts->either[kind] = 0;
	within = is_within(parts, shape, side, same_elsewhere);
	for (int kind = 0; kind < TOKEN_KINDS; kind++)
		if (side_of(kind) == side)
		{
			int64	   *to = within ? &parts->within[kind] : &parts->apart[kind];

			*to = within ? Max(*to, parts->either[kind]) : *to + parts->either[kind];
			parts->either[kind] = 0;
		}
}

/* What of its kind was read from the cache costs as that, and is in its count. */
static void
take_cached_out(Parts *parts, UsageReadings *out)
{
	if (sum_of(parts->of_cached, 0) > parts->within[TOKEN_CACHED] + parts->apart[TOKEN_CACHED])
	{
		usage_problem(out, parts->of_cached_field, part_above, true);
		return;
	}
	for (int kind = 0; kind < TOKEN_KINDS; kind++)
		parts->within[kind] -= Min(parts->of_cached[kind], parts->within[kind]);
}

/* A part above its whole is no part: the whole stays as it is. */
static void
fit_parts(Parts *parts, int side, UsageReadings *out)
{
	int			most = side == 0 ? TOKEN_CACHED : TOKEN_REASONING;

	if (sum_of(parts->within, side) <= parts->whole[side])
		return;
	for (int kind = 0; kind < TOKEN_KINDS; kind++)
		if (side_of(kind) == side)
		{
			if (parts->within[kind] > parts->within[most])
				most = kind;
		}
	usage_problem(out, parts->part_field[most], part_above, true);
	for (int kind = 0; kind < TOKEN_KINDS; kind++)
		if (side_of(kind) == side)
			parts->within[kind] = 0;
}

static void
split_writes(Parts *parts, TokenUsage *usage, UsageReadings *out)
{
	int64		writes = usage->count[TOKEN_CACHE_WRITE];

	if (parts->short_write + parts->long_write > writes)
		usage_problem(out, parts->long_field != NULL ? parts->long_field : parts->short_field, part_above, true);
	else
	{
		usage->count[TOKEN_LONG_CACHE_WRITE] += Min(parts->long_write, writes);
		usage->count[TOKEN_CACHE_WRITE] -= Min(parts->long_write, writes);
	}
}

/*
 * Tokens that only the provider's total counts have been paid for too.  They are
 * taken as output, which is the dearest.  Some providers count reasoning this way.
 */
static int64
add_rest(Parts *parts)
{
	int64		rest = Max(parts->total - named(parts), 0);

	parts->whole[1] += rest;
	return rest;
}

/*
 * Some totals leave out what stands beside the wholes: Bedrock's, the Vercel AI SDK's
 * and LiteLLM's a cache, Perplexity's the reasoning.  Gemini's leave out nothing.
 */
static bool
total_is_short(const Parts *parts)
{
	return parts->has_total && parts->total < named(parts) &&
		parts->total != parts->whole[0] + parts->whole[1] + parts->thoughts;
}

static void
read_parts(Parts *parts, UsageReading *reading, UsageReadings *out)
{
	TokenUsage *usage = &reading->usage;
	int64		rest = add_rest(parts);

	if (total_is_short(parts))
		usage_problem(out, parts->total_field, "is less than its parts", false);
	/* what has a name of its own among the parts is not told twice */
	reading->rest = Max(rest - sum_of(parts->within, 1), 0);
	reading->total_field = parts->total_field;
	take_cached_out(parts, out);
	fit_parts(parts, 0, out);
	fit_parts(parts, 1, out);
	for (int kind = 0; kind < TOKEN_KINDS; kind++)
	{
		usage->count[kind] = parts->apart[kind] + parts->within[kind];
		reading->field[kind] = parts->part_field[kind];
	}
	usage->count[TOKEN_INPUT] += parts->whole[0] - sum_of(parts->within, 0);
	usage->count[TOKEN_OUTPUT] += parts->whole[1] - sum_of(parts->within, 1);
	reading->field[TOKEN_INPUT] = parts->whole_field[0];
	reading->field[TOKEN_OUTPUT] = parts->whole_field[1];
	reading->field[TOKEN_LONG_CACHE_WRITE] = parts->long_field;
	split_writes(parts, usage, out);
	for (int side = 0; side < 2; side++)
		if (parts->known[side] > sum_of(usage->count, side))
			usage_problem(out, parts->known_field[side], part_above, true);
}

/* ----- readings ----------------------------------------------------------------------- */

static int64
total_of(const TokenUsage *usage)
{
	return sum_of(usage->count, 0) + sum_of(usage->count, 1);
}

/*
 * Two shapes that name the same input and the same output are one: of each part the
 * larger, if they fit.
 */
static bool
merge_reading(UsageReading *into, const UsageReading *from)
{
	UsageReading merged = *into;

	for (int side = 0; side < 2; side++)
	{
		int			whole = side == 0 ? TOKEN_INPUT : TOKEN_OUTPUT;
		int64		sum = sum_of(into->usage.count, side);

		if (sum != sum_of(from->usage.count, side))
			return false;
		for (int kind = 0; kind < TOKEN_KINDS; kind++)
			if (side_of(kind) == side && kind != whole && from->usage.count[kind] > merged.usage.count[kind])
			{
				merged.usage.count[kind] = from->usage.count[kind];
				merged.field[kind] = from->field[kind];
			}
		merged.usage.count[whole] = 0;
		merged.usage.count[whole] = sum - sum_of(merged.usage.count, side);
		if (merged.usage.count[whole] < 0)
			return false;
	}
	*into = merged;
	return true;
}

static void
add_reading(UsageReadings *out, const UsageReading *reading)
{
	for (int i = 0; i < out->n; i++)
	{
		UsageReading *other = &out->detail[i];

		if (merge_reading(other, reading))
		{
			out->reading[i] = other->usage;
			return;
		}
	}
	out->detail[out->n] = *reading;
	out->reading[out->n++] = reading->usage;
}

/* Details that are named after a whole of the shape. */
static bool
has_own_details(const UsageShape *shape, const UsageField *details)
{
	bool		named_so = false;
	bool		there = false;

	for (int f = 0; f < shape->nfields; f++)
	{
		const UsageField *field = &shape->field[f];

		if (field->relation == USAGE_WHOLE && field->outer == NULL && strncmp(details->outer, field->name, strlen(field->name)) == 0)
			named_so = true;
		if (field->outer != NULL && strcmp(field->outer, details->outer) == 0)
			there = true;
	}
	return named_so && there;
}

/* Names of details may be mixed too, but where a shape is there that they are named after, they are its own. */
static bool
is_of_another(const UsageField *field, int n, const Figures *figures)
{
	if (field->outer == NULL || has_own_details(&usage_shapes[n], field))
		return false;
	for (int i = 0; i < usage_nshapes; i++)
		if (i != n && figures[i].present && has_own_details(&usage_shapes[i], field))
			return true;
	return false;
}

static bool
says_nothing(const Parts *parts, int side)
{
	return parts->whole[side] + sum_of(parts->apart, side) + sum_of(parts->within, side) + sum_of(parts->either, side) == 0;
}

/* Names of several shapes may be mixed: what one says nothing of is as another says. */
static void
borrow_wholes(Parts *all, const Figures *figures)
{
	for (int side = 0; side < 2; side++)
	{
		Parts		most = {{0}};

		for (int i = 0; i < usage_nshapes; i++)
			if (figures[i].present && all[i].whole[side] > most.whole[side])
				most = all[i];
		for (int i = 0; i < usage_nshapes; i++)
			if (figures[i].present && most.whole[side] > 0 && says_nothing(&all[i], side))
			{
				all[i].whole[side] = most.whole[side];
				all[i].whole_field[side] = most.whole_field[side];
			}
	}
}

/* Another shape, whose input has its cache within, says the same input. */
static bool
same_input_elsewhere(const Parts *all, int n, const Figures *figures)
{
	for (int i = 0; i < usage_nshapes; i++)
		if (i != n && figures[i].present && !usage_shapes[i].either_apart &&
			all[i].whole[0] > 0 && all[i].whole[0] == all[n].whole[0])
			return true;
	return false;
}

static void
read_shapes(const Figures *figures, UsageReadings *out)
{
	Parts		all[USAGE_MAX_SHAPES];

	memset(all, 0, sizeof(all));
	for (int i = 0; i < usage_nshapes; i++)
	{
		all[i].has_total = figures[i].has_total;
		for (int f = 0; figures[i].present && f < usage_shapes[i].nfields; f++)
			if (figures[i].value[f] == 0 || !is_of_another(&usage_shapes[i].field[f], i, figures))
				sort_figure(&usage_shapes[i].field[f], figures[i].value[f], &all[i]);
	}
	borrow_wholes(all, figures);
	for (int i = 0; i < usage_nshapes; i++)
	{
		UsageReading reading = {{{0}}};
		const UsageShape *shape = &usage_shapes[i];

		if (!figures[i].present)
			continue;
		add_up_writes(&all[i]);
		decide_either(&all[i], shape, 0, same_input_elsewhere(all, i, figures));
		decide_either(&all[i], shape, 1, false);
		read_parts(&all[i], &reading, out);
		add_reading(out, &reading);
	}
}

/* All of it may be output, or input: whichever costs more. */
static void
take_lone_total(UsageReadings *out)
{
	UsageReading output = {.usage.count[TOKEN_OUTPUT] = out->lone_total, .rest = out->lone_total, .total_field = out->lone_total_field};
	UsageReading input = {.usage.count[TOKEN_INPUT] = out->lone_total, .field[TOKEN_INPUT] = out->lone_total_field};

	usage_problem(out, out->lone_total_field, "has no parts", false);
	add_reading(out, &output);
	add_reading(out, &input);
}

/* A cost, or what was used by the piece, without tokens is a reading of none. */
static bool
is_known(UsageReadings *out)
{
	UsageReading none = {{{0}}};

	if (out->n == 0 && out->lone_total > 0)
		take_lone_total(out);
	if (out->n == 0 && (out->reported_nanousd >= 0 || out->nuses > 0))
		add_reading(out, &none);
	if (out->n == 0)
		usage_problem(out, "usage", "has no counts of tokens that are known", true);
	return out->n > 0;
}

/*
 * Events say what they are of; usage objects alone may be of one call, or of several,
 * which the largest counts are not all of.
 */
static void
tell_other_usage(JsonbContainer *object, JsonbContainer **before, UsageReadings *out)
{
	for (int i = 0; i < usage_nshapes; i++)
		if (has_shape(object, &usage_shapes[i]))
		{
			if (*before != NULL && compareJsonbContainers(*before, object) != 0)
				usage_problem(out, "usage", "is an array of usage objects that differ", false);
			*before = object;
			return;
		}
}

bool
usage_read(Jsonb *usage, UsageReadings *out)
{
	Figures		figures[USAGE_MAX_SHAPES];
	JsonbContainer *bare = NULL;

	memset(figures, 0, sizeof(figures));
	memset(out, 0, sizeof(*out));
	out->reported_nanousd = -1;
	out->document = usage;
	if (usage == NULL || JB_ROOT_IS_SCALAR(usage))
		return is_known(out);
	out->service_tier = usage_named_tier(usage);
	if (JB_ROOT_IS_OBJECT(usage))
		gather(&usage->root, figures, out);
	else if (JB_ROOT_COUNT(usage) > USAGE_MOST_EVENTS)
		usage_problem(out, "usage", psprintf("is an array of more than %d events", USAGE_MOST_EVENTS), true);
	else
		for (int i = 0; i < JB_ROOT_COUNT(usage); i++)
		{
			JsonbValue *event = getIthJsonbValueFromContainer(&usage->root, i);
			JsonbContainer *object = event != NULL ? usage_container(event) : NULL;

			if (object == NULL || !JsonContainerIsObject(object))
				continue;
			tell_other_usage(object, &bare, out);
			gather(object, figures, out);
		}
	read_shapes(figures, out);
	return is_known(out);
}

int64
usage_most_tokens(const UsageReadings *usage)
{
	int64		most = 0;

	for (int i = 0; i < usage->n; i++)
		most = Max(most, total_of(&usage->reading[i]));
	return most;
}

int64
usage_most_input(const UsageReadings *usage)
{
	int64		most = 0;

	for (int i = 0; i < usage->n; i++)
		most = Max(most, sum_of(usage->reading[i].count, 0));
	return most;
}
