/*
 * define_counters.c
 *	  The counters of a budget, after its definition was changed.
 *
 * A window that stays keeps what it has counted.  A new window counts from the
 * ledger what was charged since it began.
 *
 * Locks: the budget's, alone, so that nobody charges while a window is counted.  Memory: SPI's and the caller's context.  On ERROR:
 * the transaction takes everything back.
 */
#include "budget/define_counters.h"

#include "budget/lock_order.h"

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

/* A transaction that holds permits or budgets waits for none: others may wait for those. */
void
define_counters_take(BudgetPath *path, const char *tenant, const char *name, const BudgetDef *def)
{
	PathLink   *link = palloc0(sizeof(PathLink));

	memset(path, 0, sizeof(*path));
	path->tenant = tenant;
	path->n = 1;
	path->link = link;
	link->name = pstrdup(name);
	if (!path_take_alone(path, link, def, !lock_order_held()))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("budget \"%s\" is being used by another transaction", name),
				 lock_order_held() ?
					 errdetail("It is not waited for, since this transaction holds permits or budgets.") :
					 errdetail("It was waited for as long as agentcore.budget_lock_wait says."),
				 errhint("Try again, in a transaction of its own.")));
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

/* What an earlier budget of this name was charged does not count. */
static void
make_counter(BudgetPath *path, PathLink *link, const BudgetDef *def)
{
	TimestampTz last = row_ledger_last(path->tenant, link->name);
	TimestampTz at = agc_now();

	counter_init(&link->sum, def, last == 0 ? at : Max(at, last + 1));
	path_write_alone(path, link);
}

void
define_counters_sync(const char *tenant, const char *name, const BudgetDef *old)
{
	BudgetDef	def;
	BudgetPath	path;
	Counter    *sum;

	AcceptInvalidationMessages();
	if (!definition_read(tenant, name, &def))
		elog(ERROR, "budget \"%s\" vanished while it was defined", name);

	define_counters_take(&path, tenant, name, old != NULL ? old : &def);
	sum = &path.link->sum;
	if (!path.link->found)
	{
		make_counter(&path, path.link, &def);
		return;
	}
	/* also after the clock has stepped back */
	note_limits(tenant, name, Max(agc_now(), sum->seen + 1));
	if (sum->window_revision != def.window_revision)
		realign(tenant, name, old, &def, sum);
	else
	{
		sum->seen = Max(agc_now(), sum->seen);
		counter_roll(sum, &def, sum->seen);
	}
	path_write_alone(&path, path.link);
}
