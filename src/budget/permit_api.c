/*
 * permit_api.c
 *	  The SQL functions around permits: arguments in, answers out.
 *
 * Locks and behaviour on ERROR: the permit*.c that does the work.  Memory: the
 * caller's context.
 */
#include "budget/denial.h"
#include "budget/guard.h"
#include "budget/wait.h"
#include "budget/window.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

enum
{
	A_BUDGET, A_TOKENS, A_USD, A_CALLS, A_LEASE, A_KEY, A_LABELS, A_ALSO, A_TENANT
};

/* budget_charge() has no lease */
enum
{
	C_KEY = A_LEASE, C_LABELS, C_TENANT
};

/* budget_acquire_wait() goes on otherwise */
enum
{
	W_DEADLINE = A_KEY + 1, W_PERMIT, W_LABELS, W_ALSO, W_TENANT
};

static int64
arg_usd(FunctionCallInfo fcinfo, int n, const char *what)
{
	if (PG_ARGISNULL(n))
		agc_refuse_null(what);
	return agc_opt_usd(fcinfo, n, what, 0);
}

static int64
arg_calls(FunctionCallInfo fcinfo, int n)
{
	if (PG_ARGISNULL(n))
		agc_refuse_null("calls");
	if (PG_GETARG_INT32(n) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("calls must not be negative"),
				 errdetail("Got %d.", PG_GETARG_INT32(n))));
	return PG_GETARG_INT32(n);
}

static pg_uuid_t *
arg_permit(FunctionCallInfo fcinfo, int n)
{
	if (PG_ARGISNULL(n))
		agc_refuse_null("permit");
	return PG_GETARG_UUID_P(n);
}

/* Two requests under one key are the same if everything but the lease and the labels is. */
static void
hash_request(PermitRequest *request, const BudgetNames *names)
{
	int64		amounts[3] = {request->tokens, request->nanousd, request->calls};
	AgcDigest  *digest = agc_digest_begin();

	budget_names_digest(names, NULL, digest);
	agc_digest_field(digest, amounts, sizeof(amounts));
	agc_digest_end(digest, request->request_hash);
}

/* "also" and the tenant come after the labels */
static void
read_request(FunctionCallInfo fcinfo, int labels, PermitRequest *request)
{
	BudgetNames names;

	memset(request, 0, sizeof(*request));
	request->tenant = agc_arg_tenant(fcinfo, labels + 2);
	if (PG_ARGISNULL(A_BUDGET))
		agc_refuse_null("budget");
	budget_names_read(fcinfo, A_BUDGET, labels + 1, "also", &names);
	budget_names_ask(&names, names.name[0], request);
	request->tokens = agc_opt_amount(fcinfo, A_TOKENS, "tokens", NO_AMOUNT);
	request->nanousd = agc_opt_usd(fcinfo, A_USD, "usd", NO_AMOUNT);
	request->calls = arg_calls(fcinfo, A_CALLS);
	request->lease = agc_opt_lease(fcinfo, A_LEASE);
	request->key = agc_opt_name(fcinfo, A_KEY, "key");
	request->labels = budget_arg_labels(fcinfo, labels);
	request->want_remaining = true;
	hash_request(request, &names);
	agc_enter(request->tenant, AGC_AGENT);
}

static void
raise_refusal(const char *budget, const PermitDecision *decision)
{
	if (strcmp(decision->reason, REASON_CONTENTION) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("budget \"%s\" is being used by another transaction", budget),
				 errdetail_internal("%s", decision->detail),
				 errhint("Use a transaction of its own, then try again.")));
	ereport(ERROR,
			(errcode(ERRCODE_AGC_BUDGET_EXCEEDED),
			 errmsg("budget \"%s\" exceeded", decision->denied_by),
			 errdetail_internal("%s\n%s", decision->detail, denial_text(decision)),
			 decision->asks ? errhint("The budget has a person asked when it is full, which only a call of the gate (call_begin, llm_begin) can do.") :
			 !decision->can_ever_fit ? errhint("This request can never fit; ask for less, or raise or enable the budget.") :
			 decision->on_full == ON_FULL_WAIT ? errhint("Wait for the reset, and try again in %.3f seconds.", ceil(decision->retry_after / 1e3) / 1e3) :
			 decision->retry_after >= 0 ? errhint("The budget resets in %.0f seconds.", ceil(decision->retry_after / 1e6)) :
			 errhint("Open permits hold what is left; try again when they are settled.")));
}

/* budget_acquire(budget, tokens, usd, calls, lease, key, labels, also, tenant) -> uuid */
AGC_FUNCTION(budget_acquire)
{
	PermitRequest request;
	PermitDecision decision;
	pg_uuid_t  *id;

	read_request(fcinfo, A_LABELS, &request);
	budget_guard_block("budget_acquire()");
	permit_acquire(&request, &decision);
	if (!decision.granted && !decision.duplicate)
		raise_refusal(request.budget, &decision);
	id = palloc(sizeof(pg_uuid_t));
	*id = decision.id;
	PG_RETURN_UUID_P(id);
}

