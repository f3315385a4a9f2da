/*
 * define_counters.c
 *	  The counters of a budget, after its definition was changed.
 *
 * A window that stays keeps what it has counted.  A new window counts from the
 * ledger what was charged since it began.
 *
 * Locks: every counter that the budget has or will have, so that nobody charges
 * while a window is counted.  Memory: SPI's and the caller's context.  On ERROR:
 * the transaction takes everything back.
 */
#include "budget/define_counters.h"

#include "budget/rows.h"
#include "budget/share.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/inval.h"

/*
 * The limits count from here on.  This is noted under the counter's lock, so that
 * everything that the earlier limits admitted is older.
 */
static void
note_limits(const char *tenant, const char *name, TimestampTz at)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"UPDATE agentcore.budget SET limited_at = $3 WHERE tenant = $1 AND name = $2", 3, types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, name);
	agc_put_time(&row, at);
	agc_spi_row(&plan, &row);
}

static bool
lock_counter(const char *tenant, const char *name, int slot, Counter *counter)
{
	LockResult	result = row_counter_lock(tenant, name, slot, true, counter);

	if (result == LOCK_BUSY)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("budget \"%s\" is being used by another transaction", name),
				 errdetail("It was waited for as long as agentcore.budget_lock_wait says."),
				 errhint("Try again, or set agentcore.budget_lock_wait to 0 for this change.")));
	return result == LOCK_TAKEN;
}

void
define_counters_recount(const char *tenant, const char *name, const BudgetDef *def, Counter *counter, int w)
{
	int64		step = window_sliding_step(&def->limit[w].window);
	TimestampTz from = counter_counts_from(counter, def, w);

	if (counter->bucket[w] != NULL)
		for (int i = 0; i < SLIDING_BUCKETS; i++)
		{
			TimestampTz begin = counter->start[w] - i * step;

			row_ledger_sum(tenant, name, Max(begin, from), i == 0 ? DT_NOEND : begin + step,
						   counter->bucket[w] + i * BUDGET_NUSED);
		}
	row_ledger_sum(tenant, name, from, DT_NOEND, counter->used[w]);
}

/* The window of "old" that is the same as window w of "def"; -1: none. */
static int
window_before(const BudgetDef *old, const BudgetDef *def, int w)
{
	for (int i = 0; i < old->nlimits; i++)
		if (strcmp(definition_limit_name(&old->limit[i]), definition_limit_name(&def->limit[w])) == 0 &&
			window_same(&old->limit[i].window, &def->limit[w].window))
			return i;
	return -1;
}

static void
realign(const char *tenant, const char *name, const BudgetDef *old, const BudgetDef *def,
		Counter *counter)
{
	Counter		before = *counter;
	bool		known = old != NULL && old->window_revision == before.window_revision;
	TimestampTz at = Max(agc_now(), before.seen);

	if (known)
		counter_roll(&before, old, at);
	counter_init(counter, def, at);
	counter->row = before.row;
	counter->slot = before.slot;
	counter->since = before.since;
	memcpy(counter->held, before.held, sizeof(counter->held));
	for (int w = 0; w < def->nlimits; w++)
	{
		int			o = known ? window_before(old, def, w) : -1;

		if (o < 0)
		{
			define_counters_recount(tenant, name, def, counter, w);
			continue;
		}
		counter->start[w] = before.start[o];
		memcpy(counter->used[w], before.used[o], sizeof(counter->used[w]));
		counter->warned[w] = before.warned[o];
		counter->bucket[w] = before.bucket[o];
		counter->bucket_since[w] = before.bucket_since[o];
	}
}

/* Every change of limits, slots or window is made under these locks. */
Counter *
define_counters_lock(const char *tenant, const char *name, int slots, int *n)
{
	Counter    *counter = palloc(BUDGET_MAX_SLOTS * sizeof(Counter));
	int			stored = row_counters_peek(tenant, name, BUDGET_MAX_SLOTS, counter);

	if (stored > 0)
		slots = Max(slots, counter[stored - 1].slot + 1);
	*n = 0;
	for (int slot = 0; slot < slots; slot++)
		if (lock_counter(tenant, name, slot, &counter[*n]))
			(*n)++;
	return counter;
}

