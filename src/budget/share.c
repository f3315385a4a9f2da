/*
 * share.c
 *	  The limits of a budget, split over its slots: plain arithmetic.
 *
 * Sums that leave bigint are taken for its largest value: no limit is above
 * it, so nothing fits then.
 *
 * Memory: none.  Locks: none; the caller of share_split() has locked every
 * slot.  Errors: none.
 */
#include "budget/share.h"

#include "common/int.h"

static int64
add_capped(int64 a, int64 b)
{
	int64		sum;

	if (pg_add_s64_overflow(a, b, &sum))
		return b > 0 ? PG_INT64_MAX : PG_INT64_MIN;
	return sum;
}

void
share_limits(const Counter *slot, BudgetDef *def)
{
	def->max_in_flight = slot->share_in_flight;
	for (int w = 0; w < def->nlimits && w < slot->nwindows; w++)
		memcpy(def->limit[w].max, slot->share[w], sizeof(def->limit[w].max));
}

static TimestampTz
latest_start(const Counter *slots, int n, int w)
{
	TimestampTz start = slots[0].start[w];

	for (int s = 1; s < n; s++)
		start = Max(start, slots[s].start[w]);
	return start;
}

void
share_sum(const Counter *slots, int n, Counter *sum)
{
	*sum = slots[0];
	sum->shared = false;
	for (int s = 1; s < n; s++)
	{
		sum->seen = Max(sum->seen, slots[s].seen);
		for (int dim = 0; dim < BUDGET_NDIMS; dim++)
			sum->held[dim] = add_capped(sum->held[dim], slots[s].held[dim]);
	}
	for (int w = 0; w < sum->nwindows; w++)
	{
		sum->start[w] = latest_start(slots, n, w);
		memset(sum->used[w], 0, sizeof(sum->used[w]));
		for (int s = 0; s < n; s++)
			for (int dim = 0; slots[s].start[w] == sum->start[w] && dim < BUDGET_NUSED; dim++)
				sum->used[w][dim] = add_capped(sum->used[w][dim], slots[s].used[w][dim]);
	}
}

/*
 * A refund may go to another slot than the charge that it takes back.  What is below
 * zero in one slot is then taken off the others.
 */
static void
level(Counter *slots, int n, int w, int dim)
{
	int64		below = 0;

	for (int s = 0; s < n; s++)
		if (slots[s].used[w][dim] < 0)
		{
			below = add_capped(below, slots[s].used[w][dim]);
			slots[s].used[w][dim] = 0;
		}
	for (int s = 0; s < n && below < 0; s++)
	{
		int64		part = Min(slots[s].used[w][dim], -Max(below, -PG_INT64_MAX));

		slots[s].used[w][dim] -= part;
		below += part;
	}
}

/* taken[s] >= 0; false: more is taken than max */
static bool
split(int64 max, const int64 *taken, int n, int target, int64 asked, int64 *share)
{
	int64		total = 0;
	int64		room;
	int64		first;

	for (int s = 0; s < n; s++)
	{
		total = add_capped(total, taken[s]);
		share[s] = NO_AMOUNT;
	}
	if (max == NO_AMOUNT)
		return true;

	room = max - total;
	if (room <= 0)
	{
		for (int s = 0; s < n; s++)
		{
			share[s] = Min(taken[s], max);
			max -= share[s];
		}
		return room == 0;
	}
	first = Min(Max(asked, 0), room);
	room -= first;
	for (int s = 0; s < n; s++)
		share[s] = taken[s] + room / n;
	share[target] += first;
	for (int64 rest = room % n; rest > 0; rest--)
		share[(target + rest - 1) % n]++;
	return true;
}

void
share_split(Counter *slots, int n, const BudgetDef *def, int target,
			const int64 asked[BUDGET_NDIMS])
{
	int64		taken[BUDGET_MAX_SLOTS];
	int64		share[BUDGET_MAX_SLOTS];
	bool		fits = true;

	Assert(n <= BUDGET_MAX_SLOTS && target < n);
	for (int w = 0; w < def->nlimits; w++)
		for (int dim = 0; dim < BUDGET_NUSED; dim++)
		{
			level(slots, n, w, dim);
			for (int s = 0; s < n; s++)
				taken[s] = Max(add_capped(slots[s].used[w][dim], slots[s].held[dim]), 0);
			fits &= split(def->limit[w].max[dim], taken, n, target, asked[dim], share);
			for (int s = 0; s < n; s++)
				slots[s].share[w][dim] = share[s];
		}
	for (int s = 0; s < n; s++)
		taken[s] = slots[s].held[DIM_IN_FLIGHT];
	fits &= split(def->max_in_flight, taken, n, target, asked[DIM_IN_FLIGHT], share);
	for (int s = 0; s < n; s++)
	{
		slots[s].strained = !fits;
		slots[s].share_in_flight = share[s];
		slots[s].shared = true;
	}
}
