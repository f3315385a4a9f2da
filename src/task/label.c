/*
 * label.c
 *	  Labels of tasks, and the marks of names.
 *
 * Two calls that bring the same label at once both write it: neither waits for the
 * other.  Only a person clears one, and the rows say who.
 *
 * A row with the label '' is none: it marks the name of a task that is below another
 * or was stopped.  It is committed with that, so who reads the labels of a name without
 * finding a mark knows that there is nothing to find in the table of tasks.
 *
 * Memory: CurrentMemoryContext.  Locks: task_clear() has the lock of its root's labels
 * alone (taint.c), and row locks; an insert takes none.  On ERROR: the transaction takes
 * everything back.
 */
#include "task/tasks.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "core/row.h"
#include "core/row_layout.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"

/* Columns of agentcore.task_label, by position. */
enum
{
	LABEL_TENANT, LABEL_ROOT, LABEL_LABEL, LABEL_TASK, LABEL_SOURCE, LABEL_AT, LABEL_CLEARED, LABEL_CLEARED_BY, LABEL_NOTE, LABEL_ID,
	NATTS_LABEL
};

static const RowColumn label_columns[] = {
	{"tenant", TEXTOID, true},
	{"root", TEXTOID, true},
	{"label", TEXTOID, true},
	{"task", TEXTOID, true},
	{"source", TEXTOID, true},
	{"at", TIMESTAMPTZOID, true},
	{"cleared", TIMESTAMPTZOID, false},
	{"cleared_by", TEXTOID, false},
	{"note", TEXTOID, false},
	{"id", UUIDOID, true},
};
StaticAssertDecl(lengthof(label_columns) == NATTS_LABEL, "one entry per column");

static AgcTable label_table = AGC_TABLE("task_label", "task_label_root");

typedef struct LabelScan
{
	bool		marked;
	bool		labelled;		/* ever */
	List	   *labels;
} LabelScan;

static bool
is_one_of(List *labels, const char *label, Size len)
{
	ListCell   *cell;

	foreach(cell, labels)
		if (strncmp(lfirst(cell), label, len) == 0 && ((char *) lfirst(cell))[len] == '\0')
			return true;
	return false;
}

static void
look_at_label(HeapTuple tuple, TupleDesc desc, void *arg)
{
	LabelScan  *scan = arg;
	bool		isnull;
	text	   *label = DatumGetTextPP(heap_getattr(tuple, LABEL_LABEL + 1, desc, &isnull));
	Size		len = VARSIZE_ANY_EXHDR(label);

	if (len == 0)
	{
		scan->marked = true;
		return;
	}
	scan->labelled = true;
	if (heap_attisnull(tuple, LABEL_CLEARED + 1, desc) && !is_one_of(scan->labels, VARDATA_ANY(label), len))
		scan->labels = lappend(scan->labels, pnstrdup(VARDATA_ANY(label), len));
}

static LabelScan
scan_labels(const char *tenant, const char *root)
{
	LabelScan	scan = {0};
	const char *keys[2] = {tenant, root};
	Relation	rel = row_open(&label_table, AccessShareLock, label_columns, NATTS_LABEL);

	agc_table_scan(&label_table, rel, 2, keys, look_at_label, &scan);
	agc_table_close(rel, AccessShareLock);
	return scan;
}

bool
task_read_labels(const char *tenant, const char *root, List **labels)
{
	LabelScan	scan = scan_labels(tenant, root);

	*labels = scan.labels;
	return scan.marked;
}

bool
task_was_labelled(const char *tenant, const char *root)
{
	return task_is_remembered(tenant) && scan_labels(tenant, root).labelled;
}

static int
compare_labels(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

List *
task_seen_labels(const char *tenant, TaskSight *sight)
{
	if (!sight->has_labels)
		(void) task_read_labels(tenant, sight->root, &sight->labels);
	sight->has_labels = true;
	list_sort(sight->labels, compare_labels);
	return sight->labels;
}

Jsonb *
task_labels(const char *tenant, TaskSight *sight)
{
	JsonbParseState *state = NULL;
	ListCell   *cell;

	if (sight->root == NULL)
		return NULL;
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	foreach(cell, task_seen_labels(tenant, sight))
		agc_push_text(&state, WJB_ELEM, lfirst(cell));
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

static void
write_label(const char *tenant, const char *root, const char *task, const char *label, const char *source)
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

bool
task_add_label(const char *tenant, TaskSight *sight, const char *task, const char *label, const char *source)
{
	if (is_one_of(task_seen_labels(tenant, sight), label, strlen(label)))
		return false;
	write_label(tenant, sight->root, task, label, source);
	sight->labels = lappend(sight->labels, pstrdup(label));
	return true;
}

void
task_mark(const char *tenant, const char *name, const char *source)
{
	write_label(tenant, name, name, "", source);
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
	char	   *root;
	AgcRow		row;

	if (note == NULL)
		agc_refuse_null("note");
	agc_enter(tenant, AGC_APPROVER);
	root = task_root(tenant, name);
	task_lock_alone(TASK_LOCK_LABELS, tenant, root);
	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, root);
	agc_put_text(&row, label);
	agc_put_text(&row, note);
	agc_put_text(&row, GetUserNameFromId(GetUserId(), false));
	agc_put_time(&row, agc_now());
	PG_RETURN_BOOL(agc_owner_spi_row_bounded(&plan, &row) > 0);
}
