/*
 * overlay.c
 *	  Other rows in place of the registry tables', for this session.
 *
 * agc_overlay_begin() makes rows of a document (overlay.h has its form), under
 * the columns, NOT NULL and CHECK of the tables, and table.c asks agc_overlay_rows()
 * for them while agc_overlaid is set: one test where none is on.
 *
 * What is compiled meanwhile is never used outside, and the other way round: a compiled
 * object knows in which overlay it was made (object.c), since it may be made of more
 * rows than its own; every row has an xmin and a ctid that no stored row and no other
 * overlay's has; and each beginning and end makes all that was derived be looked at
 * again (agc_generation()).  Names without a row are kept by generation too.
 *
 * Memory: one context below TopTransactionContext, with the rows and one sorted list
 * of them for each index that is asked for.  Locks: AccessShareLock while the
 * columns of a table are read.  On ERROR: an overlay goes with the subtransaction
 * that it was begun in, or that this one became a part of.
 */
#include "core/core.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"

/* of a page that no table has: the rows of an overlay are nobody else's */
#define NO_OFFSET	((OffsetNumber) (InvalidOffsetNumber - 1))

typedef struct OverlayKey
{
	HeapTuple	tuple;
	Datum	   *value;			/* of the index's columns */
	bool	   *null;
} OverlayKey;

/* The rows of a table in the order of one index. */
typedef struct OverlayIndex
{
	Oid			indexid;
	int			natts;
	FmgrInfo   *compare;
	Oid		   *collation;
	OverlayKey *keys;
	HeapTuple  *tuples;
	struct OverlayIndex *next;
} OverlayIndex;

typedef struct OverlayTable
{
	Oid			relid;
	char	   *name;
	TupleDesc	desc;
	bool		own;			/* the tenant's rows are these */
	bool		shared;			/* and those of tenant '*' */
	int			n;
	int			size;
	HeapTuple  *tuples;
	OverlayIndex *indexes;
	struct OverlayTable *next;
} OverlayTable;

typedef struct Overlay
{
	MemoryContext cxt;
	SubTransactionId subid;
	uint32		number;			/* among those of the session, from 1: of its rows the xmin */
	const char *tenant;
	OverlayTable *tables;
} Overlay;

uint32		agc_overlaid = 0;

static Overlay *overlay = NULL;

static void end_with_transaction(XactEvent event, void *arg);
static void end_with_subtransaction(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg);
static OverlayIndex *index_of(OverlayTable *table, Oid indexid);

void
agc_overlay_init(void)
{
	RegisterXactCallback(end_with_transaction, NULL);
	RegisterSubXactCallback(end_with_subtransaction, NULL);
}

void
agc_overlay_end(void)
{
	Overlay    *old = overlay;

	if (old == NULL)
		return;
	overlay = NULL;
	agc_overlaid = 0;
	agc_generation_next();
	MemoryContextDelete(old->cxt);
}

static void
end_with_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		agc_overlay_end();
}

static void
end_with_subtransaction(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	if (overlay == NULL || overlay->subid != subid)
		return;
	if (event == SUBXACT_EVENT_ABORT_SUB)
		agc_overlay_end();
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
		overlay->subid = parent;
}

/* ----- what the document must be ---------------------------------------------- */

pg_noreturn static void
refuse(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("this is no document of rows that a configuration can be read from"),
			 errdetail("%s", detail),
			 errhint("Take what agentcore.config_resolve() or agentcore.config_rows_at() returned, as it is.")));
}

pg_noreturn static void
refuse_row(const OverlayTable *table, const char *problem)
{
	refuse(psprintf("A row of \"%s\" %s.", table->name, problem));
}

static JsonbValue *
member(Jsonb *document, const char *name, JsonbValue *value)
{
	return getKeyJsonValueFromContainer(&document->root, name, strlen(name), value);
}

static void
check_head(const char *tenant, Jsonb *document)
{
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(document))
		refuse("It is no object.");
	if (member(document, "format", &value) == NULL || value.type != jbvNumeric ||
		!DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(value.val.numeric),
										  DirectFunctionCall1(int4_numeric, Int32GetDatum(AGC_OVERLAY_FORMAT)))))
		refuse(psprintf("Its member \"format\" is not %d.", AGC_OVERLAY_FORMAT));
	if (member(document, "tenant", &value) == NULL || value.type != jbvString ||
		value.val.string.len != strlen(tenant) || memcmp(value.val.string.val, tenant, value.val.string.len) != 0)
		refuse("Its member \"tenant\" names another tenant, or none.");
}

