/*
 * define.c
 *	  budget_set() and budget_drop(): definitions of budgets.
 *
 * Locks: first the tenant's definitions (lock.c), so that two changes cannot
 * together make a circle of parents.  A transaction that holds permits or budgets
 * already does not wait for that lock (55P03).  No table is locked: an
 * administrator who is slow to commit must not keep another tenant from switching
 * a budget off.  Then the row of the budget.  Then its counters, if limits or
 * window change (define_counters.c).  Acquiring takes no lock on the definitions.
 *
 * Memory: SPI's.  On ERROR: the transaction takes everything back.
 */
#include "budget/define.h"

#include "budget/budget_path.h"
#include "budget/define_counters.h"
#include "budget/lock_order.h"
#include "budget/members.h"
#include "budget/template_place.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/numeric.h"
#include "utils/rel.h"

static AgcTable definition_table = AGC_TABLE("budget", NULL);

/* Sees what was committed while it waited. */
void
define_lock(const char *tenant)
{
	Relation	rel = agc_table_open(&definition_table, RowExclusiveLock);
	BudgetLock	lock;

	lock_of_definitions(&lock, RelationGetRelid(rel), tenant);
	agc_table_close(rel, NoLock);
	/* another session that changes definitions may wait for the budgets that this one holds */
	if (!lock_take(&lock, !lock_order_held()))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("the budgets of this tenant are being defined by another transaction"),
				 lock_order_held() ?
					 errdetail("It is not waited for, since this transaction holds permits or budgets.") :
					 errdetail("It was waited for as long as agentcore.budget_lock_wait says."),
				 errhint("Try again; define budgets in a transaction of its own.")));
	AcceptInvalidationMessages();
}

void
define_before(AgcSetting *set)
{
	define_lock(set->tenant);
}

/*
 * Whether the kind can stay with another period; otherwise it is derived from the
 * period.  Sliding stays with every period.
 */
static bool
kind_suits(const char *kind, const Interval *period)
{
	if (period == NULL || strcmp(kind, "lifetime") == 0)
		return period == NULL && strcmp(kind, "lifetime") == 0;
	if (strcmp(kind, "calendar") == 0)
		return period->time == 0 && (period->month == 0 || period->day == 0);
	return strcmp(kind, "sliding") == 0 || period->month == 0;
}

void
define_window_of_args(FunctionCallInfo fcinfo, AgcSetting *set, int n, Window *window)
{
	Interval   *period = PG_ARGISNULL(n) ? NULL : PG_GETARG_INTERVAL_P(n);
	char	   *kind = agc_opt_name(fcinfo, n + 1, "kind");
	char	   *tz = agc_arg_name(fcinfo, n + 2, "tz");
	bool		has_anchor = !PG_ARGISNULL(n + 3);

	if (AGC_TOUCHED(set, n) && !AGC_TOUCHED(set, n + 1) && !kind_suits(kind, period))
		kind = NULL;
	window_define(window, kind, period, tz, has_anchor, has_anchor ? PG_GETARG_TIMESTAMPTZ(n + 3) : 0);
}

/* One of a few words; 22023 names them. */
static char *
arg_word(FunctionCallInfo fcinfo, int n, const char *what, const char *one, const char *other)
{
	char	   *word = agc_arg_name(fcinfo, n, what);

	if (strcmp(word, one) != 0 && strcmp(word, other) != 0)
		agc_refuse_word(what, word, psprintf("It can be \"%s\" or \"%s\".", one, other));
	return word;
}

int
define_count(FunctionCallInfo fcinfo, int n, const char *what, int missing)
{
	int			value;

	if (PG_ARGISNULL(n))
		return missing;
	value = PG_GETARG_INT32(n);
	if (value < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be negative", what),
				 errdetail("Got %d.", value)));
	return value;
}

