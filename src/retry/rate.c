/*
 * rate.c
 *	  Rate limits shared by all processes: one meter per installation, tenant
 *	  and key.
 *
 * rate_take() names its own limit with every call; a target of the gate has
 * the limit that rate_set() stored.  The two never share a meter, so nobody
 * loosens a target's limit by calling rate_take() with another one.  A meter
 * in which nothing counts any more is recycled without loss.  Where no slot
 * is free the call is refused.
 *
 * Locking: the LWLock of the slot's partition; limits are read before, so
 * nothing in the locked section raises an ERROR.  Memory: shared slots.  On
 * ERROR: not transactional; the caller gives back what it took.
 */
#include "retry/rate.h"

#include "core/row.h"
#include "retry/meter.h"
#include "retry/slots.h"
#include "utils/builtins.h"

#define KIND_KEY		'k'
#define KIND_TARGET		't'

static void *compile_limit(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name);

static AgcTable limit_table = AGC_TABLE("rate_limit", "rate_limit_pkey");
static const AgcObjectClass limit_class = {"rate_limit", &limit_table, compile_limit};
static SlotTable rate_slots = {"agentcore_rate", "rate", sizeof(Meter), NULL, NULL};

void
rate_init(void)
{
	slot_table_register(&rate_slots);
}

/* ----- limits --------------------------------------------------------------- */

enum
{
	A_RATE = 1, A_PERIOD, A_BURST, A_TOKENS
};

static void
check_positive(const char *what, int64 value)
{
	if (value < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be at least 1", what),
				 errdetail("Got %lld.", (long long) value)));
}

/* 0 stands for "none"; tokens have no burst */
static void
make_limit(MeterLimit *limit, int64 rate, int64 period, int64 burst, int64 tokens)
{
	if (period < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("period must be longer than zero")));
	memset(limit, 0, sizeof(*limit));
	limit->calls = rate;
	limit->tokens = tokens;
	limit->period = period;
	limit->bursts = burst > 0;
	if (!gcra_make(&limit->gcra, Max(rate, 1), period, burst > 0 ? burst : Max(rate, 1)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rate limit is out of range"),
				 errdetail("period, and period * burst / rate, must stay below 73 years.")));
}

/* An argument that is given is at least 1. */
static int64
positive_arg(FunctionCallInfo fcinfo, int n, const char *what)
{
	int64		value = n == A_TOKENS ? PG_GETARG_INT64(n) : PG_GETARG_INT32(n);

	if (PG_ARGISNULL(n))
		return 0;
	check_positive(what, value);
	return value;
}

static void
limit_args(FunctionCallInfo fcinfo, bool has_tokens, MeterLimit *limit)
{
	int64		rate = positive_arg(fcinfo, A_RATE, "rate");
	int64		burst = positive_arg(fcinfo, A_BURST, "burst");
	int64		tokens = has_tokens ? positive_arg(fcinfo, A_TOKENS, "tokens") : 0;

	if (PG_ARGISNULL(A_PERIOD))
		agc_refuse_null("period");
	if (rate == 0 && !has_tokens)
		agc_refuse_null("rate");
	if (rate == 0 && tokens == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a rate limit needs a rate or tokens")));
	if (rate == 0 && burst > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("burst needs a rate"),
				 errdetail("It counts calls; tokens have no burst.")));
	make_limit(limit, rate, agc_opt_interval(fcinfo, A_PERIOD, "period", 0), burst, tokens);
}

static int64
limit_col(HeapTuple tuple, TupleDesc desc, const char *name)
{
	bool		isnull;
	Datum		value = agc_col(tuple, desc, name, &isnull);

	return isnull ? 0 : strcmp(name, "tokens") == 0 ? DatumGetInt64(value) : DatumGetInt32(value);
}

static void *
compile_limit(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name)
{
	MeterLimit *limit = palloc(sizeof(MeterLimit));

	make_limit(limit, limit_col(tuple, desc, "rate"), agc_col_interval(tuple, desc, "period", 0),
			   limit_col(tuple, desc, "burst"), limit_col(tuple, desc, "tokens"));
	return limit;
}

