/*
 * tasks.h
 *	  Rows of tasks.  Private to src/task.
 */
#ifndef AGENTCORE_TASK_TASKS_H
#define AGENTCORE_TASK_TASKS_H

#include "task/task.h"

/* Makes sessions look for rows of the tenant's tasks; before the first of them is written. */
extern void task_remember(const char *tenant);

/* false: nothing is remembered of any task of the tenant */
extern bool task_is_remembered(const char *tenant);

#define LEVELS_MAX	16			/* of a tree, below its root; the table has it too */

typedef struct TaskRow
{
	bool		exists;
	char	   *parent;
	char	   *root;
	int			depth;
} TaskRow;

/* the row of a task, if it has one */
extern void task_read(const char *tenant, const char *name, TaskRow *task);

/* from the task up, as far as there are rows: its root, and the first that was stopped */
extern void task_climb(const char *tenant, const char *task, TaskSight *sight);

/* 40001 where the row is newer than what a transaction of a stricter level may refer to */
extern void task_require_seen(const char *tenant, const char *name);

/* ----- locks on what a setter changes under calls in progress (task_lock.c) ----- */

typedef enum TaskLock
{
	TASK_LOCK_PLACE = 't',		/* where a task without a row stands: its own root, until it is placed */
	TASK_LOCK_LABELS = 'b'		/* the labels of a root */
} TaskLock;

/* a call's, to the end of its transaction, without waiting; false: a setter has it or waits for it */
extern bool task_lock_share(TaskLock what, const char *tenant, const char *task);

/* a setter's; waits for calls no longer than agentcore.budget_lock_wait, then 55P03 */
extern void task_lock_alone(TaskLock what, const char *tenant, const char *task);

/*
 * Before something is remembered of a task: to the end of the transaction it stays
 * where it stands.  55P03 where it is being placed below another.
 */
extern void task_hold_place(const char *tenant, const char *task);

/* whether calls of the root have left facts, or run or ran once in it */
extern bool task_has_facts(const char *tenant, const char *root);
extern bool task_ran_once(const char *tenant, const char *root);

/* ----- labels (label.c) ----- */

/* the labels of a root, each once; whether its name is marked */
extern bool task_read_labels(const char *tenant, const char *root, List **labels);

/* the same of the root that was seen, read once; in order */
extern List *task_seen_labels(const char *tenant, TaskSight *sight);

/* whether it was ever labelled, cleared labels too */
extern bool task_was_labelled(const char *tenant, const char *root);

/*
 * A value as `#>>` shows it, without what is nothing in a number, so that one value has
 * one text.  NULL: none, or a list or an object.
 */
extern char *task_value_text(Jsonb *value);

/* writes a label of the root unless it was seen to have it; source: the tool, or the role; whether it is new */
extern bool task_add_label(const char *tenant, TaskSight *sight, const char *task, const char *label, const char *source);

/* marks a name that is below another from now on, or stopped: a begin looks at its row */
extern void task_mark(const char *tenant, const char *name, const char *source);

#endif							/* AGENTCORE_TASK_TASKS_H */
