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

/* A policy as it would be; nothing is written, and no other session sees it. */
typedef struct PolicyChange
{
	HeapTuple	policy;			/* instead of its row */
	HeapTuple  *rules;			/* further rows of policy_rule */
	int			nrules;
	int64	   *drop;			/* ids of the rules that are not read */
	int			ndrop;
	bool		replace_allow;	/* none of its rules that allow is */
	bool		replace_deny;	/* nor of those that deny */
	bool	   *dropped;		/* set where drop names a rule */
} PolicyChange;

/* compiled in CurrentMemoryContext; pins nothing */
extern Policy *allow_policy_changed(const char *tenant, const char *name, const PolicyChange *change);

#endif							/* AGENTCORE_ALLOW_POLICY_COMPILE_H */
