/*
 * counter.c
 *	  Admission: what fits into a counter, and what a hold or charge makes of it.
 *
 * Pure arithmetic on a copy of a counter.  Some of it runs under an LWLock: what
 * raises nothing and allocates nothing says so in window.h or below.
 *
 * Memory: buckets of a new, added up or copied sliding window, in the caller's context.  Locks: none.
 * Errors: those of calendar windows.
 */
#include "budget/window.h"

#include "common/int.h"

static bool dimension_fits(int64 used, int64 held, int64 asked, int64 max);
static bool reached(const Counter *counter, const BudgetDef *def, int w, int percent, const int64 more[BUDGET_NUSED]);
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

/* With rings of its own: one counter that rolls must not roll the other. */
void
counter_copy(Counter *copy, const Counter *counter)
{
	*copy = *counter;
	for (int w = 0; w < counter->nwindows; w++)
		if (counter->bucket[w] != NULL)
		{
			copy->bucket[w] = palloc(SLIDING_NUMBERS * sizeof(int64));
			memcpy(copy->bucket[w], counter->bucket[w], SLIDING_NUMBERS * sizeof(int64));
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
			counter->used[w][dim] = counter_add(counter->used[w][dim], bucket[i * BUDGET_NUSED + dim]);
	}
}

/* A threshold is told again after the window has slid to below it. */
static void
lower_warned(Counter *counter, const BudgetDef *def, int w)
{
	static const int64 nothing[BUDGET_NUSED] = {0};

	counter->warned[w] = Min(counter->warned[w], counter_threshold(counter, def, w, nothing));
}

void
counter_starts(const BudgetDef *def, TimestampTz at, TimestampTz start[BUDGET_MAX_WINDOWS])
{
	TimestampTz end;

	for (int w = 0; w < def->nlimits; w++)
		window_bounds(&def->limit[w].window, at, &start[w], &end);
}

/*
 * A new window forgets what was used, never what is held: an open permit
 * counts against whichever window is current until it is settled.
 *
 * Nothing is rolled by a definition other than the one that the stored starts
 * follow: budget_set() in another session is just committing.  Raises nothing.
 *
 * The mark of a sliding window stays: a row of several does not know what all of
 * them have used, so it is lowered by the sum.
 */
void
counter_roll_row(Counter *row, const BudgetDef *def, const TimestampTz start[BUDGET_MAX_WINDOWS])
{
	if (def->window_revision != row->window_revision)
		return;
	for (int w = 0; w < row->nwindows; w++)
	{
		if (start[w] <= row->start[w])
			continue;
		if (row->bucket[w] != NULL)
			slide(row, w, (start[w] - row->start[w]) / window_sliding_step(&def->limit[w].window));
		else
		{
			memset(row->used[w], 0, sizeof(row->used[w]));
			row->warned[w] = 0;
		}
		row->start[w] = start[w];
	}
}

void
counter_roll_to(Counter *counter, const BudgetDef *def, const TimestampTz start[BUDGET_MAX_WINDOWS])
{
	TimestampTz before[BUDGET_MAX_WINDOWS];

	memcpy(before, counter->start, sizeof(before));
	counter_roll_row(counter, def, start);
	for (int w = 0; w < counter->nwindows; w++)
		if (counter->bucket[w] != NULL && counter->start[w] != before[w])
			lower_warned(counter, def, w);
}

void
counter_roll(Counter *counter, const BudgetDef *def, TimestampTz at)
{
	TimestampTz start[BUDGET_MAX_WINDOWS];

	counter_starts(def, at, start);
	counter_roll_to(counter, def, start);
}

/* ----- the rows of a counter ----- */

static TimestampTz
latest_start(const Counter *rows, int n, int w)
{
	TimestampTz start = rows[0].start[w];

	for (int i = 1; i < n; i++)
		start = Max(start, rows[i].start[w]);
	return start;
}

/* Wider than the numbers, so that the order of the rows plays no part. */
static int64
narrow(int128 sum)
{
	return sum > PG_INT64_MAX ? PG_INT64_MAX : sum < PG_INT64_MIN ? PG_INT64_MIN : (int64) sum;
}

static void
sum_sliding(const Counter *rows, int n, Counter *sum, int w)
{
	sum->bucket[w] = palloc(SLIDING_NUMBERS * sizeof(int64));
	for (int i = 0; i < SLIDING_NUMBERS; i++)
	{
		int128		total = 0;

		for (int r = 0; r < n; r++)
			if (rows[r].bucket[w] != NULL)
				total += rows[r].bucket[w][i];
		sum->bucket[w][i] = narrow(total);
	}
}

static void
sum_window(const Counter *rows, int n, Counter *sum, int w)
{
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
	{
		int128		total = 0;

		for (int r = 0; r < n; r++)
			if (rows[r].start[w] == sum->start[w])
				total += rows[r].used[w][dim];
		sum->used[w][dim] = narrow(total);
	}
}

/*
 * The highest mark of a window.  One that was written before the window last slid
 * counts only as far as the sum still reaches it.
 */
static int
highest_mark(const Counter *sum, const BudgetDef *def, int w, int now, int before)
{
	static const int64 nothing[BUDGET_NUSED] = {0};

	if (before <= now || sum->bucket[w] == NULL || def->window_revision != sum->window_revision)
		return now;
	return Max(now, Min(before, counter_threshold(sum, def, w, nothing)));
}

