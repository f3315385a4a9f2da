/*
 * tenant.c
 *	  The settings of a tenant: its switch, and its share of the cache.
 *
 * Most tenants have no row, and every stored cache entry asks: what was read
 * last is remembered until a registry table changes.
 *
 * Memory: static.  Locks: AccessShareLock while reading, row lock of the
 * UPDATE.  On ERROR: the transaction takes the change back.
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

/* tenant_set(enabled, tenant) -> boolean: whether anything changed */
AGC_FUNCTION(tenant_set)
{
	static const Oid types[] = {TEXTOID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.tenant AS t (tenant, enabled) VALUES ($1, $2)"
		" ON CONFLICT (tenant, name) DO UPDATE SET enabled = EXCLUDED.enabled"
		" WHERE t.enabled <> EXCLUDED.enabled", 2, types
	};
	char	   *tenant = agc_arg_tenant(fcinfo, 1);
	Datum		values[2] = {CStringGetTextDatum(tenant), BoolGetDatum(true)};

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("enabled must not be null")));
	values[1] = PG_GETARG_DATUM(0);
	agc_enter(tenant, AGC_ADMIN);
	PG_RETURN_BOOL(agc_owner_spi(&plan, values, NULL) > 0);
}

/*
 * tenant_share_set(share, tenant) -> boolean: whether anything changed.  It
 * protects the others from the tenant, so its own administrator may not lift it.
 */
AGC_FUNCTION(tenant_share_set)
{
	static const Oid types[] = {TEXTOID, INT8OID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.tenant AS t (tenant, cache_share) SELECT $1, $2"
		" WHERE $2 IS NOT NULL OR EXISTS (SELECT FROM agentcore.tenant WHERE tenant = $1)"
		" ON CONFLICT (tenant, name) DO UPDATE SET cache_share = EXCLUDED.cache_share"
		" WHERE t.cache_share IS DISTINCT FROM EXCLUDED.cache_share", 2, types
	};
	char	   *tenant = agc_arg_tenant(fcinfo, 1);
	Datum		values[2] = {CStringGetTextDatum(tenant)};
	char		nulls[2] = {' ', ' '};

	agc_enter("*", AGC_ADMIN);
	if (PG_ARGISNULL(0))
		nulls[1] = 'n';
	else if (PG_GETARG_INT32(0) < 1 || PG_GETARG_INT32(0) > 100)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("share must be from 1 to 100 percent"),
				 errhint("NULL takes it back: agentcore.cache_tenant_share then holds for the tenant.")));
	else
		values[1] = Int64GetDatum(PG_GETARG_INT32(0));
	PG_RETURN_BOOL(agc_owner_spi(&plan, values, nulls) > 0);
}
