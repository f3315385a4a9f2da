/*
 * adjust.c
 *	  What an administrator may do to counters: budget_adjust() and
 *	  budget_reset_window().
 *
 * Both decide with nobody else in flight and write to the ledger, so ledger and
 * counters still agree afterwards.
 *
 * Locks: path_lock.c; a reset locks only its own budget.
 * Memory: the caller's context.  On ERROR: the transaction takes everything
 * back.
 */
#include "budget/define_counters.h"

#include "budget/budget_template.h"
#include "budget/lock_order.h"
#include "budget/threshold.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/numeric.h"

static void
raise_contention(const char *budget)
{
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("budget \"%s\" is being used by another transaction", budget),
			 errhint("Try again, in a transaction of its own.")));
}

/* Who did it, and one more member. */
static Jsonb *
make_detail(const char *name, const char *value)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "{\"by\": ");
	escape_json(&text, GetUserNameFromId(GetUserId(), false));
	if (value != NULL)
	{
		appendStringInfo(&text, ", \"%s\": ", name);
		escape_json(&text, value);
	}
	appendStringInfoChar(&text, '}');
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data)));
}

/* Of either sign; a fraction of a nano-dollar is rounded up, towards more spent. */
static int64
arg_signed_usd(FunctionCallInfo fcinfo, int n)
{
	Datum		usd = NumericGetDatum(PG_GETARG_NUMERIC(n));
	Datum		zero = NumericGetDatum(int64_to_numeric(0));

	if (!DatumGetBool(DirectFunctionCall2(numeric_lt, usd, zero)))
		return agc_numeric_nanousd(usd, "usd");
	usd = DirectFunctionCall1(numeric_abs, usd);
	return -agc_numeric_nanousd(DirectFunctionCall2(numeric_trunc, usd, Int32GetDatum(9)), "usd");
}

static void
refuse_below_zero(const PathLink *link, const int64 amount[BUDGET_NUSED])
{
	static const char *const units[] = {"tokens", "nano-USD", "calls"};

	for (int w = 0; w < link->sum.nwindows; w++)
		for (int dim = 0; dim < BUDGET_NUSED; dim++)
		{
			int64		used = link->sum.used[w][dim];

			if (amount[dim] < 0 && used < -amount[dim])
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("budget \"%s\" cannot be adjusted below zero", link->name),
						 errdetail("Window \"%s\" has %lld %s used.",
								   link->defined && w < link->def.nlimits ? definition_limit_name(&link->def.limit[w]) : "?",
								   (long long) used, units[dim])));
		}
}

/* arg: int64[BUDGET_NUSED] */
static void
plan_adjust(BudgetPath *path, void *arg)
{
	const int64 *amount = arg;

	for (int i = 0; i < path->n; i++)
	{
		refuse_below_zero(&path->link[i], amount);
		memcpy(path->link[i].change.used, amount, sizeof(path->link[i].change.used));
	}
}

/* budget_adjust(budget, tokens, usd, calls, reason, tenant) -> boolean */
AGC_FUNCTION(budget_adjust)
{
	char	   *tenant = agc_arg_tenant(fcinfo, 5);
	char	   *budget = agc_arg_name(fcinfo, 0, "budget");
	char	   *reason = PG_ARGISNULL(4) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(4));
	LedgerEntry entry = {.event = "adjust"};
	char	   *names[BUDGET_MAX_DEPTH];
	BudgetPath	path;

	for (int i = 1; i <= 3; i++)
		if (PG_ARGISNULL(i))
			agc_refuse_null("amounts");
	if (reason != NULL && strlen(reason) > 1000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("reason is too long"),
				 errdetail("At most 1000 bytes are kept.")));
	entry.amount[DIM_TOKENS] = PG_GETARG_INT64(1);
	entry.amount[DIM_NANOUSD] = arg_signed_usd(fcinfo, 2);
	entry.amount[DIM_CALLS] = PG_GETARG_INT64(3);
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		if (entry.amount[dim] == PG_INT64_MIN)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("amount is out of range")));

	agc_enter(tenant, AGC_ADMIN);
	path_resolve(&path, tenant, budget);
	if (entry.amount[DIM_TOKENS] == 0 && entry.amount[DIM_NANOUSD] == 0 && entry.amount[DIM_CALLS] == 0)
		PG_RETURN_BOOL(false);
	template_make_or_raise(&path);
	for (int i = 0; i < path.n; i++)
	{
		path.link[i].exact = true;
		names[i] = path.link[i].name;
	}
	if (path_enter(&path, NULL, plan_adjust, entry.amount) != PATH_ENTERED)
		raise_contention(budget);
	entry.at = path.at;
	entry.nbudgets = path.n;
	entry.budgets = names;
	entry.detail = make_detail("reason", reason);
	row_ledger_add(tenant, NULL, &entry);
	threshold_tell(&path, NULL);
	path_write(&path);
	PG_RETURN_BOOL(true);
}

