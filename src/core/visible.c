/*
 * visible.c
 *	  visible_rows(): the rows of a table that the caller may see, for the views.
 *
 * A filter in a view can be asked about what it hides: EXPLAIN tells how many
 * rows it removed and what the statistics expect, also of conditions that the
 * caller adds, for those of leakproof operators are put below a security
 * barrier.  So the rows are read here, by a query of the owner's that no plan
 * shows, and the caller's conditions and plans only ever meet what is visible.
 * What a caller of other tenants pays for is not read either: the query goes by
 * an index that begins with the tenant.
 *
 * agentcore.access_source says of each table which columns nobody may see, and
 * which only the tenant's approvers or administrators.
 *
 * Memory: plans are kept for the session, at most one set for each table; the
 * rows go to a tuplestore of the calling query.  Locks: those of reading.  On
 * ERROR: abort restores the user, as in owner.c; a plan that was not finished
 * is made anew.
 */
#include "core/core.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/tstoreReceiver.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/typcache.h"

/* parameters of the queries: tenants to read, tenants administered, all administered, since, tenants decided for, all */
#define NPARAMS		6

typedef struct Source
{
	char		name[NAMEDATALEN];	/* of the table */
	uint64		row_type;		/* what its columns were when the plans were made */
	SPIPlanPtr	plan[2][2];		/* of all tenants; with a time */
	struct Source *next;
} Source;

/* what access_source says of a table */
typedef struct Rules
{
	bool		shared;			/* rows of tenant '*' are for all who read any tenant */
	ArrayType  *hidden;
	ArrayType  *admin_only;
	ArrayType  *approver_only;
	char	   *since;
} Rules;

static const Oid param_types[NPARAMS] = {TEXTARRAYOID, TEXTARRAYOID, BOOLOID, TIMESTAMPTZOID, TEXTARRAYOID, BOOLOID};

static AgcTable source_table = AGC_TABLE("access_source", "access_source_pkey");

static Source *sources = NULL;

static bool
is_listed(ArrayType *columns, const char *column)
{
	Datum	   *elems;
	int			n;

	deconstruct_array(columns, TEXTOID, -1, false, TYPALIGN_INT, &elems, NULL, &n);
	for (int i = 0; i < n; i++)
		if (strcmp(TextDatumGetCString(elems[i]), column) == 0)
			return true;
	return false;
}

/* False where no view is made of the table. */
static bool
read_rules(const char *name, Rules *rules)
{
	Relation	rel = agc_table_open(&source_table, AccessShareLock);
	HeapTuple	row = agc_table_get(&source_table, rel, 1, &name);
	TupleDesc	desc = RelationGetDescr(rel);
	bool		isnull;

	if (row != NULL)
	{
		rules->shared = agc_col_bool(row, desc, "shared");
		rules->hidden = DatumGetArrayTypeP(agc_col(row, desc, "hidden", &isnull));
		rules->admin_only = DatumGetArrayTypeP(agc_col(row, desc, "admin_only", &isnull));
		rules->approver_only = DatumGetArrayTypeP(agc_col(row, desc, "approver_only", &isnull));
		rules->since = agc_col_text(row, desc, "since");
	}
	agc_table_close(rel, AccessShareLock);
	return row != NULL;
}

static void
append_columns(StringInfo sql, TupleDesc desc, const Rules *rules)
{
	const char *comma = "";

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		const char *column = quote_identifier(NameStr(att->attname));

		if (att->attisdropped)
			continue;
		appendStringInfoString(sql, comma);
		if (is_listed(rules->hidden, NameStr(att->attname)))
			appendStringInfo(sql, "NULL::%s", format_type_with_typemod(att->atttypid, att->atttypmod));
		else if (is_listed(rules->admin_only, NameStr(att->attname)))
			appendStringInfo(sql, "CASE WHEN $3 OR t.tenant = ANY ($2) THEN t.%s END", column);
		else if (is_listed(rules->approver_only, NameStr(att->attname)))
			appendStringInfo(sql, "CASE WHEN $6 OR t.tenant = ANY ($5) THEN t.%s END", column);
		else
			appendStringInfo(sql, "t.%s", column);
		comma = ", ";
	}
}

/* The query may use any subset of the parameters. */
static SPIPlanPtr
make_plan(const char *name, TupleDesc desc, const Rules *rules, bool all, bool since)
{
	StringInfoData sql;
	SPIPlanPtr	plan;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	append_columns(&sql, desc, rules);
	appendStringInfo(&sql, " FROM agentcore.%s t WHERE %s", quote_identifier(name),
					 all ? "true" : "t.tenant = ANY ($1)");
	if (since)
		appendStringInfo(&sql, " AND t.%s >= $4", quote_identifier(rules->since));
	plan = SPI_prepare(sql.data, NPARAMS, (Oid *) param_types);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	SPI_keepplan(plan);
	return plan;
}

