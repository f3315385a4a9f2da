/*
 * definition.c
 *	  What a budget is defined as, compiled from its rows.
 *
 * A budget and its further limits are one compiled object, kept per session
 * until a registry table changes (core/invalidation.c).
 *
 * Memory: what is compiled, in the object's own context; a copy, in the
 * caller's.  Locks: those of reading tables, released at once.  On ERROR: a
 * half-compiled object is not kept.
 */
#include "budget/definition.h"

#include "budget/budget.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

static void *compile_budget(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name);

static AgcTable budget_table = AGC_TABLE("budget", "budget_pkey");
static AgcTable limit_table = AGC_TABLE("budget_limit", "budget_limit_pkey");
static const AgcObjectClass budget_class = {"budget", &budget_table, compile_budget, .always_looks = true};

/* The columns that a budget and its further limits have in common. */
static void
compile_limit(BudgetLimit *limit, HeapTuple tuple, TupleDesc desc)
{
	bool		no_period;
	bool		no_anchor;
	Datum		period = agc_col(tuple, desc, "period", &no_period);
	Datum		anchor = agc_col(tuple, desc, "anchor", &no_anchor);

	window_define(&limit->window, agc_col_text(tuple, desc, "kind"),
				  no_period ? NULL : DatumGetIntervalP(period),
				  agc_col_text(tuple, desc, "tz"),
				  !no_anchor, no_anchor ? 0 : DatumGetTimestampTz(anchor));
	limit->max[DIM_TOKENS] = agc_col_int64(tuple, desc, "max_tokens", NO_AMOUNT);
	limit->max[DIM_NANOUSD] = agc_col_int64(tuple, desc, "max_nanousd", NO_AMOUNT);
	limit->max[DIM_CALLS] = agc_col_int64(tuple, desc, "max_calls", NO_AMOUNT);
}

static void
add_limit(HeapTuple tuple, TupleDesc desc, void *arg)
{
	BudgetDef  *def = arg;
	BudgetLimit *limit;

	if (def->nlimits == BUDGET_MAX_WINDOWS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a budget has more than %d limits", BUDGET_MAX_WINDOWS)));
	limit = &def->limit[def->nlimits++];
	limit->name = agc_col_text(tuple, desc, "name");
	compile_limit(limit, tuple, desc);
}

static int
compare_limits(const void *a, const void *b)
{
	return strcmp(((const BudgetLimit *) a)->name, ((const BudgetLimit *) b)->name);
}

static void
compile_thresholds(BudgetDef *def, HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	ArrayType  *array = DatumGetArrayTypeP(agc_col(tuple, desc, "thresholds", &isnull));

	def->nthresholds = Min(ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)), BUDGET_MAX_THRESHOLDS);
	memcpy(def->threshold, ARR_DATA_PTR(array), def->nthresholds * sizeof(int32));
}

void
definition_of_row(HeapTuple tuple, TupleDesc desc, BudgetDef *def)
{
	bool		no_limit;
	bool		no_overrun;
	bool		every;
	Datum		only;
	Datum		in_flight = agc_col(tuple, desc, "max_in_flight", &no_limit);
	Datum		overrun = agc_col(tuple, desc, "max_overrun", &no_overrun);
	char	   *on_full = agc_col_text(tuple, desc, "on_full");

	memset(def, 0, sizeof(*def));
	def->parent = agc_col_text(tuple, desc, "parent");
	def->enabled = agc_col_bool(tuple, desc, "enabled");
	def->charge_on_expiry = strcmp(agc_col_text(tuple, desc, "on_expiry"), "release") != 0;
	def->max_in_flight = no_limit ? NO_AMOUNT : DatumGetInt32(in_flight);
	def->cap_overrun = strcmp(agc_col_text(tuple, desc, "overrun"), "cap") == 0;
	def->max_overrun = no_overrun ? 0 : DatumGetFloat8(DirectFunctionCall1(numeric_float8, overrun));
	def->min_hold[DIM_TOKENS] = agc_col_int64(tuple, desc, "min_hold_tokens", 0);
	def->min_hold[DIM_NANOUSD] = agc_col_int64(tuple, desc, "min_hold_nanousd", 0);
	compile_thresholds(def, tuple, desc);
	only = agc_col(tuple, desc, "only", &every);
	if (!every)
		def->only = agc_texts_of(only, &def->nonly);
	def->on_full = strcmp(on_full, "wait") == 0 ? ON_FULL_WAIT : strcmp(on_full, "ask") == 0 ? ON_FULL_ASK : ON_FULL_DENY;
	def->overflow = agc_col_text(tuple, desc, "overflow");
	def->nlimits = 1;
	compile_limit(&def->limit[0], tuple, desc);
}

static void *
compile_budget(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name)
{
	BudgetDef  *def = palloc(sizeof(BudgetDef));
	const char *keys[2] = {tenant, name};
	Relation	limits;
	bool		isnull;

	definition_of_row(tuple, desc, def);
	def->window_revision = agc_col_int64(tuple, desc, "window_revision", 0);
	(void) agc_col(tuple, desc, "template", &isnull);
	def->made = !isnull;
	limits = agc_table_open(&limit_table, AccessShareLock);
	agc_table_scan(&limit_table, limits, 2, keys, add_limit, def);
	agc_table_close(limits, AccessShareLock);
	qsort(&def->limit[1], def->nlimits - 1, sizeof(BudgetLimit), compare_limits);
	return def;
}

static void
copy_only(BudgetDef *def)
{
	char	  **only = palloc(def->nonly * sizeof(char *));

	for (int i = 0; i < def->nonly; i++)
		only[i] = pstrdup(def->only[i]);
	def->only = only;
}

/* A copy, so that it does not change while the caller waits for locks. */
bool
definition_read(const char *tenant, const char *budget, BudgetDef *out)
{
	AgcObject  *object = agc_object_pin(&budget_class, tenant, budget);

	if (object == NULL)
		return false;
	*out = *(BudgetDef *) object->data;
	if (out->parent != NULL)
		out->parent = pstrdup(out->parent);
	if (out->overflow != NULL)
		out->overflow = pstrdup(out->overflow);
	if (out->nonly > 0)
		copy_only(out);
	for (int w = 1; w < out->nlimits; w++)
		out->limit[w].name = pstrdup(out->limit[w].name);
	agc_object_unpin(object);
	return true;
}

static void
refuse_unknown(const char *budget)
{
	agc_refuse_unknown("budget", budget, NULL, "Create it with agentcore.budget_set().");
}

void
definition_require(const char *tenant, const char *budget, BudgetDef *out)
{
	if (!definition_read(tenant, budget, out))
		refuse_unknown(budget);
}

void
budget_require(const char *tenant, const char *budget)
{
	BudgetDef	def;

	definition_require(tenant, budget, &def);
}

const char *
definition_limit_name(const BudgetLimit *limit)
{
	return limit->name == NULL ? MAIN_LIMIT : limit->name;
}
