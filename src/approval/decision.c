/*
 * decision.c
 *	  What becomes of a request for approval: voted on, corrected, withdrawn,
 *	  removed.
 *
 * A vote is a row that is only added; what the votes come to is kept in the request,
 * for those who look, and counted anew when a call uses it.  One refusal is final.
 * Other arguments are another question: a new round of votes.
 *
 * Each change is an UPDATE of the caller's transaction, so a call that uses the
 * request at the same moment comes before it or after it.
 *
 * Memory: SPI's.  Locks: the request's row; it is waited for no longer than
 * agentcore.budget_lock_wait (55P03).  On ERROR: the transaction takes everything
 * back.
 */
#include "approval/asks.h"
#include "approval/notice.h"
#include "approval/votes.h"
#include "catalog/pg_type.h"
#include "core/row.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

/* A request as it is decided: its row is locked. */
typedef struct Request
{
	const char *tenant;
	const pg_uuid_t *id;
	char	   *state;
	int			round;
	bool		is_model;
	Jsonb	   *args;			/* that would run */
	int			nasks;
	CallAsk    *asks;
	Requester	requester;
} Request;

/* One decision, as it was given. */
typedef struct Decision
{
	bool		approve;
	Jsonb	   *args;			/* in the place of those asked for; NULL: none */
	char	   *note;
	Vote		vote;
	Datum		valid_until;
	bool		for_ever;
} Decision;

static pg_uuid_t *
arg_approval(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		agc_refuse_null("approval");
	return PG_GETARG_UUID_P(0);
}

pg_noreturn static void
refuse_closed(const pg_uuid_t *id, const char *problem)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("approval \"%s\" does not exist%s", approval_id_text(id), problem),
			 errhint("agentcore.approvals lists the open ones.")));
}

static void
lock_request(Request *request)
{
	static const Oid types[] = {TEXTOID, UUIDOID};
	static AgcPlan plan = {
		"SELECT state, round, is_model, coalesce(corrected, args), asks, requested_by, requested_login"
		" FROM agentcore.approval WHERE tenant = $1 AND id = $2 AND state NOT IN ('used', 'withdrawn') FOR UPDATE", 2, types
	};
	HeapTuple	found;
	TupleDesc	desc;
	AgcRow		row;
	bool		isnull;

	agc_row_init(&row);
	agc_put_text(&row, request->tenant);
	agc_put_uuid(&row, request->id);
	agc_spi_row(&plan, &row);
	if (SPI_processed == 0)
		refuse_closed(request->id, ", was used or was withdrawn");
	found = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	request->state = SPI_getvalue(found, desc, 1);
	request->round = DatumGetInt32(SPI_getbinval(found, desc, 2, &isnull));
	request->is_model = DatumGetBool(SPI_getbinval(found, desc, 3, &isnull));
	request->args = DatumGetJsonbPCopy(SPI_getbinval(found, desc, 4, &isnull));
	request->asks = asks_read(DatumGetJsonbPCopy(SPI_getbinval(found, desc, 5, &isnull)), &request->nasks);
	request->requester.role = SPI_getvalue(found, desc, 6);
	request->requester.login = SPI_getvalue(found, desc, 7);
}

static void
init_count(VoteCount *count, const Request *request)
{
	memset(count, 0, sizeof(*count));
	count->tenant = request->tenant;
	count->until = DT_NOEND;
	count->nrequesters = 1;
	count->requester[0] = request->requester;
}

/*
 * A vote that counts for nothing is told so.  Who asked may well refuse, and so may
 * an administrator whoever the approvers are.
 */
static void
check_counts(const Request *request, const Decision *decision, Oid caller)
{
	VoteCount	count;
	const char *problem = NULL;

	init_count(&count, request);
	if (!decision->approve)
		count.nrequesters = 0;
	if (!decision->approve && agc_level(caller, request->tenant) >= AGC_ADMIN)
		return;
	for (int i = 0; i < request->nasks; i++)
	{
		const char *found = vote_problem(&count, &decision->vote, &request->asks[i]);

		if (found == NULL)
			return;
		if (problem == NULL)
			problem = found;
	}
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the vote would not count"),
				 errdetail("Role \"%s\", login \"%s\": %s.", decision->vote.role, decision->vote.login, problem),
				 errhint("agentcore.approvals.asks says who may vote.")));
}

