/*
 * rate.h
 *	  The rate limits of targets.  Public, by retry.h.
 */
#ifndef AGENTCORE_RETRY_RATE_H
#define AGENTCORE_RETRY_RATE_H

#include "postgres.h"

typedef struct RateDecision
{
	bool		allowed;
	bool		never;			/* the call asks for more than the whole limit */
	const char *what;			/* what is short: "calls" or "tokens"; NULL when allowed or no slot is left */
	int64		retry_after;	/* us, 0 when allowed or not known */
	int64		taken_at;		/* slot_clock() when it was taken */
} RateDecision;

/*
 * The rate that rate_set() gave a target, for one call of so many tokens.
 * Allowed where there is none.  Where there is one: refused without shared
 * memory and when no slot is left.
 */
extern void rate_target_peek(const char *tenant, const char *target, int64 tokens, RateDecision *out);
extern void rate_target_take(const char *tenant, const char *target, int64 tokens, RateDecision *out);

/*
 * A call that was taken at taken_at, or a moment before, did not happen.  Reads no
 * table and raises no ERROR, so that an abort may call it, and needs a take or a peek
 * of this backend's before.
 */
extern void rate_target_give_back(const char *tenant, const char *target, int64 tokens, int64 taken_at);

/* It happened, with other tokens than it was taken with: they count from now on, or no longer. */
extern void rate_target_correct(const char *tenant, const char *target, int64 tokens, int64 used, int64 taken_at);

extern void rate_init(void);

#endif							/* AGENTCORE_RETRY_RATE_H */
