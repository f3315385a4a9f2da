/*
 * tenant_set.c
 *	  tenant_set() and tenant_share_set(): a tenant's switch, and its share of
 *	  the cache.
 *
 * Memory: CurrentMemoryContext.  Locks: the tenant's row, to the end of the
 * transaction.  On ERROR: the transaction takes the change back.
 */
#include "core/core.h"

#include "catalog/pg_type.h"

/* plan: the tenant, the value of the one member, whether the row exists */
static bool
write_setting(FunctionCallInfo fcinfo, AgcSetting *set, AgcPlan *plan)
{
	AgcRow		row;

	agc_row_init(&row);
	agc_put(&row, set->keys[0]);
	agc_put_arg(&row, fcinfo, 0);
	agc_put_bool(&row, set->exists);
	return agc_set_write_row(set, plan, &row);
}

static bool
write_enabled(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, BOOLOID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.tenant AS t (tenant, enabled) VALUES ($1, $2)"
		" ON CONFLICT (tenant, name) DO UPDATE SET enabled = EXCLUDED.enabled"
		" WHERE $3 AND t.enabled <> EXCLUDED.enabled", lengthof(types), types
	};

	return write_setting(fcinfo, set, &plan);
}

/* tenant_set(enabled, reset, tenant) -> boolean: whether anything changed */
AGC_FUNCTION(tenant_set)
{
	static const Oid types[] = {TEXTOID};
	static AgcPlan row = {
		"SELECT enabled FROM agentcore.tenant WHERE tenant = $1 FOR NO KEY UPDATE", lengthof(types), types
	};
	static const AgcMember members[] = {{"enabled", "true"}};
	static const AgcSetter setter = {"tenant", 0, lengthof(members), members, &row, .write = write_enabled};
	Datum		keys[1];

	return agc_set(fcinfo, &setter, keys);
}

static bool
write_share(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, INT4OID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.tenant AS t (tenant, cache_share) VALUES ($1, $2)"
		" ON CONFLICT (tenant, name) DO UPDATE SET cache_share = EXCLUDED.cache_share"
		" WHERE $3 AND t.cache_share IS DISTINCT FROM EXCLUDED.cache_share", lengthof(types), types
	};

	if (PG_ARGISNULL(0) && !set->exists)
		return false;			/* as without a row */
	if (!PG_ARGISNULL(0) && (PG_GETARG_INT32(0) < 1 || PG_GETARG_INT32(0) > 100))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("share must be from 1 to 100 percent"),
				 errhint("reset => '{share}' takes it back: then agentcore.cache_tenant_share applies to the tenant.")));
	return write_setting(fcinfo, set, &plan);
}

/*
 * tenant_share_set(share, reset, tenant) -> boolean: whether anything changed.  It
 * protects the others from the tenant, so its own administrator may not lift it.
 */
AGC_FUNCTION(tenant_share_set)
{
	static const Oid types[] = {TEXTOID};
	static AgcPlan row = {
		"SELECT cache_share::integer FROM agentcore.tenant WHERE tenant = $1 FOR NO KEY UPDATE", lengthof(types), types
	};
	static const AgcMember members[] = {{"share"}};
	static const AgcSetter setter = {
		"share", 0, lengthof(members), members, &row, .everywhere = true, .write = write_share
	};
	Datum		keys[1];

	return agc_set(fcinfo, &setter, keys);
}
