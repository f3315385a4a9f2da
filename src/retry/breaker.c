/*
 * breaker.c
 *	  Circuit breakers shared by all processes: one per installation, tenant,
 *	  kind and target.  The state machine itself is in circuit.c.
 *
 * The settings are the target's, and hold for both kinds (watch.c).
 *
 * A closed breaker that nobody uses may be recycled for another target; an
 * open one is kept until an hour after it could have been probed.  Where no
 * slot is free the call is refused: a target that cannot be watched is not
 * called.
 *
 * Locking: the LWLock of the slot's partition, shared to look, exclusive to
 * change; settings are read before, so nothing in the locked section raises an
 * ERROR.  Memory: shared slots; settings are a compiled object where
 * breaker_set() made a row.  On ERROR: the state is not transactional; the
 * caller gives back what it took.
 */
#include "retry/breaker.h"

#include "core/row.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "retry/pause.h"
#include "retry/watch.h"
#include "utils/builtins.h"
#include "utils/inval.h"

#define MAX_OPEN_FOR	(INT64CONST(366) * USECS_PER_DAY)

enum
{
	A_FAILURE_RATIO = 1, A_MIN_CALLS, A_OPEN_FOR, A_PROBES, A_FORCED, A_CONSECUTIVE
};

static void *compile_settings(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name);

static AgcTable breaker_table = AGC_TABLE("breaker", "breaker_pkey");
static const AgcObjectClass breaker_class = {"breaker", &breaker_table, compile_settings};

static const char *const state_names[] = {"closed", "open", "half_open"};
static const char unavailable[] = "unavailable";

static const CircuitSettings default_settings = {
	.failure_ratio = 0.5,
	.min_calls = 10,
	.consecutive = 5,
	.open_for = 30 * USECS_PER_SEC,
	.probes = 2,
};

/* ----- settings ------------------------------------------------------------ */

static bool
parse_forced(const char *word, CircuitState *state)
{
	if (strcmp(word, "open") == 0)
		*state = CIRCUIT_OPEN;
	else if (strcmp(word, "closed") == 0)
		*state = CIRCUIT_CLOSED;
	else
		return false;
	return true;
}

static void *
compile_settings(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name)
{
	CircuitSettings *set = palloc0(sizeof(CircuitSettings));
	char	   *forced = agc_col_text(tuple, desc, "forced");
	bool		isnull;

	set->failure_ratio = DatumGetFloat8(agc_col(tuple, desc, "failure_ratio", &isnull));
	set->min_calls = DatumGetInt32(agc_col(tuple, desc, "min_calls", &isnull));
	set->consecutive = DatumGetInt32(agc_col(tuple, desc, "consecutive", &isnull));
	set->open_for = agc_col_interval(tuple, desc, "open_for", 0);
	set->probes = DatumGetInt32(agc_col(tuple, desc, "probes", &isnull));
	set->forced = forced != NULL;

	/* an unknown word means open: no call passes */
	if (forced != NULL && !parse_forced(forced, &set->forced_state))
		set->forced_state = CIRCUIT_OPEN;
	return set;
}

void
breaker_settings(const char *tenant, const char *target, CircuitSettings *out)
{
	AgcObject  *object = agc_object_pin(&breaker_class, tenant, target);

	*out = default_settings;
	if (object != NULL)
	{
		*out = *(CircuitSettings *) object->data;
		agc_object_unpin(object);
	}
}

/* ----- the C interface ------------------------------------------------------ */

static void
refuse(BreakerDecision *out, int64 retry_after)
{
	out->allowed = out->probe = false;
	out->state = unavailable;
	out->known = false;
	out->retry_after = retry_after;
	out->paused = out->taken_at = 0;
}

void
breaker_decide(BreakerDecision *out, const CircuitAnswer *answer, int64 paused)
{
	out->allowed = answer->allowed && paused == 0;
	out->state = state_names[answer->state];
	out->known = true;
	out->retry_after = Max(answer->retry_after, paused);
	out->probe = answer->probe && paused == 0;
	out->paused = paused;
	out->taken_at = 0;
}

/* everything that may raise an ERROR happens in here, before the lock */
static void
prepare(SlotKey *key, CircuitSettings *set, char kind, const char *tenant, const char *target)
{
	breaker_settings(tenant, target, set);
	slot_key(&watch_slots, key, kind, tenant, target);
}

