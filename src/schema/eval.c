/*
 * eval.c
 *	  Judging an instance by a compiled schema.
 *
 * One walker, compiled twice from eval_walk.h: one that stops at the first
 * failure and answers yes or no, one that goes on and collects errors.  Both
 * read the instance in place.  The path to the current place is a chain of
 * frames on the C stack, rendered only for messages.
 *
 * Everything that can take long is bounded: nesting by agentcore.max_depth and
 * the stack, work by agentcore.max_node_visits, a pattern match by
 * agentcore.pattern_match_limit.  A limit raises 54001; it is never an answer.
 * A visit of a node counts as one step.  Work that grows with size (a long
 * string, a wide table of properties, a bitmap) is charged by size.  Otherwise a
 * schema that applies it to one place a million times would be bounded in visits,
 * but not in time and memory.
 *
 * Memory: bitmaps of evaluated children and, when collecting, the errors, in
 * CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "schema/eval.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "schema/annotate.h"
#include "schema/eval_errors.h"

/* bytes, keys or elements that are passed over in the time of a node visit */
#define STEPS(size) ((Size) (size) >> 4)

/* node visits between two looks at interrupts and the limit */
#define FUEL 1024

/* errors kept of all branches of choices, as a multiple of those asked for */
#define BRANCH_ERRORS 8

/* Which children of one instance some keyword has evaluated. */
typedef struct Evaluated
{
	uint32		count;
	bool	   *child;
} Evaluated;

static void refuel(EvalContext *ctx, const EvalFrame *at);
static inline void charge(EvalContext *ctx, const EvalFrame *at, Size steps);
static void charge_number(EvalContext *ctx, const NumberRules *rules, const Number *value, const EvalFrame *at);
static void check_frame(const EvalFrame *at);
pg_noreturn static void pattern_gave_up(const Pattern *pattern, const EvalFrame *at);
static bool string_length_ok(const JbItem *item, uint32 min, uint32 max, uint32 *length);
static bool enum_contains(EvalContext *ctx, const AnyRules *any, const JbItem *item, const EvalFrame *at);

/* where the last limit was reached, for a caller that catches the error */
static char limit_path[256];

static void
note_limit(const EvalFrame *at)
{
	strlcpy(limit_path, path_excerpt(eval_path_text(at)), sizeof(limit_path));
}

const char *
schema_limit_path(void)
{
	char	   *path = pstrdup(limit_path);

	limit_path[0] = '\0';
	return path;
}

static void
refuel(EvalContext *ctx, const EvalFrame *at)
{
	CHECK_FOR_INTERRUPTS();
	ctx->visits += FUEL - ctx->fuel;
	ctx->fuel = FUEL;
	if (ctx->visits <= agc_max_node_visits)
		return;
	note_limit(at);
	ereport(ERROR,
			(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
			 errmsg("validation takes too many steps"),
			 errdetail("agentcore.max_node_visits is %d; it was reached at \"%s\".",
					   agc_max_node_visits, path_excerpt(eval_path_text(at))),
			 errhint("Simplify the schema: nested anyOf and oneOf multiply.")));
}

/* Work beyond the visit of a node is charged before it is done. */
static inline void
charge(EvalContext *ctx, const EvalFrame *at, Size steps)
{
	ctx->fuel -= steps;
	if (unlikely(ctx->fuel <= 0))
		refuel(ctx, at);
}

/*
 * Dividing numbers beyond the short stored form takes time in proportion to both
 * lengths: up to 37,000 base-10000 digits times those of the divisor, about
 * twenty inner steps in the time of a visit.  It cannot be interrupted, so it is
 * charged first.
 */
static void
charge_number(EvalContext *ctx, const NumberRules *rules, const Number *value, const EvalFrame *at)
{
	Size		steps = STEPS(VARSIZE_ANY(value->num));

	if (rules != NULL && rules->multiple_of != NULL)
		steps += 37000 / 20 * (VARSIZE_ANY(rules->multiple_of->num) / sizeof(int16));
	charge(ctx, at, steps);
}

static void
check_frame(const EvalFrame *at)
{
	check_stack_depth();
	if (at->depth <= agc_max_depth)
		return;
	note_limit(at);
	ereport(ERROR,
			(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
			 errmsg("document is nested too deeply"),
			 errdetail("agentcore.max_depth is %d.", agc_max_depth)));
}