static void
forget_plans(Source *source)
{
	for (int i = 0; i < 4; i++)
	{
		SPIPlanPtr	plan = source->plan[i / 2][i % 2];

		source->plan[i / 2][i % 2] = NULL;
		if (plan != NULL)
			SPI_freeplan(plan);
	}
}

static Source *
find_source(const char *name)
{
	Source	   *source;

	for (source = sources; source != NULL; source = source->next)
		if (strcmp(source->name, name) == 0)
			return source;
	source = MemoryContextAllocZero(TopMemoryContext, sizeof(Source));
	strlcpy(source->name, name, sizeof(source->name));
	source->next = sources;
	sources = source;
	return source;
}

static SPIPlanPtr
plan_of(Source *source, Oid type, const Rules *rules, bool all, bool since)
{
	uint64		row_type = assign_record_type_identifier(type, -1);
	SPIPlanPtr *plan = &source->plan[all][since];

	if (source->row_type != row_type)
		forget_plans(source);
	source->row_type = row_type;
	if (*plan == NULL)
		*plan = make_plan(source->name, lookup_rowtype_tupdesc_copy(type, -1), rules, all, since);
	return *plan;
}

/* The name of the extension's table whose rows are of this type. */
static char *
table_of_type(Oid type, Rules *rules)
{
	Oid			relid = OidIsValid(type) ? get_typ_typrelid(type) : InvalidOid;
	char	   *name = OidIsValid(relid) ? get_rel_name(relid) : NULL;

	if (name == NULL || get_rel_namespace(relid) != get_namespace_oid(AGC_SCHEMA, false) ||
		!read_rules(name, rules))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no view of agentcore is made of rows of this type"),
				 errhint("Read the views of the schema agentcore.")));
	return name;
}

/* The tenants whose rows are read: with '*' where those are shared. */
static ArrayType *
tenants_read(const AgcReach *reach, bool shared)
{
	Datum	   *elems;
	int			n;

	deconstruct_array(reach->read, TEXTOID, -1, false, TYPALIGN_INT, &elems, NULL, &n);
	if (!shared || n == 0)
		return reach->read;
	elems = repalloc(elems, (n + 1) * sizeof(Datum));
	elems[n] = CStringGetTextDatum("*");
	return construct_array(elems, n + 1, TEXTOID, -1, false, TYPALIGN_INT);
}

static ParamListInfo
make_params(const AgcReach *reach, const Rules *rules, NullableDatum since)
{
	ParamListInfo params = makeParamList(NPARAMS);
	AgcRow		row;

	agc_row_init(&row);
	agc_put_pointer(&row, tenants_read(reach, rules->shared));
	agc_put_pointer(&row, reach->admin);
	agc_put_bool(&row, reach->admin_all);
	agc_put_datum(&row, since.value, since.isnull);
	agc_put_pointer(&row, reach->decide);
	agc_put_bool(&row, reach->decide_all);
	for (int i = 0; i < NPARAMS; i++)
		params->params[i] = (ParamExternData){
			.value = row.value[i], .isnull = row.null[i], .ptype = param_types[i], .pflags = PARAM_FLAG_CONST
		};
	return params;
}

/*
 * As the owner, into the tuplestore.  Others' rows are not read where an index
 * can do it: not even how long that takes, or how many pages, should tell.
 */
static void
read_rows(Source *source, Oid type, const Rules *rules, const AgcReach *reach, NullableDatum from, ReturnSetInfo *rsinfo)
{
	SPIExecuteOptions options = {.params = make_params(reach, rules, from), .read_only = true};
	AgcOwner	owner;

	agc_owner_begin(&owner);
	if (!reach->read_all)
		(void) set_config_option("enable_seqscan", "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	options.dest = CreateDestReceiver(DestTuplestore);
	SetTuplestoreDestReceiverParams(options.dest, rsinfo->setResult,
									rsinfo->econtext->ecxt_per_query_memory, false, rsinfo->setDesc,
									"the rows of the table are not of the type asked for");
	SPI_execute_plan_extended(plan_of(source, type, rules, reach->read_all, !from.isnull), &options);
	agc_owner_end(&owner);
}

/* visible_rows(row, since) -> setof the row's type: of the tenants that the caller may read */
AGC_FUNCTION(visible_rows)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 0);
	NullableDatum since = {.value = PG_ARGISNULL(1) ? (Datum) 0 : PG_GETARG_DATUM(1), .isnull = PG_ARGISNULL(1)};
	Rules		rules = {0};
	char	   *name = table_of_type(type, &rules);
	const AgcReach *reach;

	if (!since.isnull && rules.since == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rows of table \"%s\" have no time to ask for", name)));
	InitMaterializedSRF(fcinfo, 0);
	reach = agc_reach(GetUserId());
	read_rows(find_source(name), type, &rules, reach, since, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}