/* The levels of a budget and what is below it, templates too: 1 for a budget without children. */
static int
height_of(const char *tenant, const char *name)
{
	static const Oid types[] = {TEXTOID, TEXTOID, INT4OID};
	static AgcPlan plan = {
		"WITH RECURSIVE below(name, level) AS ("
		" SELECT $2 COLLATE \"C\", 1 UNION ALL"
		" SELECT c.name, below.level + 1 FROM below CROSS JOIN LATERAL ("
		"SELECT b.name FROM agentcore.budget b WHERE b.tenant = $1 AND b.parent = below.name UNION ALL"
		" SELECT t.name FROM agentcore.budget_template t WHERE t.tenant = $1 AND t.parent = below.name) c"
		" WHERE below.level <= $3)"
		" SELECT max(level) FROM below", 3, types
	};
	bool		isnull;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, name);
	agc_put_int32(&row, BUDGET_MAX_DEPTH);
	agc_spi_row(&plan, &row);
	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* Whether "to" pays for "from", as what is above it or as an overflow; then "way" says how. */
static bool
leads_to(const char *tenant, const char *from, const char *to, List **seen, StringInfo way)
{
	char	   *next[2];
	int			length = way->len;
	BudgetDef	def;

	check_stack_depth();
	appendStringInfo(way, "%s%s", length > 0 ? " -> " : "", agc_quoted_name(from));
	if (strcmp(from, to) == 0)
		return true;
	if (!list_member(*seen, makeString(pstrdup(from))) && definition_read(tenant, from, &def))
	{
		*seen = lappend(*seen, makeString(pstrdup(from)));
		next[0] = def.parent;
		next[1] = def.overflow;
		for (int i = 0; i < 2; i++)
			if (next[i] != NULL && leads_to(tenant, next[i], to, seen, way))
				return true;
	}
	way->len = length;
	return false;
}

/* Nor may what would pay in place of a budget lead back to it: it refuses as well. */
static void
refuse_circle(const char *tenant, const char *name, const char *what, const char *other)
{
	List	   *seen = NIL;
	StringInfoData way;

	initStringInfo(&way);
	appendStringInfoString(&way, agc_quoted_name(name));
	if (leads_to(tenant, other, name, &seen, &way))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s \"%s\" of budget \"%s\" makes a circle", what, other, name),
				 errdetail("It is %s, by parents and overflows.", way.data)));
}

void
define_check_overflow(const char *tenant, const char *overflow)
{
	BudgetDef	def;

	definition_require(tenant, overflow, &def);
	if (def.made)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("budget \"%s\" cannot be an overflow", overflow),
				 errdetail("It is one that a template made at its first use."),
				 errhint("Make it one of its own with agentcore.budget_set() first.")));
}

/* Definitions are locked, so this stays true until COMMIT. */
static void
check_parent(const char *tenant, const char *name, const char *parent)
{
	BudgetPath	above;
	int			levels;

	if (strcmp(parent, name) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("budget \"%s\" cannot be its own parent", name)));
	path_resolve(&above, tenant, parent);
	template_check_parent(&above);
	refuse_circle(tenant, name, "parent", parent);
	levels = above.n + height_of(tenant, name);
	if (levels > BUDGET_MAX_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				 errmsg("parent \"%s\" makes budget \"%s\" one of %d levels", parent, name, levels),
				 errdetail("At most %d are allowed.", BUDGET_MAX_DEPTH)));
}

static void
check_overflow(const char *tenant, const char *name, const char *overflow)
{
	if (strcmp(overflow, name) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("budget \"%s\" cannot be its own overflow", name)));
	define_check_overflow(tenant, overflow);
	refuse_circle(tenant, name, "overflow", overflow);
}

static int
compare_int32(const void *a, const void *b)
{
	return *(const int32 *) a - *(const int32 *) b;
}

