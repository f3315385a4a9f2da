/*
 * permit.c
 *	  Finding, locking and reading permits.
 *
 * A permit is open (state o, or r while it waits for a retry) or settled (c, x,
 * f or d), once.  State e is an open permit whose lease ended, state u one whose
 * holder could not say whether the work was done.  Both may still become c, l, x or
 * f when somebody knows, because the money may be gone all the same.
 * While a permit is open, its amounts are held in the counter of every budget on
 * its path.  The path is stored with the permit, so a later change of the
 * hierarchy does not affect it.
 *
 * Its life: permit_acquire.c, permit_continue.c, permit_settle.c,
 * permit_expire.c.
 *
 * Locks: the permit before any counter (lock_order.c), to the end of the
 * transaction.  Memory: the caller's context.  On ERROR: the transaction takes
 * everything back.
 */
#include "budget/permit.h"

#include "budget/lock_order.h"

#include "common/int.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* how long a caller that met contention should wait */
#define CONTENTION_WAIT	(50 * INT64CONST(1000))

const char *const permit_settle_names[] = {"committed", "replayed", "late", "conflict"};

void
permit_report_contention(PermitDecision *out)
{
	out->granted = false;
	out->reason = REASON_CONTENTION;
	out->denied_by = out->denied_limit = NULL;
	out->limit = NULL;
	memset(&out->denied, 0, sizeof(out->denied));
	out->on_full = ON_FULL_DENY;
	out->asks = out->has_remaining = false;
	out->detail = "Another transaction holds or has just changed a budget or key for which this one cannot wait.";
	out->retry_after = CONTENTION_WAIT;
	out->can_ever_fit = true;
}

void
permit_raise_contention(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("a permit or budget is being changed by another transaction"),
			 errdetail("It was not given up within agentcore.budget_lock_wait, or was defined anew meanwhile, or must not be waited for, because this transaction holds others already."),
			 errhint("Try again, with each permit in a transaction of its own.")));
}

char *
permit_holder(const char *agent, const char *role)
{
	return agent != NULL ? psprintf("agent:%s", agent) : psprintf("role:%s", role);
}

/* "caller" was GetUserId() before the switch to the owner. */
static bool
may_settle(const char *tenant, const PermitRow *permit, Oid caller)
{
	Oid			acquirer = get_role_oid(permit->role, true);

	return (OidIsValid(acquirer) && has_privs_of_role(caller, acquirer)) ||
		agc_level(caller, tenant) >= AGC_ADMIN;
}

/*
 * A first look without a wait, so that a role that may not settle the permit does
 * not wait for it.
 */
bool
permit_lock(const char *tenant, const pg_uuid_t *id, bool of_anyone, PermitRow *out)
{
	MemoryContext cxt = CurrentMemoryContext;
	Permit	   *permit = palloc(sizeof(Permit));
	LockResult	result = row_permit_lock(tenant, id, false, cxt, permit);

	if (result == LOCK_BUSY)
	{
		if (!row_permit_read(tenant, id, cxt, permit) || !(of_anyone || may_settle(tenant, &permit->row, GetUserId())))
			return false;
		if (!lock_order_held())
			result = row_permit_lock(tenant, id, true, cxt, permit);
	}
	if (result == LOCK_BUSY)
		permit_raise_contention();
	if (result == LOCK_MISSING || !(of_anyone || may_settle(tenant, &permit->row, GetUserId())))
		return false;
	lock_order_note();
	*out = permit->row;
	out->locked = permit;
	return true;
}

void
permit_charged(const PermitRow *permit, int64 *tokens, int64 *nanousd)
{
	*tokens = permit->locked->charged[DIM_TOKENS] - permit->spent_tokens;
	*nanousd = permit->locked->charged[DIM_NANOUSD] - permit->spent_nanousd;
}

bool
permit_read(const char *tenant, const pg_uuid_t *id, PermitRow *out)
{
	Permit		permit;

	if (!row_permit_read(tenant, id, CurrentMemoryContext, &permit) || !may_settle(tenant, &permit.row, GetUserId()))
		return false;
	*out = permit.row;
	return true;
}

bool
permit_look(const char *tenant, const pg_uuid_t *id, PermitRow *out)
{
	Permit		permit;

	if (!row_permit_read(tenant, id, CurrentMemoryContext, &permit))
		return false;
	*out = permit.row;
	return true;
}

bool
permit_read_by_key(const char *tenant, const char *agent, const char *key, PermitRow *out)
{
	Permit		permit;

	if (!row_permit_by_key(tenant, permit_holder(agent, NULL), key, CurrentMemoryContext, &permit))
		return false;
	*out = permit.row;
	return true;
}

