/*
 * agent.h
 *	  Agents in their compiled form.
 */
#ifndef AGENTCORE_CALL_AGENT_H
#define AGENTCORE_CALL_AGENT_H

#include "core/core.h"

/* A compiled row of agentcore.agent */
typedef struct AgentDef
{
	char	   *policy;
	char	   *budget;			/* may be NULL */
	char	   *owner;			/* role name; may be NULL */
	bool		audit;
	bool		enabled;
	int			ncharges;		/* other budgets that its calls may name */
	char	  **charges;
} AgentDef;

/* data is an AgentDef; NULL for an agent that does not exist */
extern AgcObject *agent_find(const char *tenant, const char *name);

/* the same; 42704 with the nearest name for an agent that does not exist */
extern AgcObject *agent_pin(const char *tenant, const char *name);

/* 42501 unless the caller may speak for the agent */
extern void agent_check_owner(const char *name, const AgentDef *agent);

/* whether the caller may speak for it, without an error */
extern bool agent_may_speak(const AgentDef *agent);

/* whether a call of the agent may name the budget: its own, or one of charges */
extern bool agent_may_charge(const AgentDef *agent, const char *budget);

/* 42501 unless a call of the agent may name the budget */
extern void agent_check_charge(const char *name, const AgentDef *agent, const char *budget);

#endif							/* AGENTCORE_CALL_AGENT_H */