/* us; whoever forced the breaker, open or closed, has the last word */
static int64
pause_left(const Watch *watch, const CircuitSettings *set, int64 now)
{
	return set->forced ? 0 : Max(watch->paused_until - now, 0);
}

void
breaker_peek(const char *tenant, const char *target, BreakerDecision *out)
{
	static const Watch unseen;
	const Watch *watch = &unseen;
	CircuitSettings set;
	CircuitAnswer answer;
	SlotKey		key;
	SlotPartition *part;
	int64		now;
	int64		paused;
	int64		free_at;
	int			slot;
	bool		room;

	refuse(out, 0);
	if (!slot_table_ready(&watch_slots))
	{
		breaker_settings(tenant, target, &set);
		out->known = set.forced && set.forced_state == CIRCUIT_OPEN;
		return;
	}
	prepare(&key, &set, WATCH_GATE, tenant, target);

	part = slot_lock(&watch_slots, &key, LW_SHARED);
	now = slot_clock();
	slot = slot_find(&watch_slots, part, &key);
	room = slot >= 0 || slot_claimable(&watch_slots, part, &key, now, &free_at);
	if (slot >= 0)
		watch = slot_state(&watch_slots, part, slot);
	circuit_peek(&watch->circuit, &set, now, &answer);
	paused = pause_left(watch, &set, now);
	slot_unlock(&watch_slots, &key);

	if (room || set.forced)
		breaker_decide(out, &answer, paused);
	else
		refuse(out, free_at == PG_INT64_MAX ? 0 : free_at - now);
}

static void
take(char kind, const char *tenant, const char *target, BreakerDecision *out)
{
	CircuitSettings set;
	CircuitAnswer answer;
	SlotKey		key;
	SlotPartition *part;
	Circuit		unseen;
	int64		now;
	int64		paused = 0;
	int64		free_at;
	int			slot;

	refuse(out, 0);
	if (!slot_table_ready(&watch_slots))
		return;
	prepare(&key, &set, kind, tenant, target);

	part = slot_lock(&watch_slots, &key, LW_EXCLUSIVE);
	now = slot_clock();
	slot = slot_claim(&watch_slots, part, &key, now, &free_at);
	if (slot >= 0)
	{
		Watch	   *watch = slot_state(&watch_slots, part, slot);

		paused = pause_left(watch, &set, now);
		if (paused > 0)
			circuit_peek(&watch->circuit, &set, now, &answer);
		else
			circuit_take(&watch->circuit, &set, now, &answer);
		part->busy_until[slot] = watch_busy_until(watch);
	}
	slot_unlock(&watch_slots, &key);

	if (slot < 0 && !set.forced)
	{
		refuse(out, free_at == PG_INT64_MAX ? 0 : free_at - now);
		return;
	}
	if (slot < 0)
	{
		memset(&unseen, 0, sizeof(unseen));
		circuit_peek(&unseen, &set, now, &answer);
	}
	breaker_decide(out, &answer, paused);
	out->taken_at = now;
}

void
breaker_give_back(const char *tenant, const char *target, int64 taken_at)
{
	SlotKey		key;
	SlotPartition *part;
	int			slot;

	if (!slot_table_ready(&watch_slots))
		return;
	slot_known_key(&watch_slots, &key, WATCH_GATE, tenant, target);
	part = slot_lock(&watch_slots, &key, LW_EXCLUSIVE);
	slot = slot_find(&watch_slots, part, &key);
	if (slot >= 0)
		circuit_give_back(&((Watch *) slot_state(&watch_slots, part, slot))->circuit, slot_clock(), taken_at);
	slot_unlock(&watch_slots, &key);
}

void
breaker_take(const char *tenant, const char *target, BreakerDecision *out)
{
	take(WATCH_GATE, tenant, target, out);
}

static const char *
record(char kind, const char *tenant, const char *target, bool ok)
{
	CircuitSettings set;
	CircuitState state = CIRCUIT_CLOSED;
	SlotKey		key;
	SlotPartition *part;
	int64		now;
	int64		free_at;
	int			slot;

	if (!slot_table_ready(&watch_slots))
		return unavailable;
	prepare(&key, &set, kind, tenant, target);

	part = slot_lock(&watch_slots, &key, LW_EXCLUSIVE);
	now = slot_clock();
	slot = slot_claim(&watch_slots, part, &key, now, &free_at);
	if (slot >= 0)
	{
		Watch	   *watch = slot_state(&watch_slots, part, slot);

		state = circuit_record(&watch->circuit, &set, now, ok);
		part->busy_until[slot] = watch_busy_until(watch);
	}
	slot_unlock(&watch_slots, &key);

