/*
 * sight.c
 *	  What a begin sees of its task: root, stops and labels.
 *
 * It reads the labels of the task's own name, and no more: a mark among them
 * (label.c) says that the name has a row in the table of tasks that counts, because
 * it is below another task or was stopped.
 *
 * Memory: CurrentMemoryContext.  Locks: none but those of reading.  On ERROR: nothing
 * to undo.
 */
#include "task/tasks.h"

void
task_look(const char *tenant, const char *task, TaskSight *sight)
{
	*sight = (TaskSight){.root = task, .has_labels = true};
	if (task == NULL || !task_is_remembered(tenant) || !task_read_labels(tenant, task, &sight->labels))
		return;
	task_climb(tenant, task, sight);
	sight->has_labels = strcmp(sight->root, task) == 0;
}
