/*
 * heap_statement.h
 *	  Writing by statements, for heap.c.
 */
#ifndef AGENTCORE_CORE_HEAP_STATEMENT_H
#define AGENTCORE_CORE_HEAP_STATEMENT_H

#include "core/core.h"

/* the same as agc_heap_update() and _delete(), by a statement of the executor */
extern void heap_statement_update(Relation rel, ItemPointer row, Datum *values, bool *nulls);
extern void heap_statement_delete(Relation rel, ItemPointer row);

extern void heap_statement_init(void);

/* 40001: somebody else has changed the row */
pg_noreturn extern void heap_raise_changed(Relation rel);

#endif							/* AGENTCORE_CORE_HEAP_STATEMENT_H */
