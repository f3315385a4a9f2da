/*
 * tally_views.c
 *	  What stat_call and stat_call_stage show, and setting it to zero.
 *
 * Each tally is copied under its lock, one after the other: a row is consistent,
 * the set is no snapshot.  What was not measured is null.
 *
 * Memory: one copy of a slot, and the tuplestore of the result.  Locks: those of
 * tally_table.c, one at a time.  On ERROR: raised with no lock held.
 */
#include "profile/tally_table.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/jsonb.h"

static const char *const part_names[PROFILE_NPARTS] = {
	"rest", "admission", "arguments", "repeats", "limits", "take", "log", "settle"
};

/* ----- members of a row -------------------------------------------------------- */

typedef struct Object
{
	StringInfoData text;
	int			n;
} Object;

static void
object_begin(Object *object)
{
	initStringInfo(&object->text);
	appendStringInfoChar(&object->text, '{');
	object->n = 0;
}

/* names are of the source, so they need no escape */
static void
object_put(Object *object, const char *name, int64 value)
{
	appendStringInfo(&object->text, "%s\"%s\": " INT64_FORMAT, object->n++ > 0 ? ", " : "", name, value);
}

static void
object_end(Object *object, AgcRow *row)
{
	appendStringInfoChar(&object->text, '}');
	agc_put(row, DirectFunctionCall1(jsonb_in, CStringGetDatum(object->text.data)));
}

static void
put_reasons(AgcRow *row, const Tally *tally)
{
	Object		object;

	object_begin(&object);
	for (int i = 0; i < reasons_count; i++)
		if (tally->reason[i] != 0)
			object_put(&object, reason_name(i), tally->reason[i]);
	object_end(&object, row);
}

/* calls, told_ms of those that were told, and untold */
static void
put_waits(AgcRow *row, const Tally *tally)
{
	StringInfoData text;
	const char *divider = "";

	initStringInfo(&text);
	for (int i = 0; i < reasons_count; i++)
	{
		const Waits *wait = &tally->wait[i];

		if (wait->n == 0)
			continue;
		appendStringInfo(&text, "%s\"%s\": {\"calls\": " INT64_FORMAT ", \"untold\": " INT64_FORMAT ", \"told_ms\": ",
						 divider, reason_name(i), wait->n, wait->untold);
		if (wait->untold == wait->n)
			appendStringInfoString(&text, "null}");
		else
			appendStringInfo(&text, INT64_FORMAT "}", wait->told_us / 1000);
		divider = ", ";
	}
	agc_put(row, DirectFunctionCall1(jsonb_in, CStringGetDatum(psprintf("{%s}", text.data))));
}

static void
put_known(AgcRow *row, int64 value)
{
	agc_put_datum(row, Int64GetDatum(value), value < 0);
}

/* measured, total, mean, p50, p95, p99, most */
static void
put_times(AgcRow *row, const Span *span, const uint32 *bucket, int nbuckets)
{
	bool		none = span->n == 0;

	agc_put_int64(row, span->n);
	put_known(row, none ? -1 : span->total);
	put_known(row, none ? -1 : span->total / span->n);
	put_known(row, histogram_quantile(bucket, nbuckets, 0.50, span->most));
	put_known(row, histogram_quantile(bucket, nbuckets, 0.95, span->most));
	put_known(row, histogram_quantile(bucket, nbuckets, 0.99, span->most));
	put_known(row, none ? -1 : span->most);
}

static void
put_key(AgcRow *row, const TallySlot *slot, bool is_other)
{
	agc_put_text(row, is_other ? NULL : slot->tenant);
	agc_put_text(row, is_other ? "other" : slot->is_llm ? "model" : "tool");
	agc_put_text(row, is_other || !slot->is_named ? NULL : slot->name);
}

static void
put_hit_ratio(AgcRow *row, const Tally *tally)
{
	int64		answered = tally->verdict[PROFILE_RUN] + tally->verdict[PROFILE_CACHED];

	agc_put_datum(row, Float8GetDatum((double) tally->verdict[PROFILE_CACHED] / Max(answered, 1)), answered == 0);
}

/* ----- rows ---------------------------------------------------------------------- */

static void
put_calls(AgcRow *row, const Tally *tally)
{
	int64		calls = 0;

	for (int i = 0; i < PROFILE_NVERDICTS; i++)
		calls += tally->verdict[i];
	agc_put_int64(row, calls);
	for (int i = 0; i < PROFILE_NVERDICTS; i++)
		agc_put_int64(row, tally->verdict[i]);
	agc_put_int64(row, tally->not_enforced);
	put_reasons(row, tally);
	put_hit_ratio(row, tally);
	for (int i = 0; i < PROFILE_NENDS; i++)
		agc_put_int64(row, tally->ended[i]);
	agc_put_int64(row, tally->tokens);
	agc_put_usd(row, tally->nanousd);
	put_waits(row, tally);
}