/* null: no limit */
static Jsonb *
remaining_of(const PermitDecision *decision)
{
	static const char *const names[] = {"tokens", "usd", "calls", "in_flight"};
	StringInfoData out;

	initStringInfo(&out);
	for (int dim = 0; dim < BUDGET_NDIMS; dim++)
	{
		int64		left = decision->remaining[dim];

		appendStringInfo(&out, "%s\"%s\": ", dim == 0 ? "{" : ", ", names[dim]);
		if (left == NO_AMOUNT)
			appendStringInfoString(&out, "null");
		else if (dim == DIM_NANOUSD)
			appendStringInfoString(&out, DatumGetCString(DirectFunctionCall1(numeric_out,
				DirectFunctionCall1(numeric_trim_scale, agc_nanousd_numeric(left)))));
		else
			appendStringInfo(&out, "%lld", (long long) left);
	}
	appendStringInfoChar(&out, '}');
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data)));
}

static Datum
decision_row(FunctionCallInfo fcinfo, PermitDecision *decision)
{
	bool		granted = decision->granted || decision->duplicate;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_bool(&row, granted);
	agc_put_uuid(&row, granted ? &decision->id : NULL);
	agc_put_text(&row, decision->denied_by);
	agc_put_text(&row, granted ? NULL : decision->reason);
	agc_put_pointer(&row, granted || decision->retry_after < 0 ? NULL : agc_us_interval(decision->retry_after));
	agc_put_bool(&row, decision->can_ever_fit);
	agc_put_text(&row, granted ? NULL : decision->detail);
	agc_put_bool(&row, decision->duplicate);
	agc_put_text(&row, decision->denied_limit);
	agc_put_jsonb(&row, decision->has_remaining ? remaining_of(decision) : NULL);
	budget_put_facts(&row, &decision->denied);
	agc_put_text(&row, granted || decision->denied_by == NULL ? NULL : denial_on_full(decision));
	budget_put_paid_by(&row, decision->paid_by, decision->npaid_by);
	return agc_row_return(fcinfo, &row);
}

/* budget_try_acquire(...) -> budget_decision */
AGC_FUNCTION(budget_try_acquire)
{
	PermitRequest request;
	PermitDecision decision;

	read_request(fcinfo, A_LABELS, &request);
	budget_guard_block("budget_try_acquire()");
	permit_acquire(&request, &decision);
	return decision_row(fcinfo, &decision);
}

/* No acquire is the same request, nor is the use of its key a charge. */
static void
hash_charge(PermitRequest *request)
{
	uint8		acquired[AGC_HASH_LEN];
	BudgetNames names = {1, {(char *) request->budget}};
	AgcDigest  *digest;

	hash_request(request, &names);
	memcpy(acquired, request->request_hash, AGC_HASH_LEN);
	digest = agc_digest_begin();
	agc_digest_field(digest, "charge", strlen("charge"));
	agc_digest_field(digest, acquired, AGC_HASH_LEN);
	agc_digest_end(digest, request->request_hash);
}

static void
lock_permit(const char *tenant, const pg_uuid_t *id, PermitRow *out)
{
	if (!permit_lock(tenant, id, false, out))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("permit %s does not exist",
						DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id))))));
}

static void
read_charge(FunctionCallInfo fcinfo, PermitRequest *request)
{
	memset(request, 0, sizeof(*request));
	request->tenant = agc_arg_tenant(fcinfo, C_TENANT);
	request->budget = agc_arg_name(fcinfo, A_BUDGET, "budget");
	/* what is charged is known */
	request->tokens = agc_arg_amount(fcinfo, A_TOKENS, "tokens");
	request->nanousd = arg_usd(fcinfo, A_USD, "usd");
	request->calls = arg_calls(fcinfo, A_CALLS);
	request->key = agc_opt_name(fcinfo, C_KEY, "key");
	request->labels = budget_arg_labels(fcinfo, C_LABELS);
	request->want_remaining = true;
	hash_charge(request);
	agc_enter(request->tenant, AGC_AGENT);
}

/*
 * budget_charge(budget, tokens, usd, calls, key, labels, tenant) -> budget_decision.
 * Nothing happens between hold and charge, and a ROLLBACK takes both: the guard has
 * nothing to say.
 */
AGC_FUNCTION(budget_charge)
{
	PermitRequest request;
	PermitDecision decision;
	PermitRow	permit;

	read_charge(fcinfo, &request);
	permit_acquire(&request, &decision);
	if (decision.granted)
	{
		guard_forget(&decision.id);
		lock_permit(request.tenant, &decision.id, &permit);
		(void) permit_commit(request.tenant, &permit, request.tokens, request.nanousd, NULL);
	}
	return decision_row(fcinfo, &decision);
}

