/*
 * config.c
 *	  config_export, policy_export: a tenant's configuration, or one of its
 *	  policies, as a document; config_at, config_rows_at: what it was.
 *
 * config_apply() and policy_import() are plpgsql and run as their caller, setter
 * by setter, so that every setter judges for itself; only the reading of the
 * tables needs the owner.
 *
 * Memory: SPI's.  Locks: those of reading.  On ERROR: nothing to undo.
 */
#include "call/config.h"

#include "allow/allow.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

/* One jsonb that the owner reads; NULL where the statement gives none. */
static Jsonb *
read_document(AgcPlan *plan, Datum *values, const char *nulls)
{
	Jsonb	   *document = NULL;
	bool		isnull = true;
	Datum		found = (Datum) 0;
	AgcOwner	owner;

	agc_owner_begin(&owner);
	agc_spi(plan, values, nulls);
	if (SPI_processed > 0)
		found = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (!isnull)
		document = DatumGetJsonbPCopy(found);
	agc_owner_end(&owner);
	return document;
}

AGC_FUNCTION(config_export)
{
	static const Oid types[] = {TEXTOID};
	static AgcPlan plan = {
		"SELECT pg_catalog.jsonb_object_agg(kind, objects) FROM agentcore.config_objects($1, NULL)",
		1, types
	};
	char	   *tenant = agc_arg_tenant(fcinfo, 0);
	Datum		values[1] = {CStringGetTextDatum(tenant)};

	agc_enter(tenant, AGC_ADMIN);
	PG_RETURN_JSONB_P(read_document(&plan, values, NULL));
}

/* policy_export(policy, format, budget, tenant) -> jsonb */
AGC_FUNCTION(policy_export)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID};
	static AgcPlan own = {"SELECT agentcore.policy_members($1, $2)", 2, types};
	static AgcPlan agentguard = {
		"SELECT agentcore.policy_agentguard(agentcore.policy_members($1, $2),"
		" (SELECT b.max_calls FROM agentcore.budget b WHERE b.tenant = $2 AND b.name = coalesce($3, $1) AND b.period IS NULL))", 3, types
	};
	static AgcPlan budget_exists = {
		"SELECT 'true'::jsonb FROM agentcore.budget WHERE tenant = $2 AND name = $3", 3, types
	};
	char	   *policy = agc_arg_name(fcinfo, 0, "policy");
	char	   *format = agc_arg_name(fcinfo, 1, "format");
	char	   *budget = agc_opt_name(fcinfo, 2, "budget");
	char	   *tenant = agc_arg_tenant_or_every(fcinfo, 3);
	Datum		values[3] = {CStringGetTextDatum(policy), CStringGetTextDatum(tenant)};
	bool		foreign = strcmp(format, "agentguard") == 0;
	Jsonb	   *document;

	agc_enter(tenant, AGC_READER);
	if (!foreign && strcmp(format, "agentcore") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown format \"%s\"", format),
				 errhint("The formats are agentcore and agentguard.")));
	allow_require_policy(tenant, policy);
	if (budget != NULL)
	{
		values[2] = CStringGetTextDatum(budget);
		if (read_document(&budget_exists, values, NULL) == NULL)
			agc_refuse_unknown("budget", budget, NULL, "Create it with agentcore.budget_set().");
	}
	document = read_document(foreign ? &agentguard : &own, values, budget == NULL ? "  n" : NULL);
	if (document == NULL)		/* the transaction's snapshot is older than the policy */
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("policy \"%s\" is not visible to this transaction", policy)));
	PG_RETURN_JSONB_P(document);
}

/* ----- as of a time ------------------------------------------------------------- */

/* The statement gets the time (NULL: now), the tenant, and whether policies of all tenants are shown. */
static Jsonb *
read_rows(AgcPlan *plan, const TimestampTz *at, const char *tenant, bool every)
{
	static const Oid types[] = {TIMESTAMPTZOID};
	static AgcPlan known = {"SELECT agentcore.config_require_known($1)", lengthof(types), types};
	Datum		values[3] = {at == NULL ? (Datum) 0 : TimestampTzGetDatum(*at), CStringGetTextDatum(tenant), BoolGetDatum(every)};

	if (at != NULL)
		(void) agc_owner_spi(&known, values, NULL);
	return read_document(plan, values, at == NULL ? "n  " : NULL);
}

Jsonb *
config_rows(const char *tenant, const TimestampTz *at, bool every)
{
	static const Oid types[] = {TIMESTAMPTZOID, TEXTOID, BOOLOID};
	static AgcPlan plan = {"SELECT agentcore.config_rows_of($1, $2, $3)", lengthof(types), types};

	return read_rows(&plan, at, tenant, every);
}

/* config_rows_at(at, tenant) -> jsonb */
AGC_FUNCTION(config_rows_at)
{
	TimestampTz at = PG_ARGISNULL(0) ? 0 : PG_GETARG_TIMESTAMPTZ(0);
	char	   *tenant = agc_arg_tenant(fcinfo, 1);

	agc_enter(tenant, AGC_ADMIN);
	PG_RETURN_JSONB_P(config_rows(tenant, PG_ARGISNULL(0) ? NULL : &at, agc_level(GetUserId(), "*") >= AGC_READER));
}

/* config_at(at, tenant) -> jsonb */
AGC_FUNCTION(config_at)
{
	static const Oid types[] = {TIMESTAMPTZOID, TEXTOID, BOOLOID};
	static AgcPlan plan = {
		"SELECT (SELECT pg_catalog.jsonb_object_agg(kind, objects) FROM agentcore.config_objects($2, r))"
		" || CASE WHEN r ? 'unknown' THEN pg_catalog.jsonb_build_object('unknown', r -> 'unknown') ELSE '{}' END"
		" FROM agentcore.config_rows_of($1, $2, $3) r", lengthof(types), types
	};
	char	   *tenant = agc_arg_tenant(fcinfo, 1);
	TimestampTz at;

	if (PG_ARGISNULL(0))
		agc_refuse_null("at");
	at = PG_GETARG_TIMESTAMPTZ(0);
	agc_enter(tenant, AGC_ADMIN);
	PG_RETURN_JSONB_P(read_rows(&plan, &at, tenant, false));
}