/* Ascending, each once. */
static ArrayType *
arg_thresholds(FunctionCallInfo fcinfo, int arg)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P_COPY(arg);
	int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	int32	   *percent = (int32 *) ARR_DATA_PTR(array);
	Datum		elems[BUDGET_MAX_THRESHOLDS];
	int			kept = 0;

	if (n > BUDGET_MAX_THRESHOLDS || ARR_NDIM(array) > 1 || ARR_HASNULL(array))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("thresholds must be at most %d percentages, none of them null", BUDGET_MAX_THRESHOLDS)));
	qsort(percent, n, sizeof(int32), compare_int32);
	for (int i = 0; i < n; i++)
	{
		if (percent[i] < 1 || percent[i] > 100)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("thresholds must be between 1 and 100 percent"),
					 errdetail("Got %d.", percent[i])));
		if (i == 0 || percent[i] != percent[i - 1])
			elems[kept++] = Int32GetDatum(percent[i]);
	}
	return construct_array(elems, kept, INT4OID, sizeof(int32), true, TYPALIGN_INT);
}

/* Role names as text, each once; 42704 for one that does not exist. */
static ArrayType *
arg_spenders(FunctionCallInfo fcinfo, int arg, bool judge)
{
	Datum	   *elems;
	bool	   *nulls;
	int			n;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(arg), NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &elems, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("spenders must not hold a null")));
		if (judge)
			(void) get_role_oid(NameStr(*DatumGetName(elems[i])), false);
		elems[i] = CStringGetTextDatum(NameStr(*DatumGetName(elems[i])));
	}
	return construct_array(elems, n, TEXTOID, -1, false, TYPALIGN_INT);
}

/* Infinity: all that was spent is charged. */
static Datum
arg_max_overrun(FunctionCallInfo fcinfo, int arg)
{
	Datum		times = PG_GETARG_DATUM(arg);

	if (numeric_is_nan(DatumGetNumeric(times)) ||
		DatumGetBool(DirectFunctionCall2(numeric_lt, times, NumericGetDatum(int64_to_numeric(1)))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_overrun must be 1 or more"),
				 errhint("It says how many times its hold a permit is charged at most. Infinity sets no bound.")));
	return times;
}

ArrayType *
define_only(FunctionCallInfo fcinfo, int n)
{
	ArrayType  *only = agc_opt_patterns(fcinfo, n, "only");

	if (only != NULL && ArrayGetNItems(ARR_NDIM(only), ARR_DIMS(only)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("only must name a model or a tool"),
				 errhint("Write reset => '{only}' for a budget that counts all calls.")));
	return only;
}

/* A root that calls pass by would leave nothing that counts them. */
static ArrayType *
arg_only(FunctionCallInfo fcinfo)
{
	ArrayType  *only = define_only(fcinfo, A_ONLY);

	if (only != NULL && PG_ARGISNULL(A_PARENT))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a budget without a parent counts all calls"),
				 errdetail("With only, the calls of other models and tools would count for no budget."),
				 errhint("Give it a parent, which may have no limits.")));
	return only;
}

void
define_put_maxima(AgcRow *row, FunctionCallInfo fcinfo, int n)
{
	agc_put_datum(row, Int64GetDatum(agc_opt_amount(fcinfo, n, "max_tokens", 0)), PG_ARGISNULL(n));
	agc_put_datum(row, Int64GetDatum(agc_opt_usd(fcinfo, n + 1, "max_usd", 0)), PG_ARGISNULL(n + 1));
	agc_put_datum(row, Int64GetDatum(agc_opt_amount(fcinfo, n + 2, "max_calls", 0)), PG_ARGISNULL(n + 2));
}

static void
put_min_hold(AgcRow *row, FunctionCallInfo fcinfo, int n)
{
	agc_put_datum(row, Int64GetDatum(agc_opt_amount(fcinfo, n, "min_hold_tokens", 0)), PG_ARGISNULL(n));
	agc_put_datum(row, Int64GetDatum(agc_opt_usd(fcinfo, n + 1, "min_hold_usd", 0)), PG_ARGISNULL(n + 1));
}

