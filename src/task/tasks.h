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
