/*
 * policy.h
 *	  Retry policies: the compiled form that retry.c reads.
 */
#ifndef AGENTCORE_RETRY_POLICY_H
#define AGENTCORE_RETRY_POLICY_H

#include "core/core.h"
#include "retry/classify.h"

#define RETRY_DEFAULT_POLICY "default"

typedef struct RetryPolicy
{
	int64		base;			/* us */
	int64		cap;			/* us */
	int			max_attempts;
	int64		max_elapsed;	/* us, -1 = no deadline */
	int64		max_retry_after;	/* us */
	int			nrules;
	RetryRule  *rules;
} RetryPolicy;

/*
 * A copy that stays valid in CurrentMemoryContext; 42704 with the nearest
 * names for a policy that the tenant does not have.
 */
extern RetryPolicy *retry_policy_read(const char *tenant, const char *name);

#endif							/* AGENTCORE_RETRY_POLICY_H */
