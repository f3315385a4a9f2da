/*
 * tenant.c
 *	  The settings of a tenant: its switch, and its share of the cache.
 *
 * Most tenants have no row, and every stored cache entry asks: what was read
 * last is remembered until a registry table changes.
 *
 * Memory: static.  Locks: AccessShareLock while reading, the row's in
 * the setters.  On ERROR: the transaction takes the change back.
 */
#include "core/core.h"

#include "utils/builtins.h"
#include "utils/rel.h"

typedef struct TenantSettings
{
	char		tenant[AGC_MAX_NAME + 1];
	uint64		generation;		/* at which they were read; 0: never */
	bool		enabled;
	int			cache_share;	/* percent; 0: none of its own */
} TenantSettings;

static AgcTable tenant_table = AGC_TABLE("tenant", "tenant_pkey");

static const TenantSettings *
settings_of(const char *tenant)
{
	static TenantSettings last;
	const char *keys[2] = {tenant, "settings"};
	Relation	rel;
	HeapTuple	row;

	if (last.generation == agc_generation() && strcmp(last.tenant, tenant) == 0)
		return &last;

	last.generation = 0;
	rel = agc_table_open(&tenant_table, AccessShareLock);
	strlcpy(last.tenant, tenant, sizeof(last.tenant));
	last.generation = agc_generation(); /* what comes in from here on is read again */
	row = agc_table_get(&tenant_table, rel, 2, keys);
	last.enabled = row == NULL || agc_col_bool(row, RelationGetDescr(rel), "enabled");
	last.cache_share = row == NULL ? 0 :
		(int) agc_col_int64(row, RelationGetDescr(rel), "cache_share", 0);
	agc_table_close(rel, AccessShareLock);
	return &last;
}

bool
agc_tenant_enabled(const char *tenant)
{
	return settings_of(tenant)->enabled;
}

int
agc_tenant_cache_share(const char *tenant)
{
	return settings_of(tenant)->cache_share;
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
	Datum		values[] = {set->keys[0], PG_GETARG_DATUM(0), BoolGetDatum(set->exists)};

	return agc_set_write(set, &plan, values, NULL);
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
	Datum		values[] = {set->keys[0], PG_GETARG_DATUM(0), BoolGetDatum(set->exists)};

	if (PG_ARGISNULL(0) && !set->exists)
		return false;			/* as without a row */
	if (!PG_ARGISNULL(0) && (PG_GETARG_INT32(0) < 1 || PG_GETARG_INT32(0) > 100))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("share must be from 1 to 100 percent"),
				 errhint("reset => '{share}' takes it back: agentcore.cache_tenant_share then holds for the tenant.")));
	return agc_set_write(set, &plan, values, PG_ARGISNULL(0) ? " n " : NULL);
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
