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
#include "budget/members.h"
#include "budget/path_only.h"
#include "budget/template_place.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

enum
{
	A_MAX_BUDGETS = A_FURTHER, A_EXISTING
};

#define MOST_BUDGETS	1000000

/* A star alone would make a budget of every typing error. */
static char *
arg_pattern(FunctionCallInfo fcinfo)
{
	char	   *pattern = agc_arg_name(fcinfo, A_NAME, "pattern");
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

#define OF_TEMPLATE			BUDGET_COLUMNS_OF("t.")
#define SAME_AS_TEMPLATE	BUDGET_SAME("b.", "t.")
#define SAME_WINDOW			BUDGET_SAME_WINDOW("b.", "t.")
#define SAME_LIMITS			BUDGET_SAME_LIMITS("b.", "t.")

/* true: its counter has to follow */
static bool
change_budget(const char *tenant, const char *pattern, const char *name)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"UPDATE agentcore.budget b SET (" BUDGET_COLUMNS ") = ROW(" OF_TEMPLATE "),"
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
		" WHERE b.tenant = $1 AND b.template = $2 AND NOT (" SAME_AS_TEMPLATE ") ORDER BY b.name", lengthof(types), types
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

#define EXCLUDED	BUDGET_COLUMNS_OF("EXCLUDED.")
#define SAME_AS_NEW BUDGET_SAME("b.", "EXCLUDED.")

static bool
write_template(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, BUDGET_TYPES, INT4OID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.budget_template AS b (tenant, name, " BUDGET_COLUMNS ", max_budgets)"
		" VALUES ($1, $2, " BUDGET_VALUES ", $23)"
		" ON CONFLICT (tenant, name) DO UPDATE SET (" BUDGET_COLUMNS ", max_budgets) = ROW(" EXCLUDED ", EXCLUDED.max_budgets)"
		" WHERE $24 AND NOT (b.max_budgets = EXCLUDED.max_budgets AND " SAME_AS_NEW ")", lengthof(types), types
	};
	char	   *pattern = arg_pattern(fcinfo);
	Window		window;
	bool		changed;
	AgcOwner	owner;
	AgcRow		row;

	define_window_of_args(fcinfo, set, A_PERIOD, &window);
	agc_row_init(&row);
	agc_put(&row, set->keys[0]);
	agc_put(&row, set->keys[1]);
	define_put_members(&row, fcinfo, set, &window);
	agc_put_int32(&row, arg_max_budgets(fcinfo));
	agc_put_bool(&row, set->exists);
	agc_owner_begin_bounded(&owner);
	if (AGC_NAMES_ANEW(fcinfo, set, A_PARENT) || AGC_CHANGED(set, A_ONLY))
		check_parent(set->tenant, pattern, agc_arg_name(fcinfo, A_PARENT, "parent"), define_only(fcinfo, A_ONLY));
	if (AGC_NAMES_ANEW(fcinfo, set, A_OVERFLOW))
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
		"SELECT " BUDGET_ARGUMENTS ", max_budgets"
		" FROM agentcore.budget_template WHERE tenant = $1 AND name = $2 FOR NO KEY UPDATE", lengthof(types), types
	};
	static const AgcMember members[] = {BUDGET_MEMBERS("parent", .required = true), {"max_budgets", "1000"}};
	static const AgcSetter setter = {
		"template", A_MAX_TOKENS, lengthof(members), members, &row, .before = before_template, .write = write_template
	};
	Datum		keys[] = {0, CStringGetTextDatum(agc_arg_name(fcinfo, A_NAME, "pattern"))};

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
	char	   *pattern = agc_arg_name(fcinfo, A_NAME, "pattern");
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
