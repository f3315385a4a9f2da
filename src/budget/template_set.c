/*
 * template_set.c
 *	  budget_template_set() and budget_template_drop(): definitions of templates.
 *
 * Locks: the tenant's definitions (define.c), then the template, so that nobody makes
 * a budget of it meanwhile; its row; with existing => true then the row and the counters
 * of each budget that it has made.
 *
 * Memory: SPI's.  On ERROR: the transaction takes everything back.
 */
#include "budget/define.h"

#include "budget/define_counters.h"
#include "budget/path_only.h"
#include "budget/template_place.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

enum
{
	A_PATTERN, A_MAX_TOKENS, A_MAX_USD, A_MAX_CALLS, A_MAX_IN_FLIGHT, A_PERIOD, A_KIND, A_TZ, A_ANCHOR, A_PARENT,
	A_ON_EXPIRY, A_OVERRUN, A_ENABLED, A_THRESHOLDS, A_SPENDERS, A_MAX_OVERRUN, A_MIN_HOLD_TOKENS, A_MIN_HOLD_USD, A_ONLY, A_ON_FULL, A_OVERFLOW, A_MAX_BUDGETS, A_EXISTING
};

#define MOST_BUDGETS	1000000

/* A star alone would make a budget of every typing error. */
static char *
arg_pattern(FunctionCallInfo fcinfo)
{
	char	   *pattern = agc_arg_name(fcinfo, A_PATTERN, "pattern");
	char	   *star = strchr(pattern, '*');

	if (star == NULL || star == pattern || star[1] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid pattern of a template"),
				 errdetail("Pattern \"%s\" is not a beginning of names and one star at its end.", pattern),
				 errhint("Write 'prefix*'.")));
	return pattern;
}

static int
arg_max_budgets(FunctionCallInfo fcinfo)
{
	int			n = define_count(fcinfo, A_MAX_BUDGETS, "max_budgets", 0);

	if (n > MOST_BUDGETS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_budgets must be at most %d", MOST_BUDGETS)));
	return n;
}

/* A new name must not be a fresh limit without end: a limit that counts only some of its calls is none of the others. */
static void
check_parent(const char *tenant, const char *pattern, const char *parent, const ArrayType *only)
{
	BudgetPath	above;

	path_resolve(&above, tenant, parent);
	template_check_parent(&above);
	if (above.n + 1 > BUDGET_MAX_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				 errmsg("parent \"%s\" makes the budgets of template \"%s\" some of %d levels", parent, pattern, above.n + 1),
				 errdetail("At most %d are allowed.", BUDGET_MAX_DEPTH)));
	path_leave_out_partial(&above, only);
	if (!template_is_limited(&above, parent))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parent \"%s\" of template \"%s\" has no limit", parent, pattern),
				 errdetail("Each new name would be a fresh limit, and nothing would limit all of them."),
				 errhint("Give the parent, or a budget above it, a limit of tokens, money or calls that counts all calls of the template.")));
}

/* ----- budgets that it has made ------------------------------------------------ */

#define MEMBERS(t) \
	#t ".parent, " #t ".kind, " #t ".period, " #t ".tz, " #t ".anchor, " #t ".max_tokens, " #t ".max_nanousd, " #t ".max_calls, " \
	#t ".max_in_flight, " #t ".on_expiry, " #t ".overrun, " #t ".thresholds, " #t ".enabled, " #t ".spenders, " #t ".max_overrun, " \
	#t ".min_hold_tokens, " #t ".min_hold_nanousd, " #t ".\"only\", " #t ".on_full, " #t ".overflow"
#define SAME_WINDOW \
	"(b.kind, b.tz, b.anchor, b.period::text) IS NOT DISTINCT FROM (t.kind, t.tz, t.anchor, t.period::text)"
#define SAME_LIMITS \
	"(b.max_tokens, b.max_nanousd, b.max_calls, b.max_in_flight)" \
	" IS NOT DISTINCT FROM (t.max_tokens, t.max_nanousd, t.max_calls, t.max_in_flight)"
/* equal intervals may be different periods */
#define SAME \
	SAME_WINDOW " AND ROW(" MEMBERS(b) ") IS NOT DISTINCT FROM ROW(" MEMBERS(t) ")"

