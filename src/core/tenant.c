/*
 * tenant.c
 *	  Reading the settings of a tenant: its switch, and its share of the cache; and
 *	  what a tenant lacks.  tenant_set.c writes the settings.
 *
 * Most tenants have no row, and every stored cache entry asks: what was read
 * last is remembered until a registry table changes.
 *
 * Memory: static.  Locks: AccessShareLock while reading.  On ERROR: nothing to
 * undo.
 */
#include "core/core.h"

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
agc_tenant_lacks(const AgcLack *lack, const char *tenant)
{
	return lack->generation == agc_generation() && strcmp(lack->tenant, tenant) == 0;
}

void
agc_note_lack(AgcLack *lack, const char *tenant, uint64 generation)
{
	lack->generation = generation;
	strlcpy(lack->tenant, tenant, sizeof(lack->tenant));
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
