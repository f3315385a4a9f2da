/*
 * heap_part.c
 *	  Rows of tables that are partitioned by a time, written without SPI.
 *
 * A row goes directly into the partition that takes it; where that is no plain
 * table, by a statement on the whole.
 *
 * Locks: RowExclusiveLock on the partition, to the end of the transaction; the
 * caller has the whole open.  Memory: CurrentMemoryContext.  On ERROR: the
 * transaction takes everything back.
 */
#include "core/heap_part.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/partition.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "utils/partcache.h"
#include "utils/rel.h"

/* The part that takes a row of that time; InvalidOid: none, or one with parts of its own. */
static Oid
leaf_of(Relation root, TimestampTz at)
{
	PartitionKey key = RelationGetPartitionKey(root);
	/* as the executor does: one that is being detached is no longer written in READ COMMITTED */
	PartitionDesc desc = RelationGetPartitionDesc(root, !IsolationUsesXactSnapshot());
	Datum		value = TimestampTzGetDatum(at);
	bool		equal;
	int			part = -1;

	if (desc->boundinfo != NULL && desc->boundinfo->ndatums > 0)
	{
		int			below = partition_range_datum_bsearch(key->partsupfunc, key->partcollation,
														  desc->boundinfo, 1, &value, &equal);

		part = desc->boundinfo->indexes[below + 1];
	}
	if (part < 0 && desc->boundinfo != NULL)
		part = desc->boundinfo->default_index;
	return part < 0 || !desc->is_leaf[part] ? InvalidOid : desc->oids[part];
}

/*
 * Locked.  While that was waited for a part may have been attached that now
 * takes the row, and the default part no longer does.
 */
static Relation
open_leaf(Relation root, TimestampTz at)
{
	for (;;)
	{
		Oid			leaf = leaf_of(root, at);
		Relation	rel;

		if (!OidIsValid(leaf))
			return NULL;
		rel = table_open(leaf, RowExclusiveLock);
		if (leaf == leaf_of(root, at))
			return rel;
		table_close(rel, RowExclusiveLock);
	}
}

/* The table itself has triggers FOR EACH STATEMENT, rules and row security that no part has. */
static bool
is_plain(Relation root, Relation leaf)
{
	return leaf->rd_rel->relkind == RELKIND_RELATION && agc_heap_is_plain(leaf) && agc_heap_is_plain(root);
}

/* A part that was attached may have its columns elsewhere. */
static void
insert_row(Relation root, Relation leaf, Datum *values, bool *nulls)
{
	if (agc_heap_has_columns_of(leaf, root))
		(void) agc_heap_insert(leaf, values, nulls);
	else
	{
		TupleConversionMap *map = convert_tuples_by_name(RelationGetDescr(root), RelationGetDescr(leaf));
		HeapTuple	tuple = heap_form_tuple(RelationGetDescr(root), values, nulls);
		int			natts = RelationGetDescr(leaf)->natts;
		Datum	   *v = palloc(natts * sizeof(Datum));
		bool	   *n = palloc(natts * sizeof(bool));

		heap_deform_tuple(execute_attr_map_tuple(tuple, map), RelationGetDescr(leaf), v, n);
		(void) agc_heap_insert(leaf, v, n);
	}
}

void
agc_heap_insert_part(Relation root, TimestampTz at, Datum *values, bool *nulls)
{
	Relation	leaf = open_leaf(root, at);

	if (leaf != NULL && is_plain(root, leaf))
		insert_row(root, leaf, values, nulls);
	else
		(void) agc_heap_insert_by_statement(root, values, nulls);
	if (leaf != NULL)
		table_close(leaf, NoLock);
}
