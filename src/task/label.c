/*
 * label.c
 *	  Labels of tasks, and the taints that calls leave.
 *
 * A taint comes when its call begins, because from then on the model may have
 * read what the tool returns; it is written only when it is new.  Two calls that
 * bring the same label at once both write it: neither waits for the other.
 * Only a person clears one, and the rows say who.
 *
 * Memory: CurrentMemoryContext.  Locks: row locks of task_clear(); an insert
 * takes none.  On ERROR: the transaction takes everything back.
 */
#include "task/tasks.h"

#include "catalog/pg_type.h"
#include "core/row.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"

static AgcTable label_table = AGC_TABLE("task_label", "task_label_root");

typedef struct LabelScan
{
	const char *wanted;			/* NULL: all; "": any row, cleared too */
	bool		found;
	List	   *labels;
} LabelScan;

static void
look_at_label(HeapTuple tuple, TupleDesc desc, void *arg)
{
	LabelScan  *scan = arg;
	char	   *label = agc_col_text(tuple, desc, "label");
	bool		open;
	ListCell   *cell;

	(void) agc_col(tuple, desc, "cleared", &open);
	if (scan->wanted != NULL)
		scan->found |= scan->wanted[0] == '\0' || (open && strcmp(label, scan->wanted) == 0);
	if (scan->wanted != NULL || !open || label[0] == '\0')
		return;
	foreach(cell, scan->labels)
		if (strcmp(lfirst(cell), label) == 0)
			return;
	scan->labels = lappend(scan->labels, label);
}

static void
scan_labels(const char *tenant, const char *root, LabelScan *scan)
{
	const char *keys[2] = {tenant, root};
	Relation	rel = agc_table_open(&label_table, AccessShareLock);

	agc_table_scan(&label_table, rel, 2, keys, look_at_label, scan);
	agc_table_close(rel, AccessShareLock);
}

bool
task_has_label(const char *tenant, const char *root, const char *label)
{
	LabelScan	scan = {.wanted = label};

	if (task_is_remembered(tenant))
		scan_labels(tenant, root, &scan);
	return scan.found;
}

static int
compare_labels(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

Jsonb *
task_labels(const char *tenant, const char *root)
{
	LabelScan	scan = {0};
	JsonbParseState *state = NULL;
	ListCell   *cell;

	if (root == NULL)
		return NULL;
	if (task_is_remembered(tenant))
		scan_labels(tenant, root, &scan);
	list_sort(scan.labels, compare_labels);
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	foreach(cell, scan.labels)
	{
		JsonbValue	value = {.type = jbvString};

		value.val.string.val = lfirst(cell);
		value.val.string.len = strlen(lfirst(cell));
		pushJsonbValue(&state, WJB_ELEM, &value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

void
task_add_label(const char *tenant, const char *root, const char *task, const char *label, const char *source)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.task_label (tenant, root, task, label, source, at) VALUES ($1, $2, $3, $4, $5, $6)",
		lengthof(types), types
	};
	AgcRow		row;

	task_remember(tenant);
	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, root);
	agc_put_text(&row, task);
	agc_put_text(&row, label);
	agc_put_text(&row, source);
	agc_put_time(&row, agc_now());
	(void) agc_owner_spi_row(&plan, &row);
}

void
task_taint(const char *tenant, const char *task, const ToolDef *tool)
{
	char	   *root;

	if (task == NULL || tool == NULL || tool->ntaints == 0)
		return;
	root = task_root(tenant, task);
	for (int i = 0; i < tool->ntaints; i++)
		if (!task_has_label(tenant, root, tool->taints[i]))
			task_add_label(tenant, root, task, tool->taints[i], tool->name);
}

/* task_clear(name, label, note, tenant) -> boolean: whether there was such a label */
AGC_FUNCTION(task_clear)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"UPDATE agentcore.task_label SET cleared = $6, cleared_by = $5, note = $4"
		" WHERE tenant = $1 AND root = $2 AND label = $3 AND cleared IS NULL", lengthof(types), types
	};
	char	   *name = agc_arg_name(fcinfo, 0, "name");
	char	   *label = agc_arg_name(fcinfo, 1, "label");
	char	   *note = agc_opt_text(fcinfo, 2);
	char	   *tenant = agc_arg_tenant(fcinfo, 3);
	AgcRow		row;

	if (note == NULL)
		agc_refuse_null("note");
	agc_enter(tenant, AGC_APPROVER);
	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, task_root(tenant, name));
	agc_put_text(&row, label);
	agc_put_text(&row, note);
	agc_put_text(&row, GetUserNameFromId(GetUserId(), false));
	agc_put_time(&row, agc_now());
	PG_RETURN_BOOL(agc_owner_spi_row_bounded(&plan, &row) > 0);
}