/* A registry table, and not the one that says who may do what. */
static bool
is_configuration(Relation rel)
{
	Oid			trigger = LookupFuncName(list_make2(makeString(AGC_SCHEMA), makeString("registry_change_trigger")), 0, NULL, false);

	if (rel->trigdesc == NULL || strcmp(RelationGetRelationName(rel), "access") == 0)
		return false;
	for (int i = 0; i < rel->trigdesc->numtriggers; i++)
		if (rel->trigdesc->triggers[i].tgfoid == trigger)
			return true;
	return false;
}

static Relation
open_relation(const char *name)
{
	Oid			relid = get_relname_relid(name, get_namespace_oid(AGC_SCHEMA, false));
	Relation	rel = NULL;

	if (OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_RELATION)
	{
		rel = table_open(relid, AccessShareLock);
		if (is_configuration(rel))
			return rel;
	}
	refuse(psprintf("No table that makes up a configuration is named %s.", agc_quoted_name(name)));
}

/* ----- rows --------------------------------------------------------------------- */

static int
tenant_column(const OverlayTable *table)
{
	for (int i = 0; i < table->desc->natts; i++)
		if (strcmp(NameStr(TupleDescAttr(table->desc, i)->attname), "tenant") == 0)
			return i;
	elog(ERROR, "table \"%s\" has no tenant", table->name);
	return -1;
}

static bool
is_text(Datum value, const char *expected)
{
	text	   *have = DatumGetTextPP(value);

	return VARSIZE_ANY_EXHDR(have) == strlen(expected) && memcmp(VARDATA_ANY(have), expected, strlen(expected)) == 0;
}

/* As it came of jsonb_populate_record(), which has no columns that were dropped. */
static void
deform(const OverlayTable *table, HeapTuple from, TupleDesc from_desc, Datum *values, bool *nulls)
{
	int			column = 0;

	for (int i = 0; i < table->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(table->desc, i);

		nulls[i] = true;
		if (att->attisdropped)
			continue;
		values[i] = heap_getattr(from, ++column, from_desc, &nulls[i]);
		if (nulls[i] && att->attnotnull)
			refuse_row(table, psprintf("lacks %s", agc_quoted_name(NameStr(att->attname))));
	}
}

static void
add_row(OverlayTable *table, uint32 number, const char *tenant, HeapTuple from, TupleDesc from_desc)
{
	Datum	   *values = palloc(table->desc->natts * sizeof(Datum));
	bool	   *nulls = palloc(table->desc->natts * sizeof(bool));
	HeapTuple	tuple;

	deform(table, from, from_desc, values, nulls);
	if (!is_text(values[tenant_column(table)], tenant))
		refuse_row(table, "is another tenant's");
	tuple = heap_form_tuple(table->desc, values, nulls);
	HeapTupleHeaderSetXmin(tuple->t_data, (TransactionId) number);
	tuple->t_tableOid = table->relid;
	ItemPointerSet(&tuple->t_self, table->n, NO_OFFSET);
	table->tuples[table->n++] = tuple;
	pfree(values);
	pfree(nulls);
}

/* As ExecConstraints() would: a row that is not so was never meant to be read. */
static void
check_rows(OverlayTable *table, Relation rel)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;
	EState	   *estate;
	TupleTableSlot *slot;

	if (constr == NULL || constr->num_check == 0)
		return;
	estate = CreateExecutorState();
	slot = MakeSingleTupleTableSlot(table->desc, &TTSOpsHeapTuple);
	GetPerTupleExprContext(estate)->ecxt_scantuple = slot;
	for (int i = 0; i < constr->num_check; i++)
	{
		ExprState  *check = ExecPrepareExpr(stringToNode(constr->check[i].ccbin), estate);

		for (int row = 0; row < table->n; row++)
		{
			ExecStoreHeapTuple(table->tuples[row], slot, false);
			if (!ExecCheck(check, GetPerTupleExprContext(estate)))
				refuse_row(table, psprintf("violates check constraint %s", agc_quoted_name(constr->check[i].ccname)));
			ResetPerTupleExprContext(estate);
		}
	}
	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(estate);
}