static bool
is_correction(const Request *request, const Decision *decision)
{
	if (decision->args == NULL)
		return false;
	if (request->is_model)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the amounts of a model call cannot be corrected"),
				 errhint("Refuse the request instead.")));
	return compareJsonbContainers(&request->args->root, &decision->args->root) != 0;
}

/* What the votes come to: the asks with their counts, and whether all are satisfied. */
static bool
count_votes(const Request *request, Jsonb **asks, TimestampTz *until)
{
	int		   *given = palloc(Max(request->nasks, 1) * sizeof(int));
	bool		satisfied = true;
	List	   *grants = NIL;
	VoteCount	count;

	init_count(&count, request);
	count.votes = votes_read(request->tenant, request->id, request->round, agc_now(), &count.nvotes);
	for (int i = 0; i < request->nasks; i++)
	{
		given[i] = votes_given(&count, &request->asks[i], &grants);
		satisfied &= given[i] >= request->asks[i].votes;
	}
	*asks = asks_document(request->asks, given, request->nasks);
	*until = count.until;
	return satisfied;
}

static void
write_state(const Request *request, const Decision *decision, const char *state, const Jsonb *asks, TimestampTz until)
{
	static const Oid types[] = {
		TEXTOID, UUIDOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, JSONBOID, INT4OID, JSONBOID
	};
	static AgcPlan plan = {
		"UPDATE agentcore.approval SET state = $3, version = version + 1, round = $9, corrected = coalesce($10, corrected),"
		" asks = coalesce($8, asks), note = coalesce($6, note),"
		" decided_at = CASE WHEN $3 <> 'pending' THEN $4 END, decided_by = CASE WHEN $3 <> 'pending' THEN $5 END,"
		" expires_at = CASE WHEN $3 = 'approved' THEN nullif($7, 'infinity') END"
		" WHERE tenant = $1 AND id = $2", lengthof(types), types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, request->tenant);
	agc_put_uuid(&row, request->id);
	agc_put_text(&row, state);
	agc_put_time(&row, agc_now());
	agc_put_text(&row, decision->vote.role);
	agc_put_text(&row, decision->note);
	agc_put_time(&row, until);
	agc_put_jsonb(&row, asks);
	agc_put_int32(&row, request->round);
	agc_put_jsonb(&row, is_correction(request, decision) ? decision->args : NULL);
	agc_spi_row(&plan, &row);
}

static const char *
decide(Request *request, const Decision *decision, Oid caller)
{
	const char *state = "refused";
	Jsonb	   *asks = NULL;
	TimestampTz until = DT_NOEND;

	lock_request(request);
	if (strcmp(request->state, "refused") == 0)
	{
		if (decision->approve)
			refuse_closed(request->id, ", or was refused, which is final");
		return state;
	}
	check_counts(request, decision, caller);
	if (is_correction(request, decision))
		request->round++;
	vote_write(request->tenant, request->id, request->round, &decision->vote, decision->approve, decision->valid_until,
			   decision->for_ever, decision->note);
	if (decision->approve)
		state = count_votes(request, &asks, &until) ? "approved" : "pending";
	write_state(request, decision, state, asks, until);
	return state;
}

/* NULL: for ever */
static void
read_valid_for(FunctionCallInfo fcinfo, int n, Decision *decision)
{
	(void) agc_opt_interval(fcinfo, n, "valid_for", 0);
	decision->for_ever = !decision->approve || PG_ARGISNULL(n);
	if (!decision->for_ever)
		decision->valid_until = DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(agc_now()),
													PG_GETARG_DATUM(n));
}

static Jsonb *
read_correction(FunctionCallInfo fcinfo, int n, bool approve)
{
	Jsonb	   *args = agc_opt_jsonb(fcinfo, n, "args");

	if (args != NULL && !approve)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a refusal has no args")));
	if (args != NULL && !JB_ROOT_IS_OBJECT(args))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("args must be a JSON object")));
	return args;
}