	if (slot < 0)
		return set.forced ? state_names[set.forced_state] : unavailable;
	return state_names[state];
}

const char *
breaker_record(const char *tenant, const char *target, bool ok)
{
	return record(WATCH_GATE, tenant, target, ok);
}

/* ----- statistics ----------------------------------------------------------- */

static void
put_target(ReturnSetInfo *rsinfo, const SlotName *name, const Watch *watch, int64 now)
{
	const Circuit *circuit = &watch->circuit;
	int64		paused;
	CircuitSettings set;
	CircuitAnswer answer;
	int64		calls;
	int64		failures;
	AgcRow		row;

	breaker_settings(name->tenant, name->name, &set);
	circuit_peek(circuit, &set, now, &answer);
	circuit_window(circuit, now, &calls, &failures);
	paused = pause_left(watch, &set, now);
	agc_row_init(&row);
	agc_put_text(&row, name->tenant);
	agc_put_text(&row, name->name);
	agc_put_text(&row, state_names[answer.state]);
	agc_put_bool(&row, set.forced);
	agc_put_int64(&row, calls);
	agc_put_int64(&row, failures);
	agc_put_int32(&row, circuit->in_a_row);
	agc_put_int32(&row, circuit_probes(circuit, now));
	agc_put_datum(&row, TimestampTzGetDatum(agc_now() - (now - circuit->opened_at)), circuit->state == CIRCUIT_CLOSED);
	agc_put_pointer(&row, answer.retry_after > 0 ? agc_us_interval(answer.retry_after) : NULL);
	agc_put_text(&row, name->kind == WATCH_GATE ? "gate" : "raw");
	agc_put_datum(&row, TimestampTzGetDatum(agc_now() + paused), paused == 0);
	agc_row_store(rsinfo, &row);
}

/* target_states() -> setof: each partition is copied, so no lock is held while reading settings */
AGC_FUNCTION(target_states)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			caller = GetUserId();
	SlotPartition *copy;
	pg_uuid_t	id;

	InitMaterializedSRF(fcinfo, 0);
	AcceptInvalidationMessages();
	agc_watch_registry();
	if (!slot_table_ready(&watch_slots))
		return (Datum) 0;
	id = *agc_installation_id();
	copy = palloc(slot_partition_size(&watch_slots));
	for (int n = 0; n < watch_slots.shared->npartitions; n++)
	{
		CHECK_FOR_INTERRUPTS();
		slot_partition_copy(&watch_slots, n, copy);
		for (int i = 0; i < SLOTS_PER_PARTITION; i++)
		{
			const SlotName *name = slot_name(&watch_slots, copy, i);

			if (copy->hash[i] != 0 && memcmp(&name->installation, &id, sizeof(id)) == 0 &&
				agc_level(caller, name->tenant) >= AGC_READER)
				put_target(rsinfo, name, slot_state(&watch_slots, copy, i), slot_clock());
		}
	}
	return (Datum) 0;
}

/* ----- SQL ------------------------------------------------------------------ */

/* breaker_allow(target, tenant) -> (allowed, state, retry_after) */
AGC_FUNCTION(breaker_allow)
{
	char	   *target = agc_arg_name(fcinfo, 0, "target");
	char	   *tenant = agc_arg_tenant(fcinfo, 1);
	BreakerDecision decision;
	AgcRow		row;

	agc_enter(tenant, AGC_AGENT);
	agc_require_shmem("the circuit breaker");
	take(WATCH_RAW, tenant, target, &decision);
	agc_row_init(&row);
	agc_put_bool(&row, decision.allowed);
	agc_put_text(&row, decision.state);
	agc_put_pointer(&row, decision.retry_after > 0 ? agc_us_interval(decision.retry_after) : NULL);
	return agc_row_return(fcinfo, &row);
}

/* breaker_report(target, ok, tenant) -> text */
AGC_FUNCTION(breaker_report)
{
	char	   *target = agc_arg_name(fcinfo, 0, "target");
	char	   *tenant = agc_arg_tenant(fcinfo, 2);

	if (PG_ARGISNULL(1))
		agc_refuse_null("ok");
	agc_enter_disabled(tenant, AGC_AGENT);
	agc_require_shmem("the circuit breaker");
	PG_RETURN_TEXT_P(cstring_to_text(record(WATCH_RAW, tenant, target, PG_GETARG_BOOL(1))));
}

