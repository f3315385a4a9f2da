/*
 * counter.c
 *	  Admission: what fits into a counter, and what a hold or charge makes of it.
 *
 * Pure arithmetic on a copy of the counter row; the caller holds the row lock
 * when the result is to be written back.
 *
 * Memory: buckets of a new sliding window, in the caller's context.  Locks: none.
 * Errors: 22003 when a sum leaves bigint.
 */
#include "budget/window.h"

#include "common/int.h"

static bool dimension_fits(int64 used, int64 held, int64 asked, int64 max);
static int64 add_saturated(int64 a, int64 b);
static void refuse(Refusal *refusal, bool *refused, const Refusal *one);

void
counter_init(Counter *counter, const BudgetDef *def, TimestampTz at)
{
	TimestampTz end;

	memset(counter, 0, sizeof(*counter));
	counter->since = counter->seen = at;
	counter->window_revision = def->window_revision;
	counter->nwindows = def->nlimits;
	for (int w = 0; w < def->nlimits; w++)
	{
		window_bounds(&def->limit[w].window, at, &counter->start[w], &end);
		if (def->limit[w].window.kind == WINDOW_SLIDING)
			counter->bucket[w] = palloc0(SLIDING_NUMBERS * sizeof(int64));
	}
}

/* The current bucket becomes the "steps"th before; what falls out no longer counts. */
static void
slide(Counter *counter, int w, int64 steps)
{
	int64	   *bucket = counter->bucket[w];
	int			moved = Min(steps, SLIDING_BUCKETS) * BUDGET_NUSED;

	memmove(bucket + moved, bucket, (SLIDING_NUMBERS - moved) * sizeof(int64));
	memset(bucket, 0, moved * sizeof(int64));
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
	{
		counter->used[w][dim] = 0;
		for (int i = 0; i < SLIDING_BUCKETS; i++)
			counter->used[w][dim] = add_saturated(counter->used[w][dim], bucket[i * BUDGET_NUSED + dim]);
	}
}

/* A threshold is told again after the window has slid to below it. */
static void
lower_warned(Counter *counter, const BudgetDef *def, int w)
{
	int			reached = 0;

	for (int i = 0; i < def->nthresholds; i++)
		if (def->threshold[i] <= counter->warned[w] && counter_reached(counter, def, w, def->threshold[i]))
			reached = def->threshold[i];
	counter->warned[w] = reached;
}

/*
 * A new window forgets what was used, never what is held: an open permit
 * counts against whichever window is current until it is settled.
 *
 * Nothing is rolled by a definition other than the one that the stored starts
 * follow: budget_set() in another session is just committing.
 */
void
counter_roll(Counter *counter, const BudgetDef *def, TimestampTz at)
{
	if (def->window_revision != counter->window_revision)
		return;
	for (int w = 0; w < counter->nwindows; w++)
	{
		TimestampTz start;
		TimestampTz end;

		window_bounds(&def->limit[w].window, at, &start, &end);
		if (start <= counter->start[w])
			continue;
		if (counter->bucket[w] != NULL)
		{
			slide(counter, w, (start - counter->start[w]) / window_sliding_step(&def->limit[w].window));
			lower_warned(counter, def, w);
		}
		else
		{
			memset(counter->used[w], 0, sizeof(counter->used[w]));
			counter->warned[w] = 0;
		}
		counter->start[w] = start;
	}
}

/* How long after the current bucket's end enough has fallen out of a sliding window, us. */
static int64
sliding_wait(const Counter *counter, const BudgetLimit *limit, int w, int dim, int64 asked)
{
	int64		used = 0;
	int			stays = 0;

	/* the newest buckets that may stay; all older ones must go */
	for (; stays < SLIDING_BUCKETS; stays++)
	{
		int64		with = add_saturated(used, counter->bucket[w][stays * BUDGET_NUSED + dim]);

		if (!dimension_fits(Max(with, 0), 0, asked, limit->max[dim]))
			break;
		used = with;
	}
	/* the last bucket falls out with the next step */
	return (SLIDING_BUCKETS - 1 - stays) * window_sliding_step(&limit->window);
}

/* "counter" has been rolled to "at".  *refusal is set when the answer is false. */
bool
counter_admits(const Counter *counter, const BudgetDef *def,
			   const int64 asked[BUDGET_NDIMS], TimestampTz at, Refusal *refusal)
{
	bool		refused = false;

	for (int w = 0; w < counter->nwindows && w < def->nlimits; w++)
		for (int dim = 0; dim < BUDGET_NUSED; dim++)
		{
			const BudgetLimit *limit = &def->limit[w];
			int64		used = Max(counter->used[w][dim], 0);
			int64		max = limit->max[dim];
			Refusal		one = {w, dim, used, counter->held[dim], max, asked[dim], -1, true};
			TimestampTz start;
			TimestampTz end;

			if (dimension_fits(used, counter->held[dim], asked[dim], max))
				continue;
			one.can_ever_fit = dimension_fits(0, 0, asked[dim], max);
			/* room that open permits hold may come back at any time: no promise then */
			if (one.can_ever_fit && !dimension_fits(used, 0, asked[dim], max))
			{
				window_bounds(&limit->window, at, &start, &end);
				if (limit->window.kind == WINDOW_LIFETIME)
					one.can_ever_fit = false;
				else if (counter->bucket[w] != NULL)
					one.retry_after = agc_until_us(at, end + sliding_wait(counter, limit, w, dim, asked[dim]));
				else
					one.retry_after = agc_until_us(at, end);
			}
			refuse(refusal, &refused, &one);
		}

	if (asked[DIM_IN_FLIGHT] > 0 &&
		!dimension_fits(0, counter->held[DIM_IN_FLIGHT], asked[DIM_IN_FLIGHT], def->max_in_flight))
	{
		Refusal		one = {-1, DIM_IN_FLIGHT, 0, counter->held[DIM_IN_FLIGHT], def->max_in_flight,
						asked[DIM_IN_FLIGHT], -1, def->max_in_flight >= asked[DIM_IN_FLIGHT]};

		refuse(refusal, &refused, &one);
	}
	return !refused;
}