static void
put_full(AgcRow *row, FunctionCallInfo fcinfo, int n)
{
	char	   *on_full = agc_arg_name(fcinfo, n, "on_full");

	if (strcmp(on_full, "deny") != 0 && strcmp(on_full, "wait") != 0 && strcmp(on_full, "ask") != 0)
		agc_refuse_word("on_full", on_full, "It can be \"deny\", \"wait\" or \"ask\".");
	agc_put_text(row, on_full);
	agc_put_text(row, agc_opt_name(fcinfo, n + 1, "overflow"));
}

void
define_put_members(AgcRow *row, FunctionCallInfo fcinfo, AgcSetting *set, const Window *window)
{
	define_put_maxima(row, fcinfo, A_MAX_TOKENS);
	agc_put_datum(row, Int32GetDatum(define_count(fcinfo, A_MAX_IN_FLIGHT, "max_in_flight", 0)), PG_ARGISNULL(A_MAX_IN_FLIGHT));
	agc_put_arg(row, fcinfo, A_PERIOD);
	agc_put_text(row, window_kind_name(window->kind));
	agc_put_arg(row, fcinfo, A_TZ);
	agc_put_arg(row, fcinfo, A_ANCHOR);
	agc_put_arg(row, fcinfo, A_PARENT);
	agc_put_text(row, arg_word(fcinfo, A_ON_EXPIRY, "on_expiry", "release", "charge_estimate"));
	agc_put_text(row, arg_word(fcinfo, A_OVERRUN, "overrun", "charge", "cap"));
	agc_put_arg(row, fcinfo, A_ENABLED);
	agc_put_pointer(row, arg_thresholds(fcinfo, A_THRESHOLDS));
	agc_put_pointer(row, PG_ARGISNULL(A_SPENDERS) ? NULL : arg_spenders(fcinfo, A_SPENDERS, AGC_CHANGED(set, A_SPENDERS)));
	agc_put_datum(row, PG_ARGISNULL(A_MAX_OVERRUN) ? (Datum) 0 : arg_max_overrun(fcinfo, A_MAX_OVERRUN), PG_ARGISNULL(A_MAX_OVERRUN));
	put_min_hold(row, fcinfo, A_MIN_HOLD_TOKENS);
	agc_put_pointer(row, arg_only(fcinfo));
	put_full(row, fcinfo, A_ON_FULL);
}

#define EXCLUDED	BUDGET_COLUMNS_OF("EXCLUDED.")
#define SAME		BUDGET_SAME("b.", "EXCLUDED.")
#define SAME_WINDOW BUDGET_SAME_WINDOW("b.", "EXCLUDED.")
#define SAME_LIMITS BUDGET_SAME_LIMITS("b.", "EXCLUDED.")

static bool
write_budget(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, BUDGET_TYPES, TIMESTAMPTZOID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.budget AS b (tenant, name, " BUDGET_COLUMNS ", limited_at, window_revision)"
		" VALUES ($1, $2, " BUDGET_VALUES ", $23, nextval('agentcore.revision_seq'))"
		" ON CONFLICT (tenant, name) DO UPDATE SET (" BUDGET_COLUMNS ") = ROW(" EXCLUDED "),"
		" template = NULL, place = NULL,"
		" limited_at = CASE WHEN " SAME_WINDOW " AND " SAME_LIMITS " THEN b.limited_at ELSE EXCLUDED.limited_at END,"
		" window_revision = CASE WHEN " SAME_WINDOW " THEN b.window_revision ELSE EXCLUDED.window_revision END"
		" WHERE $24 AND NOT (b.template IS NULL AND " SAME ")"
		" RETURNING b.limited_at = $23",
		lengthof(types), types
	};
	char	   *name = agc_arg_name(fcinfo, A_NAME, "name");
	char	   *parent = agc_opt_name(fcinfo, A_PARENT, "parent");
	Window		window;
	BudgetDef	old;
	bool		known;
	bool		changed;
	bool		isnull;
	AgcOwner	owner;
	AgcRow		row;

	define_window_of_args(fcinfo, set, A_PERIOD, &window);
	agc_row_init(&row);
	agc_put(&row, set->keys[0]);
	agc_put(&row, set->keys[1]);
	define_put_members(&row, fcinfo, set, &window);
	agc_put_time(&row, agc_now());
	agc_put_bool(&row, set->exists);
	agc_owner_begin_bounded(&owner);
	if (AGC_NAMES_ANEW(fcinfo, set, A_PARENT))
		check_parent(set->tenant, name, parent);
	if (AGC_NAMES_ANEW(fcinfo, set, A_OVERFLOW))
		check_overflow(set->tenant, name, agc_opt_name(fcinfo, A_OVERFLOW, "overflow"));
	known = definition_read(set->tenant, name, &old);
	changed = agc_set_spi_row(set, &plan, &row);
	/* a change of "enabled" or of the parent waits for no counter */
	if (changed && DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)))
		define_counters_sync(set->tenant, name, known ? &old : NULL);
	agc_owner_end(&owner);
	return changed;
}

