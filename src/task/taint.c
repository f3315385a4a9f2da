/*
 * taint.c
 *	  The labels that calls leave on their task.
 *
 * A taint comes when its call begins, because from then on the model may have
 * read what the tool returns; it is written only when it is new.  A person who clears
 * it has not seen what a call brings that still runs, so the call brings its taints again
 * when it ends.
 *
 * Memory: CurrentMemoryContext.  Locks: a call shares the lock of its root's labels, so
 * that task_clear() waits for one that found a label and has not committed; where
 * task_clear() has the lock the call writes the label although it is there.  On ERROR:
 * the transaction takes everything back.
 */
#include "task/tasks.h"

void
task_taint(const char *tenant, const char *task, const ToolDef *tool)
{
	TaskSight	sight;
	bool		kept;

	if (task == NULL || tool == NULL || tool->ntaints == 0)
		return;
	task_hold_place(tenant, task);
	kept = task_lock_share(TASK_LOCK_LABELS, tenant, task);
	task_look(tenant, task, &sight);
	if (strcmp(sight.root, task) != 0)
		kept = task_lock_share(TASK_LOCK_LABELS, tenant, sight.root);
	if (!kept)
		sight = (TaskSight){.root = sight.root, .has_labels = true};
	for (int i = 0; i < tool->ntaints; i++)
		(void) task_add_label(tenant, &sight, task, tool->taints[i], tool->name);
}