/*
 * Nothing fits everywhere.  An unknown amount needs something to be left, however
 * little: it fails once a limit is reached.  A sum that overflows does not fit.
 */
static bool
dimension_fits(int64 used, int64 held, int64 asked, int64 max)
{
	int64		taken;
	int64		total;

	if (asked == 0)
		return true;
	/* without a limit nothing is refused, even if the counter of what is used is full */
	if (max == NO_AMOUNT)
		return asked == NO_AMOUNT || !pg_add_s64_overflow(held, asked, &total);
	if (pg_add_s64_overflow(used, held, &taken))
		return false;
	if (asked == NO_AMOUNT)
		return taken < max;
	return !pg_add_s64_overflow(taken, asked, &total) && total <= max;
}

/* The facts are those of the first refusal; whether and when it can fit is over all of them. */
static void
refuse(Refusal *refusal, bool *refused, const Refusal *one)
{
	if (!*refused)
	{
		*refusal = *one;
		*refused = true;
		return;
	}
	refusal->can_ever_fit = refusal->can_ever_fit && one->can_ever_fit;
	if (refusal->retry_after < 0 || one->retry_after < 0)
		refusal->retry_after = -1;
	else
		refusal->retry_after = Max(refusal->retry_after, one->retry_after);
}

static int64
add_checked(int64 a, int64 b)
{
	int64		sum;

	if (pg_add_s64_overflow(a, b, &sum))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("budget counter out of range")));
	return sum;
}

/* sign 1 takes a hold, -1 gives it back */
void
counter_hold(Counter *counter, const int64 amount[BUDGET_NDIMS], int sign)
{
	for (int dim = 0; dim < BUDGET_NDIMS; dim++)
		counter->held[dim] = add_checked(counter->held[dim], sign * amount[dim]);
}

/* What was spent is spent: a charge that does not fit fills the counter up. */
static int64
add_saturated(int64 a, int64 b)
{
	int64		sum;

	if (pg_add_s64_overflow(a, b, &sum))
		return b > 0 ? PG_INT64_MAX : PG_INT64_MIN;
	return sum;
}

/* A negative amount takes back what an expired permit was charged too much. */
void
counter_charge(Counter *counter, const int64 amount[BUDGET_NUSED])
{
	for (int w = 0; w < counter->nwindows; w++)
		for (int dim = 0; dim < BUDGET_NUSED; dim++)
		{
			counter->used[w][dim] = add_saturated(counter->used[w][dim], amount[dim]);
			if (counter->bucket[w] != NULL)
				counter->bucket[w][dim] = add_saturated(counter->bucket[w][dim], amount[dim]);
		}
}

/* ----- what is known of the windows ----- */

TimestampTz
counter_counts_from(const Counter *counter, const BudgetDef *def, int w)
{
	TimestampTz from = counter->start[w];

	if (counter->bucket[w] != NULL)
		from = Max(from - SLIDING_PARTS * window_sliding_step(&def->limit[w].window), counter->bucket_since[w]);
	return Max(from, counter->since);
}

/*
 * Of a sliding window only the current bucket counts: a refund in a later bucket
 * would stay in the window longer than the charge does.
 */
bool
counter_covers(const Counter *counter, TimestampTz charged_at)
{
	for (int w = 0; w < counter->nwindows; w++)
		if (Max(counter->start[w], counter->bucket_since[w]) > charged_at)
			return false;
	return counter->since <= charged_at;
}

static int64
left_of(int64 used, int64 held, int64 max)
{
	int64		taken = add_saturated(Max(used, 0), held);

	return taken >= max ? 0 : max - taken;
}

void
counter_left(const Counter *counter, const BudgetDef *def, int64 left[BUDGET_NDIMS])
{
	for (int dim = 0; dim < BUDGET_NDIMS; dim++)
		for (int w = 0; w < (dim == DIM_IN_FLIGHT ? 1 : Min(counter->nwindows, def->nlimits)); w++)
		{
			int64		max = dim == DIM_IN_FLIGHT ? def->max_in_flight : def->limit[w].max[dim];
			int64		one;

			if (max == NO_AMOUNT)
				continue;
			one = left_of(dim == DIM_IN_FLIGHT ? 0 : counter->used[w][dim], counter->held[dim], max);
			left[dim] = left[dim] == NO_AMOUNT ? one : Min(left[dim], one);
		}
}

/* By whole numbers: used * 100 would overflow. */
bool
counter_reached(const Counter *counter, const BudgetDef *def, int w, int percent)
{
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
	{
		int64		max = def->limit[w].max[dim];
		int64		used = counter->used[w][dim];

		if (max != NO_AMOUNT && used > 0 &&
			used >= max / 100 * percent + (max % 100 * percent + 99) / 100)
			return true;
	}
	return false;
}

void
counter_restart(Counter *counter, const BudgetDef *def, int w, TimestampTz at)
{
	TimestampTz end;

	memset(counter->used[w], 0, sizeof(counter->used[w]));
	counter->warned[w] = 0;
	counter->start[w] = at;
	if (counter->bucket[w] != NULL)
	{
		memset(counter->bucket[w], 0, SLIDING_NUMBERS * sizeof(int64));
		window_bounds(&def->limit[w].window, at, &counter->start[w], &end);
		counter->bucket_since[w] = at;
	}
}