/* true: its counter has to follow */
static bool
change_budget(const char *tenant, const char *pattern, const char *name)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"UPDATE agentcore.budget b SET (parent, kind, period, tz, anchor, max_tokens, max_nanousd, max_calls,"
		" max_in_flight, on_expiry, overrun, thresholds, enabled, spenders, max_overrun, min_hold_tokens, min_hold_nanousd, \"only\", on_full, overflow) = ROW(" MEMBERS(t) "),"
		" limited_at = CASE WHEN " SAME_WINDOW " AND " SAME_LIMITS " THEN b.limited_at ELSE $4 END,"
		" window_revision = CASE WHEN " SAME_WINDOW " THEN b.window_revision ELSE nextval('agentcore.revision_seq') END"
		" FROM agentcore.budget_template t WHERE t.tenant = $1 AND t.name = $2 AND b.tenant = $1 AND b.name = $3"
		" RETURNING b.limited_at = $4", lengthof(types), types
	};
	bool		isnull;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, pattern);
	agc_put_text(&row, name);
	agc_put_time(&row, agc_now());
	agc_spi_row(&plan, &row);
	return SPI_processed > 0 && DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* The names of those that differ from the template, in the order of locks. */
static uint64
list_different(const char *tenant, const char *pattern, char ***names)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"SELECT b.name FROM agentcore.budget b JOIN agentcore.budget_template t ON t.tenant = $1 AND t.name = $2"
		" WHERE b.tenant = $1 AND b.template = $2 AND NOT (" SAME ") ORDER BY b.name", lengthof(types), types
	};
	uint64		n;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, pattern);
	agc_spi_row(&plan, &row);
	n = SPI_processed;
	*names = palloc((n + 1) * sizeof(char *));
	for (uint64 i = 0; i < n; i++)
		(*names)[i] = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
	return n;
}

static bool
change_existing(const char *tenant, const char *pattern)
{
	char	  **names;
	uint64		n = list_different(tenant, pattern, &names);

	for (uint64 i = 0; i < n; i++)
	{
		BudgetDef	old;
		bool		known = definition_read(tenant, names[i], &old);

		if (change_budget(tenant, pattern, names[i]))
			define_counters_sync(tenant, names[i], known ? &old : NULL);
	}
	return n > 0;
}

/* ----- setter ------------------------------------------------------------------- */

static void
before_template(AgcSetting *set)
{
	define_before(set);
	template_lock(set->tenant, TextDatumGetCString(set->keys[1]));
}

/* The parameters of write_template(). */
static void
put_template(AgcRow *row, FunctionCallInfo fcinfo, AgcSetting *set, const char *kind)
{
	agc_put(row, set->keys[0]);
	agc_put(row, set->keys[1]);
	agc_put_arg(row, fcinfo, A_PARENT);
	agc_put_text(row, kind);
	agc_put_arg(row, fcinfo, A_PERIOD);
	agc_put_arg(row, fcinfo, A_TZ);
	agc_put_arg(row, fcinfo, A_ANCHOR);
	define_put_maxima(row, fcinfo, A_MAX_TOKENS);
	agc_put_datum(row, Int32GetDatum(define_count(fcinfo, A_MAX_IN_FLIGHT, "max_in_flight", 0)), PG_ARGISNULL(A_MAX_IN_FLIGHT));
	agc_put_text(row, define_word(fcinfo, A_ON_EXPIRY, "on_expiry", "release", "charge_estimate"));
	agc_put_text(row, define_word(fcinfo, A_OVERRUN, "overrun", "charge", "cap"));
	agc_put_pointer(row, define_thresholds(fcinfo, A_THRESHOLDS));
	agc_put_arg(row, fcinfo, A_ENABLED);
	agc_put_pointer(row, PG_ARGISNULL(A_SPENDERS) ? NULL : define_spenders(fcinfo, A_SPENDERS, AGC_TOUCHED(set, A_SPENDERS)));
	agc_put_datum(row, PG_ARGISNULL(A_MAX_OVERRUN) ? (Datum) 0 : define_max_overrun(fcinfo, A_MAX_OVERRUN), PG_ARGISNULL(A_MAX_OVERRUN));
	define_put_min_hold(row, fcinfo, A_MIN_HOLD_TOKENS);
	agc_put_pointer(row, define_only(fcinfo, A_ONLY));
	define_put_full(row, fcinfo, A_ON_FULL);
	agc_put_int32(row, arg_max_budgets(fcinfo));
	agc_put_bool(row, set->exists);
}

