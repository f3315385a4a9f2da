/*
 * sliding.c
 *	  Within any period at most the limit passes.
 *
 * Units are counted in parts, each a fifteenth of the period long.  A part
 * counts until a period after the last of its units, so it is never too early:
 * what passed within the last period is always counted, and at most a fifteenth
 * of a period longer than that.  Sixteen parts reach back over a whole period, so a
 * part that is used again counts nothing any more; where it does, because the
 * period was changed, it goes on counting.
 *
 * What is taken off again comes off the oldest part in which it may have passed,
 * and off the next ones if that is not enough.  So an older part may lose what a newer
 * one should have lost, and ends sooner: the sum of the newest parts is never below
 * the truth.
 *
 * Pure: called inside a locked section, raises nothing, allocates nothing.
 */
#include "retry/sliding.h"

#include "common/int.h"

static bool
counts(const SlidingPart *part, int64 period, int64 now)
{
	return part->units > 0 && part->last > now - period;
}

static int64
add(int64 a, int64 b)
{
	int64		sum;

	return pg_add_s64_overflow(a, b, &sum) ? PG_INT64_MAX : sum;
}

/* The part that ends first of those that count and ended after `after`; NULL: none. */
static const SlidingPart *
next_part(const Sliding *window, int64 period, int64 now, int64 after)
{
	const SlidingPart *first = NULL;

	for (int i = 0; i < SLIDING_PARTS; i++)
	{
		const SlidingPart *part = &window->part[i];

		if (counts(part, period, now) && part->last > after && (first == NULL || part->last < first->last))
			first = part;
	}
	return first;
}

int64
sliding_wait(const Sliding *window, int64 limit, int64 period, int64 now, int64 units)
{
	const SlidingPart *part;
	int64		used = 0;
	int64		end = now;

	for (int i = 0; i < SLIDING_PARTS; i++)
		if (counts(&window->part[i], period, now))
			used = add(used, window->part[i].units);

	/* parts that ended in the same microsecond end together */
	while (used > limit - units && (part = next_part(window, period, now, end - period)) != NULL)
	{
		end = part->last + period;
		for (int i = 0; i < SLIDING_PARTS; i++)
			if (window->part[i].last == part->last)
				used -= Min(window->part[i].units, used);
	}
	return end - now;
}

void
sliding_add(Sliding *window, int64 period, int64 now, int64 units)
{
	int64		width = period / (SLIDING_PARTS - 1) + 1;
	SlidingPart *part = &window->part[(now / width) % SLIDING_PARTS];

	if (units <= 0)
		return;
	part->units = counts(part, period, now) ? add(part->units, units) : units;
	part->last = now;
}

void
sliding_take_off(Sliding *window, int64 period, int64 now, int64 taken_at, int64 units)
{
	int64		after = taken_at - 1;
	SlidingPart *part;

	if (taken_at <= now - period)
		return;
	while (units > 0 && (part = (SlidingPart *) next_part(window, period, now, after)) != NULL)
	{
		int64		off = Min(part->units, units);

		part->units -= off;
		units -= off;
		after = part->last;
	}
}

int64
sliding_end(const Sliding *window, int64 period)
{
	int64		last = 0;

	for (int i = 0; i < SLIDING_PARTS; i++)
		if (window->part[i].units > 0)
			last = Max(last, window->part[i].last + period);
	return last;
}