/* call_approve(approval, approve, valid_for, note, args, voter, tenant) -> text */
AGC_FUNCTION(call_approve)
{
	Decision	decision = {.approve = agc_arg_bool(fcinfo, 1, "approve")};
	char	   *voter = agc_opt_name(fcinfo, 5, "voter");
	char	   *tenant = agc_arg_tenant(fcinfo, 6);
	Request		request = {.tenant = tenant, .id = arg_approval(fcinfo)};
	Oid			caller = GetUserId();
	const char *state;
	AgcOwner	owner;

	decision.note = agc_opt_text(fcinfo, 3);
	decision.args = read_correction(fcinfo, 4, decision.approve);
	agc_enter(tenant, AGC_APPROVER);
	read_valid_for(fcinfo, 2, &decision);
	voter_read(&decision.vote, tenant, voter);

	agc_owner_begin_bounded(&owner);
	state = decide(&request, &decision, caller);
	agc_owner_end(&owner);
	approval_tell(tenant, request.id, state);
	PG_RETURN_TEXT_P(cstring_to_text(state));
}

/* Whether the caller speaks for who asked; for any other role the request does not exist. */
static bool
may_withdraw(const char *tenant, const pg_uuid_t *id)
{
	static const Oid types[] = {TEXTOID, UUIDOID};
	static AgcPlan plan = {"SELECT requested_by FROM agentcore.approval WHERE tenant = $1 AND id = $2", 2, types};
	Datum		values[2] = {CStringGetTextDatum(tenant), UUIDPGetDatum(id)};
	Oid			asker = InvalidOid;
	AgcOwner	owner;

	agc_owner_begin(&owner);
	agc_spi(&plan, values, NULL);
	if (SPI_processed > 0)
		asker = get_role_oid(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1), true);
	agc_owner_end(&owner);
	return (OidIsValid(asker) && has_privs_of_role(GetUserId(), asker)) ||
		agc_level(GetUserId(), tenant) >= AGC_ADMIN;
}

/* call_withdraw(approval, tenant) -> text: withdrawn; another question of the same kind is asked anew */
AGC_FUNCTION(call_withdraw)
{
	static const Oid types[] = {TEXTOID, UUIDOID};
	static AgcPlan plan = {
		"UPDATE agentcore.approval SET state = 'withdrawn', version = version + 1"
		" WHERE tenant = $1 AND id = $2 AND state IN ('pending', 'approved')", 2, types
	};
	pg_uuid_t  *id = arg_approval(fcinfo);
	char	   *tenant = agc_arg_tenant(fcinfo, 1);
	AgcRow		row;

	agc_enter_disabled(tenant, AGC_AGENT);
	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_uuid(&row, id);
	if (!may_withdraw(tenant, id) || agc_owner_spi_row_bounded(&plan, &row) == 0)
		refuse_closed(id, ", is another role's, or was refused, used or withdrawn");
	approval_tell(tenant, id, "withdrawn");
	PG_RETURN_TEXT_P(cstring_to_text("withdrawn"));
}

/*
 * approval_purge(keep, tenant) -> bigint: how many requests went, with their votes.
 * One that was open or approved is asked again, should its call come again.
 */
AGC_FUNCTION(approval_purge)
{
	static const Oid types[] = {TEXTOID, TIMESTAMPTZOID, INTERVALOID};
	static AgcPlan plan = {
		"WITH gone AS (DELETE FROM agentcore.approval WHERE tenant = $1"
		"  AND greatest(requested_at, decided_at, expires_at) < $2 - $3 RETURNING id),"
		" votes AS (DELETE FROM agentcore.approval_vote v USING gone WHERE v.tenant = $1 AND v.approval = gone.id),"
		" granted AS (DELETE FROM agentcore.approval_granted WHERE tenant = $1 AND least(valid_until, dropped_at) < $2 - $3)"
		" SELECT FROM gone", 3, types
	};
	int64		keep = agc_opt_interval(fcinfo, 0, "keep", -1);
	char	   *tenant = agc_arg_tenant(fcinfo, 1);
	AgcRow		row;

	if (keep < 0)
		agc_refuse_null("keep");
	agc_enter(tenant, AGC_ADMIN);
	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_time(&row, agc_now());
	agc_put_arg(&row, fcinfo, 0);
	PG_RETURN_INT64((int64) agc_owner_spi_row_bounded(&plan, &row));
}
