/*
 * takes.h
 *	  What this transaction took from shared memory, given back when it aborts.
 */
#ifndef AGENTCORE_CALL_TAKES_H
#define AGENTCORE_CALL_TAKES_H

#include "cache/cache.h"
#include "core/core.h"

typedef enum TakeKind
{
	TAKE_LEASE,
	TAKE_PROBE,
	TAKE_RATE
} TakeKind;

extern void takes_add_lease(const CacheKey *key, int64 lease);
extern void takes_add_target(TakeKind kind, const char *tenant, const char *target, int64 tokens, int64 taken_at);

/* a refusal gives back what was taken since the mark */
extern int	takes_mark(void);
extern void takes_give_back(int mark);
extern void takes_init(void);

#endif							/* AGENTCORE_CALL_TAKES_H */