static void
pattern_gave_up(const Pattern *pattern, const EvalFrame *at)
{
	note_limit(at);
	ereport(ERROR,
			(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
			 errmsg("pattern \"%s\" could not be evaluated within its limits", agc_shown(pattern_source(pattern), 200)),
			 errdetail("At \"%s\"; agentcore.pattern_match_limit is %d, agentcore.pattern_timeout is %d ms.",
					   path_excerpt(eval_path_text(at)), agc_pattern_match_limit, agc_pattern_timeout),
			 errhint("Rewrite the pattern without nested repetition.")));
}

static bool
matches(EvalContext *ctx, Pattern *pattern, const char *data, uint32 len, const EvalFrame *at)
{
	int64		cost = 0;
	PatternResult result;

	CHECK_FOR_INTERRUPTS();
	result = pattern_match(pattern, data, len, &cost);

	if (unlikely(result == PATTERN_LIMIT))
		pattern_gave_up(pattern, at);
	if (unlikely(cost > 0))
	{
		/* an expensive match: the limit is checked at the next node */
		ctx->visits += cost;
		ctx->fuel = 0;
	}
	return result == PATTERN_MATCH;
}

/*
 * Length in code points.  A character has one to four bytes, so most strings
 * are judged by their bytes; *length is counted only when it decides.
 */
static bool
string_length_ok(const JbItem *item, uint32 min, uint32 max, uint32 *length)
{
	if (item->len <= max && (min == 0 || item->len / 4 >= min))
		return true;
	*length = pg_mbstrlen_with_len(item->data, item->len);
	return *length >= min && *length <= max;
}

/* paths noted, in bytes */
#define PLACES_BYTES_MAX (256 * 1024)

static void
note_place(EvalPlaces *places, const JbItem *item, const EvalFrame *at)
{
	EvalPlace  *place;

	if (places->count >= places->limit || places->bytes > PLACES_BYTES_MAX)
		return;
	if (places->items == NULL)
		places->items = palloc(sizeof(EvalPlace) * places->limit);
	place = &places->items[places->count++];
	*place = (EvalPlace){item->data, eval_path_text(at)};
	places->bytes += strlen(place->path);
}

/* A whole number that the schema fixes, and writes without a fraction. */
static void
note_fixed(EvalContext *ctx, const JbItem *fixed, const JbItem *item, const EvalFrame *at)
{
	Number		given;
	Number		wanted;

	if (!JBE_ISNUMERIC(item->entry))
		return;
	number_read(&given, jb_numeric(item));
	number_read(&wanted, jb_numeric(fixed));
	if (!given.whole_scale && wanted.whole_scale)
		note_place(ctx->places, item, at);
}

