/*
 * row_layout.c
 *	  What files share that read and write rows by the position of their columns.
 *
 * Locks: those that the caller asks for and keeps.  Memory:
 * CurrentMemoryContext.  On ERROR: nothing to undo.
 */
#include "core/row_layout.h"

#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* Altering back does not help where a column was dropped: it keeps its place. */
static const char *
way_out(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
		if (TupleDescAttr(desc, i)->attisdropped)
			return "A column was dropped, and keeps its place: dump the database with pg_dump and restore it, which makes the table anew.";
	return "Run ALTER EXTENSION agentcore UPDATE, or connect again after it; columns must not be added, dropped or altered by hand.";
}

static bool
has_columns(Relation rel, const RowColumn *columns, int natts)
{
	TupleDesc	desc = RelationGetDescr(rel);

	if (desc->natts != natts)
		return false;
	for (int i = 0; i < natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		/* a dropped column keeps its place, and has another name and no type */
		if (att->attisdropped || strcmp(NameStr(att->attname), columns[i].name) != 0 ||
			att->atttypid != columns[i].type || (columns[i].required && !att->attnotnull))
			return false;
	}
	return true;
}

/* The columns are compared once after each change of the table that this session hears of. */
Relation
row_open(AgcTable *table, LOCKMODE lockmode, const RowColumn *columns, int natts)
{
	Relation	rel = agc_table_open(table, lockmode);

	if (!table->checked && !has_columns(rel, columns, natts))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s.%s\" does not have the columns that this library knows", AGC_SCHEMA, table->name),
				 errdetail("It knows %d columns, by place, name, type and NOT NULL.", natts),
				 errhint("%s", way_out(rel))));
	table->checked = true;
	return rel;
}

HeapTuple
row_version_at(Relation rel, ItemPointer tid)
{
	Snapshot	snapshot = agc_table_snapshot(rel);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	HeapTuple	tuple = NULL;

	if (table_tuple_fetch_row_version(rel, tid, snapshot, slot))
		tuple = ExecCopySlotHeapTuple(slot);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	return tuple;
}

Datum
row_text(const char *value, bool *null)
{
	*null = value == NULL;
	return value == NULL ? (Datum) 0 : CStringGetTextDatum(value);
}
