/*
 * fold_task.c
 *	  Tasks in a replay: stops, labels and facts as they were at the time of each call.
 *
 * Labels that people set and cleared, and when, stand in the table task_label.  The
 * taints of tools come from the calls that run, or are answered, in the replay.  Facts are
 * those that calls have shown then, as far as they run in the replay too; what a call would
 * have shown that did not run is unknown, and so is what was taken away since.
 *
 * Memory: an entry per task (the root of a tree) that has labels, facts or a call that ran in one
 * history only; 16 bytes per committed call that may have shown a fact.  Locks: those of reading.  On
 * ERROR: nothing to undo.
 */
#include "replay/folds.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

typedef struct LabelRow
{
	const char *label;
	bool		taint;			/* of a call within the replay: counted by its calls */
	TimestampTz at;
	TimestampTz cleared;		/* DT_NOEND: not */
} LabelRow;

typedef struct FactRow
{
	const char *fact;
	Jsonb	   *value;
	pg_uuid_t	call_id;
	TimestampTz at;
	TimestampTz until;			/* DT_NOEND: for ever */
} FactRow;

typedef struct Taint
{
	const char *label;
	TimestampTz at;				/* the latest */
} Taint;

typedef struct TaskEntry
{
	FoldTag		tag;
	bool		diverged;		/* a call ran in one history only */
	bool		facts_unknown;	/* one that might have shown facts, or taken them away */
	bool		has_labels;		/* the rows were read */
	bool		has_facts;
	List	   *labels;			/* of LabelRow */
	List	   *facts;			/* of FactRow */
	List	   *taints;			/* of Taint */
} TaskEntry;

typedef struct Tasks
{
	HTAB	   *table;
	HTAB	   *shown;			/* calls that were committed and may have shown facts */
	const char *tenant;
	TimestampTz since;
} Tasks;

/* What a call that runs leaves on its task, for its end. */
typedef struct TaskNote
{
	FoldTag		tag;
	bool		shows;			/* facts, perhaps */
	int			ntaints;
	char	  **taints;
} TaskNote;

static void *
tasks_init(const FoldStart *start)
{
	Tasks	   *tasks = palloc(sizeof(Tasks));
	HASHCTL		ctl = {.keysize = sizeof(pg_uuid_t), .entrysize = sizeof(pg_uuid_t), .hcxt = fold_context()};

	tasks->table = fold_table("agentcore replayed tasks", sizeof(TaskEntry));
	tasks->shown = hash_create("agentcore replayed facts", 256, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	tasks->tenant = start->tenant;
	tasks->since = start->since;
	return tasks;
}

static TaskEntry *
find(Tasks *tasks, const char *root, HASHACTION action)
{
	FoldTag		tag;
	bool		found;
	TaskEntry  *entry;

	fold_tag(&tag, 1, &root, NULL);
	entry = hash_search(tasks->table, &tag, action, &found);
	if (entry != NULL && !found)
		memset((char *) entry + sizeof(FoldTag), 0, sizeof(TaskEntry) - sizeof(FoldTag));
	return entry;
}

static const char *
root_of(const FoldCall *call)
{
	return gate_sight(call->gate)->root;
}

/* ----- rows ------------------------------------------------------------------------- */

/* Runs the query as the owner with ($1 tenant, $2 root), and keeps what take() makes of each row. */
static List *
read_rows(const Tasks *tasks, const char *root, AgcPlan *plan, void *(*take) (const Tasks *tasks, HeapTuple row, TupleDesc desc))
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *rows = NIL;
	AgcOwner	owner;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tasks->tenant);
	agc_put_text(&row, root);
	agc_owner_begin(&owner);
	agc_spi_read_row(plan, &row);
	MemoryContextSwitchTo(fold_context());
	for (uint64 i = 0; i < SPI_processed; i++)
		rows = lappend(rows, take(tasks, SPI_tuptable->vals[i], SPI_tuptable->tupdesc));
	MemoryContextSwitchTo(caller);
	agc_owner_end(&owner);
	return rows;
}

static bool
is_tool(const char *tenant, const char *name)
{
	AgcObject  *object = tool_try_pin(tenant, name);

	if (object == NULL)
		return false;
	agc_object_unpin(object);
	return true;
}

static void *
take_label(const Tasks *tasks, HeapTuple row, TupleDesc desc)
{
	LabelRow   *label = palloc(sizeof(LabelRow));

	label->label = agc_col_text(row, desc, "label");
	label->at = agc_col_time(row, desc, "at", DT_NOBEGIN);
	label->cleared = agc_col_time(row, desc, "cleared", DT_NOEND);
	label->taint = label->at >= tasks->since && is_tool(tasks->tenant, agc_col_text(row, desc, "source"));
	return label;
}

