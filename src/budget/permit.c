/*
 * permit.c
 *	  The life of a permit: acquired, extended, retried, settled, expired.
 *
 * A permit is open (o, or r while it waits for a retry) or settled (c, x, f),
 * once; e is an open permit whose lease ended, and may still become l, x or f
 * when its holder reports late, because the money is gone all the same.  While
 * it is open, its amounts are held in the counter of every budget on its path;
 * the path is stored with it, so that a later change of the hierarchy does not
 * matter to it.
 *
 * Locking: budget_path.c.  The permit row is inserted before any counter is locked
 * and deleted again when the counters then refuse, so that the shared rows are
 * held shortest; that of a divided budget after, for its slot is known no sooner.
 *
 * Memory: the caller's context.  On ERROR: the transaction takes everything
 * back.
 */
#include "budget/budget_path.h"
#include "budget/guard.h"

#include "common/int.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* how many ended leases an acquire clears away before it is refused */
#define REAP_INLINE		16

/* in one go: each takes a lock, and the lock table is of fixed size */
#define REAP_MAX		256

/* what a caller refused by contention should wait */
#define CONTENTION_WAIT	(50 * INT64CONST(1000))

const char *const settle_names[] = {"committed", "replayed", "late", "conflict"};

static int	expire_ended(const char *tenant, const char *budget, int limit, bool must);

/* ----- helpers ----- */

static void
report_contention(PermitDecision *out)
{
	out->granted = false;
	out->reason = REASON_CONTENTION;
	out->denied_by = out->denied_limit = NULL;
	out->has_remaining = false;
	out->detail = "Another transaction holds or has just changed a budget or key for which this one cannot wait.";
	out->retry_after = CONTENTION_WAIT;
	out->can_ever_fit = true;
}

static void
raise_contention(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("a permit or budget is being changed by another transaction"),
			 errdetail("It was not given up within agentcore.budget_lock_wait, or was defined anew meanwhile, or must not be waited for, because this transaction holds others already."),
			 errhint("Try again, with each permit in a transaction of its own.")));
}

static void
raise_no_permit(const pg_uuid_t *id)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("permit %s does not exist",
					DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id))))));
}

static char *
make_holder(const char *agent, const char *role)
{
	return agent != NULL ? psprintf("agent:%s", agent) : psprintf("role:%s", role);
}

/* "caller" was GetUserId() before the switch to the owner. */
static bool
may_settle(const char *tenant, const Permit *permit, Oid caller)
{
	Oid			acquirer = get_role_oid(permit->row.role, true);

	return (OidIsValid(acquirer) && has_privs_of_role(caller, acquirer)) ||
		agc_level(caller, tenant) >= AGC_ADMIN;
}

/*
 * The permit, locked, or 42704.  Whether it exists is not told to a role that
 * may not settle it, nor by waiting for it.
 */
static void
lock_permit(const char *tenant, const pg_uuid_t *id, Oid caller, MemoryContext cxt, Permit *out)
{
	LockResult	result = row_permit_lock(tenant, id, false, cxt, out);

	if (result == LOCK_BUSY)
	{
		if (!row_permit_read(tenant, id, cxt, out) || !may_settle(tenant, out, caller))
			raise_no_permit(id);
		if (!path_locks_held())
			result = row_permit_lock(tenant, id, true, cxt, out);
	}
	if (result == LOCK_BUSY)
		raise_contention();
	if (result == LOCK_MISSING || !may_settle(tenant, out, caller))
		raise_no_permit(id);
	path_note_lock();
}

/* The permit, locked, for whoever may speak for its agent. */
static PermitTry
try_permit(const char *tenant, const pg_uuid_t *id, MemoryContext cxt, Permit *out)
{
	switch (row_permit_lock(tenant, id, !path_locks_held(), cxt, out))
	{
		case LOCK_BUSY:
			return PERMIT_TRY_BUSY;
		case LOCK_MISSING:
			return PERMIT_TRY_NOT;
		default:
			path_note_lock();
			return PERMIT_TRY_DONE;
	}
}

static bool
is_open(const Permit *permit)
{
	return permit->row.state == PERMIT_OPEN || permit->row.state == PERMIT_RETRY;
}

