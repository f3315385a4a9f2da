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

enum
{
	A_NAME, A_MAX_TOKENS, A_MAX_USD, A_MAX_CALLS, A_MAX_IN_FLIGHT, A_PERIOD, A_KIND, A_TZ,
	A_ANCHOR, A_PARENT, A_ON_EXPIRY, A_OVERRUN, A_ENABLED, A_THRESHOLDS, A_SPENDERS,
	A_MAX_OVERRUN, A_MIN_HOLD_TOKENS, A_MIN_HOLD_USD, A_ONLY, A_ON_FULL, A_OVERFLOW
};

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
char *
define_word(FunctionCallInfo fcinfo, int n, const char *what, const char *one, const char *other)
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
ArrayType *
define_thresholds(FunctionCallInfo fcinfo, int arg)
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
ArrayType *
define_spenders(FunctionCallInfo fcinfo, int arg, bool judge)
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
Datum
define_max_overrun(FunctionCallInfo fcinfo, int arg)
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

#define SAME_WINDOW \
	"b.kind = EXCLUDED.kind AND b.tz = EXCLUDED.tz AND b.anchor IS NOT DISTINCT FROM EXCLUDED.anchor" \
	" AND b.period::text IS NOT DISTINCT FROM EXCLUDED.period::text"
#define SAME_LIMITS \
	"(b.max_tokens, b.max_nanousd, b.max_calls, b.max_in_flight) IS NOT DISTINCT FROM" \
	" (EXCLUDED.max_tokens, EXCLUDED.max_nanousd, EXCLUDED.max_calls, EXCLUDED.max_in_flight)"

void
define_put_maxima(AgcRow *row, FunctionCallInfo fcinfo, int n)
{
	agc_put_datum(row, Int64GetDatum(agc_opt_amount(fcinfo, n, "max_tokens", 0)), PG_ARGISNULL(n));
	agc_put_datum(row, Int64GetDatum(agc_opt_usd(fcinfo, n + 1, "max_usd", 0)), PG_ARGISNULL(n + 1));
	agc_put_datum(row, Int64GetDatum(agc_opt_amount(fcinfo, n + 2, "max_calls", 0)), PG_ARGISNULL(n + 2));
}

void
define_put_min_hold(AgcRow *row, FunctionCallInfo fcinfo, int n)
{
	agc_put_datum(row, Int64GetDatum(agc_opt_amount(fcinfo, n, "min_hold_tokens", 0)), PG_ARGISNULL(n));
	agc_put_datum(row, Int64GetDatum(agc_opt_usd(fcinfo, n + 1, "min_hold_usd", 0)), PG_ARGISNULL(n + 1));
}

void
define_put_full(AgcRow *row, FunctionCallInfo fcinfo, int n)
{
	char	   *on_full = agc_arg_name(fcinfo, n, "on_full");

	if (strcmp(on_full, "deny") != 0 && strcmp(on_full, "wait") != 0 && strcmp(on_full, "ask") != 0)
		agc_refuse_word("on_full", on_full, "It can be \"deny\", \"wait\" or \"ask\".");
	agc_put_text(row, on_full);
	agc_put_text(row, agc_opt_name(fcinfo, n + 1, "overflow"));
}

/* The parameters of write_budget(). */
static void
put_budget(AgcRow *row, FunctionCallInfo fcinfo, AgcSetting *set, const char *kind)
{
	agc_put(row, set->keys[0]);
	agc_put_arg(row, fcinfo, A_NAME);
	define_put_maxima(row, fcinfo, A_MAX_TOKENS);
	agc_put_datum(row, Int32GetDatum(define_count(fcinfo, A_MAX_IN_FLIGHT, "max_in_flight", 0)), PG_ARGISNULL(A_MAX_IN_FLIGHT));
	agc_put_arg(row, fcinfo, A_PERIOD);
	agc_put_text(row, kind);
	agc_put_arg(row, fcinfo, A_TZ);
	agc_put_arg(row, fcinfo, A_ANCHOR);
	agc_put_arg(row, fcinfo, A_PARENT);
	agc_put_text(row, define_word(fcinfo, A_ON_EXPIRY, "on_expiry", "release", "charge_estimate"));
	agc_put_text(row, define_word(fcinfo, A_OVERRUN, "overrun", "charge", "cap"));
	agc_put_arg(row, fcinfo, A_ENABLED);
	agc_put_time(row, agc_now());
	agc_put_pointer(row, define_thresholds(fcinfo, A_THRESHOLDS));
	agc_put_bool(row, set->exists);
	agc_put_pointer(row, PG_ARGISNULL(A_SPENDERS) ? NULL : define_spenders(fcinfo, A_SPENDERS, AGC_TOUCHED(set, A_SPENDERS)));
	if (PG_ARGISNULL(A_MAX_OVERRUN))
		agc_put_null(row);
	else
		agc_put(row, define_max_overrun(fcinfo, A_MAX_OVERRUN));
	define_put_min_hold(row, fcinfo, A_MIN_HOLD_TOKENS);
	agc_put_pointer(row, arg_only(fcinfo));
	define_put_full(row, fcinfo, A_ON_FULL);
}