static void
store_calls(ReturnSetInfo *rsinfo, const TallySlot *slot, bool is_other)
{
	const Tally *tally = &slot->tally;
	AgcRow		row;

	agc_row_init(&row);
	put_key(&row, slot, is_other);
	put_calls(&row, tally);
	put_times(&row, &tally->policy.span, tally->policy.bucket, TALLY_NS_BUCKETS);
	put_times(&row, &tally->tool.span, tally->tool.bucket, TALLY_US_BUCKETS);
	agc_put_bool(&row, !is_other && tally_is_incomplete(tally_owner(slot->tenant)));
	agc_put_datum(&row, TimestampTzGetDatum(tally->since), tally->since == 0);
	agc_row_store(rsinfo, &row);
}

static void
put_stages(AgcRow *row, const Tally *tally, ProfilePart part)
{
	Object		object;

	object_begin(&object);
	for (int i = 0; i < tally_nstages; i++)
		if (tally_stages[i].part == part && tally->stage_ns[i] != 0)
			object_put(&object, tally_stages[i].name, tally->stage_ns[i]);
	object_end(&object, row);
}

static void
store_parts(ReturnSetInfo *rsinfo, const TallySlot *slot, bool is_other)
{
	for (int part = 0; part < PROFILE_NPARTS; part++)
	{
		const NsTimes *times = &slot->tally.part[part];
		AgcRow		row;

		if (times->span.n == 0)
			continue;
		agc_row_init(&row);
		put_key(&row, slot, is_other);
		agc_put_text(&row, part_names[part]);
		put_times(&row, &times->span, times->bucket, TALLY_NS_BUCKETS);
		put_stages(&row, &slot->tally, part);
		agc_row_store(rsinfo, &row);
	}
}

static bool
has_calls(const Tally *tally)
{
	int64		any = 0;

	for (int i = 0; i < PROFILE_NVERDICTS; i++)
		any |= tally->verdict[i];
	for (int i = 0; i < PROFILE_NENDS; i++)
		any |= tally->ended[i];
	return any != 0;
}

/* What had no room is of every tenant, and of other databases. */
static bool
may_see(const TallySlot *slot, bool is_other)
{
	if (is_other)
		return has_calls(&slot->tally) && agc_level(GetUserId(), "*") >= AGC_READER;
	return tally_is_ours(slot) && agc_level(GetUserId(), slot->tenant) >= AGC_READER;
}

typedef void (*StoreRows) (ReturnSetInfo *rsinfo, const TallySlot *slot, bool is_other);

static void
store_tallies(FunctionCallInfo fcinfo, StoreRows store)
{
	TallySlot  *copy;

	InitMaterializedSRF(fcinfo, 0);
	if (!tally_table_ready())
		return;
	AcceptInvalidationMessages();
	agc_watch_registry();
	copy = palloc(sizeof(TallySlot));
	for (int i = 0; i < tally_nslots(); i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (tally_copy(i, copy) && may_see(copy, tally_is_other(i)))
			store((ReturnSetInfo *) fcinfo->resultinfo, copy, tally_is_other(i));
	}
	pfree(copy);
}

/* stat_calls() -> setof the columns of agentcore.stat_call */
AGC_FUNCTION(stat_calls)
{
	store_tallies(fcinfo, store_calls);
	return (Datum) 0;
}

/* stat_call_stages() -> setof the columns of agentcore.stat_call_stage */
AGC_FUNCTION(stat_call_stages)
{
	store_tallies(fcinfo, store_parts);
	return (Datum) 0;
}

/* stat_call_room() -> setof (slots, used, tenant_most) */
AGC_FUNCTION(stat_call_room)
{
	TallyRoom	room;
	AgcRow		row;

	agc_enter("*", AGC_READER);
	if (!tally_table_ready())
		return agc_no_row(fcinfo);
	tally_room(&room);
	agc_row_init(&row);
	agc_put_int32(&row, room.slots);
	agc_put_int32(&row, room.used);
	agc_put_int32(&row, room.tenant_most);
	return agc_row_return(fcinfo, &row);
}

/* stat_call_reset(tool, tenant) -> integer */
AGC_FUNCTION(stat_call_reset)
{
	char	   *name = agc_opt_name(fcinfo, 0, "tool");
	char	   *tenant = agc_arg_tenant_or_every(fcinfo, 1);

	agc_enter(tenant, AGC_ADMIN);
	if (!tally_table_ready())
		PG_RETURN_INT32(0);
	PG_RETURN_INT32(tally_forget(strcmp(tenant, "*") == 0 ? NULL : tenant, name));
}
