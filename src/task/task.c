/*
 * task.c
 *	  Tasks: their trees and their stops.
 *
 * A task is its whole tree, and what is remembered of it belongs to the root.
 * Most tasks have no row; a tenant none of whose tasks has one is known by a
 * registry row (task_memory), so nothing is looked up for it.
 *
 * Memory: CurrentMemoryContext.  Locks: row locks of the statements; a begin
 * only reads.  On ERROR: the transaction takes everything back.
 */
#include "task/tasks.h"

#include "catalog/pg_type.h"
#include "core/row.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#define LEVELS_MAX	16			/* the table has it too */

static void *compile_memory(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name);

static AgcTable memory_table = AGC_TABLE("task_memory", "task_memory_pkey");
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
	AgcObject  *object = agc_object_pin(&memory_class, tenant, "tasks");

	if (object == NULL)
		return false;
	agc_object_unpin(object);
	return true;
}

void
task_remember(const char *tenant)
{
	static const Oid types[] = {TEXTOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.task_memory (tenant) VALUES ($1) ON CONFLICT DO NOTHING", 1, types
	};
	AgcRow		row;

	if (task_is_remembered(tenant))
		return;
	agc_row_init(&row);
	agc_put_text(&row, tenant);
	(void) agc_owner_spi_row_bounded(&plan, &row);
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

bool
task_is_stopped(const char *tenant, const char *task, char **by)
{
	Relation	rel;
	const char *name = task;

	*by = NULL;
	if (task == NULL || !task_is_remembered(tenant))
		return false;
	rel = agc_table_open(&task_table, AccessShareLock);
	for (int level = 0; name != NULL && level <= LEVELS_MAX && *by == NULL; level++)
	{
		HeapTuple	row = task_row(rel, tenant, name);
		bool		isnull;

		if (row == NULL)
			break;
		(void) agc_col(row, RelationGetDescr(rel), "stopped_at", &isnull);
		if (!isnull)
			*by = pstrdup(name);
		name = agc_col_text(row, RelationGetDescr(rel), "parent");
	}
	agc_table_close(rel, AccessShareLock);
	return *by != NULL;
}

/* ----- setting ------------------------------------------------------------------- */

static char *
caller(void)
{
	return GetUserNameFromId(GetUserId(), false);
}

/* Makes the row of a task where there is none; whether it did. */
static bool
make_task(const char *tenant, const char *name, const char *parent, const char *root, int depth)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4OID, TEXTOID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.task (tenant, name, parent, root, depth, created_by, created_at)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING", lengthof(types), types
	};
	AgcRow		row;

	task_remember(tenant);
	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, name);
	agc_put_text(&row, parent);
	agc_put_text(&row, root);
	agc_put_int32(&row, depth);
	agc_put_text(&row, caller());
	agc_put_time(&row, agc_now());
	return agc_owner_spi_row_bounded(&plan, &row) > 0;
}

typedef struct TaskRow
{
	bool		exists;
	char	   *parent;
	char	   *root;
	int			depth;
} TaskRow;

static void
read_task(const char *tenant, const char *name, TaskRow *task)
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

pg_noreturn static void
refuse_parent(const char *name, char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the parent of task %s is fixed", agc_quoted_name(name)),
			 errdetail("%s", detail),
			 errhint("A new task needs a name that was never used.")));
}

/* The task below its parent, made where they are not there; whether anything was. */
static bool
set_below(const char *tenant, const char *name, const char *parent)
{
	TaskRow		task;
	TaskRow		above;
	bool		made = false;

	if (strcmp(name, parent) == 0)
		refuse_parent(name, "It cannot be below itself.");
	read_task(tenant, parent, &above);
	if (!above.exists)
	{
		made = make_task(tenant, parent, NULL, parent, 0);
		read_task(tenant, parent, &above);
	}
	if (above.depth >= LEVELS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("task %s would be too deep", agc_quoted_name(name)),
				 errdetail("A tree of tasks has at most %d levels below its root.", LEVELS_MAX)));
	if (task_has_label(tenant, name, ""))
		refuse_parent(name, "Something is remembered of it as a task of its own.");
	made |= make_task(tenant, name, parent, above.root, above.depth + 1);
	read_task(tenant, name, &task);
	if (task.parent == NULL || strcmp(task.parent, parent) != 0)
		refuse_parent(name, task.parent == NULL ? pstrdup("It is a task of its own.") :
					  psprintf("It is below %s.", agc_quoted_name(task.parent)));
	return made;
}

/* task_set(name, parent, labels, tenant) -> boolean: whether anything changed */
AGC_FUNCTION(task_set)
{
	char	   *name = agc_arg_name(fcinfo, 0, "name");
	char	   *parent = agc_opt_name(fcinfo, 1, "parent");
	int			nlabels = 0;
	char	  **labels = agc_opt_names(fcinfo, 2, "labels", &nlabels);
	char	   *tenant = agc_arg_tenant(fcinfo, 3);
	bool		changed;
	char	   *root;

	agc_enter(tenant, AGC_AGENT);
	changed = parent != NULL ? set_below(tenant, name, parent) : make_task(tenant, name, NULL, name, 0);
	root = task_root(tenant, name);
	for (int i = 0; i < nlabels; i++)
		if (!task_has_label(tenant, root, labels[i]))
		{
			task_add_label(tenant, root, name, labels[i], caller());
			changed = true;
		}
	PG_RETURN_BOOL(changed);
}

/* task_stop(name, tenant) -> boolean: whether it was not stopped before */
AGC_FUNCTION(task_stop)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID};
	static AgcPlan plan = {
		"UPDATE agentcore.task SET stopped_at = $3, stopped_by = $4"
		" WHERE tenant = $1 AND name = $2 AND stopped_at IS NULL", lengthof(types), types
	};
	char	   *name = agc_arg_name(fcinfo, 0, "name");
	char	   *tenant = agc_arg_tenant(fcinfo, 1);
	AgcRow		row;

	agc_enter_disabled(tenant, AGC_AGENT);
	(void) make_task(tenant, name, NULL, name, 0);
	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, name);
	agc_put_time(&row, agc_now());
	agc_put_text(&row, caller());
	PG_RETURN_BOOL(agc_owner_spi_row_bounded(&plan, &row) > 0);
}
