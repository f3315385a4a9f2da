/*
 * tally.h
 *	  What is counted of the calls of one tool or model.
 *
 * All members are numbers, so a copy of the bytes is a copy.
 */
#ifndef AGENTCORE_PROFILE_TALLY_H
#define AGENTCORE_PROFILE_TALLY_H

#include "profile/event.h"
#include "profile/histogram.h"
#include "profile/reasons.h"

#define TALLY_NS_BUCKETS HISTOGRAM_BUCKETS(36)	/* up to a minute */
#define TALLY_US_BUCKETS HISTOGRAM_BUCKETS(45)	/* up to a year */

/* Times of one kind: of all, and of each how long. */
typedef struct Span
{
	int64		n;				/* that were measured */
	int64		total;
	int64		most;
} Span;

typedef struct NsTimes
{
	Span		span;
	uint32		bucket[TALLY_NS_BUCKETS];
} NsTimes;

typedef struct UsTimes
{
	Span		span;
	uint32		bucket[TALLY_US_BUCKETS];
} UsTimes;

/* Answers that told their caller to wait, by reason. */
typedef struct Waits
{
	int64		n;
	int64		told_us;		/* of those that said for how long */
	int64		untold;			/* that did not */
} Waits;

typedef struct Tally
{
	TimestampTz since;
	int64		verdict[PROFILE_NVERDICTS];
	int64		not_enforced;
	int64		reason[REASONS_MAX];
	Waits		wait[REASONS_MAX];
	int64		ended[PROFILE_NENDS];
	int64		tokens;
	int64		nanousd;
	int64		stage_ns[PROFILE_MAX_STAGES];
	NsTimes		policy;
	NsTimes		part[PROFILE_NPARTS];
	UsTimes		tool;
} Tally;

/* what the clock of a call measures, by its numbers */
extern const ProfileStage *tally_stages;
extern int	tally_nstages;

extern void tally_begin(Tally *tally, const ProfileBegin *begin);
extern void tally_end(Tally *tally, const ProfileEnd *end);

#endif							/* AGENTCORE_PROFILE_TALLY_H */
