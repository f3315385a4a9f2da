/*
 * row_layout.h
 *	  What files share that read and write rows by the position of their columns.
 */
#ifndef AGENTCORE_CORE_ROW_LAYOUT_H
#define AGENTCORE_CORE_ROW_LAYOUT_H

#include "core/core.h"

/* A column, by its place in the table. */
typedef struct RowColumn
{
	const char *name;
	Oid			type;
	bool		required;		/* NOT NULL: it is read without a test for null */
} RowColumn;

/*
 * Rows are read and written by the position of their columns.  A table with other
 * columns belongs to another version or was altered by hand; it is refused (55000).
 */
extern Relation row_open(AgcTable *table, LOCKMODE lockmode, const RowColumn *columns, int natts);

extern Datum row_text(const char *value, bool *null);

/*
 * A copy of the row at a place, if that is a version which the latest snapshot sees;
 * compare its key.  The place has to be of the table's file of now.
 */
extern HeapTuple row_version_at(Relation rel, ItemPointer tid);

#endif							/* AGENTCORE_CORE_ROW_LAYOUT_H */
