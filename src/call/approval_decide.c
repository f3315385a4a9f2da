/*
 * approval_decide.c
 *	  What becomes of a request for approval: decided, withdrawn, removed.
 *
 * Each change is an UPDATE of the caller's transaction, so a call that uses the
 * request at the same moment comes before it or after it.
 *
 * Memory: SPI's.  Locks: the request's row; it is waited for no longer than
 * agentcore.budget_lock_wait (55P03).  On ERROR: the transaction takes everything
 * back.
 */
#include "call/approval_notice.h"
#include "call/gate.h"
#include "core/row.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

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
			 errmsg("approval \"%s\" does not exist%s", hex_uuid(id), problem),
			 errhint("agentcore.approvals lists the open ones.")));
}

/* call_approve(approval, approve, valid_for, note, tenant) -> text */
AGC_FUNCTION(call_approve)
{
	static const Oid types[] = {TEXTOID, UUIDOID, TEXTOID, TEXTOID, TEXTOID, INTERVALOID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"UPDATE agentcore.approval SET state = $3, decided_at = $7,"
		" decided_by = $4, note = $5, expires_at = CASE $3 WHEN 'approved' THEN $7 + $6 END"
		" WHERE tenant = $1 AND id = $2 AND state NOT IN ('used', 'withdrawn')", 7, types
	};
	bool		approve = agc_arg_bool(fcinfo, 1, "approve");
	char	   *note = agc_opt_text(fcinfo, 3);
	char	   *tenant = agc_arg_tenant(fcinfo, 4);
	pg_uuid_t  *id = arg_approval(fcinfo);
	const char *state = approve ? "approved" : "refused";
	AgcRow		row;

	(void) agc_opt_interval(fcinfo, 2, "valid_for", 0);
	agc_enter(tenant, AGC_ADMIN);

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_uuid(&row, id);
	agc_put_text(&row, state);
	agc_put_text(&row, GetUserNameFromId(GetUserId(), false));
	agc_put_text(&row, note);
	agc_put_arg(&row, fcinfo, 2);
	agc_put_time(&row, agc_now());
	if (agc_owner_spi_row_bounded(&plan, &row) == 0)
		refuse_closed(id, ", was used or was withdrawn");
	approval_tell(tenant, id, state);
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
		"UPDATE agentcore.approval SET state = 'withdrawn'"
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
 * approval_purge(keep, tenant) -> bigint: how many requests went.  One that was
 * open or approved is asked again, should its call come again.
 */
AGC_FUNCTION(approval_purge)
{
	static const Oid types[] = {TEXTOID, TIMESTAMPTZOID, INTERVALOID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.approval WHERE tenant = $1"
		" AND greatest(requested_at, decided_at, expires_at) < $2 - $3", 3, types
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
