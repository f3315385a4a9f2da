/*
 * tenant.c
 *	  The switch of a tenant.
 *
 * Memory: a compiled object a tenant that has settings.  Locks: row lock of
 * the UPDATE.  On ERROR: the transaction takes the change back.
 */
#include "core/core.h"

#include "utils/builtins.h"

static void *compile_tenant(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name);

static AgcTable tenant_table = AGC_TABLE("tenant", "tenant_pkey");
static const AgcObjectClass tenant_class = {"tenant", &tenant_table, compile_tenant};

static void *
compile_tenant(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name)
{
	bool	   *enabled = palloc(sizeof(bool));

	*enabled = agc_col_bool(tuple, desc, "enabled");
	return enabled;
}

bool
agc_tenant_enabled(const char *tenant)
{
	AgcObject  *object = agc_object_pin(&tenant_class, tenant, "settings");
	bool		enabled = true;

	if (object != NULL)
	{
		enabled = *(bool *) object->data;
		agc_object_unpin(object);
	}
	return enabled;
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
