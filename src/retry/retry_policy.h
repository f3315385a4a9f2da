/*
 * retry_policy.h
 *	  Retry policies in their compiled form.  Public, by retry.h.
 */
#ifndef AGENTCORE_RETRY_POLICY_H
#define AGENTCORE_RETRY_POLICY_H

#include "core/core.h"
#include "retry/backoff.h"
#include "retry/classify.h"

#define RETRY_DEFAULT_POLICY "default"

typedef struct RetryPolicy
{
	BackoffMethod method;
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

/* 42704 with the nearest names when the tenant has no such policy */
extern void retry_policy_check(const char *tenant, const char *policy);
extern bool retry_policy_exists(const char *tenant, const char *policy);

#endif							/* AGENTCORE_RETRY_POLICY_H */