static void *
take_fact(const Tasks *tasks, HeapTuple row, TupleDesc desc)
{
	FactRow    *fact = palloc(sizeof(FactRow));
	bool		isnull;

	fact->fact = agc_col_text(row, desc, "fact");
	fact->value = agc_col_jsonb(row, desc, "value");
	fact->call_id = *DatumGetUUIDP(agc_col(row, desc, "call_id", &isnull));
	fact->at = agc_col_time(row, desc, "at", DT_NOBEGIN);
	fact->until = agc_col_time(row, desc, "expires_at", DT_NOEND);
	return fact;
}

static List *
label_rows(const Tasks *tasks, TaskEntry *entry, const char *root)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"SELECT label, source, at, cleared FROM agentcore.task_label WHERE tenant = $1 AND root = $2 AND label <> ''", 2, types
	};

	if (!entry->has_labels)
		entry->labels = read_rows(tasks, root, &plan, take_label);
	entry->has_labels = true;
	return entry->labels;
}

static List *
fact_rows(const Tasks *tasks, TaskEntry *entry, const char *root)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"SELECT fact, value, call_id, at, expires_at FROM agentcore.task_fact"
		" WHERE tenant = $1 AND root = $2 AND state = 'held' AND value IS NOT NULL ORDER BY fact, at", 2, types
	};

	if (!entry->has_facts)
		entry->facts = read_rows(tasks, root, &plan, take_fact);
	entry->has_facts = true;
	return entry->facts;
}

/* ----- labels ----------------------------------------------------------------------- */

static bool
was_cleared(List *rows, const char *label, TimestampTz from, TimestampTz until)
{
	ListCell   *cell;

	foreach(cell, rows)
	{
		const LabelRow *row = lfirst(cell);

		if (row->cleared >= from && row->cleared <= until && strcmp(row->label, label) == 0)
			return true;
	}
	return false;
}

static List *
add_once(List *labels, const char *label)
{
	ListCell   *cell;

	foreach(cell, labels)
		if (strcmp(lfirst(cell), label) == 0)
			return labels;
	return lappend(labels, unconstify(char *, label));
}

