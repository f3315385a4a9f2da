/*
 * rate.c
 *	  Rate limits shared by all processes: one timestamp per installation,
 *	  tenant and key.
 *
 * rate_take() names its own limit with every call; a target of the gate has
 * the limit that rate_set() stored.  The two never share a bucket, so nobody
 * loosens a target's limit by calling rate_take() with another one.  A bucket
 * that is full again says nothing and is recycled without loss.  Where no slot
 * is free the call is refused.
 *
 * Locking: the LWLock of the slot's partition; limits are read before, so
 * nothing in the locked section raises an ERROR.  Memory: shared slots.  On
 * ERROR: not transactional; the caller gives back what it took.
 */
#include "retry/rate.h"

#include "core/row.h"
#include "retry/gcra.h"
#include "retry/slots.h"
#include "utils/builtins.h"

#define KIND_KEY		'k'
#define KIND_TARGET		't'

typedef struct Bucket
{
	int64		tat;			/* ns */
	int64		interval;		/* ns per call, as last used */
} Bucket;

static void *compile_limit(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name);

static AgcTable limit_table = AGC_TABLE("rate_limit", "rate_limit_pkey");
static const AgcObjectClass limit_class = {"rate_limit", &limit_table, compile_limit};
static SlotTable rate_slots = {"agentcore_rate", "rate", sizeof(Bucket), NULL, NULL};

/* kept from the last use, because giving back must not read a table */
static pg_uuid_t installation;

void
rate_init(void)
{
	slot_table_register(&rate_slots);
}

/* ----- limits --------------------------------------------------------------- */

/* burst NULL stands for one period's worth */
static void
make_limit(Gcra *limit, int rate, int64 period, const int *burst)
{
	if (rate < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rate must be at least 1"),
				 errdetail("Got %d.", rate)));
	if (period < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("period must be longer than zero")));
	if (burst != NULL && *burst < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("burst must be at least 1"),
				 errdetail("Got %d.", *burst)));
	if (!gcra_make(limit, rate, period, burst == NULL ? rate : *burst))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rate limit is out of range"),
				 errdetail("period, and period * burst / rate, must stay below 73 years.")));
}

/* rate, period and burst stand at n, n + 1 and n + 2 */
static void
limit_args(FunctionCallInfo fcinfo, int n, Gcra *limit)
{
	int			burst = PG_ARGISNULL(n + 2) ? 0 : PG_GETARG_INT32(n + 2);

	if (PG_ARGISNULL(n) || PG_ARGISNULL(n + 1))
		agc_refuse_null(PG_ARGISNULL(n) ? "rate" : "period");
	make_limit(limit, PG_GETARG_INT32(n), agc_opt_interval(fcinfo, n + 1, "period", 0),
			   PG_ARGISNULL(n + 2) ? NULL : &burst);
}

static void *
compile_limit(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name)
{
	Gcra	   *limit = palloc(sizeof(Gcra));
	bool		isnull;
	int			rate = DatumGetInt32(agc_col(tuple, desc, "rate", &isnull));
	int			burst = DatumGetInt32(agc_col(tuple, desc, "burst", &isnull));

	make_limit(limit, rate, agc_col_interval(tuple, desc, "period", 0), isnull ? NULL : &burst);
	return limit;
}

static bool
read_limit(const char *tenant, const char *target, Gcra *limit)
{
	AgcObject  *object = agc_object_pin(&limit_class, tenant, target);

	if (object == NULL)
		return false;
	*limit = *(Gcra *) object->data;
	agc_object_unpin(object);
	return true;
}

/* ----- buckets --------------------------------------------------------------- */

static int64
ns_to_us(int64 ns)
{
	return ns / 1000 + (ns % 1000 != 0);
}

static bool
bucket_peek(const SlotKey *key, const Gcra *limit, int64 *retry_after)
{
	SlotPartition *part = slot_lock(&rate_slots, key, LW_SHARED);
	int64		now = slot_clock();
	int64		free_at = PG_INT64_MAX;
	int			slot = slot_find(&rate_slots, part, key);
	bool		allowed;
	int64		wait = 0;

	if (slot >= 0)
	{
		wait = gcra_wait(limit, ((Bucket *) slot_state(&rate_slots, part, slot))->tat, now * 1000);
		allowed = wait == 0;
		*retry_after = ns_to_us(wait);
	}
	else
	{
		allowed = slot_claimable(&rate_slots, part, key, now, &free_at);
		*retry_after = allowed || free_at == PG_INT64_MAX ? 0 : free_at - now;
	}
	slot_unlock(&rate_slots, key);
	return allowed;
}

