/*
 * tree.c
 *	  The trees of tasks: roots, and what is stopped.
 *
 * A task is its whole tree, and what is remembered of it belongs to the root.
 * Most tasks have no row; a tenant none of whose tasks has one is known by a
 * registry row (task_memory), so nothing is looked up for it.  Sessions that are the
 * first at the same time write one each, so that none waits for another.
 *
 * Memory: CurrentMemoryContext.  Locks: none; a begin only reads, and an insert waits
 * for nobody.  On ERROR: the transaction takes everything back.
 */
#include "task/tasks.h"

#include "catalog/pg_type.h"
#include "core/row.h"
#include "utils/builtins.h"

static void *compile_memory(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name);

static AgcTable memory_table = AGC_TABLE("task_memory", "task_memory_tenant");
static AgcTable task_table = AGC_TABLE("task", "task_pkey");
static const AgcObjectClass memory_class = {"task_memory", &memory_table, compile_memory};

static void *
compile_memory(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name)
{
	return palloc0(1);
}

bool
task_is_remembered(const char *tenant)
{
	static AgcLack none;
	uint64		now = agc_generation();
	AgcObject  *object;

	if (agc_tenant_lacks(&none, tenant))
		return false;
	object = agc_object_pin(&memory_class, tenant, "tasks");
	if (object == NULL)
	{
		agc_note_lack(&none, tenant, now);
		return false;
	}
	agc_object_unpin(object);
	return true;
}

void
task_remember(const char *tenant)
{
	static const Oid types[] = {TEXTOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.task_memory (tenant) VALUES ($1)", 1, types
	};
	AgcRow		row;

	if (task_is_remembered(tenant))
		return;
	agc_row_init(&row);
	agc_put_text(&row, tenant);
	(void) agc_owner_spi_row(&plan, &row);
}

static HeapTuple
task_row(Relation rel, const char *tenant, const char *name)
{
	const char *keys[2] = {tenant, name};

	return agc_table_get(&task_table, rel, 2, keys);
}

char *
task_root(const char *tenant, const char *task)
{
	Relation	rel;
	HeapTuple	row;
	char	   *root;

	if (task == NULL || !task_is_remembered(tenant))
		return task == NULL ? NULL : pstrdup(task);
	rel = agc_table_open(&task_table, AccessShareLock);
	row = task_row(rel, tenant, task);
	root = row == NULL ? pstrdup(task) : agc_col_text(row, RelationGetDescr(rel), "root");
	agc_table_close(rel, AccessShareLock);
	return root;
}

void
task_climb(const char *tenant, const char *task, TaskSight *sight)
{
	Relation	rel = agc_table_open(&task_table, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	const char *name = task;

	for (int level = 0; name != NULL && level <= LEVELS_MAX && sight->stopped == NULL; level++)
	{
		HeapTuple	row = task_row(rel, tenant, name);
		bool		isnull;

		if (row == NULL)
			break;
		if (level == 0)
			sight->root = agc_col_text(row, desc, "root");
		(void) agc_col(row, desc, "stopped_at", &isnull);
		if (!isnull)
			sight->stopped = name;
		name = agc_col_text(row, desc, "parent");
	}
	agc_table_close(rel, AccessShareLock);
}

void
task_require_seen(const char *tenant, const char *name)
{
	Relation	rel = agc_table_open(&task_table, AccessShareLock);

	agc_heap_check_snapshot(task_row(rel, tenant, name));
	agc_table_close(rel, AccessShareLock);
}

void
task_read(const char *tenant, const char *name, TaskRow *task)
{
	Relation	rel = agc_table_open(&task_table, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	HeapTuple	row = task_row(rel, tenant, name);

	memset(task, 0, sizeof(*task));
	task->exists = row != NULL;
	if (row != NULL)
	{
		bool		isnull;

		task->parent = agc_col_text(row, desc, "parent");
		task->root = agc_col_text(row, desc, "root");
		task->depth = DatumGetInt32(agc_col(row, desc, "depth", &isnull));
	}
	agc_table_close(rel, AccessShareLock);
}