/* budget_set(name, ..., reset, tenant) -> boolean: whether anything changed */
AGC_FUNCTION(budget_set)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan row = {
		"SELECT " BUDGET_ARGUMENTS
		" FROM agentcore.budget WHERE tenant = $1 AND name = $2 FOR NO KEY UPDATE", lengthof(types), types
	};
	static const AgcMember members[] = {BUDGET_MEMBERS("parent")};
	static const AgcSetter setter = {
		"budget", A_MAX_TOKENS, lengthof(members), members, &row, .before = define_before, .write = write_budget
	};
	Datum		keys[] = {0, CStringGetTextDatum(agc_arg_name(fcinfo, A_NAME, "name"))};

	return agc_set(fcinfo, &setter, keys);
}

static void
refuse_parent(const char *tenant, const char *name)
{
	if (height_of(tenant, name) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("budget \"%s\" is the parent of other budgets", name),
				 errhint("Drop them and their templates, or give them another parent, first. Budgets that a template made go by agentcore.budget_prune().")));
}

static void
refuse_overflow(const char *tenant, const char *name)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"SELECT name FROM agentcore.budget WHERE tenant = $1 AND overflow = $2 UNION ALL"
		" SELECT name FROM agentcore.budget_template WHERE tenant = $1 AND overflow = $2 LIMIT 1", lengthof(types), types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, name);
	agc_spi_row(&plan, &row);
	if (SPI_processed > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("budget \"%s\" is the overflow of \"%s\"", name, SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1)),
				 errhint("Give that another overflow, or none, first.")));
}

static void
drop_counters(const char *tenant, const char *name)
{
	BudgetPath	path;
	PathLink   *link;

	define_counters_take(&path, tenant, name, NULL);
	link = path.link;
	if (link->found && link->sum.held[DIM_IN_FLIGHT] > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("budget \"%s\" is held by %lld open permits", name, (long long) link->sum.held[DIM_IN_FLIGHT]),
				 errhint("Disable it with budget_set(enabled => false) and drop it once they are settled.")));
	for (int i = 0; i < link->nrows; i++)
		row_counter_delete(&link->rows[i]);
}

/* budget_drop(name) -> boolean: whether there was one */
AGC_FUNCTION(budget_drop)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"WITH gone AS (DELETE FROM agentcore.budget_limit WHERE tenant = $1 AND budget = $2)"
		" DELETE FROM agentcore.budget WHERE tenant = $1 AND name = $2", 2, types
	};
	char	   *tenant = agc_arg_tenant(fcinfo, 1);
	char	   *name = agc_arg_name(fcinfo, 0, "name");
	bool		existed;
	AgcOwner	owner;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, name);
	agc_enter(tenant, AGC_ADMIN);
	agc_owner_begin_bounded(&owner);
	define_lock(tenant);
	refuse_parent(tenant, name);
	refuse_overflow(tenant, name);
	drop_counters(tenant, name);
	agc_spi_row(&plan, &row);
	existed = SPI_processed > 0;
	agc_owner_end(&owner);
	PG_RETURN_BOOL(existed);
}
