/*
 * agent.c
 *	  Agents: who asks, under which policy, at whose expense.
 *
 * Memory: one compiled object per agent.  Locks: the row's, in agent_set().  On ERROR: the transaction takes the change back.
 */
#include "call/agent.h"

#include "allow/allow.h"
#include "budget/budget.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"

enum
{
	A_POLICY = 1, A_BUDGET, A_OWNER, A_MODE, A_ENABLED, A_CHARGES
};

static void *compile_agent(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name);

static AgcTable agent_table = AGC_TABLE("agent", "agent_pkey");
static const AgcObjectClass agent_class = {"agent", &agent_table, compile_agent};

static void *
compile_agent(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name)
{
	AgentDef   *agent = palloc(sizeof(AgentDef));
	bool		isnull;

	agent->policy = agc_col_text(tuple, desc, "policy");
	agent->budget = agc_col_text(tuple, desc, "budget");
	agent->owner = agc_col_text(tuple, desc, "owner");
	agent->audit = strcmp(agc_col_text(tuple, desc, "mode"), "audit") == 0;
	agent->enabled = agc_col_bool(tuple, desc, "enabled");
	agent->charges = agc_texts_of(agc_col(tuple, desc, "charges", &isnull), &agent->ncharges);
	return agent;
}

AgcObject *
agent_find(const char *tenant, const char *name)
{
	return agc_object_pin(&agent_class, tenant, name);
}

/* Raises 42704 with the nearest names for an agent that does not exist. */
AgcObject *
agent_pin(const char *tenant, const char *name)
{
	AgcObject  *object = agc_object_pin(&agent_class, tenant, name);
	AgcNearest	nearest = {.wanted = name, .limit = 3};

	if (object != NULL)
		return object;
	agc_nearest_in(&nearest, &agent_table, tenant);
	agc_refuse_unknown("agent", name, &nearest, "Create it with agentcore.agent_set().");
}

/* An owner that was dropped owns nothing: nobody may speak for the agent. */
bool
agent_may_speak(const AgentDef *agent)
{
	Oid			owner;

	if (agent->owner == NULL)
		return true;
	owner = get_role_oid(agent->owner, true);
	return OidIsValid(owner) && has_privs_of_role(GetUserId(), owner);
}

void
agent_check_owner(const char *name, const AgentDef *agent)
{
	if (!agent_may_speak(agent))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for agent \"%s\"", name),
				 errdetail("It belongs to role \"%s\", of which \"%s\" is no member.",
						   agent->owner, GetUserNameFromId(GetUserId(), false))));
}

bool
agent_may_charge(const AgentDef *agent, const char *budget)
{
	return (agent->budget != NULL && strcmp(budget, agent->budget) == 0) ||
		agc_patterns_cover(agent->charges, agent->ncharges, budget);
}

void
agent_check_charge(const char *name, const AgentDef *agent, const char *budget)
{
	if (!agent_may_charge(agent, budget))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for budget \"%s\"", budget),
				 errdetail("It is not the budget of agent \"%s\", and not among those that its calls may charge.", name),
				 errhint("An administrator names them with agentcore.agent_set(charges => ...).")));
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

/* Only what is named anew: an agent whose policy is gone can still be switched off. */
static void
check_names(FunctionCallInfo fcinfo, AgcSetting *set)
{
	char	   *policy = agc_arg_name(fcinfo, A_POLICY, "policy");
	char	   *budget = agc_opt_name(fcinfo, A_BUDGET, "budget");
	char	   *owner = agc_opt_name(fcinfo, A_OWNER, "owner");

	if (AGC_CHANGED(set, A_POLICY) && !allow_policy_exists(set->tenant, policy))
		agc_refuse_unknown("policy", policy, NULL, "Create it with agentcore.policy_set().");
	if (AGC_NAMES_ANEW(fcinfo, set, A_BUDGET) && !budget_exists(set->tenant, budget))
		agc_refuse_unknown("budget", budget, NULL, "Create it with agentcore.budget_set().");
	if (AGC_NAMES_ANEW(fcinfo, set, A_OWNER))
		(void) get_role_oid(owner, false);
}

static bool
write_agent(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID, TEXTARRAYOID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.agent AS a (tenant, name, policy, budget, owner, mode, enabled, charges)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
		" ON CONFLICT (tenant, name) DO UPDATE SET policy = EXCLUDED.policy, budget = EXCLUDED.budget,"
		" owner = EXCLUDED.owner, mode = EXCLUDED.mode, enabled = EXCLUDED.enabled, charges = EXCLUDED.charges"
		" WHERE $9 AND (a.policy, a.budget, a.owner, a.mode, a.enabled, a.charges) IS DISTINCT FROM"
		" (EXCLUDED.policy, EXCLUDED.budget, EXCLUDED.owner, EXCLUDED.mode, EXCLUDED.enabled, EXCLUDED.charges)",
		lengthof(types), types
	};
	Datum		values[lengthof(types)] = {set->keys[0], set->keys[1]};
	char		nulls[lengthof(types)];

	check_mode(agc_arg_name(fcinfo, A_MODE, "mode"));
	check_names(fcinfo, set);
	memset(nulls, ' ', sizeof(nulls));
	for (int n = A_POLICY; n <= A_ENABLED; n++) /* an argument stands one place before its column */
	{
		values[n + 1] = fcinfo->args[n].value;
		nulls[n + 1] = PG_ARGISNULL(n) ? 'n' : ' ';
	}
	values[A_CHARGES + 1] = PointerGetDatum(agc_opt_patterns(fcinfo, A_CHARGES, "charges"));
	values[A_CHARGES + 2] = BoolGetDatum(set->exists);
	return agc_set_write(set, &plan, values, nulls);
}

/* agent_set(name, policy, budget, owner, mode, enabled, charges, reset, tenant) -> boolean */
AGC_FUNCTION(agent_set)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan row = {
		"SELECT policy, budget, owner, mode, enabled, charges FROM agentcore.agent"
		" WHERE tenant = $1 AND name = $2 FOR NO KEY UPDATE", lengthof(types), types
	};
	static const AgcMember members[] = {
		{"policy", .required = true}, {"budget"}, {"owner"}, {"mode", "enforce"}, {"enabled", "true"},
		{"charges", "{}"}
	};
	static const AgcSetter setter = {
		"agent", A_POLICY, lengthof(members), members, &row, .write = write_agent
	};
	Datum		keys[] = {0, CStringGetTextDatum(agc_arg_name(fcinfo, 0, "name"))};

	return agc_set(fcinfo, &setter, keys);
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
