/*
 * revision.c
 *	  The history of the configuration: config_history_trigger() writes it, and
 *	  agc_history_retain() cuts it and the other histories.
 *
 * A trigger writes the history, so that every way to change a row is recorded: a
 * setter, a statement by hand, a restore, replication.  It fires ALWAYS, writes
 * without SPI (heap.c), and looks at no privilege: who may write to the table may be
 * recorded.  Policies and tools have histories of their own, in their rooms.
 *
 * What is recorded of a row is the row, so that each entry says by itself what the
 * object was before and after.  Text of times and spans does not follow the settings
 * of the session.
 *
 * Locks: RowExclusiveLock on config_revision, to the end of the transaction.  Memory:
 * the caller's context, which is the trigger's.  On ERROR: the transaction takes the row
 * and its history back, and the settings with them.
 */
#include "core/row_layout.h"

#include "access/htup_details.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

static AgcTable revision_table = AGC_TABLE("config_revision", NULL);

static const RowColumn revision_columns[] = {
	{"tenant", TEXTOID, true}, {"relation", TEXTOID, true}, {"key", JSONBOID, true}, {"revision", INT8OID, true},
	{"id", UUIDOID, true}, {"at", TIMESTAMPTZOID, true}, {"role", TEXTOID, true}, {"session_role", TEXTOID, true},
	{"action", TEXTOID, true}, {"before", JSONBOID, false}, {"after", JSONBOID, false}
};

/* ----- which rows and columns count --------------------------------------------- */

/* The arguments of the trigger: a column that says that a row was made by use (or ''), and columns that use changes. */
static bool
is_apart(const Trigger *trigger, const char *column)
{
	if (strcmp(column, "revision") == 0)
		return true;
	for (int i = 1; i < trigger->tgnargs; i++)
		if (strcmp(trigger->tgargs[i], column) == 0)
			return true;
	return false;
}

static bool
is_made_by_use(const Trigger *trigger, HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;

	if (trigger->tgnargs == 0 || trigger->tgargs[0][0] == '\0')
		return false;
	(void) heap_getattr(tuple, SPI_fnumber(desc, trigger->tgargs[0]), desc, &isnull);
	return !isnull;
}

static bool
is_same(HeapTuple old, HeapTuple new, TupleDesc desc, AttrNumber column)
{
	Form_pg_attribute att = TupleDescAttr(desc, column - 1);
	bool		was_null;
	bool		is_null;
	Datum		was = heap_getattr(old, column, desc, &was_null);
	Datum		is = heap_getattr(new, column, desc, &is_null);

	return was_null == is_null && (was_null || datum_image_eq(was, is, att->attbyval, att->attlen));
}

static bool
is_changed(const Trigger *trigger, HeapTuple old, HeapTuple new, TupleDesc desc)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && !is_same(old, new, desc, i + 1) && !is_apart(trigger, NameStr(att->attname)))
			return true;
	}
	return false;
}

/* ----- rows as documents ---------------------------------------------------------- */

static Jsonb *
without(Jsonb *row, const char *member)
{
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(row), CStringGetTextDatum(member)));
}

/* The row without its tenant; NULL where there is none. */
static Jsonb *
document_of(HeapTuple tuple, TupleDesc desc)
{
	FmgrInfo	to_json;
	List	   *args = list_make1(makeNullConst(desc->tdtypeid, -1, InvalidOid));
	Datum		row;

	if (tuple == NULL)
		return NULL;
	/* to_jsonb() asks its call for the type of its argument */
	fmgr_info(F_TO_JSONB, &to_json);
	fmgr_info_set_expr((Node *) makeFuncExpr(F_TO_JSONB, JSONBOID, args, InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL), &to_json);
	row = FunctionCall1(&to_json, heap_copy_tuple_as_datum(tuple, desc));
	return without(DatumGetJsonbP(row), "tenant");
}