static int64
add_checked(int64 a, int64 b)
{
	int64		sum;

	if (pg_add_s64_overflow(a, b, &sum))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("amounts of a permit are out of range")));
	return sum;
}

static TimestampTz
lease_end(TimestampTz at, int64 lease)
{
	return at + Min(lease > 0 ? lease : agc_lease_or_default(0), AGC_MAX_LEASE);
}

static void
add_ledger(const char *tenant, const Permit *permit, const char *event, TimestampTz at,
		   int nbudgets, char **budgets, const int64 amount[BUDGET_NUSED])
{
	LedgerEntry entry = {.at = at, .event = event, .nbudgets = nbudgets, .budgets = budgets};

	memcpy(entry.amount, amount, sizeof(entry.amount));
	row_ledger_add(tenant, permit, &entry);
}

/* ----- acquire ----- */

static void
asked_of(const PermitRequest *request, int64 asked[BUDGET_NDIMS])
{
	asked[DIM_TOKENS] = request->tokens;
	asked[DIM_NANOUSD] = request->nanousd;
	asked[DIM_CALLS] = request->calls;
	asked[DIM_IN_FLIGHT] = 1;
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		if (asked[dim] < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("amounts must not be negative")));
}

/*
 * A hold whose lease has ended no longer counts: where there is one, the
 * answer is left to permit_acquire(), which clears it away.
 */
bool
budget_peek(const PermitRequest *request, PermitDecision *out)
{
	MemoryContext caller_cxt = CurrentMemoryContext;
	int64		asked[BUDGET_NDIMS];
	BudgetPath	path;

	memset(out, 0, sizeof(*out));
	out->retry_after = -1;
	out->can_ever_fit = true;
	asked_of(request, asked);
	path_resolve(&path, request->tenant, request->budget);
	path_peek(&path, asked);
	if (path_admits(&path, asked, out, caller_cxt) || !out->can_ever_fit)
		return out->granted;

	out->granted = row_permits_any_ended(request->tenant, agc_now());
	if (out->granted)
		out->reason = out->denied_by = out->denied_limit = out->detail = NULL;
	return out->granted;
}

/* true: the key is taken, and by the same request */
static bool
find_duplicate(const PermitRequest *request, const char *holder, PermitDecision *out)
{
	Permit		first;

	if (!row_permit_by_key(request->tenant, holder, request->key, CurrentMemoryContext, &first))
		return false;
	if (memcmp(first.row.request_hash, request->request_hash, AGC_HASH_LEN) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key \"%s\" was used for another request", request->key),
				 errhint("Use a new key for a new request, and the same arguments when a request is repeated.")));
	out->duplicate = true;
	out->id = first.row.id;
	return true;
}

/* Reads only, unless an ended lease stands in the way. */
static bool
looks_admissible(BudgetPath *path, const int64 asked[BUDGET_NDIMS], PermitDecision *out,
				 MemoryContext cxt)
{
	bool		may_reap = !path_locks_held();

	/* in turn those of every budget that refuses */
	for (int i = 0; i <= path->n; i++)
	{
		path_peek(path, asked);
		if (path_admits(path, asked, out, cxt))
			return true;
		if (!may_reap || !out->can_ever_fit ||
			expire_ended(path->tenant, out->denied_by, REAP_INLINE, false) == 0)
			break;
	}
	return false;
}

static void
take_hold(BudgetPath *path, Permit *permit, const PermitRequest *request, const char *holder,
		  PermitDecision *out, MemoryContext cxt)
{
	/* by the definitions of now: those that path_lock() finds may be others */
	bool		early = !path_is_divided(path);

	agc_uuid_v7(&permit->row.id);
	permit->depth = path->n;
	for (int i = 0; i < path->n; i++)
		permit->budgets[i] = path->link[i].name;
	permit->row.created_at = agc_now();
	permit->row.lease_until = lease_end(permit->row.created_at, request->lease);
	permit->charge_on_expiry = request->charge_on_expiry ||
		(path->n > 0 && path->link[0].def.charge_on_expiry);
	/* a slot is known only once it is locked; else what many share is locked last */
	if (early)
		row_permit_insert(request->tenant, permit, request, holder);
	AGC_TEST_POINT("budget_inserted");

	if (!path_lock(path, permit->held))
		report_contention(out);
	else if (path_admits(path, permit->held, out, cxt))
	{
		path_split(path, permit->held);
		path_hold(path, permit, permit->held);
		if (!early)
			row_permit_insert(request->tenant, permit, request, holder);
		path_write(path);
		guard_begun(&permit->row.id);
		AGC_TEST_POINT("budget_held");
		out->id = permit->row.id;
		/* of a divided budget it would cost a look at every slot: a fifth of the throughput of 16 */
		if (request->want_remaining && !path_is_divided(path))
			path_remaining(path, out);
		return;
	}
	path_unlock(path);
	if (early)
		row_permit_delete(permit);
}