static bool
bucket_take(const SlotKey *key, const Gcra *limit, int64 *retry_after)
{
	SlotPartition *part = slot_lock(&rate_slots, key, LW_EXCLUSIVE);
	int64		now = slot_clock();
	int64		free_at;
	int			slot = slot_claim(&rate_slots, part, key, now, &free_at);
	bool		allowed = false;

	if (slot >= 0)
	{
		Bucket	   *bucket = slot_state(&rate_slots, part, slot);
		int64		wait = gcra_wait(limit, bucket->tat, now * 1000);

		allowed = wait == 0;
		*retry_after = ns_to_us(wait);
		if (allowed)
		{
			bucket->tat = gcra_pass(limit, bucket->tat, now * 1000);
			bucket->interval = limit->interval;
			part->busy_until[slot] = ns_to_us(bucket->tat);
		}
	}
	else
		*retry_after = free_at == PG_INT64_MAX ? 0 : free_at - now;
	slot_unlock(&rate_slots, key);
	return allowed;
}

/* True where the target has no rate, false where it has one and there is no memory. */
static bool
ask_target(const char *tenant, const char *target,
		   bool (*ask) (const SlotKey *key, const Gcra *limit, int64 *retry_after), int64 *retry_after)
{
	Gcra		limit;
	SlotKey		key;

	*retry_after = 0;
	if (!read_limit(tenant, target, &limit))
		return true;
	if (!slot_table_ready(&rate_slots))
		return false;
	installation = *agc_installation_id();
	slot_key(&rate_slots, &key, KIND_TARGET, &installation, tenant, target);
	return ask(&key, &limit, retry_after);
}

bool
rate_target_peek(const char *tenant, const char *target, int64 *retry_after)
{
	return ask_target(tenant, target, bucket_peek, retry_after);
}

bool
rate_target_take(const char *tenant, const char *target, int64 *retry_after)
{
	return ask_target(tenant, target, bucket_take, retry_after);
}

/* The slot is still there if the token matters: a full bucket needs none back. */
void
rate_target_give_back(const char *tenant, const char *target)
{
	SlotKey		key;
	SlotPartition *part;
	int			slot;

	if (!slot_table_ready(&rate_slots))
		return;
	slot_key(&rate_slots, &key, KIND_TARGET, &installation, tenant, target);
	part = slot_lock(&rate_slots, &key, LW_EXCLUSIVE);
	slot = slot_find(&rate_slots, part, &key);
	if (slot >= 0)
	{
		Bucket	   *bucket = slot_state(&rate_slots, part, slot);

		bucket->tat = Max(bucket->tat - bucket->interval, 0);
		part->busy_until[slot] = ns_to_us(bucket->tat);
	}
	slot_unlock(&rate_slots, &key);
}

/* ----- SQL ------------------------------------------------------------------- */

/* rate_take(key, rate, period, burst, tenant) -> (allowed, retry_after) */
AGC_FUNCTION(rate_take)
{
	char	   *name = agc_arg_name(fcinfo, 0, "key");
	char	   *tenant = agc_arg_tenant(fcinfo, 4);
	SlotKey		key;
	Gcra		limit;
	int64		retry_after;
	AgcRow		row;
	bool		allowed;

	limit_args(fcinfo, 1, &limit);
	agc_enter(tenant, AGC_AGENT);
	agc_require_shmem("the rate limiter");
	if (!slot_table_ready(&rate_slots))
		elog(ERROR, "the rate limiter has no shared memory");
	installation = *agc_installation_id();
	slot_key(&rate_slots, &key, KIND_KEY, &installation, tenant, name);
	allowed = bucket_take(&key, &limit, &retry_after);
	agc_row_init(&row);
	agc_put_bool(&row, allowed);
	agc_put_pointer(&row, retry_after > 0 ? agc_us_interval(retry_after) : NULL);
	return agc_row_return(fcinfo, &row);
}

static bool
write_rate(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, INT4OID, INTERVALOID, INT4OID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.rate_limit AS r (tenant, name, rate, period, burst)"
		" VALUES ($1, $2, $3, $4, $5)"
		" ON CONFLICT (tenant, name) DO UPDATE SET rate = EXCLUDED.rate,"
		" period = EXCLUDED.period, burst = EXCLUDED.burst"
		" WHERE $6 AND (r.rate, r.period, r.burst) IS DISTINCT FROM"
		" (EXCLUDED.rate, EXCLUDED.period, EXCLUDED.burst)", lengthof(types), types
	};
	Datum		values[] = {
		set->keys[0], set->keys[1], PG_GETARG_DATUM(1), PG_GETARG_DATUM(2), PG_GETARG_DATUM(3),
		BoolGetDatum(set->exists)
	};
	Gcra		limit;

	limit_args(fcinfo, 1, &limit);
	return agc_set_write(set, &plan, values, PG_ARGISNULL(3) ? "    n " : NULL);
}

/* rate_set(target, rate, period, burst, reset, tenant) -> boolean */
AGC_FUNCTION(rate_set)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan row = {
		"SELECT rate, period, burst FROM agentcore.rate_limit WHERE tenant = $1 AND name = $2 FOR NO KEY UPDATE",
		lengthof(types), types
	};
	static const AgcMember members[] = {{"rate", .required = true}, {"period", .required = true}, {"burst"}};
	static const AgcSetter setter = {
		"rate limit", 1, lengthof(members), members, &row, .write = write_rate
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
