/*
 * takes.h
 *	  What this transaction took from shared memory, given back when it aborts,
 *	  and what it gives back when it commits.
 */
#ifndef AGENTCORE_CALL_TAKES_H
#define AGENTCORE_CALL_TAKES_H

#include "cache/cache.h"
#include "core/core.h"

typedef enum TakeKind
{
	TAKE_LEASE,
	TAKE_PROBE,
	TAKE_RATE,					/* a call and its tokens */
	TAKE_TOKENS,				/* tokens that it did not use */
	TAKE_LOOP					/* a count of the loop guard */
} TakeKind;

extern void takes_add_lease(const CacheKey *key, int64 lease);
extern void takes_add_target(TakeKind kind, const char *tenant, const char *target, int64 tokens, int64 taken_at);

/*
 * What an ended call took, to be given back at COMMIT: a transaction that is rolled
 * back has ended no call, and must not get a token for it each time.
 */
extern void takes_return_lease(const CacheKey *key, int64 lease);
extern void takes_return_target(TakeKind kind, const char *tenant, const char *target, int64 tokens, int64 taken_at);
extern void takes_return_loop(uint64 tag);

/* a refusal gives back what was taken since the mark */
extern int	takes_mark(void);
extern void takes_give_back(int mark);
extern void takes_init(void);

#endif							/* AGENTCORE_CALL_TAKES_H */
