/*
 * rate.h
 *	  The rate limits of targets.  Public, by retry.h.
 */
#ifndef AGENTCORE_RETRY_RATE_H
#define AGENTCORE_RETRY_RATE_H

#include "retry/meter.h"

typedef struct RateDecision
{
	bool		allowed;
	bool		never;			/* the call asks for more than the whole limit */
	const char *what;			/* what is short: "calls" or "tokens"; NULL when allowed or no slot is left */
	int64		retry_after;	/* us, 0 when allowed or not known */
	int64		taken_at;		/* slot_clock() when it was taken */
} RateDecision;

/* what rate_set() says; false: nothing */
extern bool rate_target_limit(const char *tenant, const char *target, MeterLimit *out);

/* a meter's answer as a decision */
extern void rate_decide(RateDecision *out, const MeterAnswer *answer);

/*
 * The rate that rate_set() gave a target, for one call of so many tokens.
 * Allowed where there is none.  Where there is one: refused without shared
 * memory and when no slot is left.
 */
extern void rate_target_peek(const char *tenant, const char *target, int64 tokens, RateDecision *out);
extern void rate_target_take(const char *tenant, const char *target, int64 tokens, RateDecision *out);

/*
 * Of a call that was taken at taken_at, or a moment before, so many calls (it, or 0)
 * and tokens did not happen.  Reads no table and raises no ERROR, so that it may be
 * called while a transaction ends: after slot_note_installation(), or a take.
 */
extern void rate_target_give_back(const char *tenant, const char *target, int64 calls, int64 tokens, int64 taken_at);

/*
 * A call used so many tokens more than it was taken with: they count from now on,
 * even where the slot is gone.  False: the target has no limit of tokens, or there is no slot.
 */
extern bool rate_target_add(const char *tenant, const char *target, int64 tokens);

extern void rate_init(void);

#endif							/* AGENTCORE_RETRY_RATE_H */