/* The columns of the primary key, the tenant's aside. */
static Jsonb *
key_of(Relation rel, Jsonb *row)
{
	TupleDesc	desc = RelationGetDescr(rel);
	Bitmapset  *columns = RelationGetIndexAttrBitmap(rel, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	JsonbParseState *state = NULL;
	int			column = -1;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	while ((column = bms_next_member(columns, column)) >= 0)
	{
		const char *name = NameStr(TupleDescAttr(desc, column + FirstLowInvalidHeapAttributeNumber - 1)->attname);
		JsonbValue	value;

		if (getKeyJsonValueFromContainer(&row->root, name, strlen(name), &value) == NULL)
			continue;
		(void) agc_push_text(&state, WJB_KEY, name);
		(void) pushJsonbValue(&state, WJB_VALUE, &value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* Until AtEOXact_GUC(): what is recorded reads the same for every session. */
static int
pin_settings(void)
{
	static const char *const settings[][2] = {
		{"TimeZone", "UTC"}, {"DateStyle", "ISO, YMD"}, {"IntervalStyle", "postgres"}, {"extra_float_digits", "1"}
	};
	int			level = NewGUCNestLevel();

	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return level;
}

/* ----- writing ----------------------------------------------------------------------- */

static int64
revision_of(HeapTuple tuple, TupleDesc desc)
{
	int			column = tuple == NULL ? SPI_ERROR_NOATTRIBUTE : SPI_fnumber(desc, "revision");
	bool		isnull;

	if (column > 0)
		return DatumGetInt64(heap_getattr(tuple, column, desc, &isnull));
	return nextval_internal(get_relname_relid("revision_seq", get_namespace_oid(AGC_SCHEMA, false)), false);
}

static void
write_entry(Relation rel, HeapTuple old, HeapTuple new)
{
	TupleDesc	desc = RelationGetDescr(rel);
	Relation	history = row_open(&revision_table, RowExclusiveLock, revision_columns, lengthof(revision_columns));
	int			level = pin_settings();
	Jsonb	   *before = document_of(old, desc);
	Jsonb	   *after = document_of(new, desc);
	pg_uuid_t	id;
	AgcRow		row;

	AtEOXact_GUC(false, level);
	agc_uuid_v7(&id);
	agc_row_init(&row);
	agc_put_text(&row, agc_col_text(new != NULL ? new : old, desc, "tenant"));
	agc_put_text(&row, RelationGetRelationName(rel));
	agc_put_pointer(&row, key_of(rel, new != NULL ? after : before));
	agc_put_int64(&row, revision_of(new, desc));
	agc_put_uuid(&row, &id);
	agc_put_time(&row, agc_now());
	agc_put_text(&row, agc_history_writer());
	agc_put_text(&row, GetUserNameFromId(GetSessionUserId(), false));
	agc_put_text(&row, old == NULL ? "add" : new == NULL ? "drop" : "change");
	agc_put_pointer(&row, before);
	agc_put_pointer(&row, after);
	(void) agc_heap_insert(history, row.value, row.null);
	agc_table_close(history, NoLock);
}

/* Another name is another object. */
static bool
is_moved(Relation rel, HeapTuple old, HeapTuple new)
{
	TupleDesc	desc = RelationGetDescr(rel);
	Bitmapset  *columns = RelationGetIndexAttrBitmap(rel, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	int			column = -1;

	while ((column = bms_next_member(columns, column)) >= 0)
		if (!is_same(old, new, desc, column + FirstLowInvalidHeapAttributeNumber))
			return true;
	return false;
}

static void
record_change(TriggerData *data)
{
	Relation	rel = data->tg_relation;
	TupleDesc	desc = RelationGetDescr(rel);
	HeapTuple	old = TRIGGER_FIRED_BY_INSERT(data->tg_event) ? NULL : data->tg_trigtuple;
	HeapTuple	new = TRIGGER_FIRED_BY_INSERT(data->tg_event) ? data->tg_trigtuple :
		TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : NULL;

	if (old != NULL && is_made_by_use(data->tg_trigger, old, desc))
		old = NULL;
	if (new != NULL && is_made_by_use(data->tg_trigger, new, desc))
		new = NULL;
	if (old != NULL && new != NULL && is_moved(rel, old, new))
	{
		write_entry(rel, old, NULL);
		old = NULL;
	}
	if (old == NULL ? new != NULL : new == NULL || is_changed(data->tg_trigger, old, new, desc))
		write_entry(rel, old, new);
}

/* Before a TRUNCATE, while the rows can still be seen. */
static void
record_truncate(TriggerData *data)
{
	Relation	rel = data->tg_relation;
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(rel, NULL);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		copied;
		HeapTuple	tuple = ExecFetchSlotHeapTuple(slot, false, &copied);

		if (!is_made_by_use(data->tg_trigger, tuple, RelationGetDescr(rel)))
			write_entry(rel, tuple, NULL);
		if (copied)
			heap_freetuple(tuple);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
}

/* config_history_trigger(made by use, changed by use, ...): records a change of the row */
AGC_FUNCTION(config_history_trigger)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("config_history_trigger() must be called as a trigger")));
	if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event))
		record_truncate(data);
	else
		record_change(data);
	PG_RETURN_POINTER(NULL);
}

/* ----- cutting ------------------------------------------------------------------------- */

typedef struct Cut
{
	const AgcHistory *history;
	TimestampTz before;
	int64		rows;
} Cut;

static void
cut_history(void *arg)
{
	Cut		   *cut = arg;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_time(&row, cut->before);
	cut->rows = agc_owner_spi_row_bounded(cut->history->cut, &row);
	agc_put_int64(&row, cut->rows);
	if (cut->rows > 0)
		(void) agc_owner_spi_row_bounded(cut->history->record, &row);
}

Datum
agc_history_retain(FunctionCallInfo fcinfo, const AgcHistory *history)
{
	int64		keep = agc_arg_keep(fcinfo, 0);
	Cut			cut = {history};

	agc_enter("*", AGC_ADMIN);
	cut.before = agc_now() - keep;
	agc_attributed(cut_history, &cut);
	return Int64GetDatum(cut.rows);
}

/* config_history_retain(keep) -> bigint: how many rows were deleted */
AGC_FUNCTION(config_history_retain)
{
	static const Oid types[] = {TIMESTAMPTZOID, INT8OID};
	static AgcPlan cut = {
		"DELETE FROM agentcore.config_revision r WHERE r.at < $1 AND (r.after IS NULL OR EXISTS"
		" (SELECT FROM agentcore.config_revision n WHERE n.tenant = r.tenant AND n.relation = r.relation AND n.key = r.key"
		"   AND n.at < $1 AND (n.revision, n.at, n.id) > (r.revision, r.at, r.id)))", 1, types
	};
	static AgcPlan record = {
		"INSERT INTO agentcore.config_revision (tenant, relation, key, revision, role, action, after)"
		" VALUES ('*', '', '{}', nextval('agentcore.revision_seq'), agentcore.history_writer(), 'history_retain',"
		" jsonb_build_object('before', $1, 'rows', $2))", lengthof(types), types
	};
	static const AgcHistory history = {&cut, &record};

	return agc_history_retain(fcinfo, &history);
}