bool
rate_target_limit(const char *tenant, const char *target, MeterLimit *limit)
{
	AgcObject  *object = agc_object_pin(&limit_class, tenant, target);

	if (object == NULL)
		return false;
	*limit = *(MeterLimit *) object->data;
	agc_object_unpin(object);
	return true;
}

/* ----- meters ----------------------------------------------------------------- */

void
rate_decide(RateDecision *out, const MeterAnswer *answer)
{
	out->allowed = answer->wait == 0 && !answer->never;
	out->never = answer->never;
	out->what = answer->what;
	out->retry_after = answer->wait;
	out->taken_at = 0;
}

/* no slot is left */
static void
refuse(RateDecision *out, int64 now, int64 free_at)
{
	memset(out, 0, sizeof(*out));
	out->retry_after = free_at == PG_INT64_MAX ? 0 : free_at - now;
}

static void
peek(const SlotKey *key, const MeterLimit *limit, int64 tokens, RateDecision *out)
{
	static const Meter unused;
	SlotPartition *part = slot_lock(&rate_slots, key, LW_SHARED);
	int64		now = slot_clock();
	int64		free_at = PG_INT64_MAX;
	int			slot = slot_find(&rate_slots, part, key);
	MeterAnswer answer;

	if (slot >= 0 || slot_claimable(&rate_slots, part, key, now, &free_at))
	{
		meter_ask(slot >= 0 ? slot_state(&rate_slots, part, slot) : &unused, limit, now, tokens, &answer);
		rate_decide(out, &answer);
	}
	else
		refuse(out, now, free_at);
	slot_unlock(&rate_slots, key);
}

static void
take(const SlotKey *key, const MeterLimit *limit, int64 tokens, RateDecision *out)
{
	SlotPartition *part = slot_lock(&rate_slots, key, LW_EXCLUSIVE);
	int64		now = slot_clock();
	int64		free_at;
	int			slot = slot_claim(&rate_slots, part, key, now, &free_at);
	MeterAnswer answer;

	if (slot >= 0)
	{
		Meter	   *meter = slot_state(&rate_slots, part, slot);

		meter_ask(meter, limit, now, tokens, &answer);
		rate_decide(out, &answer);
		if (out->allowed)
		{
			meter_pass(meter, limit, now, tokens);
			out->taken_at = now;
			part->busy_until[slot] = meter_end(meter);
		}
	}
	else
		refuse(out, now, free_at);
	slot_unlock(&rate_slots, key);
}

/* Allowed where the target has no rate, refused where it has one and there is no memory. */
static void
ask_target(const char *tenant, const char *target, int64 tokens,
		   void (*ask) (const SlotKey *key, const MeterLimit *limit, int64 tokens, RateDecision *out), RateDecision *out)
{
	MeterLimit	limit;
	SlotKey		key;

	memset(out, 0, sizeof(*out));
	if (!rate_target_limit(tenant, target, &limit))
	{
		out->allowed = true;
		return;
	}
	if (!slot_table_ready(&rate_slots))
		return;
	slot_key(&rate_slots, &key, KIND_TARGET, tenant, target);
	ask(&key, &limit, tokens, out);
}

void
rate_target_peek(const char *tenant, const char *target, int64 tokens, RateDecision *out)
{
	ask_target(tenant, target, tokens, peek, out);
}

void
rate_target_take(const char *tenant, const char *target, int64 tokens, RateDecision *out)
{
	ask_target(tenant, target, tokens, take, out);
}

/* The slot may be gone: then nothing counted in it any more, or it was lost in a crash. */
void
rate_target_give_back(const char *tenant, const char *target, int64 calls, int64 tokens, int64 taken_at)
{
	SlotKey		key;
	SlotPartition *part;
	int			slot;

	if (!slot_table_ready(&rate_slots))
		return;
	slot_known_key(&rate_slots, &key, KIND_TARGET, tenant, target);
	part = slot_lock(&rate_slots, &key, LW_EXCLUSIVE);
	slot = slot_find(&rate_slots, part, &key);
	if (slot >= 0)
	{
		Meter	   *meter = slot_state(&rate_slots, part, slot);

		meter_take_off(meter, slot_clock(), taken_at, calls, tokens);
		part->busy_until[slot] = meter_end(meter);
	}
	slot_unlock(&rate_slots, &key);
}