static void
check_range(const char *what, int value, int least, int most)
{
	if (value < least || value > most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is out of range", what),
				 errdetail("Got %d; %d to %d are allowed.", value, least, most)));
}

static void
check_settings(FunctionCallInfo fcinfo)
{
	double		ratio = PG_GETARG_FLOAT8(A_FAILURE_RATIO);
	int64		open_for = agc_opt_interval(fcinfo, A_OPEN_FOR, "open_for", 0);
	char	   *forced = agc_opt_text(fcinfo, A_FORCED);
	CircuitState state;

	/* written so that NaN is refused */
	if (!(ratio > 0 && ratio <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("failure_ratio is out of range"),
				 errdetail("It must be above 0 and at most 1.")));
	check_range("min_calls", PG_GETARG_INT32(A_MIN_CALLS), 1, 1000000);
	check_range("probes", PG_GETARG_INT32(A_PROBES), 1, CIRCUIT_MAX_PROBES);
	check_range("consecutive", PG_GETARG_INT32(A_CONSECUTIVE), 1, 1000000);
	if (open_for < 1000 || open_for > MAX_OPEN_FOR)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("open_for is out of range"),
				 errdetail("It must be at least 1 ms and at most 366 days.")));
	if (forced != NULL && !parse_forced(forced, &state))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("forced must be \"open\" or \"closed\""),
				 errhint("reset => '{forced}' lets the breaker work again.")));
}

static bool
write_breaker(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, FLOAT8OID, INT4OID, INTERVALOID,
								 INT4OID, TEXTOID, INT4OID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.breaker AS b"
		" (tenant, name, failure_ratio, min_calls, open_for, probes, forced, consecutive)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
		" ON CONFLICT (tenant, name) DO UPDATE SET failure_ratio = EXCLUDED.failure_ratio,"
		" min_calls = EXCLUDED.min_calls, open_for = EXCLUDED.open_for,"
		" probes = EXCLUDED.probes, forced = EXCLUDED.forced, consecutive = EXCLUDED.consecutive"
		" WHERE $9 AND (b.failure_ratio, b.min_calls, b.open_for, b.probes, b.forced, b.consecutive)"
		" IS DISTINCT FROM (EXCLUDED.failure_ratio, EXCLUDED.min_calls, EXCLUDED.open_for,"
		" EXCLUDED.probes, EXCLUDED.forced, EXCLUDED.consecutive)", lengthof(types), types
	};
	Datum		values[lengthof(types)] = {set->keys[0], set->keys[1]};

	check_settings(fcinfo);
	for (int n = A_FAILURE_RATIO; n <= A_CONSECUTIVE; n++)	/* an argument stands one place before its column */
		values[n + 1] = fcinfo->args[n].value;
	values[8] = BoolGetDatum(set->exists);
	if (!PG_ARGISNULL(A_FORCED) && strcmp(TextDatumGetCString(values[A_FORCED + 1]), "closed") == 0)
		pause_end_at_commit(TextDatumGetCString(set->keys[0]), TextDatumGetCString(set->keys[1]));
	return agc_set_write(set, &plan, values, PG_ARGISNULL(A_FORCED) ? "      n  " : NULL);
}

/*
 * breaker_set(target, failure_ratio, min_calls, open_for, probes, forced,
 * consecutive, reset, tenant) -> boolean
 */
AGC_FUNCTION(breaker_set)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan row = {
		"SELECT failure_ratio, min_calls, open_for, probes, forced, consecutive"
		" FROM agentcore.breaker WHERE tenant = $1 AND name = $2 FOR NO KEY UPDATE", lengthof(types), types
	};
	/* as default_settings */
	static const AgcMember members[] = {
		{"failure_ratio", "0.5"}, {"min_calls", "10"}, {"open_for", "30 s"}, {"probes", "2"}, {"forced"},
		{"consecutive", "5"}
	};
	static const AgcSetter setter = {
		"breaker", A_FAILURE_RATIO, lengthof(members), members, &row, .write = write_breaker
	};
	Datum		keys[] = {0, CStringGetTextDatum(agc_arg_name(fcinfo, 0, "target"))};

	return agc_set(fcinfo, &setter, keys);
}

/* breaker_drop(target, tenant) -> boolean */
AGC_FUNCTION(breaker_drop)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.breaker WHERE tenant = $1 AND name = $2", 2, types
	};

	return agc_drop(fcinfo, "target", &plan);
}