void
permit_acquire(const PermitRequest *request, PermitDecision *out)
{
	MemoryContext caller_cxt = CurrentMemoryContext;
	Permit		permit = {0};
	char	   *holder;
	BudgetPath	path;

	memset(out, 0, sizeof(*out));
	out->retry_after = -1;
	out->can_ever_fit = true;
	if (request->budget != NULL && !request->may_use)
		budget_check_use(request->tenant, request->budget);
	if (request->budget != NULL)
		guard_acquire();
	asked_of(request, permit.held);
	permit.row.role = GetUserNameFromId(GetUserId(), false);
	holder = make_holder(request->agent, permit.row.role);
	path_resolve(&path, request->tenant, request->budget);

	if (request->key != NULL)
	{
		if (!row_key_lock(request->tenant, holder, request->key, !path_locks_held()))
		{
			report_contention(out);
			return;
		}
	}
	if (request->key == NULL || !find_duplicate(request, holder, out))
	{
		if (looks_admissible(&path, permit.held, out, caller_cxt))
			take_hold(&path, &permit, request, holder, out, caller_cxt);
		if (request->key != NULL)
			path_note_lock();
	}
}

/* ----- reading ----- */

bool
permit_read(const char *tenant, const pg_uuid_t *id, const char *agent, const char *key,
			bool lock, PermitRow *out)
{
	MemoryContext caller_cxt = CurrentMemoryContext;
	Oid			caller = GetUserId();
	Permit		permit;
	bool		found;

	if (id != NULL)
		found = row_permit_read(tenant, id, caller_cxt, &permit) &&
			may_settle(tenant, &permit, caller);
	else
		found = row_permit_by_key(tenant, make_holder(agent, GetUserNameFromId(caller, false)),
								  key, caller_cxt, &permit);
	if (found && lock)
	{
		pg_uuid_t	locked = permit.row.id;
		LockResult	result = row_permit_lock(tenant, &locked, !path_locks_held(), caller_cxt, &permit);

		if (result == LOCK_BUSY)
			raise_contention();
		found = result == LOCK_TAKEN;
		path_note_lock();
	}
	if (found)
		*out = permit.row;
	return found;
}

/* ----- settling ----- */

/*
 * What is taken back (negative amounts) must not lower a window that the
 * charge was not part of: budgets whose window has changed since keep it.
 */
static bool
refund_reaches(const Counter *counter, const Permit *permit)
{
	return counter == NULL ||
		(counter_covers(counter, permit->settled_at) && permit->settled_at <= counter->seen);
}

static void
charge_path(BudgetPath *path, const Permit *permit, const char *event, const int64 amount[BUDGET_NUSED])
{
	int64		plus[BUDGET_NUSED];
	int64		minus[BUDGET_NUSED];
	char	   *reached[BUDGET_MAX_DEPTH];
	int			nreached = 0;
	bool		any_minus = false;

	for (int dim = 0; dim < BUDGET_NUSED; dim++)
	{
		plus[dim] = Max(amount[dim], 0);
		minus[dim] = Min(amount[dim], 0);
		any_minus = any_minus || minus[dim] < 0;
	}
	for (int i = 0; i < permit->depth; i++)
	{
		Counter    *counter = path_counter(path, permit, i);

		if (counter != NULL)
			counter_charge(counter, plus);
		if (any_minus && refund_reaches(counter, permit))
		{
			reached[nreached++] = permit->budgets[i];
			if (counter != NULL)
				counter_charge(counter, minus);
		}
	}
	add_ledger(path->tenant, permit, event, path->at, permit->depth, (char **) permit->budgets, plus);
	if (any_minus)
		add_ledger(path->tenant, permit, "refund", path->at, nreached, reached, minus);
	threshold_tell(path, permit);
}

