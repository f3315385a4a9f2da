/*
 * task.h
 *	  Public face of src/task: what is remembered of a task (labels, facts, what
 *	  has run once), and limits that count within it.
 *
 * A task is its whole tree: everything belongs to the root.  A tenant without
 * rows of tasks looks nothing up.
 */
#ifndef AGENTCORE_TASK_H
#define AGENTCORE_TASK_H

#include "allow/allow.h"
#include "tool/tool.h"

/* the root of a task's tree: itself where it has no row; NULL for NULL */
extern char *task_root(const char *tenant, const char *task);

/* whether the task, or one above it, was stopped; *by: which one */
extern bool task_is_stopped(const char *tenant, const char *task, char **by);

/* the members of the context: jsonb arrays and objects; NULL without a task */
extern Jsonb *task_labels(const char *tenant, const char *root);
extern Jsonb *task_facts(const char *tenant, const char *root, bool with_open, int64 *open_until);

/* ----- what a begin and an end of a call leave behind ------------------------ */

/* at begin of a call that may run, or is answered from the cache: the tool's taints, written only when new */
extern void task_taint(const char *tenant, const char *task, const ToolDef *tool);

/* at begin of a call that runs: facts that it may give, facts that it clears */
extern void task_facts_begin(const char *tenant, const char *policy, const char *task, const char *tool,
							 RuleContext *context, const pg_uuid_t *call_id, TimestampTz lease_until);

/* at the end of an attempt; result NULL: none was given */
extern void task_facts_end(const char *tenant, const pg_uuid_t *call_id, bool succeeded, Jsonb *result);

extern void task_init(void);

#endif							/* AGENTCORE_TASK_H */