static bool
write_template(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, INTERVALOID, TEXTOID, TIMESTAMPTZOID, INT8OID, INT8OID, INT8OID,
								 INT4OID, TEXTOID, TEXTOID, INT4ARRAYOID, BOOLOID, TEXTARRAYOID, NUMERICOID, INT8OID, INT8OID, TEXTARRAYOID, TEXTOID, TEXTOID, INT4OID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.budget_template AS b (tenant, name, parent, kind, period, tz, anchor, max_tokens, max_nanousd, max_calls,"
		" max_in_flight, on_expiry, overrun, thresholds, enabled, spenders, max_overrun, min_hold_tokens, min_hold_nanousd, \"only\", on_full, overflow, max_budgets)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)"
		" ON CONFLICT (tenant, name) DO UPDATE SET (parent, kind, period, tz, anchor, max_tokens, max_nanousd, max_calls,"
		" max_in_flight, on_expiry, overrun, thresholds, enabled, spenders, max_overrun, min_hold_tokens, min_hold_nanousd, \"only\", on_full, overflow, max_budgets) = ROW(" MEMBERS(EXCLUDED) ", EXCLUDED.max_budgets)"
		" WHERE $24 AND ROW(b.period::text, b.max_budgets, " MEMBERS(b) ") IS DISTINCT FROM"
		" ROW(EXCLUDED.period::text, EXCLUDED.max_budgets, " MEMBERS(EXCLUDED) ")", lengthof(types), types
	};
	char	   *pattern = arg_pattern(fcinfo);
	Window		window;
	bool		changed;
	AgcOwner	owner;
	AgcRow		row;

	define_window_of_args(fcinfo, set, A_PERIOD, &window);
	agc_row_init(&row);
	put_template(&row, fcinfo, set, window_kind_name(window.kind));
	agc_owner_begin_bounded(&owner);
	if (AGC_GIVEN(set, A_PARENT) || AGC_TOUCHED(set, A_ONLY))
		check_parent(set->tenant, pattern, agc_arg_name(fcinfo, A_PARENT, "parent"), define_only(fcinfo, A_ONLY));
	if (AGC_GIVEN(set, A_OVERFLOW))
		define_check_overflow(set->tenant, agc_arg_name(fcinfo, A_OVERFLOW, "overflow"));
	changed = agc_set_spi_row(set, &plan, &row);
	if (!PG_ARGISNULL(A_EXISTING) && PG_GETARG_BOOL(A_EXISTING))
		changed |= change_existing(set->tenant, pattern);
	agc_owner_end(&owner);
	return changed;
}

/* budget_template_set(pattern, ..., max_budgets, existing, reset, tenant) -> boolean: whether anything changed */
AGC_FUNCTION(budget_template_set)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan row = {
		"SELECT max_tokens, max_nanousd * 0.000000001, max_calls, max_in_flight, period, kind, tz, anchor, parent,"
		" on_expiry, overrun, enabled, thresholds, spenders::name[], max_overrun,"
		" min_hold_tokens, min_hold_nanousd * 0.000000001, \"only\", on_full, overflow, max_budgets"
		" FROM agentcore.budget_template WHERE tenant = $1 AND name = $2 FOR NO KEY UPDATE", lengthof(types), types
	};
	static const AgcMember members[] = {
		{"max_tokens"}, {"max_usd"}, {"max_calls"}, {"max_in_flight"}, {"period"}, {"kind"}, {"tz", "UTC"},
		{"anchor"}, {"parent", .required = true}, {"on_expiry", "release"}, {"overrun", "charge"},
		{"enabled", "true"}, {"thresholds", "{}"}, {"spenders"}, {"max_overrun"},
		{"min_hold_tokens"}, {"min_hold_usd"}, {"only"}, {"on_full", "deny"}, {"overflow"}, {"max_budgets", "1000"}
	};
	static const AgcSetter setter = {
		"template", A_MAX_TOKENS, lengthof(members), members, &row, .before = before_template, .write = write_template
	};
	Datum		keys[] = {0, CStringGetTextDatum(agc_arg_name(fcinfo, A_PATTERN, "pattern"))};

	return agc_set(fcinfo, &setter, keys);
}

/* budget_template_drop(pattern, tenant) -> boolean: whether there was one */
AGC_FUNCTION(budget_template_drop)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.budget_template WHERE tenant = $1 AND name = $2", lengthof(types), types
	};
	char	   *tenant = agc_arg_tenant(fcinfo, 1);
	char	   *pattern = agc_arg_name(fcinfo, A_PATTERN, "pattern");
	bool		existed;
	AgcOwner	owner;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, pattern);
	agc_enter(tenant, AGC_ADMIN);
	agc_owner_begin_bounded(&owner);
	define_lock(tenant);
	template_lock(tenant, pattern);
	agc_spi_row(&plan, &row);
	existed = SPI_processed > 0;
	agc_owner_end(&owner);
	PG_RETURN_BOOL(existed);
}
