/*
 * event.h
 *	  What the gate tells of a call.  Public, by profile.h.
 */
#ifndef AGENTCORE_PROFILE_EVENT_H
#define AGENTCORE_PROFILE_EVENT_H

#include "profile/timing.h"

typedef enum ProfileVerdict
{
	PROFILE_RUN,
	PROFILE_CACHED,
	PROFILE_WAIT,
	PROFILE_DENY,
	PROFILE_NVERDICTS
} ProfileVerdict;

typedef enum ProfileEnded
{
	PROFILE_COMMITTED,
	PROFILE_FAILED,
	PROFILE_RETRIED,			/* failed, and runs again or later */
	PROFILE_RELEASED,
	PROFILE_NENDS
} ProfileEnded;

/* What the stages of a call belong to, in the order in which they come. */
typedef enum ProfilePart
{
	PROFILE_REST,				/* reading the request, access, the answer: whatever no stage took */
	PROFILE_ADMISSION,
	PROFILE_ARGUMENTS,
	PROFILE_REPEATS,
	PROFILE_LIMITS,
	PROFILE_TAKE,
	PROFILE_LOG,
	PROFILE_SETTLE,				/* the call's end */
	PROFILE_NPARTS
} ProfilePart;

typedef struct ProfileStage
{
	const char *name;
	ProfilePart part;
} ProfileStage;

/* Whose calls count together. */
typedef struct ProfileKey
{
	const char *tenant;
	bool		is_llm;
	const char *name;			/* NULL: nobody has registered it, or nobody looked */
} ProfileKey;

typedef struct ProfileBegin
{
	ProfileKey	key;
	ProfileVerdict verdict;
	const char *reason;			/* or NULL */
	bool		enforced;
	int64		retry_after;	/* us; -1: not told */
	const ProfileClock *clock;	/* NULL: not timed */
	int64		policy_ns;		/* PROFILE_UNKNOWN without a clock */
} ProfileBegin;

typedef struct ProfileEnd
{
	ProfileKey	key;
	ProfileEnded ended;
	int64		tokens;			/* charged */
	int64		nanousd;
	int64		tool_us;		/* since the call began; or PROFILE_UNKNOWN */
	int64		policy_ns;		/* of its end; or PROFILE_UNKNOWN */
	bool		is_registered;	/* the name; else it counts by it only where a begin has */
} ProfileEnd;

#endif							/* AGENTCORE_PROFILE_EVENT_H */
