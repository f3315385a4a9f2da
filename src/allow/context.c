/*
 * context.c
 *	  The members of a call's context: names, and values read once each.
 *
 * Memory: values and documents in CurrentMemoryContext, which must live as long
 * as the context; the clock that was read last is kept in the session.  Locks:
 * those of the reader.  On ERROR: nothing to undo.
 */
#include "allow/context.h"

#include "allow/allow.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

static const char *const member_names[CONTEXT_MEMBERS] = {
	[CONTEXT_TOOL] = "tool", [CONTEXT_TRAITS] = "traits", [CONTEXT_ARGS] = "args", [CONTEXT_AGENT] = "agent",
	[CONTEXT_TASK] = "task", [CONTEXT_SUBJECT] = "subject", [CONTEXT_LABELS] = "labels", [CONTEXT_FACTS] = "facts",
	[CONTEXT_CLOCK] = "clock", [CONTEXT_EST_USD] = "est_usd", [CONTEXT_EST_TOKENS] = "est_tokens",
	[CONTEXT_RESULT] = "result"
};

ContextMember
context_member_named(const char *name, uint32 len)
{
	for (int i = 0; i < CONTEXT_MEMBERS; i++)
		if (strlen(member_names[i]) == len && memcmp(member_names[i], name, len) == 0)
			return (ContextMember) i;
	return CONTEXT_MEMBERS;
}

const char *
context_member_name(ContextMember member)
{
	return member_names[member];
}

void
context_init(RuleContext *context, Jsonb *(*read) (RuleContext *, ContextMember), void *arg)
{
	memset(context, 0, sizeof(*context));
	context->read = read;
	context->arg = arg;
	context->now = CONTEXT_NOW_UNREAD;
}

/* ----- a context that is a document ------------------------------------------- */

static Jsonb *
read_document(RuleContext *context, ContextMember member)
{
	JsonbValue	found;

	return getKeyJsonValueFromContainer(&((Jsonb *) context->arg)->root, member_names[member],
										strlen(member_names[member]), &found) == NULL ? NULL : JsonbValueToJsonb(&found);
}

/* What rules take for granted of a member that is there. */
static bool
fits(ContextMember member, const Jsonb *value)
{
	bool		scalar = JB_ROOT_IS_SCALAR(value);

	switch (member)
	{
		case CONTEXT_TRAITS:
		case CONTEXT_LABELS:
			return JB_ROOT_IS_ARRAY(value) && !scalar;
		case CONTEXT_ARGS:
		case CONTEXT_FACTS:
		case CONTEXT_CLOCK:
			return JB_ROOT_IS_OBJECT(value);
		case CONTEXT_RESULT:
			return true;
		default:
			return scalar;
	}
}

static void
check_member(const char *name, uint32 len, JsonbValue *value)
{
	ContextMember member = context_member_named(name, len);

	if (member == CONTEXT_MEMBERS || member == CONTEXT_RESULT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown member %s of a context", agc_quoted_name(pnstrdup(name, len))),
				 errhint("The members are tool, traits, args, agent, task, subject, labels, facts, clock, est_usd and est_tokens.")));
	if (value->type != jbvNull && !fits(member, JsonbValueToJsonb(value)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("member \"%s\" of a context has another type", member_names[member])));
}

static bool
is_null(const Jsonb *value)
{
	return JB_ROOT_IS_SCALAR(value) && JBE_ISNULL(value->root.children[0]);
}