/* Columns that the document lacks, because it is of an older version, are as in a new row. */
static void
read_rows(OverlayTable *table, uint32 number, const char *tenant, Jsonb *rows)
{
	Oid			types[] = {JSONBOID, REGCLASSOID};
	Datum		values[] = {JsonbPGetDatum(rows), ObjectIdGetDatum(table->relid)};
	char	   *sql = psprintf("SELECT p.* FROM agentcore.config_defaults($2) d (d), pg_catalog.jsonb_array_elements($1) e,"
							   " LATERAL pg_catalog.jsonb_populate_record(NULL::agentcore.%s, d || e.value) p",
							   quote_identifier(table->name));
	MemoryContext cxt = CurrentMemoryContext;

	if (SPI_execute_with_args(sql, lengthof(types), types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "rows of \"%s\" were not read", table->name);
	MemoryContextSwitchTo(cxt);
	table->size += (int) SPI_processed;
	table->tuples = table->tuples == NULL ? palloc(Max(1, table->size) * sizeof(HeapTuple)) :
		repalloc(table->tuples, Max(1, table->size) * sizeof(HeapTuple));
	for (uint64 i = 0; i < SPI_processed; i++)
		add_row(table, number, tenant, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
	SPI_freetuptable(SPI_tuptable);
}

static OverlayTable *
table_of(Overlay *over, Relation rel)
{
	OverlayTable *table;

	for (table = over->tables; table != NULL; table = table->next)
		if (table->relid == RelationGetRelid(rel))
			return table;
	table = palloc0(sizeof(OverlayTable));
	table->relid = RelationGetRelid(rel);
	table->name = pstrdup(RelationGetRelationName(rel));
	table->desc = CreateTupleDescCopyConstr(RelationGetDescr(rel));
	table->next = over->tables;
	over->tables = table;
	return table;
}

static void
read_table(Overlay *over, const char *name, bool shared, Jsonb *rows)
{
	Relation	rel = open_relation(name);
	OverlayTable *table = table_of(over, rel);

	if (!JB_ROOT_IS_ARRAY(rows) || JB_ROOT_IS_SCALAR(rows))
		refuse_row(table, "is no element of an array");
	if (shared)
		table->shared = true;
	else
		table->own = true;
	read_rows(table, over->number, shared ? "*" : over->tenant, rows);
	check_rows(table, rel);
	(void) index_of(table, RelationGetPrimaryKeyIndex(rel));
	table->indexes = NULL;		/* more rows may come; each list is made when it is asked for */
	table_close(rel, AccessShareLock);
}

static void
read_member(Overlay *over, Jsonb *document, const char *name, bool shared)
{
	JsonbValue	tables;
	JsonbIterator *it;
	JsonbValue	value;
	JsonbIteratorToken token;
	char	   *table = NULL;

	if (member(document, name, &tables) == NULL)
		return;
	if (tables.type != jbvBinary || !JsonContainerIsObject(tables.val.binary.data))
		refuse(psprintf("Its member \"%s\" is no object.", name));
	it = JsonbIteratorInit(tables.val.binary.data);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			table = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE)
			read_table(over, table, shared, JsonbValueToJsonb(&value));
	}
}

void
agc_overlay_begin(const char *tenant, Jsonb *rows)
{
	static uint32 last = 0;
	MemoryContext cxt;
	MemoryContext old;
	Overlay    *over;
	AgcOwner	owner;

	if (overlay != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("another configuration is already being read in place of the stored one"),
				 errhint("Do not call this from a function that a replay calls.")));
	cxt = AllocSetContextCreate(CurrentMemoryContext, "agentcore overlay", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(cxt);
	over = palloc0(sizeof(Overlay));
	over->cxt = cxt;
	over->tenant = pstrdup(tenant);
	over->number = ++last;
	over->subid = GetCurrentSubTransactionId();
	check_head(tenant, rows);
	agc_owner_begin(&owner);
	read_member(over, rows, "relations", false);
	read_member(over, rows, "shared", true);
	agc_owner_end(&owner);
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(cxt, TopTransactionContext);
	overlay = over;
	agc_overlaid = over->number;
	agc_generation_next();
}

/* ----- looking rows up ------------------------------------------------------------ */

static int
compare_column(const OverlayIndex *index, int column, Datum a, bool a_null, Datum b, bool b_null)
{
	if (a_null || b_null)
		return (int) a_null - (int) b_null;
	return DatumGetInt32(FunctionCall2Coll(&index->compare[column], index->collation[column], a, b));
}

static int
compare_keys(const void *a, const void *b, void *arg)
{
	const OverlayIndex *index = arg;
	const OverlayKey *left = a;
	const OverlayKey *right = b;
	int			result = 0;

	for (int i = 0; i < index->natts && result == 0; i++)
		result = compare_column(index, i, left->value[i], left->null[i], right->value[i], right->null[i]);
	return result;
}

static bool
has_null(const OverlayIndex *index, const OverlayKey *key)
{
	for (int i = 0; i < index->natts; i++)
		if (key->null[i])
			return true;
	return false;
}

static void
sort_rows(OverlayTable *table, OverlayIndex *index, bool unique)
{
	qsort_arg(index->keys, table->n, sizeof(OverlayKey), compare_keys, index);
	for (int i = 0; i < table->n; i++)
	{
		index->tuples[i] = index->keys[i].tuple;
		if (unique && i > 0 && !has_null(index, &index->keys[i]) &&
			compare_keys(&index->keys[i - 1], &index->keys[i], index) == 0)
			refuse_row(table, "is there twice");
	}
}