/*
 * Rows of the ledger that a clock ahead of time has written: each is cancelled by a
 * row of its own time, and their sum is entered as of now.
 */
static void
bring_back_ledger(const char *tenant, const char *budget, TimestampTz now)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"WITH ahead AS (SELECT l.at, l.tokens, l.nanousd, l.calls FROM agentcore.budget_ledger l"
		" WHERE l.tenant = $1 AND $2 = ANY (l.budgets) AND l.at > $3)"
		" INSERT INTO agentcore.budget_ledger (tenant, at, id, budgets, event, tokens, nanousd, calls)"
		" SELECT $1, a.at, gen_random_uuid(), ARRAY[$2], 'reset', -a.tokens, -a.nanousd, -a.calls FROM ahead a"
		" WHERE (a.tokens, a.nanousd, a.calls) <> (0, 0, 0)"
		" UNION ALL"
		" SELECT $1, $3, gen_random_uuid(), ARRAY[$2], 'reset', sum(a.tokens)::bigint,"
		" sum(a.nanousd)::bigint, sum(a.calls)::bigint FROM ahead a"
		" HAVING (sum(a.tokens), sum(a.nanousd), sum(a.calls)) <> (0, 0, 0)", 3, types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, budget);
	agc_put_time(&row, now);
	agc_owner_spi_row(&plan, &row);
}

/* A counter that is ahead of the clock comes back to it, with what the ledger says. */
static void
bring_back(const char *tenant, PathLink *link, TimestampTz now)
{
	Counter    *counter = &link->sum;
	AgcOwner	owner;

	bring_back_ledger(tenant, link->name, now);
	agc_owner_begin(&owner);
	counter->seen = now;
	counter->since = Min(counter->since, now);
	for (int w = 0; w < counter->nwindows; w++)
	{
		counter_restart(counter, &link->def, w, now);
		counter->bucket_since[w] = counter->since;
		if (counter->bucket[w] == NULL)
		{
			TimestampTz end;

			window_bounds(&link->def.limit[w].window, now, &counter->start[w], &end);
		}
		define_counters_recount(tenant, link->name, &link->def, counter, w);
	}
	agc_owner_end(&owner);
}

/* The windows of that name, or all of them, begin anew after "at". */
static void
restart(PathLink *link, const char *limit, TimestampTz at)
{
	bool		found = false;

	for (int w = 0; w < link->def.nlimits; w++)
		if (limit == NULL || strcmp(definition_limit_name(&link->def.limit[w]), limit) == 0)
		{
			counter_restart(&link->sum, &link->def, w, at + 1);
			found = true;
		}
	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("budget \"%s\" has no limit \"%s\"", link->name, limit)));
	link->sum.seen = at + 1;
}

/* budget_reset_window(budget, limit_name, tenant) -> boolean: whether it was ahead of the clock */
AGC_FUNCTION(budget_reset_window)
{
	char	   *tenant = agc_arg_tenant(fcinfo, 2);
	char	   *budget = agc_arg_name(fcinfo, 0, "budget");
	char	   *limit = agc_opt_name(fcinfo, 1, "limit_name");
	LedgerEntry entry = {.event = "reset", .nbudgets = 1};
	bool		ahead;
	PathLink   *link;
	TimestampTz now;
	BudgetPath	path;

	agc_enter(tenant, AGC_ADMIN);
	budget_require(tenant, budget);
	define_counters_take(&path, tenant, budget, NULL);
	lock_order_note();
	link = path.link;
	if (!link->found || !link->defined || link->sum.window_revision != link->def.window_revision)
		raise_contention(budget);
	now = agc_now();
	ahead = link->sum.seen > now;
	if (ahead)
		bring_back(tenant, link, now);
	else
		counter_roll(&link->sum, &link->def, now);
	restart(link, limit, now);
	entry.at = now;
	entry.budgets = &link->name;
	entry.detail = make_detail("window", limit);
	row_ledger_add(tenant, NULL, &entry);
	path_write_alone(&path, link);
	PG_RETURN_BOOL(ahead);
}
