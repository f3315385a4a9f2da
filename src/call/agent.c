/*
 * agent.c
 *	  Agents: who asks, under which policy, at whose expense.
 *
 * Memory: a compiled object an agent.  Locks: row lock of the UPDATE in
 * agent_set.  On ERROR: the transaction takes the change back.
 */
#include "call/gate.h"

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"

static void *compile_agent(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name);
static void note_nearest(HeapTuple tuple, TupleDesc desc, void *arg);

static AgcTable agent_table = AGC_TABLE("agent", "agent_pkey");
static const AgcObjectClass agent_class = {"agent", &agent_table, compile_agent};

static void *
compile_agent(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name)
{
	AgentDef   *agent = palloc(sizeof(AgentDef));

	agent->policy = agc_col_text(tuple, desc, "policy");
	agent->budget = agc_col_text(tuple, desc, "budget");
	agent->owner = agc_col_text(tuple, desc, "owner");
	agent->audit = strcmp(agc_col_text(tuple, desc, "mode"), "audit") == 0;
	agent->enabled = agc_col_bool(tuple, desc, "enabled");
	return agent;
}

static void
note_nearest(HeapTuple tuple, TupleDesc desc, void *arg)
{
	agc_nearest_add(arg, agc_col_text(tuple, desc, "name"));
}

/* Raises 42704 with the nearest names for an agent that does not exist. */
AgcObject *
agent_pin(const char *tenant, const char *name)
{
	AgcObject  *object = agc_object_pin(&agent_class, tenant, name);
	AgcNearest	nearest = {.wanted = name, .limit = 3};
	Relation	rel;

	if (object != NULL)
		return object;
	rel = agc_table_open(&agent_table, AccessShareLock);
	agc_table_scan(&agent_table, rel, 1, &tenant, note_nearest, &nearest);
	agc_table_close(rel, AccessShareLock);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("agent \"%s\" does not exist", name),
			 nearest.count > 0 ? errhint("Did you mean \"%s\"?", nearest.name[0]) :
			 errhint("Create it with agentcore.agent_set().")));
	return NULL;
}

/* An owner that was dropped owns nothing: nobody may speak for the agent. */
void
agent_check_owner(const char *name, const AgentDef *agent)
{
	Oid			owner;

	if (agent->owner == NULL)
		return;
	owner = get_role_oid(agent->owner, true);
	if (!OidIsValid(owner) || !has_privs_of_role(GetUserId(), owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for agent \"%s\"", name),
				 errdetail("It belongs to role \"%s\", of which \"%s\" is no member.",
						   agent->owner, GetUserNameFromId(GetUserId(), false))));
}

static void
check_mode(const char *mode)
{
	if (strcmp(mode, "enforce") != 0 && strcmp(mode, "audit") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown mode \"%s\"", mode),
				 errhint("The modes are enforce and audit.")));
}

/* agent_set(name, policy, budget, owner, mode, enabled, tenant) -> boolean */
AGC_FUNCTION(agent_set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.agent AS a (tenant, name, policy, budget, owner, mode, enabled)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7)"
		" ON CONFLICT (tenant, name) DO UPDATE SET policy = EXCLUDED.policy, budget = EXCLUDED.budget,"
		" owner = EXCLUDED.owner, mode = EXCLUDED.mode, enabled = EXCLUDED.enabled"
		" WHERE (a.policy, a.budget, a.owner, a.mode, a.enabled) IS DISTINCT FROM"
		" (EXCLUDED.policy, EXCLUDED.budget, EXCLUDED.owner, EXCLUDED.mode, EXCLUDED.enabled)",
		7, types
	};
	char	   *name = agc_arg_name(fcinfo, 0, "name");
	char	   *policy = agc_arg_name(fcinfo, 1, "policy");
	char	   *budget = agc_opt_name(fcinfo, 2, "budget");
	char	   *owner = agc_opt_name(fcinfo, 3, "owner");
	char	   *mode = agc_arg_name(fcinfo, 4, "mode");
	bool		enabled = agc_arg_bool(fcinfo, 5, "enabled");
	char	   *tenant = agc_arg_tenant(fcinfo, 6);
	Datum		values[7];
	char		nulls[8] = "       ";

	check_mode(mode);
	agc_enter(tenant, AGC_ADMIN);
	if (!allow_policy_exists(tenant, policy))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("policy \"%s\" does not exist", policy),
				 errhint("Create it with agentcore.policy_set().")));
	if (budget != NULL && !budget_exists(tenant, budget))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("budget \"%s\" does not exist", budget),
				 errhint("Create it with agentcore.budget_set().")));
	if (owner != NULL)
		(void) get_role_oid(owner, false);

	values[0] = CStringGetTextDatum(tenant);
	values[1] = CStringGetTextDatum(name);
	values[2] = CStringGetTextDatum(policy);
	values[3] = budget ? CStringGetTextDatum(budget) : (Datum) 0;
	values[4] = owner ? CStringGetTextDatum(owner) : (Datum) 0;
	values[5] = CStringGetTextDatum(mode);
	values[6] = BoolGetDatum(enabled);
	nulls[3] = budget ? ' ' : 'n';
	nulls[4] = owner ? ' ' : 'n';

	PG_RETURN_BOOL(agc_owner_spi(&plan, values, nulls) > 0);
}

/* agent_drop(name, tenant) -> boolean: false when there was none */
AGC_FUNCTION(agent_drop)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.agent WHERE tenant = $1 AND name = $2", 2, types
	};

	return agc_drop(fcinfo, "name", &plan);
}
