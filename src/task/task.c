/*
 * task.c
 *	  Setting and stopping tasks.
 *
 * Memory: CurrentMemoryContext.  Locks: row locks of the statements; the place of a task
 * that gets a parent (task_lock.c).  On ERROR:
 * the transaction takes everything back.
 */
#include "task/tasks.h"

#include "catalog/pg_type.h"
#include "core/row.h"
#include "miscadmin.h"
#include "utils/builtins.h"

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

pg_noreturn static void
refuse_parent(const char *name, char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the parent of task %s is fixed", agc_quoted_name(name)),
			 errdetail("%s", detail),
			 errhint("A new task needs a name that was never used.")));
}

/*
 * A task that has left something by itself stays its own root: so does one whose call
 * has not committed yet, which is waited for.
 */
static void
require_unused(const char *tenant, const char *name)
{
	task_lock_alone(TASK_LOCK_PLACE, tenant, name);
	if (task_was_labelled(tenant, name) || task_has_facts(tenant, name) || task_ran_once(tenant, name))
		refuse_parent(name, "Something is remembered of it as a task of its own.");
}

/* The row of the parent, made where it is not there; whether it was. */
static bool
find_parent(const char *tenant, const char *name, const char *parent, TaskRow *above)
{
	bool		made = false;

	task_read(tenant, parent, above);
	if (!above->exists)
	{
		made = make_task(tenant, parent, NULL, parent, 0);
		task_read(tenant, parent, above);
	}
	task_require_seen(tenant, parent);
	if (above->depth >= LEVELS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("task %s would be too deep", agc_quoted_name(name)),
				 errdetail("A tree of tasks has at most %d levels below its root.", LEVELS_MAX)));
	return made;
}

/* The task below its parent, made where they are not there; whether anything was. */
static bool
set_below(const char *tenant, const char *name, const char *parent)
{
	TaskRow		task;
	TaskRow		above;
	bool		made;

	if (strcmp(name, parent) == 0)
		refuse_parent(name, "It cannot be below itself.");
	made = find_parent(tenant, name, parent, &above);
	task_read(tenant, name, &task);
	if (!task.exists)
	{
		require_unused(tenant, name);
		if (make_task(tenant, name, parent, above.root, above.depth + 1))
		{
			task_mark(tenant, name, caller());
			made = true;
		}
		task_read(tenant, name, &task);
	}
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
	TaskSight	sight;

	agc_enter(tenant, AGC_AGENT);
	changed = parent != NULL ? set_below(tenant, name, parent) : make_task(tenant, name, NULL, name, 0);
	task_look(tenant, name, &sight);
	for (int i = 0; i < nlabels; i++)
		changed |= task_add_label(tenant, &sight, name, labels[i], caller());
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
	if (agc_owner_spi_row_bounded(&plan, &row) == 0)
		PG_RETURN_BOOL(false);
	task_mark(tenant, name, caller());
	PG_RETURN_BOOL(true);
}

/* text[] */
static Datum
labels_column(List *labels)
{
	int			n = list_length(labels);
	char	  **texts = palloc(Max(n, 1) * sizeof(char *));

	for (int i = 0; i < n; i++)
		texts[i] = list_nth(labels, i);
	return agc_texts_datum(texts, n);
}

/* task_status(name, tenant) -> agentcore.task_state */
AGC_FUNCTION(task_status)
{
	char	   *name = agc_arg_name(fcinfo, 0, "name");
	char	   *tenant = agc_arg_tenant(fcinfo, 1);
	TaskRow		task;
	TaskSight	sight;
	AgcRow		row;

	agc_enter(tenant, AGC_READER);
	task_read(tenant, name, &task);
	task_look(tenant, name, &sight);
	agc_row_init(&row);
	agc_put_text(&row, name);
	agc_put_text(&row, task.parent);
	agc_put_text(&row, sight.root);
	agc_put(&row, labels_column(task_seen_labels(tenant, &sight)));
	agc_put_jsonb(&row, task_facts(tenant, sight.root, false, NULL));
	agc_put_bool(&row, sight.stopped != NULL);
	agc_put_text(&row, sight.stopped);
	return agc_row_return(fcinfo, &row);
}