static int
compare_labels(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/* in CurrentMemoryContext, in the order of the alphabet */
static List *
labels_at(const Tasks *tasks, TaskEntry *entry, const char *root, TimestampTz now)
{
	List	   *rows = label_rows(tasks, entry, root);
	List	   *labels = NIL;
	ListCell   *cell;

	foreach(cell, rows)
	{
		const LabelRow *row = lfirst(cell);

		if (!row->taint && row->at <= now && row->cleared > now)
			labels = add_once(labels, row->label);
	}
	foreach(cell, entry->taints)
	{
		const Taint *taint = lfirst(cell);

		if (!was_cleared(rows, taint->label, taint->at, now))
			labels = add_once(labels, taint->label);
	}
	list_sort(labels, compare_labels);
	return labels;
}

static Jsonb *
labels_array(List *labels)
{
	JsonbParseState *state = NULL;
	ListCell   *cell;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	foreach(cell, labels)
		agc_push_text(&state, WJB_ELEM, lfirst(cell));
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

static void
add_taints(TaskEntry *entry, int n, char *const *taints, TimestampTz at)
{
	MemoryContext caller = MemoryContextSwitchTo(fold_context());

	for (int i = 0; i < n; i++)
	{
		Taint	   *taint = NULL;
		ListCell   *cell;

		foreach(cell, entry->taints)
			if (strcmp(((Taint *) lfirst(cell))->label, taints[i]) == 0)
				taint = lfirst(cell);
		if (taint == NULL)
		{
			taint = palloc(sizeof(Taint));
			taint->label = pstrdup(taints[i]);
			entry->taints = lappend(entry->taints, taint);
		}
		taint->at = at;
	}
	MemoryContextSwitchTo(caller);
}

/* ----- facts ------------------------------------------------------------------------ */

static bool
was_shown(const Tasks *tasks, const FactRow *row, TimestampTz now)
{
	if (row->at > now || row->until <= now)
		return false;
	return row->at < tasks->since || hash_search(tasks->shown, &row->call_id, HASH_FIND, NULL) != NULL;
}

/* fact -> array of its values */
static Jsonb *
facts_at(const Tasks *tasks, TaskEntry *entry, const char *root, TimestampTz now)
{
	JsonbParseState *state = NULL;
	const char *last = NULL;
	ListCell   *cell;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	foreach(cell, fact_rows(tasks, entry, root))
	{
		const FactRow *row = lfirst(cell);

		if (!was_shown(tasks, row, now))
			continue;
		if (last != NULL && strcmp(last, row->fact) != 0)
			pushJsonbValue(&state, WJB_END_ARRAY, NULL);
		if (last == NULL || strcmp(last, row->fact) != 0)
		{
			agc_push_text(&state, WJB_KEY, row->fact);
			pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
		}
		last = row->fact;
		agc_push_jsonb(&state, WJB_ELEM, row->value);
	}
	if (last != NULL)
		pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* ----- the fold --------------------------------------------------------------------- */

bool
fold_recall_task(void *state, FoldCall *call, ContextMember member, Jsonb **value)
{
	Tasks	   *tasks = state;
	const char *root = root_of(call);
	TaskEntry  *entry;

	*value = NULL;
	if (root == NULL)
		return true;
	entry = find(tasks, root, HASH_ENTER);
	if (member == CONTEXT_LABELS)
		*value = labels_array(labels_at(tasks, entry, root, agc_now()));
	else
	{
		if (entry->facts_unknown || task_clears_facts(tasks->tenant, call->gate->agent->policy))
			fold_unknown(call, "facts of the task");
		*value = facts_at(tasks, entry, root, agc_now());
	}
	return true;
}

bool
fold_task_diverged(void *state, const FoldCall *call)
{
	const char *root = root_of(call);
	TaskEntry  *entry = root == NULL ? NULL : find(state, root, HASH_FIND);

	return entry != NULL && entry->diverged;
}

/* Tasks are stopped by people, and never started again. */
static void
tasks_judge(void *state, FoldCall *call)
{
	gate_sight(call->gate)->stopped = NULL;
	if (fold_then(call, "task") == FOLD_SAID)
		fold_as_recorded(call, true);
}

static bool
taints(const Gate *gate)
{
	return gate->tool != NULL && gate->tool->ntaints > 0 &&
		(gate->verdict == VERDICT_RUN || gate->verdict == VERDICT_CACHED ||
		 (gate->verdict == VERDICT_DENY && strcmp(gate->reason, REASON_FAILED_BEFORE) == 0));
}

static bool
shows_facts(const Gate *gate)
{
	return gate->tool != NULL && gate->agent != NULL && task_has_fact_rules(gate->tenant, gate->agent->policy, gate->tool_name);
}

static void
tasks_decided(void *state, FoldCall *call)
{
	Gate	   *gate = call->gate;
	const char *root = root_of(call);
	bool		diverged = fold_runs(call) != fold_ran(call);
	TaskEntry  *entry;

	if (root == NULL || (!diverged && !taints(gate)))
		return;
	entry = find(state, root, HASH_ENTER);
	if (taints(gate))
		add_taints(entry, gate->tool->ntaints, gate->tool->taints, agc_now());
	if (!diverged)
		return;
	entry->diverged = true;
	entry->facts_unknown |= fold_runs(call) && shows_facts(gate);
}

static void
tasks_begun(void *state, FoldCall *call, void **note)
{
	const Gate *gate = call->gate;
	const char *root = root_of(call);
	MemoryContext caller;
	TaskNote   *mine;

	if (root == NULL || gate->tool == NULL || *note != NULL || (gate->tool->ntaints == 0 && !shows_facts(gate)))
		return;
	caller = MemoryContextSwitchTo(fold_context());
	*note = mine = palloc(sizeof(TaskNote));
	fold_tag(&mine->tag, 1, &root, NULL);
	mine->shows = shows_facts(gate);
	mine->ntaints = gate->tool->ntaints;
	mine->taints = palloc(Max(mine->ntaints, 1) * sizeof(char *));
	for (int i = 0; i < mine->ntaints; i++)
		mine->taints[i] = pstrdup(gate->tool->taints[i]);
	MemoryContextSwitchTo(caller);
}

static void
free_note(TaskNote *note)
{
	for (int i = 0; i < note->ntaints; i++)
		pfree(note->taints[i]);
	pfree(note->taints);
	pfree(note);
}

/* A person who cleared a label meanwhile has not seen what the call brings. */
static void
tasks_settled(void *state, const FoldEnd *end, void **note)
{
	Tasks	   *tasks = state;
	TaskNote   *mine = *note;
	TaskEntry  *entry;

	if (mine == NULL)
		return;
	entry = hash_search(tasks->table, &mine->tag, HASH_FIND, NULL);
	if (entry != NULL && end->outcome != FOLD_RELEASED && end->outcome != FOLD_EXPIRED)
		add_taints(entry, mine->ntaints, mine->taints, end->at);
	if (mine->shows && !end->assumed && (end->outcome == FOLD_COMMITTED || end->outcome == FOLD_LATE))
		(void) hash_search(tasks->shown, &end->call_id, HASH_ENTER, NULL);
	if (end->outcome == FOLD_RETRIES || end->outcome == FOLD_EXPIRED)
		return;
	free_note(mine);
	*note = NULL;
}

const Fold	fold_of_tasks = {
	"task", tasks_init, tasks_judge, tasks_begun, tasks_settled, tasks_decided
};
