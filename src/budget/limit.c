/*
 * limit.c
 *	  budget_limit_set() and budget_limit_drop(): further windows of a budget.
 *
 * A limit is a row of its own.  Its budget's row is changed with it, so that every
 * session compiles the budget again.  The budget gets a new window_revision too, so
 * that counters of the earlier windows are not taken for counters of these.
 *
 * Locks: define.c.  Memory: SPI's.  On ERROR: the transaction takes everything
 * back.
 */
#include "budget/define.h"

#include "budget/define_counters.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

enum
{
	A_BUDGET, A_LIMIT, A_MAX_TOKENS, A_MAX_USD, A_MAX_CALLS, A_PERIOD, A_KIND, A_TZ, A_ANCHOR
};

static void
touch_budget(const char *tenant, const char *budget, const BudgetDef *old)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"UPDATE agentcore.budget SET limited_at = $3, window_revision = nextval('agentcore.revision_seq'),"
		" template = NULL, place = NULL"
		" WHERE tenant = $1 AND name = $2", 3, types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, budget);
	agc_put_time(&row, agc_now());
	agc_spi_row(&plan, &row);
	define_counters_sync(tenant, budget, old);
}

static bool
has_limit(const BudgetDef *def, const char *limit)
{
	for (int w = 1; w < def->nlimits; w++)
		if (strcmp(def->limit[w].name, limit) == 0)
			return true;
	return false;
}

static char *
arg_limit(FunctionCallInfo fcinfo)
{
	char	   *limit = agc_arg_name(fcinfo, A_LIMIT, "limit_name");

	if (strcmp(limit, MAIN_LIMIT) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("limit name \"%s\" stands for the budget's own window", MAIN_LIMIT),
				 errhint("Change that one with agentcore.budget_set().")));
	return limit;
}

static void
check_room(const BudgetDef *def, const char *budget, const char *limit)
{
	if (!has_limit(def, limit) && def->nlimits == BUDGET_MAX_WINDOWS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("budget \"%s\" has %d further limits already", budget, BUDGET_MAX_WINDOWS - 1),
				 errhint("Drop one, or put some into a parent budget.")));
}

static bool
write_limit(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, INT8OID, INT8OID, INT8OID, INTERVALOID,
								 TEXTOID, TEXTOID, TIMESTAMPTZOID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.budget_limit AS l"
		" (tenant, budget, name, max_tokens, max_nanousd, max_calls, period, kind, tz, anchor)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
		" ON CONFLICT (tenant, budget, name) DO UPDATE SET max_tokens = EXCLUDED.max_tokens,"
		" max_nanousd = EXCLUDED.max_nanousd, max_calls = EXCLUDED.max_calls,"
		" period = EXCLUDED.period, kind = EXCLUDED.kind, tz = EXCLUDED.tz, anchor = EXCLUDED.anchor"
		" WHERE $11 AND (l.max_tokens, l.max_nanousd, l.max_calls, l.period::text, l.kind, l.tz, l.anchor)"
		" IS DISTINCT FROM (EXCLUDED.max_tokens, EXCLUDED.max_nanousd, EXCLUDED.max_calls,"
		" EXCLUDED.period::text, EXCLUDED.kind, EXCLUDED.tz, EXCLUDED.anchor)", lengthof(types), types
	};
	char	   *budget = TextDatumGetCString(set->keys[1]);
	BudgetDef	old;
	Window		window;
	bool		changed;
	AgcOwner	owner;
	AgcRow		row;

	define_window_of_args(fcinfo, set, A_PERIOD, &window);
	agc_row_init(&row);
	for (int key = 0; key < 3; key++)
		agc_put(&row, set->keys[key]);
	define_put_maxima(&row, fcinfo, A_MAX_TOKENS);
	agc_put_arg(&row, fcinfo, A_PERIOD);
	agc_put_text(&row, window_kind_name(window.kind));
	agc_put_arg(&row, fcinfo, A_TZ);
	agc_put_arg(&row, fcinfo, A_ANCHOR);
	agc_put_bool(&row, set->exists);

	agc_owner_begin_bounded(&owner);
	definition_require(set->tenant, budget, &old);
	check_room(&old, budget, TextDatumGetCString(set->keys[2]));
	changed = agc_set_spi_row(set, &plan, &row);
	if (changed)
		touch_budget(set->tenant, budget, &old);
	agc_owner_end(&owner);
	return changed;
}

/* budget_limit_set(budget, limit_name, ..., reset, tenant) -> boolean: whether anything changed */
AGC_FUNCTION(budget_limit_set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID};
	static AgcPlan row = {
		"SELECT max_tokens, max_nanousd * 0.000000001, max_calls, period, kind, tz, anchor"
		" FROM agentcore.budget_limit WHERE tenant = $1 AND budget = $2 AND name = $3 FOR NO KEY UPDATE",
		lengthof(types), types
	};
	static const AgcMember members[] = {
		{"max_tokens"}, {"max_usd"}, {"max_calls"}, {"period"}, {"kind"}, {"tz", "UTC"}, {"anchor"}
	};
	static const AgcSetter setter = {
		"limit", A_MAX_TOKENS, lengthof(members), members, &row, .before = define_before, .write = write_limit
	};
	Datum		keys[] = {0, CStringGetTextDatum(agc_arg_name(fcinfo, A_BUDGET, "budget")),
					 CStringGetTextDatum(arg_limit(fcinfo))};

	return agc_set(fcinfo, &setter, keys);
}

/* budget_limit_drop(budget, limit_name) -> boolean: whether there was one */
AGC_FUNCTION(budget_limit_drop)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.budget_limit WHERE tenant = $1 AND budget = $2 AND name = $3", 3, types
	};
	char	   *tenant = agc_arg_tenant(fcinfo, 2);
	char	   *budget = agc_arg_name(fcinfo, A_BUDGET, "budget");
	char	   *limit = arg_limit(fcinfo);
	BudgetDef	old;
	bool		existed;
	AgcOwner	owner;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, budget);
	agc_put_text(&row, limit);
	agc_enter(tenant, AGC_ADMIN);
	agc_owner_begin_bounded(&owner);
	define_lock(tenant);
	existed = definition_read(tenant, budget, &old) && has_limit(&old, limit);
	if (existed)
	{
		agc_spi_row(&plan, &row);
		touch_budget(tenant, budget, &old);
	}
	agc_owner_end(&owner);
	PG_RETURN_BOOL(existed);
}