static void
read_key(const OverlayTable *table, Relation rel, OverlayIndex *index, int row)
{
	OverlayKey *key = &index->keys[row];

	key->tuple = table->tuples[row];
	key->value = palloc(index->natts * sizeof(Datum));
	key->null = palloc(index->natts * sizeof(bool));
	for (int i = 0; i < index->natts; i++)
		key->value[i] = heap_getattr(key->tuple, rel->rd_index->indkey.values[i], table->desc, &key->null[i]);
}

static OverlayIndex *
build_index(OverlayTable *table, Oid indexid)
{
	Relation	rel = index_open(indexid, AccessShareLock);
	OverlayIndex *index = palloc0(sizeof(OverlayIndex));

	index->indexid = indexid;
	index->natts = IndexRelationGetNumberOfKeyAttributes(rel);
	index->compare = palloc0(index->natts * sizeof(FmgrInfo));
	index->collation = palloc(index->natts * sizeof(Oid));
	index->keys = palloc0(Max(1, table->n) * sizeof(OverlayKey));
	index->tuples = palloc0(Max(1, table->n) * sizeof(HeapTuple));
	for (int i = 0; i < index->natts; i++)
	{
		fmgr_info_cxt(index_getprocid(rel, i + 1, BTORDER_PROC), &index->compare[i], CurrentMemoryContext);
		index->collation[i] = rel->rd_indcollation[i];
	}
	for (int i = 0; i < table->n; i++)
		read_key(table, rel, index, i);
	sort_rows(table, index, rel->rd_index->indisunique);
	index_close(rel, AccessShareLock);
	return index;
}

/* The context of the rows must be current. */
static OverlayIndex *
index_of(OverlayTable *table, Oid indexid)
{
	OverlayIndex *index = table->indexes;

	while (index != NULL && index->indexid != indexid)
		index = index->next;
	if (index == NULL)
	{
		index = build_index(table, indexid);
		index->next = table->indexes;
		table->indexes = index;
	}
	return index;
}

/* of the leading columns only */
static int
compare_to(const OverlayIndex *index, const OverlayKey *row, int nkeys, const AgcKey *keys)
{
	int			result = 0;

	for (int i = 0; i < nkeys && result == 0; i++)
		result = compare_column(index, i, row->value[i], row->null[i], keys[i].value, false);
	return result;
}

/* The first row that is not below the keys, or with after, that is above them. */
static int
bound(const OverlayIndex *index, int n, int nkeys, const AgcKey *keys, bool after)
{
	int			low = 0;
	int			high = n;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		int			result = compare_to(index, &index->keys[middle], nkeys, keys);

		if (result < 0 || (after && result == 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static OverlayTable *
covered(Relation rel, Datum tenant)
{
	OverlayTable *table = overlay->tables;

	while (table != NULL && table->relid != RelationGetRelid(rel))
		table = table->next;
	if (table == NULL || !((table->own && is_text(tenant, overlay->tenant)) || (table->shared && is_text(tenant, "*"))))
		return NULL;
	return table;
}

/* What alters a table while its rows are read from elsewhere makes these no rows of it. */
static void
require_columns(const OverlayTable *table, TupleDesc desc)
{
	bool		same = table->desc->natts == desc->natts;

	for (int i = 0; same && i < desc->natts; i++)
		same = TupleDescAttr(table->desc, i)->atttypid == TupleDescAttr(desc, i)->atttypid &&
			TupleDescAttr(table->desc, i)->attisdropped == TupleDescAttr(desc, i)->attisdropped;
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s.%s\" was altered while another configuration was read in its place", AGC_SCHEMA, table->name)));
}

HeapTuple *
agc_overlay_rows(Relation rel, Oid indexid, int nkeys, const AgcKey *keys, int *n)
{
	OverlayTable *rows = nkeys > 0 ? covered(rel, keys[0].value) : NULL;
	OverlayIndex *index;
	MemoryContext old;
	int			first;

	if (rows == NULL)
		return NULL;
	require_columns(rows, RelationGetDescr(rel));
	for (int i = 0; i < nkeys; i++)
		if (keys[i].strategy != BTEqualStrategyNumber)
			elog(ERROR, "an overlay is asked for equal keys only");
	old = MemoryContextSwitchTo(overlay->cxt);
	index = index_of(rows, indexid);
	MemoryContextSwitchTo(old);
	first = bound(index, rows->n, nkeys, keys, false);
	*n = bound(index, rows->n, nkeys, keys, true) - first;
	return index->tuples + first;
}