static void
give_hold_back(BudgetPath *path, const Permit *permit)
{
	for (int i = 0; i < permit->depth; i++)
	{
		Counter    *counter = path_counter(path, permit, i);

		if (counter != NULL)
			counter_hold(counter, permit->held, -1);
	}
	if (permit->depth > 0)
		wait_wake(path->tenant, permit->budgets[permit->depth - 1]);
}

/*
 * Of a divided budget, what is charged beyond a hold is taken from room that
 * other slots may have: they are all locked, and split anew afterwards.
 */
static bool
lock_to_charge(BudgetPath *path, const char *tenant, const Permit *permit, const int64 final[BUDGET_NUSED],
			   bool gives_back)
{
	path_of_permits(path, tenant, permit, 1);
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		if (add_checked(permit->spent[dim], final[dim]) - permit->charged[dim] >
			(gives_back ? permit->held[dim] : 0))
			path_want_all(path);
	return path_lock(path, NULL);
}

static void
write_charged(BudgetPath *path)
{
	static const int64 nothing[BUDGET_NDIMS] = {0};

	path_split(path, nothing);
	path_write(path);
}

/* The answer for a permit that was settled before. */
static SettleResult
compare_settled(const char *tenant, const Permit *permit, PermitState to,
				const int64 final[BUDGET_NUSED])
{
	bool		same_end = permit->row.state == to ||
		(permit->row.state == PERMIT_LATE && to == PERMIT_COMMITTED);
	int64		unbilled[BUDGET_NUSED] = {0};

	/* more than was charged: perhaps some of it stayed unbilled then */
	for (int dim = 0; dim < BUDGET_NUSED && same_end; dim++)
		if (final[dim] > permit->charged[dim] - permit->spent[dim])
		{
			AgcOwner	owner;

			agc_owner_begin(&owner);
			row_ledger_unbilled(tenant, permit, unbilled);
			agc_owner_end(&owner);
			break;
		}
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		if (permit->charged[dim] - permit->spent[dim] != final[dim] - unbilled[dim])
			same_end = false;
	return same_end ? SETTLE_REPLAYED : SETTLE_CONFLICT;
}

/*
 * Close a permit at its final cost.  One whose lease has ended is late, whether
 * or not somebody expired it already, so that the answer does not depend on
 * how busy the reaper was.
 */
static SettleResult
settle(const char *tenant, const pg_uuid_t *id, PermitState to, const char *event,
	   int64 tokens, int64 nanousd, bool called, Jsonb *result)
{
	MemoryContext caller_cxt = CurrentMemoryContext;
	Oid			caller = GetUserId();
	SettleResult answer = SETTLE_COMMITTED;
	int64		delta[BUDGET_NUSED];
	Permit		permit;

	lock_permit(tenant, id, caller, caller_cxt, &permit);
	delta[DIM_TOKENS] = tokens == NO_AMOUNT ? permit.held[DIM_TOKENS] : tokens;
	delta[DIM_NANOUSD] = nanousd == NO_AMOUNT ? permit.held[DIM_NANOUSD] : nanousd;
	delta[DIM_CALLS] = called ? permit.held[DIM_CALLS] : 0;

	if (!is_open(&permit) && permit.row.state != PERMIT_EXPIRED)
		answer = compare_settled(tenant, &permit, to, delta);
	else
	{
		BudgetPath	path;

		if (called)
			guard_charge(&permit);
		if (!lock_to_charge(&path, tenant, &permit, delta, is_open(&permit)))
			raise_contention();
		/* by the clock that gave the lease: counters may have seen one that was ahead */
		if (permit.row.state == PERMIT_EXPIRED || permit.row.lease_until <= agc_now())
			answer = SETTLE_LATE;
		overrun_leave_unbilled(&path, &permit, delta);
		if (is_open(&permit))
			give_hold_back(&path, &permit);
		for (int dim = 0; dim < BUDGET_NUSED; dim++)
		{
			int64		before = permit.charged[dim];

			permit.charged[dim] = add_checked(permit.spent[dim], delta[dim]);
			delta[dim] = permit.charged[dim] - before;
		}
		charge_path(&path, &permit, answer == SETTLE_LATE ? "late" : event, delta);
		AGC_TEST_POINT("budget_charged");
		write_charged(&path);
		AGC_TEST_POINT("budget_counted");
		permit.row.state = answer == SETTLE_LATE && to == PERMIT_COMMITTED ? PERMIT_LATE : to;
		permit.settled_at = path.at;
		row_permit_write(&permit, result);
		AGC_TEST_POINT("budget_settled");
	}
	return answer;
}