/* What open permits hold in each slot of a budget that has so many. */
static void
held_by_slot(const char *tenant, const char *budget, int slots,
			 int64 out[BUDGET_MAX_SLOTS][BUDGET_NDIMS])
{
	static const Oid types[] = {TEXTOID, TEXTOID, INT4OID};
	static AgcPlan plan = {
		"SELECT coalesce(p.slots[pg_catalog.array_position(p.budgets, $2 COLLATE \"C\")], 0) % $3,"
		" sum(p.held_tokens)::bigint, sum(p.held_nanousd)::bigint, sum(p.held_calls)::bigint, count(*)"
		" FROM agentcore.permit p"
		" WHERE p.tenant = $1 AND p.state IN ('o', 'r') AND $2 = ANY (p.budgets) GROUP BY 1", 3, types
	};
	bool		isnull;
	AgcRow		parameters;

	memset(out, 0, slots * sizeof(out[0]));
	agc_row_init(&parameters);
	agc_put_text(&parameters, tenant);
	agc_put_text(&parameters, budget);
	agc_put_int32(&parameters, slots);
	agc_spi_row(&plan, &parameters);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		int			slot = DatumGetInt32(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull));

		for (int dim = 0; dim < BUDGET_NDIMS; dim++)
			out[slot][dim] = DatumGetInt64(SPI_getbinval(row, SPI_tuptable->tupdesc, dim + 2, &isnull));
	}
}

/*
 * "sum", of the n counters that are stored, becomes one counter per slot.  What is
 * used may stand in any of them; what is held stands in the slots that the permits
 * name.
 */
static void
write_slots(const char *tenant, const char *name, const BudgetDef *def, const Counter *sum,
			const Counter *stored, int n)
{
	static const int64 nothing[BUDGET_NDIMS] = {0};
	Counter    *counter = palloc(def->slots * sizeof(Counter));
	int64		held[BUDGET_MAX_SLOTS][BUDGET_NDIMS];

	if (n == 1 && def->slots == 1)
	{
		row_counter_write(tenant, name, sum);
		return;
	}
	held_by_slot(tenant, name, def->slots, held);
	for (int slot = 0; slot < def->slots; slot++)
	{
		counter[slot] = *sum;
		counter[slot].slot = slot;
		counter[slot].shared = false;	/* share_split() sets it */
		memcpy(counter[slot].held, held[slot], sizeof(held[slot]));
		if (slot > 0)
			memset(counter[slot].used, 0, sizeof(counter[slot].used));
	}
	if (def->slots > 1)
		share_split(counter, def->slots, def, 0, nothing);

	for (int i = 0; i < n; i++)
		row_counter_delete(&stored[i]);
	for (int slot = 0; slot < def->slots; slot++)
		row_counter_create(tenant, name, &counter[slot]);
}

void
define_counters_sync(const char *tenant, const char *name, const BudgetDef *old)
{
	BudgetDef	def;
	Counter    *stored;
	Counter		sum;
	int			n;

	AcceptInvalidationMessages();
	if (!definition_read(tenant, name, &def))
		elog(ERROR, "budget \"%s\" vanished while it was defined", name);

	stored = define_counters_lock(tenant, name, def.slots, &n);
	if (n == 0)
	{
		/* what an earlier budget of this name was charged does not count */
		TimestampTz last = row_ledger_last(tenant, name);
		TimestampTz at = agc_now();

		counter_init(&sum, &def, last == 0 ? at : Max(at, last + 1));
		write_slots(tenant, name, &def, &sum, stored, n);
		return;
	}
	share_sum(stored, n, &sum);
	/* also after the clock has stepped back */
	note_limits(tenant, name, Max(agc_now(), sum.seen + 1));
	if (sum.window_revision != def.window_revision)
		realign(tenant, name, old, &def, &sum);
	else if (n == 1 && def.slots == 1)
		return;
	else
	{
		sum.seen = Max(agc_now(), sum.seen);
		counter_roll(&sum, &def, sum.seen);
	}
	write_slots(tenant, name, &def, &sum, stored, n);
}
