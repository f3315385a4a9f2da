/*
 * counted.h
 *	  Tells the profile (src/profile) what became of calls.
 */
#ifndef AGENTCORE_CALL_COUNTED_H
#define AGENTCORE_CALL_COUNTED_H

#include "call/gate.h"

/* a call that was judged, and logged */
extern void counted_begin(const Gate *gate);

typedef struct CallEnd
{
	ProfileEnded ended;
	const CallCost *cost;		/* -1: not named */
	bool		held;			/* what is not named was charged as it was held, and not as nothing */
	int64		tool_us;		/* PROFILE_UNKNOWN where it is not the worker who ends the call */
	const ProfileClock *clock;	/* of the function that ends it; or NULL */
} CallEnd;

extern void counted_end(const char *tenant, const PermitRow *permit, const CallEnd *call);

/* how long the tool has had the call, in us, where the permit says since when; else PROFILE_UNKNOWN */
extern int64 counted_tool_us(const PermitRow *permit);

/* tells the profile which stages there are */
extern void counted_init(void);

#endif							/* AGENTCORE_CALL_COUNTED_H */