/* 0: the clock says its hour itself */
static TimestampTz
clock_time(const Jsonb *clock)
{
	JsonbValue	at;

	if (getKeyJsonValueFromContainer(unconstify(JsonbContainer *, &clock->root), CONTEXT_CLOCK_AT, strlen(CONTEXT_CLOCK_AT), &at) == NULL ||
		at.type != jbvString)
		return 0;
	return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(pnstrdup(at.val.string.val, at.val.string.len)),
												   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

void
context_init_document(RuleContext *context, Jsonb *document)
{
	JsonbIterator *it = JsonbIteratorInit(&document->root);
	JsonbValue	key;
	JsonbValue	value;
	Jsonb	   *clock;

	if (!JB_ROOT_IS_OBJECT(document))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a context must be a JSON object")));
	(void) JsonbIteratorNext(&it, &key, true);
	while (JsonbIteratorNext(&it, &key, true) == WJB_KEY)
	{
		(void) JsonbIteratorNext(&it, &value, true);
		check_member(key.val.string.val, key.val.string.len, &value);
	}
	context_init(context, read_document, document);
	clock = read_document(context, CONTEXT_CLOCK);
	if (clock != NULL && !is_null(clock))
		context->now = clock_time(clock);
}

/* ----- the clock --------------------------------------------------------------- */

static void
put_number(JsonbParseState **state, const char *name, int number)
{
	JsonbValue	value = {.type = jbvNumeric, .val.numeric = int64_to_numeric(number)};

	agc_push_text(state, WJB_KEY, name);
	pushJsonbValue(state, WJB_VALUE, &value);
}

/* hour, minute and weekday as a clock on a wall of the zone shows them; nobody knows them if the zone is gone */
static Jsonb *
read_clock(TimestampTz now, const char *zone)
{
	pg_tz	   *tz = pg_tzset(zone);
	int			offset;
	struct pg_tm tm;
	fsec_t		fsec;
	JsonbParseState *state = NULL;

	if (tz == NULL || timestamp2tm(now, &offset, &tm, &fsec, NULL, tz) != 0)
		return NULL;
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	put_number(&state, "hour", tm.tm_hour);
	put_number(&state, "minute", tm.tm_min);
	put_number(&state, "weekday", (j2day(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday)) + 6) % 7 + 1);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static Jsonb *
copy_jsonb(const Jsonb *value)
{
	return memcpy(palloc(VARSIZE(value)), value, VARSIZE(value));
}

/* The clock of one zone is kept for its second: a busy session asks often. */
static Jsonb *
clock_of(TimestampTz now, const char *zone)
{
	static char kept_zone[TZ_STRLEN_MAX + 1];
	static int64 kept_second;
	static Jsonb *kept = NULL;
	int64		second = now < 0 ? -1 : now / USECS_PER_SEC;
	Jsonb	   *clock;

	if (kept != NULL && kept_second == second && second >= 0 && strcmp(kept_zone, zone) == 0)
		return copy_jsonb(kept);
	clock = read_clock(now, zone);
	if (clock == NULL || second < 0 || strlen(zone) > TZ_STRLEN_MAX)
		return clock;
	if (kept != NULL)
		pfree(kept);
	kept = NULL;
	kept = memcpy(MemoryContextAlloc(TopMemoryContext, VARSIZE(clock)), clock, VARSIZE(clock));
	kept_second = second;
	strcpy(kept_zone, zone);
	return clock;
}

/* ----- reading ------------------------------------------------------------------ */

Jsonb *
context_member(RuleContext *context, ContextMember member, const char *zone)
{
	uint32		bit = 1U << member;
	bool		by_clock = member == CONTEXT_CLOCK && context->now != 0;
	Jsonb	   *value;

	if ((context->known & bit) && !(by_clock && strcmp(context->clock_zone, zone) != 0))
		return context->value[member];
	if (by_clock && context->now == CONTEXT_NOW_UNREAD)
		context->now = agc_now();
	value = by_clock ? clock_of(context->now, zone) : context->read(context, member);
	if (value != NULL && is_null(value))
		value = NULL;
	context->known |= bit;
	context->value[member] = value;
	if (by_clock)
		context->clock_zone = zone;
	return value;
}

/* ----- all of it ---------------------------------------------------------------- */

/* the members in the order of an object's keys: by length, then by bytes */
static const ContextMember in_order[] = {
	CONTEXT_ARGS, CONTEXT_TASK, CONTEXT_TOOL, CONTEXT_AGENT, CONTEXT_CLOCK, CONTEXT_FACTS,
	CONTEXT_LABELS, CONTEXT_TRAITS, CONTEXT_EST_USD, CONTEXT_SUBJECT, CONTEXT_EST_TOKENS
};

StaticAssertDecl(lengthof(in_order) == CONTEXT_RESULT, "every member but the result");

static Jsonb *
build_document(RuleContext *context, const char *zone)
{
	const char *keys[lengthof(in_order)];
	Jsonb	   *values[lengthof(in_order)];
	int			n = 0;

	for (int i = 0; i < lengthof(in_order); i++)
	{
		values[n] = context_member(context, in_order[i], zone);
		keys[n] = member_names[in_order[i]];
		if (values[n] != NULL)
			n++;
	}
	return context_object(keys, values, n);
}

Jsonb *
context_document(RuleContext *context, const char *zone)
{
	if (context->document == NULL || (context->now != 0 && strcmp(context->document_zone, zone) != 0))
	{
		context->document = build_document(context, zone);
		context->document_zone = zone;
	}
	return context->document;
}