static bool
write_budget(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, INT8OID, INT8OID, INT8OID, INT4OID, INTERVALOID,
								 TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID, TIMESTAMPTZOID, INT4ARRAYOID,
								 BOOLOID, TEXTARRAYOID, NUMERICOID, INT8OID, INT8OID, TEXTARRAYOID, TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.budget AS b (tenant, name, max_tokens, max_nanousd, max_calls,"
		" max_in_flight, period, kind, tz, anchor, parent, on_expiry, overrun, enabled,"
		" limited_at, window_revision, thresholds, spenders, max_overrun, min_hold_tokens, min_hold_nanousd, \"only\", on_full, overflow)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,"
		" $15, nextval('agentcore.revision_seq'), $16, $18, $19, $20, $21, $22, $23, $24)"
		" ON CONFLICT (tenant, name) DO UPDATE SET"
		" max_tokens = EXCLUDED.max_tokens, max_nanousd = EXCLUDED.max_nanousd,"
		" max_calls = EXCLUDED.max_calls, max_in_flight = EXCLUDED.max_in_flight,"
		" period = EXCLUDED.period, kind = EXCLUDED.kind, tz = EXCLUDED.tz,"
		" anchor = EXCLUDED.anchor, parent = EXCLUDED.parent, on_expiry = EXCLUDED.on_expiry,"
		" overrun = EXCLUDED.overrun, enabled = EXCLUDED.enabled, thresholds = EXCLUDED.thresholds,"
		" template = NULL, place = NULL, spenders = EXCLUDED.spenders, max_overrun = EXCLUDED.max_overrun,"
		" min_hold_tokens = EXCLUDED.min_hold_tokens, min_hold_nanousd = EXCLUDED.min_hold_nanousd, \"only\" = EXCLUDED.\"only\","
		" on_full = EXCLUDED.on_full, overflow = EXCLUDED.overflow,"
		" limited_at = CASE WHEN " SAME_WINDOW " AND " SAME_LIMITS
		" THEN b.limited_at ELSE EXCLUDED.limited_at END,"
		" window_revision = CASE WHEN " SAME_WINDOW
		" THEN b.window_revision ELSE EXCLUDED.window_revision END"
		" WHERE $17 AND NOT (b.template IS NULL AND " SAME_WINDOW " AND " SAME_LIMITS
		" AND b.parent IS NOT DISTINCT FROM EXCLUDED.parent AND b.on_expiry = EXCLUDED.on_expiry"
		" AND b.overrun = EXCLUDED.overrun AND b.enabled = EXCLUDED.enabled"
		" AND b.thresholds = EXCLUDED.thresholds AND b.spenders IS NOT DISTINCT FROM EXCLUDED.spenders"
		" AND (b.max_overrun, b.min_hold_tokens, b.min_hold_nanousd, b.\"only\", b.on_full, b.overflow) IS NOT DISTINCT FROM"
		" (EXCLUDED.max_overrun, EXCLUDED.min_hold_tokens, EXCLUDED.min_hold_nanousd, EXCLUDED.\"only\", EXCLUDED.on_full, EXCLUDED.overflow))"
		" RETURNING b.limited_at = $15", lengthof(types), types
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
	put_budget(&row, fcinfo, set, window_kind_name(window.kind));
	agc_owner_begin_bounded(&owner);
	if (AGC_GIVEN(set, A_PARENT))
		check_parent(set->tenant, name, parent);
	if (AGC_GIVEN(set, A_OVERFLOW))
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
		"SELECT max_tokens, max_nanousd * 0.000000001, max_calls, max_in_flight, period, kind, tz, anchor, parent,"
		" on_expiry, overrun, enabled, thresholds, spenders::name[], max_overrun,"
		" min_hold_tokens, min_hold_nanousd * 0.000000001, \"only\", on_full, overflow"
		" FROM agentcore.budget WHERE tenant = $1 AND name = $2 FOR NO KEY UPDATE", lengthof(types), types
	};
	static const AgcMember members[] = {
		{"max_tokens"}, {"max_usd"}, {"max_calls"}, {"max_in_flight"}, {"period"}, {"kind"}, {"tz", "UTC"},
		{"anchor"}, {"parent"}, {"on_expiry", "release"}, {"overrun", "charge"},
		{"enabled", "true"}, {"thresholds", "{}"}, {"spenders"}, {"max_overrun"},
		{"min_hold_tokens"}, {"min_hold_usd"}, {"only"}, {"on_full", "deny"}, {"overflow"}
	};
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
