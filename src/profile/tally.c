/*
 * tally.c
 *	  What is counted of the calls of one tool or model.
 *
 * Pure: the tally's lock is its caller's, nothing allocates or raises an ERROR.
 */
#include "profile/tally.h"

const ProfileStage *tally_stages = NULL;
int			tally_nstages = 0;

static void
add_span(Span *span, int64 value)
{
	span->n++;
	span->total += value;
	span->most = Max(span->most, value);
}

static void
add_ns(NsTimes *times, int64 ns)
{
	if (ns < 0)
		return;
	add_span(&times->span, ns);
	histogram_add(times->bucket, TALLY_NS_BUCKETS, ns);
}

/* A part was gone through if one of its stages was reached. */
static void
add_stages(Tally *tally, const ProfileBegin *begin)
{
	const ProfileClock *clock = begin->clock;
	int64		part[PROFILE_NPARTS];
	int64		rest = begin->policy_ns;

	memset(part, -1, sizeof(part));
	for (int i = 0; i < tally_nstages; i++)
	{
		ProfilePart of = tally_stages[i].part;

		if (clock->stage_ns[i] == PROFILE_UNKNOWN)
			continue;
		tally->stage_ns[i] += clock->stage_ns[i];
		part[of] = Max(part[of], 0) + clock->stage_ns[i];
		rest -= clock->stage_ns[i];
	}
	part[PROFILE_REST] = Max(rest, 0);
	for (int i = 0; i < PROFILE_NPARTS; i++)
		add_ns(&tally->part[i], part[i]);
}

void
tally_begin(Tally *tally, const ProfileBegin *begin)
{
	tally->verdict[begin->verdict]++;
	tally->not_enforced += !begin->enforced;
	if (begin->reason != NULL)
	{
		int			reason = reason_number(begin->reason);
		Waits	   *wait = &tally->wait[reason];

		tally->reason[reason]++;
		if (begin->verdict == PROFILE_WAIT)
		{
			wait->n++;
			wait->untold += begin->retry_after < 0;
			wait->told_us += Max(begin->retry_after, 0);
		}
	}
	if (begin->clock == NULL)
		return;
	add_ns(&tally->policy, begin->policy_ns);
	add_stages(tally, begin);
}

void
tally_end(Tally *tally, const ProfileEnd *end)
{
	tally->ended[end->ended]++;
	tally->tokens += Max(end->tokens, 0);
	tally->nanousd += Max(end->nanousd, 0);
	add_ns(&tally->part[PROFILE_SETTLE], end->policy_ns);
	if (end->tool_us < 0)
		return;
	add_span(&tally->tool.span, end->tool_us);
	histogram_add(tally->tool.bucket, TALLY_US_BUCKETS, end->tool_us);
}