/*
 * budget_acquire_wait(budget, tokens, usd, calls, lease, key, deadline, INOUT
 * permit, labels, also, tenant).  It commits, so it has to run where a procedure may commit.
 */
AGC_FUNCTION(budget_acquire_wait)
{
	int64		deadline = agc_opt_interval(fcinfo, W_DEADLINE, "deadline", -1);
	CallContext *call = (CallContext *) fcinfo->context;
	PermitRequest request;
	PermitDecision decision;
	AgcRow		row;

	read_request(fcinfo, W_LABELS, &request);
	if (call == NULL || !IsA(call, CallContext) || call->atomic || IsSubTransaction())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("budget_acquire_wait() cannot run inside a transaction"),
				 errdetail("It commits after every try, so that no other transaction waits for this one."),
				 errhint("CALL it outside of a transaction block, a function and a block with EXCEPTION, or use budget_try_acquire().")));
	wait_acquire(&request, deadline, &decision);
	if (!decision.granted && !decision.duplicate)
		raise_refusal(request.budget, &decision);
	agc_row_init(&row);
	agc_put_uuid(&row, &decision.id);
	return agc_row_return(fcinfo, &row);
}

/* Of a call the gate has more to say: what it took beside the budgets, and what it was approved for. */
static bool
is_call(const PermitRow *permit)
{
	return permit->agent != NULL;
}

static void
refuse_call(const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the permit is a call of the gate"),
			 errhint("%s", hint)));
}

/* budget_commit(permit, tokens, usd, tenant) -> text */
AGC_FUNCTION(budget_commit)
{
	char	   *tenant = agc_arg_tenant(fcinfo, 3);
	pg_uuid_t  *id = arg_permit(fcinfo, 0);
	int64		tokens = agc_opt_amount(fcinfo, 1, "tokens", NO_AMOUNT);
	int64		nanousd = agc_opt_usd(fcinfo, 2, "usd", NO_AMOUNT);
	SettleResult result;
	PermitRow	permit;

	agc_enter_disabled(tenant, AGC_AGENT);
	lock_permit(tenant, id, &permit);
	/* its result would be lost, and its cache lease and its probe would stay taken */
	if (is_call(&permit))
		refuse_call("End it with agentcore.call_commit() or agentcore.call_fail(), a model call with agentcore.llm_commit().");
	result = permit_commit(tenant, &permit, tokens, nanousd, NULL);
	PG_RETURN_TEXT_P(cstring_to_text(permit_settle_names[result]));
}

/* budget_release(permit, tenant) -> text */
AGC_FUNCTION(budget_release)
{
	char	   *tenant = agc_arg_tenant(fcinfo, 1);
	pg_uuid_t  *id = arg_permit(fcinfo, 0);
	SettleResult result;
	PermitRow	permit;

	agc_enter_disabled(tenant, AGC_AGENT);
	lock_permit(tenant, id, &permit);
	/* a lease, a token or an approval would stay taken; and a call that was made would count for nothing */
	if (is_call(&permit))
		refuse_call("Give it up with agentcore.call_release(); one that was made ends with agentcore.call_commit() or agentcore.call_fail().");
	result = permit_release(tenant, &permit);
	PG_RETURN_TEXT_P(cstring_to_text(result == SETTLE_COMMITTED ? "released" : permit_settle_names[result]));
}

/* budget_extend(permit, lease, tokens, usd, tenant) -> text */
AGC_FUNCTION(budget_extend)
{
	char	   *tenant = agc_arg_tenant(fcinfo, 4);
	pg_uuid_t  *id = arg_permit(fcinfo, 0);
	int64		lease = agc_opt_lease(fcinfo, 1);
	int64		tokens = agc_arg_amount(fcinfo, 2, "tokens");
	int64		nanousd = arg_usd(fcinfo, 3, "usd");
	PermitDecision decision;
	PermitRow	permit;

	agc_enter(tenant, AGC_AGENT);
	lock_permit(tenant, id, &permit);
	if ((tokens > 0 || nanousd > 0) && agc_level(GetUserId(), tenant) < AGC_ADMIN && is_call(&permit))
		refuse_call("Hold more for it with agentcore.call_extend().");
	if (!permit_extend(tenant, &permit, lease, tokens, nanousd, false, &decision))
		raise_refusal(NULL, &decision);
	PG_RETURN_TEXT_P(cstring_to_text("extended"));
}

/* budget_reap(batch, tenant) -> bigint */
AGC_FUNCTION(budget_reap)
{
	char	   *tenant = agc_arg_tenant(fcinfo, 1);
	int			batch = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT32(0);

	if (batch < 1 || batch > 10000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("batch must be between 1 and 10000")));
	agc_enter(tenant, AGC_ADMIN);
	PG_RETURN_INT64(permit_reap(tenant, batch));
}