static bool
enum_contains(EvalContext *ctx, const AnyRules *any, const JbItem *item, const EvalFrame *at)
{
	bool		string = JBE_ISSTRING(item->entry);
	uint32		low = 0;
	uint32		high = string ? any->nstrings : any->nothers;

	charge(ctx, at, STEPS(item->len));
	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;
		int			cmp = string ?
			key_compare(item->data, item->len, any->strings[middle].data, any->strings[middle].len) :
			item_compare(item, &any->others[middle]);

		if (cmp == 0)
		{
			if (unlikely(ctx->places != NULL) && !string)
				note_fixed(ctx, &any->others[middle], item, at);
			return true;
		}
		if (cmp < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

static bool
format_ok(const StringRules *rules, const JbItem *item)
{
	const char *s;
	uint32		len = item->len;

	if (rules->format_id == FORMAT_REGEX)
		return pattern_is_valid(item->data, item->len);
	s = string_utf8(item->data, &len);
	return format_check(rules->format_id, s, len);
}

static Evaluated
evaluated_new(EvalContext *ctx, const JbItem *item, const EvalFrame *at)
{
	uint32		n = JsonContainerSize(jb_container(item));

	/* charged before it is allocated, so the sum of all is bounded, freed or not */
	charge(ctx, at, STEPS(n));
	return (Evaluated)
	{
		n, palloc0(n + 1)
	};
}

static void
evaluated_merge(Evaluated *into, const Evaluated *from)
{
	for (uint32 i = 0; i < into->count; i++)
		into->child[i] |= from->child[i];
}

static void
evaluated_free(Evaluated *seen)
{
	if (seen->child != NULL)
		pfree(seen->child);
}

/*
 * The outermost resource of the dynamic scope that has such an anchor; the
 * static target when there is none.
 */
static const SchemaNode *
dynamic_target(EvalContext *ctx, const AnyRules *any)
{
	const SchemaNode *target = any->dynamic;

	if (any->dynamic_name == NULL)
		return target;
	for (const EvalScope *scope = ctx->scope; scope != NULL; scope = scope->outer)
	{
		ctx->fuel -= 1 + scope->resource->nanchors;
		for (int i = 0; i < scope->resource->nanchors; i++)
			if (strcmp(scope->resource->anchors[i].name, any->dynamic_name) == 0)
				target = scope->resource->anchors[i].node;
	}
	return target;
}

static bool collect_node(EvalContext *ctx, const SchemaNode *node, const JbItem *item,
						 const EvalFrame *at, Evaluated *seen);

/* A subschema that was only tested, and holds, has annotations too. */
static inline void
annotate_subschema(EvalContext *ctx, const SchemaNode *node, const JbItem *item, const EvalFrame *at)
{
	if (ctx->units != NULL)
		(void) collect_node(ctx, node, item, at, NULL);
}

#define COLLECT 0
#define WALK(name) test_##name
#include "schema/eval_walk.h"
#undef COLLECT
#undef WALK

#define COLLECT 1
#define WALK(name) collect_##name
#include "schema/eval_walk.h"
#undef COLLECT
#undef WALK

/* To set all of the context would cost as much as a small instance takes to test. */
static inline bool
test_root(const SchemaProgram *program, const Jsonb *instance, EvalPlaces *places)
{
	EvalContext ctx;
	EvalFrame	root = {0};
	JbItem		item = jb_root(instance);

	memset(&ctx, 0, offsetof(EvalContext, instance));
	ctx.program = program;
	ctx.fuel = FUEL;
	ctx.places = places;
	return test_node(&ctx, program->root, &item, &root, NULL);
}

bool
schema_valid(const SchemaProgram *program, const Jsonb *instance)
{
	return test_root(program, instance, NULL);
}

bool
schema_valid_noting(const SchemaProgram *program, const Jsonb *instance, EvalPlaces *places)
{
	return test_root(program, instance, places);
}

static bool
holds(EvalContext *ctx, const SchemaNode *node, const JbItem *item, const EvalFrame *at)
{
	return test_node(ctx, node, item, at, NULL);
}

static EvalErrors *
collect_from(EvalContext *ctx, const Jsonb *instance, const EvalFrame *root, int limit)
{
	JbItem		item = jb_root(instance);

	ctx->instance = instance;
	ctx->holds = holds;
	ctx->refuel = refuel;
	ctx->errors = errors_new(limit);
	ctx->errors_left = limit * BRANCH_ERRORS;
	(void) collect_node(ctx, ctx->program->root, &item, root, NULL);
	return ctx->errors;
}

static EvalErrors *
collect(EvalContext *ctx, const Jsonb *instance, int limit)
{
	EvalFrame	root = {0};

	ctx->fuel = FUEL;
	collect_from(ctx, instance, &root, limit);
	ctx->errors->visits = ctx->visits + FUEL - ctx->fuel;
	return ctx->errors;
}

EvalErrors *
schema_errors(const SchemaProgram *program, const Jsonb *instance, int limit)
{
	EvalContext ctx = {.program = program};

	return collect(&ctx, instance, limit);
}

EvalErrors *
schema_explained_errors(const SchemaProgram *program, const Jsonb *instance, int limit)
{
	EvalContext ctx = {.program = program, .explain = true};

	return collect(&ctx, instance, limit);
}

EvalErrors *
schema_located_errors(const SchemaProgram *program, const Jsonb *instance, int limit)
{
	EvalContext ctx = {.program = program, .locate = true};

	return collect(&ctx, instance, limit);
}

/* The instance is known to be valid: every schema that the walk enters holds. */
void
schema_annotate(const SchemaProgram *program, const Jsonb *instance, struct OutputUnits *units)
{
	EvalContext ctx = {.program = program, .units = units};

	(void) collect(&ctx, instance, 1);
}

/*
 * One level of schemas is two levels of JSON ("properties" and the name, "anyOf"
 * and the index), so a schema that compiled may be twice agentcore.max_depth
 * deep.
 */
EvalErrors *
schema_errors_of_schema(const SchemaProgram *metaschema, const Jsonb *schema)
{
	EvalContext ctx = {.program = metaschema, .fuel = FUEL, .visits = PG_INT64_MIN};
	EvalFrame	root = {.depth = -(agc_max_depth + 2)};
	JbItem		item = jb_root(schema);

	if (test_node(&ctx, metaschema->root, &item, &root, NULL))
		return NULL;
	return collect_from(&ctx, schema, &root, 1);
}