void
counter_sum(Counter *rows, int n, const BudgetDef *def, Counter *sum)
{
	TimestampTz start[BUDGET_MAX_WINDOWS];
	int			now[BUDGET_MAX_WINDOWS] = {0};
	int			before[BUDGET_MAX_WINDOWS] = {0};

	*sum = rows[0];
	if (n == 1)
		return;
	for (int w = 0; w < sum->nwindows; w++)
		start[w] = latest_start(rows, n, w);
	for (int r = 0; r < n; r++)
	{
		for (int w = 0; w < sum->nwindows; w++)
		{
			int		   *mark = rows[r].start[w] == start[w] ? &now[w] : &before[w];

			*mark = Max(*mark, rows[r].warned[w]);
		}
		counter_roll_row(&rows[r], def, start);
		sum->seen = Max(sum->seen, rows[r].seen);
	}
	for (int dim = 0; dim < BUDGET_NDIMS; dim++)
	{
		int128		total = 0;

		for (int r = 0; r < n; r++)
			total += rows[r].held[dim];
		sum->held[dim] = narrow(total);
	}
	for (int w = 0; w < sum->nwindows; w++)
	{
		sum->start[w] = start[w];
		sum_window(rows, n, sum, w);
		if (rows[0].bucket[w] != NULL)
			sum_sliding(rows, n, sum, w);
		sum->warned[w] = highest_mark(sum, def, w, now[w], before[w]);
	}
}

static bool
is_large(int64 number)
{
	return number > COUNTER_BOUND || number < -COUNTER_BOUND;
}

bool
counter_is_large(const Counter *counter)
{
	for (int dim = 0; dim < BUDGET_NDIMS; dim++)
		if (is_large(counter->held[dim]))
			return true;
	for (int w = 0; w < counter->nwindows; w++)
		for (int dim = 0; dim < BUDGET_NUSED; dim++)
			if (is_large(counter->used[w][dim]))
				return true;
	return false;
}

bool
counter_change_charges(const CounterChange *change)
{
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		if (change->used[dim] > 0)
			return true;
	return false;
}

bool
counter_change_is_large(const CounterChange *change)
{
	for (int dim = 0; dim < BUDGET_NDIMS; dim++)
		if (is_large(change->held[dim]) || (dim < BUDGET_NUSED && is_large(change->used[dim])))
			return true;
	return false;
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
		int64		with = counter_add(used, counter->bucket[w][stays * BUDGET_NUSED + dim]);

		if (!dimension_fits(Max(with, 0), 0, asked, limit->max[dim]))
			break;
		used = with;
	}
	/* the last bucket falls out with the next step */
	return (SLIDING_BUCKETS - 1 - stays) * window_sliding_step(&limit->window);
}

/* Raises nothing: it runs under an LWLock. */
bool
counter_fits(const Counter *counter, const BudgetDef *def, const int64 asked[BUDGET_NDIMS],
			 const int64 others[BUDGET_NDIMS])
{
	for (int w = 0; w < counter->nwindows && w < def->nlimits; w++)
		for (int dim = 0; dim < BUDGET_NUSED; dim++)
			if (!dimension_fits(Max(counter->used[w][dim], 0), counter_add(counter->held[dim], others[dim]), asked[dim],
								def->limit[w].max[dim]))
				return false;
	return asked[DIM_IN_FLIGHT] <= 0 ||
		dimension_fits(0, counter_add(counter->held[DIM_IN_FLIGHT], others[DIM_IN_FLIGHT]), asked[DIM_IN_FLIGHT],
					   def->max_in_flight);
}

bool
counter_can_hold(const Counter *counter, const int64 asked[BUDGET_NDIMS])
{
	for (int dim = 0; dim < BUDGET_NDIMS; dim++)
		if (!dimension_fits(0, counter->held[dim], asked[dim], NO_AMOUNT))
			return false;
	return true;
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

/* What was spent is spent: a charge that does not fit fills the counter up. */
int64
counter_add(int64 a, int64 b)
{
	int64		sum;

	if (pg_add_s64_overflow(a, b, &sum))
		return b > 0 ? PG_INT64_MAX : PG_INT64_MIN;
	return sum;
}

/* Raises nothing. */
void
counter_change(Counter *counter, const CounterChange *change)
{
	for (int dim = 0; dim < BUDGET_NDIMS; dim++)
		counter->held[dim] = counter_add(counter->held[dim], change->held[dim]);
	for (int w = 0; w < counter->nwindows; w++)
	{
		for (int dim = 0; dim < BUDGET_NUSED; dim++)
		{
			counter->used[w][dim] = counter_add(counter->used[w][dim], change->used[dim]);
			if (counter->bucket[w] != NULL)
				counter->bucket[w][dim] = counter_add(counter->bucket[w][dim], change->used[dim]);
		}
		counter->warned[w] = Max(counter->warned[w], change->warned[w]);
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
	int64		taken = counter_add(Max(used, 0), held);

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
static bool
reached(const Counter *counter, const BudgetDef *def, int w, int percent, const int64 more[BUDGET_NUSED])
{
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
	{
		int64		max = def->limit[w].max[dim];
		int64		used = counter_add(counter->used[w][dim], more[dim]);

		if (max != NO_AMOUNT && used > 0 &&
			used >= max / 100 * percent + (max % 100 * percent + 99) / 100)
			return true;
	}
	return false;
}

int
counter_threshold(const Counter *counter, const BudgetDef *def, int w, const int64 more[BUDGET_NUSED])
{
	for (int i = def->nthresholds - 1; i >= 0; i--)
		if (reached(counter, def, w, def->threshold[i], more))
			return def->threshold[i];
	return 0;
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
