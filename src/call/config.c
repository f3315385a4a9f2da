/*
 * config.c
 *	  config_export: a tenant's configuration as one document.
 *
 * config_apply() is plpgsql and runs as its caller, setter by setter, so that
 * every setter judges for itself; only the reading of the tables needs the
 * owner.
 *
 * Memory: SPI's.  Locks: those of reading.  On ERROR: nothing to undo.
 */
#include "call/gate.h"

#include "utils/builtins.h"

AGC_FUNCTION(config_export)
{
	static const Oid types[] = {TEXTOID};
	static AgcPlan plan = {
		"SELECT pg_catalog.jsonb_object_agg(kind, objects) FROM agentcore.config_objects($1)",
		1, types
	};
	char	   *tenant = agc_arg_tenant(fcinfo, 0);
	Datum		values[1] = {CStringGetTextDatum(tenant)};
	MemoryContext result_context = CurrentMemoryContext;
	Jsonb	   *config;
	bool		isnull;
	AgcOwner	owner;
	MemoryContext old;

	agc_enter(tenant, AGC_ADMIN);
	agc_owner_begin(&owner);
	agc_spi(&plan, values, NULL);
	old = MemoryContextSwitchTo(result_context);
	config = DatumGetJsonbPCopy(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	MemoryContextSwitchTo(old);
	agc_owner_end(&owner);
	PG_RETURN_JSONB_P(config);
}
