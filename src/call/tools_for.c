/*
 * tools_for.c
 *	  tools_for(): the tools that an agent may call, for its next request to a
 *	  model.
 *
 * What is left out is what call_begin would deny by the name alone: the stages
 * tenant, agent, tool and policy.
 *
 * Memory: CurrentMemoryContext.  Locks: those of reading the tools and the
 * policy.  On ERROR: pins go at transaction end.
 */
#include "allow/allow.h"
#include "call/agent.h"
#include "tool/tool.h"

#include "utils/builtins.h"

typedef struct Asker
{
	const char *tenant;
	const AgentDef *agent;
} Asker;

static bool
may_call(const char *name, void *arg)
{
	const Asker *asker = arg;
	AllowDecision decision;

	if (asker->agent->audit)
		return true;
	allow_check_tool(asker->tenant, asker->agent->policy, name, &decision);
	if (!decision.allowed)
		return false;
	return !allow_common_denies_tool(asker->tenant, name, &decision) || decision.allowed;
}

/* tools_for(agent, format, strict, tenant) -> jsonb */
AGC_FUNCTION(tools_for)
{
	char	   *name = agc_arg_name(fcinfo, 0, "agent");
	char	   *format = agc_opt_text(fcinfo, 1);
	bool		strict = agc_arg_bool(fcinfo, 2, "strict");
	char	   *tenant = agc_arg_tenant(fcinfo, 3);
	AgcObject  *object;
	Asker		asker = {.tenant = tenant};
	bool		on;
	Jsonb	   *tools;

	agc_enter_disabled(tenant, AGC_AGENT);
	object = agent_pin(tenant, name);
	asker.agent = object->data;
	agent_check_owner(name, asker.agent);
	on = asker.agent->enabled && agc_tenant_enabled(tenant);
	tools = tool_definitions(tenant, format, strict, on ? may_call : NULL, &asker);
	agc_object_unpin(object);
	PG_RETURN_JSONB_P(tools);
}
