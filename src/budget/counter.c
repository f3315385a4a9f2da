/*
 * counter.c
 *	  Admission: what fits into a counter, and what a hold or charge makes of it.
 *
 * Pure arithmetic on a copy of the counter row; the caller holds the row lock
 * when the result is to be written back.
 *
 * Memory: none.  Locks: none.  Errors: 22003 when a sum leaves bigint.
 */
#include "budget/window.h"

#include "common/int.h"

static bool dimension_fits(int64 used, int64 held, int64 asked, int64 max);
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
		window_bounds(&def->limit[w].window, at, &counter->start[w], &end);
}

/*
 * A new window forgets what was used, never what is held: an open permit
 * counts against whichever window is current until it is settled.
 *
 * A definition that is not the one the stored starts follow (budget_set() in
 * another session is just committing) rolls nothing.
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
		if (start > counter->start[w])
		{
			counter->start[w] = start;
			memset(counter->used[w], 0, sizeof(counter->used[w]));
		}
	}
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
			int64		used = counter->used[w][dim];
			int64		max = limit->max[dim];
			Refusal		one = {w, dim, used, counter->held[dim], max, asked[dim], -1, true};
			TimestampTz start;
			TimestampTz end;

			if (asked[dim] == NO_AMOUNT || dimension_fits(used, counter->held[dim], asked[dim], max))
				continue;
			one.can_ever_fit = dimension_fits(0, 0, asked[dim], max);
			/* room that open permits hold may come back at any time: no promise then */
			if (one.can_ever_fit && !dimension_fits(used, 0, asked[dim], max))
			{
				window_bounds(&limit->window, at, &start, &end);
				if (limit->window.kind == WINDOW_LIFETIME)
					one.can_ever_fit = false;
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
 * A request for nothing still fails once a limit is reached: it stands for an
 * unknown amount.  A sum that overflows does not fit, whatever the limit.
 */
static bool
dimension_fits(int64 used, int64 held, int64 asked, int64 max)
{
	int64		taken;
	int64		total;

	if (pg_add_s64_overflow(used, held, &taken) || pg_add_s64_overflow(taken, asked, &total))
		return false;
	if (max == NO_AMOUNT)
		return true;
	return asked > 0 ? total <= max : taken < max;
}

/* The facts are those of the first refusal, the prospects those of them all. */
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

/* An amount may be negative: what an expired permit was charged too much. */
void
counter_charge(Counter *counter, const int64 amount[BUDGET_NUSED])
{
	for (int w = 0; w < counter->nwindows; w++)
		for (int dim = 0; dim < BUDGET_NUSED; dim++)
			counter->used[w][dim] = add_saturated(counter->used[w][dim], amount[dim]);
}
