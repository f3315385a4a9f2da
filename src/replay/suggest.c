/*
 * suggest.c
 *	  policy_suggest(): the narrowest rules that allow what an agent has done.
 *
 * The log is read, and the rules are made, by statements (suggest.sql) that run as the owner, once
 * the caller was found to be an administrator of the tenant: arguments are shown to nobody else.
 * Each rule is tried by policy_diff() before it is suggested, so config_apply() takes it.
 *
 * Memory: SPI's; rows go to a tuplestore.  Locks: those of reading.  On ERROR: nothing to undo.
 */
#include "replay/replay.h"

#include "call/call.h"
#include "catalog/pg_type.h"
#include "core/row.h"
#include "funcapi.h"
#include "utils/builtins.h"

/* arguments: agent, since, until, min_calls, max_values, suffixes */
#define NCOMMON 6

/* rows of policy_suggest_rules() */
#define NCOLUMNS 6

static void
check_at_least(FunctionCallInfo fcinfo, int n, const char *what, int64 least)
{
	int64		value;

	if (PG_ARGISNULL(n))
		agc_refuse_null(what);
	value = n == 3 ? PG_GETARG_INT64(n) : PG_GETARG_INT32(n);
	if (value < least)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be at least %lld", what, (long long) least),
				 errdetail("Got %lld.", (long long) value)));
}

/* agent and its policy, then the arguments; the tenant is put by the caller, last */
static void
read_request(FunctionCallInfo fcinfo, const char *tenant, AgcRow *row)
{
	char	   *agent = agc_arg_name(fcinfo, 0, "agent");
	int			n;
	AgcObject  *object;

	if (PG_ARGISNULL(1))
		agc_refuse_null("since");
	check_at_least(fcinfo, 3, "min_calls", 1);
	check_at_least(fcinfo, 4, "max_values", 0);
	(void) agc_opt_names(fcinfo, 5, "suffixes", &n);
	agc_enter(tenant, AGC_ADMIN);
	object = agent_pin(tenant, agent);
	agc_row_init(row);
	agc_put_text(row, agent);
	agc_put_text(row, ((AgentDef *) object->data)->policy);
	agc_object_unpin(object);
}

static void
put_common(FunctionCallInfo fcinfo, AgcRow *row)
{
	for (int i = 1; i < NCOMMON; i++)
		agc_put_arg(row, fcinfo, i);
}

/* policy_suggest_rules(agent, since, until, min_calls, max_values, suffixes, tenant) -> setof (list, rule, calls, first_at, last_at, note) */
AGC_FUNCTION(policy_suggest_rules)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT4OID, TEXTARRAYOID, TEXTOID};
	static AgcPlan plan = {
		"SELECT list, rule, calls, first_at, last_at, note FROM agentcore.suggest_rules($1, $2, $3, $4, $5, $6, $7, $8)",
		lengthof(types), types
	};
	char	   *tenant = agc_arg_tenant(fcinfo, 6);
	AgcOwner	owner;
	AgcRow		row;

	read_request(fcinfo, tenant, &row);
	put_common(fcinfo, &row);
	agc_put_text(&row, tenant);
	InitMaterializedSRF(fcinfo, 0);
	agc_owner_begin(&owner);
	agc_spi_read_row(&plan, &row);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		AgcRow		out;

		agc_row_init(&out);
		for (int n = 1; n <= NCOLUMNS; n++)
		{
			bool		isnull;
			Datum		value = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, n, &isnull);

			agc_put_datum(&out, value, isnull);
		}
		agc_row_store((ReturnSetInfo *) fcinfo->resultinfo, &out);
	}
	agc_owner_end(&owner);
	return (Datum) 0;
}

/* The name of the policy in the document. */
static char *
suggested_name(FunctionCallInfo fcinfo, int n)
{
	char	   *agent = agc_arg_name(fcinfo, 0, "agent");
	char	   *name = agc_opt_name(fcinfo, n, "policy");

	if (name == NULL)
		name = psprintf("%.*s suggested", pg_mbcliplen(agent, strlen(agent), AGC_MAX_NAME - (int) strlen(" suggested")), agent);
	return name;
}

/* policy_suggest(agent, since, until, min_calls, max_values, suffixes, policy, tenant) -> jsonb */
AGC_FUNCTION(policy_suggest)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT4OID, TEXTARRAYOID, TEXTOID};
	static AgcPlan plan = {"SELECT agentcore.suggest_document($1, $2, $3, $4, $5, $6, $7, $8, $9)", lengthof(types), types};
	char	   *tenant = agc_arg_tenant(fcinfo, 7);
	char	   *name = suggested_name(fcinfo, 6);
	Jsonb	   *document = NULL;
	bool		isnull;
	Datum		value;
	AgcOwner	owner;
	AgcRow		row;

	read_request(fcinfo, tenant, &row);
	agc_put_text(&row, name);
	put_common(fcinfo, &row);
	agc_put_text(&row, tenant);
	agc_owner_begin(&owner);
	agc_spi_read_row(&plan, &row);
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (!isnull)
		document = DatumGetJsonbPCopy(value);
	agc_owner_end(&owner);
	/* the transaction's snapshot is older than the policy */
	if (document == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("the policy of agent \"%s\" is not visible to this transaction", agc_arg_name(fcinfo, 0, "agent"))));
	PG_RETURN_JSONB_P(document);
}
