/*
 * policy_compile.h
 *	  From the rows of a policy to its compiled form.
 */
#ifndef AGENTCORE_ALLOW_POLICY_COMPILE_H
#define AGENTCORE_ALLOW_POLICY_COMPILE_H

#include "allow/compiled_policy.h"

/* policies as objects of core/object.c; the data of one is a Policy */
extern const AgcObjectClass allow_policy_class;

/* the policy as a snapshot shows it; one that denies everything if there is none */
extern Policy *allow_compile_at(const char *tenant, const char *name, Snapshot snapshot);

/* The lists of rules in a policy's document. */
typedef enum RuleList
{
	LIST_ALLOW,
	LIST_DENY,
	LIST_ALLOW_TOOLS,
	LIST_DENY_TOOLS,
	LIST_ASK_TOOLS,
	RULE_LISTS
} RuleList;

/* A proposed change of a policy; nothing is written, and no other session sees it. */
typedef struct PolicyChange
{
	HeapTuple	policy;			/* replaces its row */
	HeapTuple  *rules;			/* rows added to those of policy_rule */
	int			nrules;
	int64	   *drop;			/* ids of rules to leave out */
	int			ndrop;
	bool		replace[RULE_LISTS];	/* leave out all its rules of the list */
	char	  **named;			/* leave out the rules of these names, which are written again */
	int			nnamed;
	bool	   *dropped;		/* set for each entry of drop that is a rule */
} PolicyChange;

/* compiled in CurrentMemoryContext; pins nothing */
extern Policy *allow_policy_changed(const char *tenant, const char *name, const PolicyChange *change);

/* the rules of the policy that cannot be read, so that it denies: as they are shown, the oldest first */
extern List *allow_unreadable_rules(const char *tenant, const char *name);

#endif							/* AGENTCORE_ALLOW_POLICY_COMPILE_H */
