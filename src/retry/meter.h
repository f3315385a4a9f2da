/*
 * meter.h
 *	  A rate limit, and what it has let pass.  Pure; times are us of a clock that
 *	  only runs forwards.
 */
#ifndef AGENTCORE_METER_H
#define AGENTCORE_METER_H

#include "retry/gcra.h"
#include "retry/sliding.h"

typedef struct MeterLimit
{
	int64		calls;			/* per period; 0: not limited */
	int64		tokens;			/* per period; 0: not limited */
	int64		period;
	bool		bursts;			/* calls are limited by gcra, else by the sliding window */
	Gcra		gcra;
} MeterLimit;

/* All zeroes is a meter that has let nothing pass. */
typedef struct Meter
{
	int64		born;			/* nothing that was taken earlier is counted in it */
	int64		period;			/* as last used, and the next too */
	int64		interval;		/* ns */
	int64		tat;			/* ns */
	Sliding		calls;
	Sliding		tokens;
} Meter;

typedef struct MeterAnswer
{
	int64		wait;			/* us, 0: a call with so many tokens may pass now */
	bool		never;			/* it asks for more than the whole limit */
	const char *what;			/* what is short: "calls" or "tokens" */
} MeterAnswer;

extern void meter_ask(const Meter *meter, const MeterLimit *limit, int64 now, int64 tokens, MeterAnswer *out);
extern void meter_pass(Meter *meter, const MeterLimit *limit, int64 now, int64 tokens);

/* a call used so many tokens more than it was let pass with */
extern void meter_add_tokens(Meter *meter, const MeterLimit *limit, int64 now, int64 tokens);

/* of a call that passed at taken_at, or a moment before, so many calls and tokens did not */
extern void meter_take_off(Meter *meter, int64 now, int64 taken_at, int64 calls, int64 tokens);

/* from when on it is as one that has let nothing pass */
extern int64 meter_end(const Meter *meter);

#endif							/* AGENTCORE_METER_H */
