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

/* whether the root has this label, not cleared; "" any row at all */
extern bool task_has_label(const char *tenant, const char *root, const char *label);

/*
 * A value as `#>>` shows it, without what is nothing in a number, so that one value has
 * one text.  NULL: none, or a list or an object.
 */
extern char *task_value_text(Jsonb *value);

/* writes a label of the root; source: the tool, or the role */
extern void task_add_label(const char *tenant, const char *root, const char *task, const char *label, const char *source);

#endif							/* AGENTCORE_TASK_TASKS_H */
