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
#include "budget/budget.h"
#include "tool/tool.h"

/* the root of a task's tree: itself where it has no row; NULL for NULL */
extern char *task_root(const char *tenant, const char *task);

/* What was seen of a task at one moment. */
typedef struct TaskSight
{
	const char *root;			/* of its tree; NULL without a task */
	const char *stopped;		/* it, or the nearest above it that was stopped; NULL: none */
	bool		has_labels;		/* they were read */
	List	   *labels;			/* of the root */
} TaskSight;

/* as the latest COMMIT left it; task may be NULL */
extern void task_look(const char *tenant, const char *task, TaskSight *sight);

/* the members of the context: jsonb arrays and objects; NULL without a task */
extern Jsonb *task_labels(const char *tenant, TaskSight *sight);
extern Jsonb *task_facts(const char *tenant, const char *root, bool with_open, int64 *open_until);

/* whether calls of the tool may show facts or take them away; whether those of any tool take some away */
extern bool task_has_fact_rules(const char *tenant, const char *policy, const char *tool);
extern bool task_clears_facts(const char *tenant, const char *policy);

/* ----- what a begin and an end of a call leave behind ------------------------ */

/*
 * The tool's taints, written only when new: at begin of a call that may run, or is answered from the
 * cache; and again when it ends, since somebody may have cleared one meanwhile.  55P03: the task is
 * being placed below another.
 */
extern void task_taint(const char *tenant, const char *task, const ToolDef *tool);

/* at begin of a call that runs: facts that it may give, facts that it clears */
extern void task_facts_begin(const char *tenant, const char *policy, const char *task, const char *tool,
							 RuleContext *context, const pg_uuid_t *call_id, TimestampTz lease_until);

/* at the end of an attempt; result NULL: none was given */
extern void task_facts_end(const char *tenant, const pg_uuid_t *call_id, bool succeeded, Jsonb *result);

/* ----- limits: how often, and how much in all --------------------------------- */

typedef struct CallLimit
{
	const char *tenant;			/* of the policy that has it */
	const char *policy;
	const char *name;			/* as it is shown */
	const char *ask;			/* that applies beyond it; NULL: what is beyond is denied */
	bool		audit;			/* its policy only looks */
	bool		max_is_told;	/* the maximum comes from no row of the business */

	/* why it refuses; reason NULL: it has not refused yet */
	const char *reason;
	char	   *detail;
	char	   *feedback;

	/* what it says of calls and of sums */
	char	   *calls_feedback;
	char	   *sum_feedback;
} CallLimit;

/* Each limit that covers a call, and how it is counted; one that cannot count it refuses at once. */
typedef struct CallLimits
{
	int			n;
	CallLimit  *limit;
	PermitLimit *count;
} CallLimits;

/* whether the policy, or a policy '*', has limits for the tool */
extern bool task_has_limits(const char *tenant, const char *policy, const char *tool);

/* of_now: a maximum that a row of the business has is read; else it is taken for none */
extern void task_limits(const char *tenant, const char *policy, const char *tool, const char *root, RuleContext *context,
						bool of_now, CallLimits *out);

/* its counter refuses, by these numbers */
extern void task_limit_refuses(CallLimit *limit, const BudgetFacts *facts);

/* ----- calls that do not run again: tool_set(once) ------------------------------ */

typedef struct OnceCall
{
	const char *tenant;
	const char *tool_name;
	const ToolDef *tool;
	const char *agent;
	const char *root;			/* of the task */
	const char *subject;
	Jsonb	   *args;			/* that run */
	RuleContext *context;

	/* task_once_name()'s */
	const char *scope_value;
	uint8		digest[AGC_HASH_LEN];
	const char *name;			/* of the row */
} OnceCall;

typedef enum OnceWord
{
	ONCE_FREE,					/* it did not run, or may run again */
	ONCE_DONE,					/* by the same agent, with the same arguments and subject */
	ONCE_OTHER,					/* not quite so */
	ONCE_OPEN,
	ONCE_UNKNOWN				/* nobody knows whether it took effect */
} OnceWord;

typedef struct OnceFound
{
	OnceWord	word;
	pg_uuid_t	call_id;
	Jsonb	   *result;			/* of ONCE_DONE; NULL: there was none */
	List	   *differs;		/* of ONCE_OTHER: names of members */
	int64		open_for;		/* of ONCE_OPEN: us, at most */
} OnceFound;

/* by what the call is known; the reason of a refusal if it has no task or subject that it needs, else NULL */
extern const char *task_once_name(OnceCall *call);

/* what became of the same call before, as it is now */
extern void task_once_look(const OnceCall *call, OnceFound *out);

/* to the end of the transaction nobody else begins it; false: contention.  Look again after it. */
extern bool task_once_lock(const OnceCall *call);
extern void task_once_begin(const OnceCall *call, const pg_uuid_t *call_id, TimestampTz lease_until);

/* after its permit has ended, or an attempt has */
extern void task_once_end(const char *tenant, const pg_uuid_t *call_id, Jsonb *result);

/* whether the call is one that does not run again */
extern bool task_runs_once(const char *tenant, const pg_uuid_t *call_id);

extern void task_init(void);

#endif							/* AGENTCORE_TASK_H */