SettleResult
permit_commit(const char *tenant, const pg_uuid_t *id, int64 tokens, int64 nanousd, Jsonb *result)
{
	return settle(tenant, id, PERMIT_COMMITTED, "commit", tokens, nanousd, true, result);
}

SettleResult
permit_release(const char *tenant, const pg_uuid_t *id)
{
	return settle(tenant, id, PERMIT_RELEASED, "release", 0, 0, false, NULL);
}

SettleResult
permit_fail(const char *tenant, const pg_uuid_t *id, int64 tokens, int64 nanousd)
{
	return settle(tenant, id, PERMIT_FAILED, "fail", Max(tokens, 0), Max(nanousd, 0), true, NULL);
}

/* ----- a call that goes on ----- */

static void
require_open(const Permit *permit)
{
	if (!is_open(permit))
		ereport(ERROR,
				(errcode(ERRCODE_AGC_LOST_LEASE),
				 errmsg("permit is no longer open"),
				 permit->row.state == PERMIT_EXPIRED ?
					 errdetail("Its lease ended and it was taken back.") :
					 errdetail("It has been settled.")));
}

void
permit_retry(const char *tenant, const pg_uuid_t *id, int64 tokens, int64 nanousd,
			 TimestampTz retry_at, int64 lease)
{
	MemoryContext caller_cxt = CurrentMemoryContext;
	Oid			caller = GetUserId();
	int64		amount[BUDGET_NUSED] = {Max(tokens, 0), Max(nanousd, 0), 0};
	Permit		permit;

	lock_permit(tenant, id, caller, caller_cxt, &permit);
	require_open(&permit);
	guard_charge(&permit);
	if (amount[DIM_TOKENS] > 0 || amount[DIM_NANOUSD] > 0)
	{
		BudgetPath	path;

		if (!lock_to_charge(&path, tenant, &permit, amount, false))
			raise_contention();
		overrun_leave_unbilled(&path, &permit, amount);
		for (int dim = 0; dim < BUDGET_NUSED; dim++)
		{
			permit.spent[dim] = add_checked(permit.spent[dim], amount[dim]);
			permit.charged[dim] = add_checked(permit.charged[dim], amount[dim]);
		}
		charge_path(&path, &permit, "retry", amount);
		write_charged(&path);
	}
	permit.row.state = PERMIT_RETRY;
	permit.row.retry_at = retry_at;
	permit.row.lease_until = lease_end(agc_now(), lease);
	row_permit_write(&permit, NULL);
}

PermitTry
permit_reopen(const char *tenant, const pg_uuid_t *id, int64 lease, int64 cache_lease)
{
	MemoryContext caller_cxt = CurrentMemoryContext;
	Oid			caller = GetUserId();
	PermitTry	outcome;
	Permit		permit;

	outcome = try_permit(tenant, id, caller_cxt, &permit);
	if (outcome == PERMIT_TRY_DONE &&
		(permit.row.state != PERMIT_RETRY || permit.row.retry_at > agc_now()))
		outcome = PERMIT_TRY_NOT;
	if (outcome == PERMIT_TRY_DONE)
	{
		permit.row.state = PERMIT_OPEN;
		permit.row.role = GetUserNameFromId(caller, false);
		permit.row.attempt++;
		permit.row.retry_at = 0;
		permit.row.lease_until = lease_end(agc_now(), lease);
		permit.row.cache_lease = cache_lease;
		row_permit_write(&permit, NULL);
		guard_begun(id);
	}
	return outcome;
}

