/*
 * retry.h
 *	  Public face of src/retry: backoff advice, circuit breaker, pause, rate limiter.
 *
 * Breaker, pause and rate live in shared memory and are not transactional.  A caller
 * that takes a token or a half-open probe and then refuses the call gives it
 * back.  The two functions that give back read no table, allocate nothing and
 * raise no ERROR, so that they may be called while a transaction aborts.
 *
 * All functions expect that agc_enter() has judged the caller.
 */
#ifndef AGENTCORE_RETRY_H
#define AGENTCORE_RETRY_H

#include "core/core.h"
#include "retry/advice.h"
#include "retry/breaker.h"
#include "retry/circuit.h"
#include "retry/clock.h"
#include "retry/meter.h"
#include "retry/pause.h"
#include "retry/rate.h"
#include "retry/retry_policy.h"

/* ----- settings (retry.c): agc_x is agentcore.x ----- */
extern int	agc_max_targets;

extern void retry_init(void);

#endif							/* AGENTCORE_RETRY_H */
