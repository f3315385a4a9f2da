/*
 * store_row.h
 *	  What the files that read and write rows (store_*.c) share.
 */
#ifndef AGENTCORE_BUDGET_STORE_ROW_H
#define AGENTCORE_BUDGET_STORE_ROW_H

#include "core/core.h"

/*
 * Rows are read and written by the position of their columns: a table that has
 * others than natts is that of another version, and refused (55000).
 */
extern Relation row_open(AgcTable *table, LOCKMODE lockmode, int natts);

extern Datum row_texts(char *const *values, int n); /* text[] */
extern Datum row_text(const char *value, bool *null);

#endif							/* AGENTCORE_BUDGET_STORE_ROW_H */