PermitTry
permit_try(const char *tenant, const pg_uuid_t *id, MemoryContext cxt, Permit *out)
{
	switch (row_permit_lock(tenant, id, !lock_order_held(), cxt, out))
	{
		case LOCK_BUSY:
			return PERMIT_TRY_BUSY;
		case LOCK_MISSING:
			return PERMIT_TRY_NOT;
		default:
			lock_order_note();
			return PERMIT_TRY_DONE;
	}
}

bool
permit_is_open(const Permit *permit)
{
	return permit->row.state == PERMIT_OPEN || permit->row.state == PERMIT_RETRY;
}

bool
permit_is_unanswered(const Permit *permit)
{
	return permit->row.state == PERMIT_EXPIRED || permit->row.state == PERMIT_UNKNOWN;
}

bool
permit_may_end(const PermitRow *permit)
{
	return permit->state == PERMIT_OPEN || permit->state == PERMIT_RETRY ||
		permit->state == PERMIT_EXPIRED || permit->state == PERMIT_UNKNOWN;
}

int64
permit_add_amounts(int64 a, int64 b)
{
	int64		sum;

	if (pg_add_s64_overflow(a, b, &sum))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("amounts of a permit are out of range")));
	return sum;
}

void
permit_bound_amounts(const Permit *permit, int64 amount[BUDGET_NUSED])
{
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		amount[dim] = Min(amount[dim], PG_INT64_MAX - permit->spent[dim]);
}

TimestampTz
permit_lease_end(TimestampTz at, int64 lease)
{
	return at + Min(lease > 0 ? lease : agc_lease_or_default(0), AGC_MAX_LEASE);
}

/*
 * A definition may have changed between the two, so that what was asked in the same
 * words runs otherwise, or what ran is asked in its own words.
 */
bool
permit_is_same(const PermitRow *permit, const PermitRequest *request)
{
	const uint8 *asked = request->has_asked_hash ? request->asked_hash : request->request_hash;

	return memcmp(permit->request_hash, request->request_hash, AGC_HASH_LEN) == 0 ||
		memcmp(permit->request_hash, asked, AGC_HASH_LEN) == 0 ||
		(permit->has_asked_hash && memcmp(permit->asked_hash, asked, AGC_HASH_LEN) == 0);
}

/* The name itself is stored nowhere: who reads the table cannot take over a call. */
static void
digest_holder(const pg_uuid_t *id, const char *run_holder, uint8 out[AGC_HASH_LEN])
{
	AgcDigest  *digest = agc_digest_begin();

	agc_digest_field(digest, id, sizeof(pg_uuid_t));
	agc_digest_field(digest, run_holder, strlen(run_holder));
	agc_digest_end(digest, out);
}

bool
permit_is_held_by(const char *tenant, const PermitRow *permit, const char *run_holder)
{
	uint8		digest[AGC_HASH_LEN];

	if (!permit->has_held_by || run_holder == NULL)
		return false;
	digest_holder(&permit->id, run_holder, digest);
	return memcmp(digest, permit->held_by, AGC_HASH_LEN) == 0 && may_settle(tenant, permit, GetUserId());
}

void
permit_claim(PermitRow *row, const PermitRequest *request)
{
	memcpy(row->request_hash, request->request_hash, AGC_HASH_LEN);
	row->has_asked_hash = request->has_asked_hash;
	memcpy(row->asked_hash, request->asked_hash, AGC_HASH_LEN);
	row->has_held_by = request->run_holder != NULL;
	if (row->has_held_by)
		digest_holder(&row->id, request->run_holder, row->held_by);
}

bool
permit_resolve(const char *tenant, const pg_uuid_t *id)
{
	Permit		permit;

	switch (permit_try(tenant, id, CurrentMemoryContext, &permit))
	{
		case PERMIT_TRY_BUSY:
			permit_raise_contention();
			return false;
		case PERMIT_TRY_NOT:
			return false;
		case PERMIT_TRY_DONE:
			break;
	}
	if (!permit_is_unanswered(&permit) && permit.row.state != PERMIT_FAILED && permit.row.state != PERMIT_DEFERRED)
		return false;
	permit.resolved = true;
	row_permit_write(&permit, NULL);
	return true;
}

void
permit_free_key(const PermitRow *row)
{
	row->locked->resolved = true;
	row_permit_write(row->locked, NULL);
}

void
permit_note_usage(const PermitRow *row, const char *estimated, int64 reported_nanousd)
{
	Permit	   *permit = row->locked;

	permit->noted = true;
	permit->estimated = estimated;
	permit->reported_nanousd = reported_nanousd;
}