bool
rate_target_add(const char *tenant, const char *target, int64 tokens)
{
	MeterLimit	limit;
	SlotKey		key;
	SlotPartition *part;
	int64		now;
	int64		free_at;
	int			slot;

	if (!slot_table_ready(&rate_slots) || !rate_target_limit(tenant, target, &limit) || limit.tokens == 0)
		return false;
	slot_key(&rate_slots, &key, KIND_TARGET, tenant, target);
	part = slot_lock(&rate_slots, &key, LW_EXCLUSIVE);
	now = slot_clock();
	slot = slot_claim(&rate_slots, part, &key, now, &free_at);
	if (slot >= 0)
	{
		Meter	   *meter = slot_state(&rate_slots, part, slot);

		meter_add_tokens(meter, &limit, now, tokens);
		part->busy_until[slot] = meter_end(meter);
	}
	slot_unlock(&rate_slots, &key);
	return slot >= 0;
}

/* ----- SQL ------------------------------------------------------------------- */

/* rate_take(key, rate, period, burst, tenant) -> (allowed, retry_after) */
AGC_FUNCTION(rate_take)
{
	char	   *name = agc_arg_name(fcinfo, 0, "key");
	char	   *tenant = agc_arg_tenant(fcinfo, 4);
	SlotKey		key;
	MeterLimit	limit;
	RateDecision decision;
	AgcRow		row;

	limit_args(fcinfo, false, &limit);
	agc_enter(tenant, AGC_AGENT);
	agc_require_shmem("the rate limiter");
	if (!slot_table_ready(&rate_slots))
		elog(ERROR, "the rate limiter has no shared memory");
	slot_key(&rate_slots, &key, KIND_KEY, tenant, name);
	take(&key, &limit, 0, &decision);
	agc_row_init(&row);
	agc_put_bool(&row, decision.allowed);
	agc_put_pointer(&row, decision.retry_after > 0 ? agc_us_interval(decision.retry_after) : NULL);
	return agc_row_return(fcinfo, &row);
}

static bool
write_rate(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, INT4OID, INTERVALOID, INT4OID, INT8OID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.rate_limit AS r (tenant, name, rate, period, burst, tokens)"
		" VALUES ($1, $2, $3, $4, $5, $6)"
		" ON CONFLICT (tenant, name) DO UPDATE SET rate = EXCLUDED.rate,"
		" period = EXCLUDED.period, burst = EXCLUDED.burst, tokens = EXCLUDED.tokens"
		" WHERE $7 AND (r.rate, r.period, r.burst, r.tokens) IS DISTINCT FROM"
		" (EXCLUDED.rate, EXCLUDED.period, EXCLUDED.burst, EXCLUDED.tokens)", lengthof(types), types
	};
	Datum		values[lengthof(types)] = {set->keys[0], set->keys[1]};
	char		nulls[] = "       ";
	MeterLimit	limit;

	limit_args(fcinfo, true, &limit);
	for (int n = A_RATE; n <= A_TOKENS; n++)	/* an argument stands one place before its column */
	{
		values[n + 1] = fcinfo->args[n].value;
		if (PG_ARGISNULL(n))
			nulls[n + 1] = 'n';
	}
	values[6] = BoolGetDatum(set->exists);
	return agc_set_write(set, &plan, values, nulls);
}

/* rate_set(target, rate, period, burst, tokens, reset, tenant) -> boolean */
AGC_FUNCTION(rate_set)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan row = {
		"SELECT rate, period, burst, tokens FROM agentcore.rate_limit WHERE tenant = $1 AND name = $2 FOR NO KEY UPDATE",
		lengthof(types), types
	};
	static const AgcMember members[] = {{"rate"}, {"period", .required = true}, {"burst"}, {"tokens"}};
	static const AgcSetter setter = {
		"rate limit", A_RATE, lengthof(members), members, &row, .write = write_rate
	};
	Datum		keys[] = {0, CStringGetTextDatum(agc_arg_name(fcinfo, 0, "target"))};

	return agc_set(fcinfo, &setter, keys);
}

/* rate_drop(target, tenant) -> boolean */
AGC_FUNCTION(rate_drop)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.rate_limit WHERE tenant = $1 AND name = $2", 2, types
	};

	return agc_drop(fcinfo, "target", &plan);
}
