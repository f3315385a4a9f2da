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
} AgentDef;

/* data is an AgentDef; 42704 with the nearest name for an agent that does not exist */
extern AgcObject *agent_pin(const char *tenant, const char *name);

/* 42501 unless the caller may speak for the agent */
extern void agent_check_owner(const char *name, const AgentDef *agent);

#endif							/* AGENTCORE_CALL_AGENT_H */