bool
permit_extend(const char *tenant, const pg_uuid_t *id, int64 lease, int64 tokens, int64 nanousd,
			  PermitDecision *out)
{
	MemoryContext caller_cxt = CurrentMemoryContext;
	Oid			caller = GetUserId();
	int64		more[BUDGET_NDIMS] = {tokens, nanousd, 0, 0};
	Permit		permit;

	memset(out, 0, sizeof(*out));
	out->retry_after = -1;
	out->granted = out->can_ever_fit = true;
	lock_permit(tenant, id, caller, caller_cxt, &permit);
	require_open(&permit);
	out->id = permit.row.id;
	if (tokens > 0 || nanousd > 0)
	{
		int64		asked[BUDGET_NDIMS];
		BudgetPath	path;

		if (permit.row.budget != NULL)
			budget_check_use(tenant, permit.row.budget);
		for (int dim = 0; dim < BUDGET_NDIMS; dim++)
			asked[dim] = more[dim] > 0 ? more[dim] : NO_AMOUNT;
		path_of_permits(&path, tenant, &permit, 1);
		if (!path_lock(&path, asked))
			raise_contention();
		if (path_admits(&path, asked, out, caller_cxt))
		{
			path_split(&path, asked);
			path_hold(&path, &permit, more);
			path_write(&path);
			for (int dim = 0; dim < BUDGET_NUSED; dim++)
				permit.held[dim] = add_checked(permit.held[dim], more[dim]);
		}
		else
			path_unlock(&path);
	}
	if (out->granted)
	{
		permit.row.lease_until = lease_end(agc_now(), lease);
		row_permit_write(&permit, NULL);
	}
	return out->granted;
}

/* ----- expiry ----- */

static void
expire_permits(const char *tenant, BudgetPath *path, Permit *permits, int n)
{
	for (int i = 0; i < n; i++)
	{
		Permit	   *permit = &permits[i];
		int64		delta[BUDGET_NUSED] = {0};

		give_hold_back(path, permit);
		for (int dim = 0; dim < BUDGET_NUSED; dim++)
		{
			/* what cannot be counted must not keep others from expiring */
			if (permit->charge_on_expiry)
				delta[dim] = Min(permit->held[dim], PG_INT64_MAX - permit->charged[dim]);
			permit->charged[dim] += delta[dim];
		}
		charge_path(path, permit, "expire", delta);
		permit->row.state = PERMIT_EXPIRED;
		permit->settled_at = path->at;
		row_permit_write(permit, NULL);
		AGC_TEST_POINT("budget_expired");
	}
	path_write(path);
}

/* budget NULL: of all; must: contention is an error, else nothing is done. */
static int
expire_ended(const char *tenant, const char *budget, int limit, bool must)
{
	Permit	   *permits;
	int			n = row_permits_lock_ended(tenant, agc_now(), budget, limit, CurrentMemoryContext, &permits);
	BudgetPath	path;

	if (n == 0)
		return 0;
	path_note_lock();
	path_of_permits(&path, tenant, permits, n);
	if (!path_lock(&path, NULL))
	{
		if (must)
			raise_contention();
		path_unlock(&path);
		return 0;
	}
	expire_permits(tenant, &path, permits, n);
	return n;
}

int
permit_reap(const char *tenant, int limit)
{
	return expire_ended(tenant, NULL, Min(limit, REAP_MAX), true);
}

PermitTry
permit_expire(const char *tenant, const pg_uuid_t *id)
{
	MemoryContext caller_cxt = CurrentMemoryContext;
	PermitTry	outcome;
	Permit		permit;

	outcome = try_permit(tenant, id, caller_cxt, &permit);
	if (outcome == PERMIT_TRY_DONE && (!is_open(&permit) || permit.row.lease_until > agc_now()))
		outcome = PERMIT_TRY_NOT;
	if (outcome == PERMIT_TRY_DONE)
	{
		BudgetPath	path;

		path_of_permits(&path, tenant, &permit, 1);
		if (path_lock(&path, NULL))
			expire_permits(tenant, &path, &permit, 1);
		else
			outcome = PERMIT_TRY_BUSY;
	}
	return outcome;
}

bool
permit_resolve(const char *tenant, const pg_uuid_t *id)
{
	Permit		permit;

	switch (try_permit(tenant, id, CurrentMemoryContext, &permit))
	{
		case PERMIT_TRY_BUSY:
			raise_contention();
			return false;
		case PERMIT_TRY_NOT:
			return false;
		case PERMIT_TRY_DONE:
			break;
	}
	if (permit.row.state != PERMIT_EXPIRED && permit.row.state != PERMIT_FAILED)
		return false;
	row_permit_resolve(&permit);
	return true;
}
