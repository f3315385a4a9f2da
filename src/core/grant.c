/*
 * grant.c
 *	  access_grant() and access_revoke(): the rows of agentcore.access, and the
 *	  privileges that follow them.
 *
 * A role's EXECUTE on functions and SELECT on views follow the highest level
 * that it holds for any tenant.  Changing them means writing catalog rows that
 * all roles share, so it happens one transaction at a time: under a lock on the
 * row of agentcore.installation, which no role but the owner can take.  A grant
 * waits for it as long as agentcore.budget_lock_wait says (then 55P03: another
 * tenant's administrator may be slow to commit), and takes it before the rows of
 * agentcore.access, so that two grants do not wait for each other.  A revocation
 * does not wait: without its row a role reaches nothing, whatever it may execute.
 *
 * Memory: the caller's context.  Locks: as above, to the end of the
 * transaction, and none where the privileges stay as they are.  On ERROR: the
 * transaction takes everything back.
 */
#include "core/core.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"

/*
 * Tenants of access_grant(): each a name, '' or '*', and the caller holds
 * admin on every one.
 */
static ArrayType *
check_grantable(FunctionCallInfo fcinfo, int n)
{
	Datum	   *elems;
	bool	   *nulls;
	int			nelems;
	ArrayType  *tenants;

	if (PG_ARGISNULL(n))
		agc_refuse_null("tenants");
	tenants = PG_GETARG_ARRAYTYPE_P(n);
	deconstruct_array(tenants, TEXTOID, -1, false, TYPALIGN_INT, &elems, &nulls, &nelems);
	if (nelems == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("tenants must not be empty"),
				 errhint("Use '{\"\"}' where there is one tenant, '{*}' for every tenant.")));
	for (int i = 0; i < nelems; i++)
	{
		char	   *tenant = nulls[i] ? NULL : TextDatumGetCString(elems[i]);

		if (tenant == NULL || strlen(tenant) > AGC_MAX_NAME)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("tenant %d is null or too long", i + 1)));
		agc_enter(tenant, AGC_ADMIN);
	}
	return tenants;
}

/*
 * Waits for the right to change privileges.  Not asked for where a grant gives
 * the role nothing that it did not hold for another tenant.
 */
static void
lock_privileges(void)
{
	static AgcPlan lock = {
		"SELECT FROM agentcore.installation FOR UPDATE", 0, NULL
	};

	agc_spi(&lock, NULL, NULL);
}

/* False when they could not be changed without waiting. */
static bool
sync_privileges(const char *role, bool wait)
{
	static const Oid types[] = {TEXTOID, BOOLOID};
	static AgcPlan sync = {
		"SELECT agentcore.access_sync_privileges($1, $2)", 2, types
	};
	AgcRow		row;
	bool		isnull;

	agc_row_init(&row);
	agc_put_text(&row, role);
	agc_put_bool(&row, wait);
	agc_spi_row(&sync, &row);
	return DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* Only who may decide can be believed about who decides. */
static void
check_vouches(FunctionCallInfo fcinfo, int n, const char *level)
{
	if (PG_ARGISNULL(n) || !PG_GETARG_BOOL(n) || agc_level_parse(level) >= AGC_APPROVER)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a role of level \"%s\" cannot vouch for persons", level),
			 errhint("Give it level approver.")));
}

/* access_grant(role, level, tenants, vouches) -> void */
AGC_FUNCTION(access_grant)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTARRAYOID, BOOLOID};
	static AgcPlan grant = {
		"INSERT INTO agentcore.access AS a (tenant, role, level, vouches)"
		" SELECT DISTINCT t, $1, $2, coalesce($4, false) FROM unnest($3) AS t"
		" ON CONFLICT (tenant, role) DO UPDATE SET level = EXCLUDED.level,"
		" vouches = coalesce($4, a.vouches AND EXCLUDED.level IN ('approver', 'admin'))"
		" WHERE (a.level, a.vouches) IS DISTINCT FROM"
		" (EXCLUDED.level, coalesce($4, a.vouches AND EXCLUDED.level IN ('approver', 'admin')))", lengthof(types), types
	};
	char	   *role = agc_arg_name(fcinfo, 0, "role");
	char	   *level = agc_arg_name(fcinfo, 1, "level");
	ArrayType  *tenants = check_grantable(fcinfo, 2);
	AgcRow		row;
	AgcOwner	owner;

	if (agc_level_parse(level) == AGC_NOBODY)
		agc_refuse_word("access level", level, "The levels are reader, agent, approver and admin.");
	check_vouches(fcinfo, 3, level);
	(void) get_role_oid(role, false);	/* 42704 for an unknown role */

	agc_row_init(&row);
	agc_put_text(&row, role);
	agc_put_text(&row, level);
	agc_put_pointer(&row, tenants);
	agc_put_arg(&row, fcinfo, 3);
	agc_owner_begin_bounded(&owner);
	if (agc_level_parse(level) > agc_level_of_role(role))
		lock_privileges();
	agc_spi_row(&grant, &row);
	(void) sync_privileges(role, true);
	agc_owner_end(&owner);
	PG_RETURN_VOID();
}

/* The tenants of a role's rows on which the caller holds admin. */
static ArrayType *
revocable(const char *role, Oid caller)
{
	static const Oid types[] = {TEXTOID};
	static AgcPlan list = {
		"SELECT tenant FROM agentcore.access WHERE role = $1", 1, types
	};
	AgcRow		row;
	Datum	   *mine;
	int			nmine = 0;

	agc_row_init(&row);
	agc_put_text(&row, role);
	agc_spi_row(&list, &row);
	mine = palloc((SPI_processed + 1) * sizeof(Datum));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char	   *tenant = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);

		if (agc_level(caller, tenant) >= AGC_ADMIN)
			mine[nmine++] = CStringGetTextDatum(tenant);
	}
	return construct_array(mine, nmine, TEXTOID, -1, false, TYPALIGN_INT);
}

/*
 * access_revoke(role) -> void: from every tenant on which the caller holds
 * admin.  The role need not exist any more.  Whether it holds anything for the
 * tenants of others is not told.
 */
AGC_FUNCTION(access_revoke)
{
	static const Oid types[] = {TEXTOID, TEXTARRAYOID};
	static AgcPlan revoke = {
		"DELETE FROM agentcore.access WHERE role = $1 AND tenant = ANY ($2)", 2, types
	};
	char	   *role = agc_arg_name(fcinfo, 0, "role");
	Oid			caller = GetUserId();
	AgcRow		row;
	bool		revoked;
	bool		synced;
	AgcOwner	owner;

	AcceptInvalidationMessages();
	agc_watch_registry();
	agc_owner_begin_bounded(&owner);
	agc_row_init(&row);
	agc_put_text(&row, role);
	agc_put_pointer(&row, revocable(role, caller));
	agc_spi_row(&revoke, &row);
	revoked = SPI_processed > 0;
	synced = sync_privileges(role, false);
	if (!revoked)
		ereport(NOTICE,
				(errmsg("role \"%s\" has no access to a tenant on which you hold admin", role)));
	else if (!synced)
		ereport(NOTICE,
				(errmsg("access of role \"%s\" is revoked, its privileges to call and read stay", role),
				 errdetail("Another transaction is changing privileges. They reach no tenant any more."),
				 errhint("Repeat access_revoke() for the role to take them too.")));
	agc_owner_end(&owner);
	PG_RETURN_VOID();
}
