/*
 * rate.h
 *	  The rate limits of targets.  Public, by retry.h.
 */
#ifndef AGENTCORE_RETRY_RATE_H
#define AGENTCORE_RETRY_RATE_H

#include "postgres.h"

/*
 * The rate that rate_set() gave a target.  True where there is none.  Where
 * there is one: false without shared memory and when no slot is left;
 * *retry_after is in us, 0 when allowed or not known.
 */
extern bool rate_target_peek(const char *tenant, const char *target, int64 *retry_after);
extern bool rate_target_take(const char *tenant, const char *target, int64 *retry_after);
extern void rate_target_give_back(const char *tenant, const char *target);

extern void rate_init(void);

#endif							/* AGENTCORE_RETRY_RATE_H */
