/*
 * gate.h
 *	  Private to src/call: one call on its way through the gate.
 */
#ifndef AGENTCORE_GATE_H
#define AGENTCORE_GATE_H

#include "allow/allow.h"
#include "budget/budget.h"
#include "cache/cache.h"
#include "call/call.h"
#include "core/core.h"
#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"
#include "retry/retry.h"
#include "tool/tool.h"

typedef enum Verdict
{
	VERDICT_NONE,				/* not decided yet */
	VERDICT_RUN,
	VERDICT_CACHED,
	VERDICT_WAIT,
	VERDICT_DENY
} Verdict;

/* A compiled row of agentcore.agent */
typedef struct AgentDef
{
	char	   *policy;
	char	   *budget;			/* may be NULL */
	char	   *owner;			/* role name; may be NULL */
	bool		audit;
	bool		enabled;
} AgentDef;

typedef struct Gate
{
	/* what was asked */
	const char *tenant;
	const char *agent_name;
	const char *tool_name;		/* or the model */
	bool		is_llm;
	Jsonb	   *args;			/* NULL until parsed; coerced and canonical later */
	char	   *impossible;		/* why no tool can have the name that was asked for; or NULL */
	char	   *oversized;		/* why the arguments were not read; or NULL */
	char	   *args_text;		/* the model's raw string, or NULL */
	int64		est_tokens;
	int64		est_nanousd;
	char	   *key;
	char	   *task;
	char	   *subject;
	char	   *budget_arg;
	int64		lease;			/* us; -1 = default */

	/* what was found */
	AgcObject  *agent_object;
	const AgentDef *agent;
	AgcObject  *tool_object;
	const ToolDef *tool;		/* NULL for a model call */
	const char *budget;			/* NULL: none */
	uint8		request_hash[AGC_HASH_LEN];
	bool		has_final_hash; /* the loop guard counts this call */
	uint8		final_hash[AGC_HASH_LEN];
	bool		cacheable;
	CacheTarget cache;
	CacheResult stale;			/* an answer past its soft deadline, nobody replaces it yet */
	int64		cache_lease;
	bool		has_approval;	/* one that this call uses up */
	pg_uuid_t	approval_id;
	bool		replayed;		/* the key's first answer, given again */
	bool		reopen;			/* run again under reopen_id (a retry) */
	pg_uuid_t	reopen_id;

	/* how it is judged */
	bool		explaining;		/* call_explain: look, never take or write */
	bool		audit;			/* refusals are reported, not enforced */

	/* the answer */
	Verdict		verdict;
	bool		has_call_id;
	pg_uuid_t	call_id;
	Jsonb	   *result;
	const char *reason;
	char	   *detail;
	Jsonb	   *errors;
	char	   *feedback;
	int64		retry_after;	/* us; -1 = null */
	int			attempt;
	bool		want_result;

	/* what a policy in audit mode would have refused; shown when nothing else is */
	const char *observed_reason;
	char	   *observed_detail;
	char	   *observed_feedback;
} Gate;

/* A stage of the gate.  It either leaves verdict at VERDICT_NONE or decides. */
typedef struct Stage
{
	const char *name;
	void		(*judge) (Gate *gate);
} Stage;

/* agent.c */
extern AgcObject *agent_pin(const char *tenant, const char *name);
extern void agent_check_owner(const char *name, const AgentDef *agent);

/* gate.c */
extern void gate_run(Gate *gate);
extern bool gate_enforced(const Gate *gate);
extern void gate_refuse(Gate *gate, const char *reason, char *detail, char *feedback);
extern void gate_deny(Gate *gate, const char *reason, char *detail, char *feedback);
extern void gate_observe(Gate *gate, const char *reason, char *detail, char *feedback);
extern void gate_wait(Gate *gate, const char *reason, char *detail, int64 retry_after);
extern Datum gate_row(FunctionCallInfo fcinfo, Gate *gate);
extern void gate_find_agent(Gate *gate);
extern char *hex_uuid(const pg_uuid_t *id);

/* arguments.c */
extern void gate_judge_args(Gate *gate);
extern void gate_judge_urls(Gate *gate);
extern void gate_apply_decision(Gate *gate, const AllowDecision *decision, const char *what);

/* stages.c, take.c */
extern const Stage gate_stages[];
extern const int gate_nstages;
extern void gate_take(Gate *gate);

/* us: the tool's own, else the default; NULL: a model call, or a tool that is gone */
extern int64 gate_tool_lease(const ToolDef *tool);
extern void gate_fill_request(Gate *gate, PermitRequest *request);
extern void gate_failed_before(Gate *gate, const CacheResult *found);
extern bool gate_serve_stale(Gate *gate);
extern void gate_in_progress(Gate *gate, int64 retry_after);
extern void gate_breaker_open(Gate *gate, const BreakerDecision *decision);
extern void gate_rate_limited(Gate *gate, int64 retry_after);
extern void gate_budget_denied(Gate *gate, const PermitDecision *decision);

/* llm.c: a model call's request as its arguments */
extern Jsonb *llm_request_args(int64 input_tokens, int64 max_output_tokens);
extern void llm_request_tokens(Jsonb *args, int64 *input_tokens, int64 *max_output_tokens);

/*
 * takes.c: what this transaction took from shared memory, given back when
 * it aborts.
 */
typedef enum TakeKind
{
	TAKE_LEASE,
	TAKE_PROBE,
	TAKE_RATE
} TakeKind;

extern void takes_add_lease(const CacheKey *key, int64 lease);
extern void takes_add_target(TakeKind kind, const char *tenant, const char *target);
extern int	takes_mark(void);
extern void takes_give_back(int mark);
extern void takes_init(void);

/* urls.c: the URLs among the arguments */
typedef struct FoundUrl
{
	SchemaUrlKind kind;
	const char *at;				/* in the document */
	uint32		len;
	struct UrlMap *content;		/* SCHEMA_URL_CONTENT: what is in it; NULL: it cannot be read */
	Bitmapset  *methods;		/* that it is used with, of the map's; NULL: none was named */
	const char *canonical;		/* set by the judge; NULL: it stays as it is */
} FoundUrl;

typedef struct UrlMap
{
	Jsonb	   *args;
	FoundUrl   *found;			/* by place */
	int			nfound;
	int			maxfound;
	bool		misplaced;		/* something else than a string stands where a URL should */
	List	   *methods;		/* every one that the arguments name, upper case */
} UrlMap;

/* raises 54001 beyond the limits of validation; calls nothing but what is pure */
extern UrlMap *urls_find(const ToolDef *tool, Jsonb *args, const AllowMethods *known);

/* args with what the judge made canonical; the same where that is nothing */
extern Jsonb *urls_put_back(UrlMap *map);

/* methods.c: notes which methods the URLs of a map are used with */
extern void urls_find_methods(UrlMap *map, const AllowMethods *known);

/* loop.c */
extern int	loop_count(const uint8 *hash);
extern void loop_note(const uint8 *hash);
extern void loop_init(void);

/* approval.c: a digest of the call as it runs, and what a person said of it */
extern void gate_final_digest(Gate *gate, uint8 out[AGC_HASH_LEN]);
extern void judge_approval(Gate *gate);
extern bool approval_lock(Gate *gate, const pg_uuid_t *id);
extern void approval_use(Gate *gate, const pg_uuid_t *id);

/* log.c */
extern void log_verdict(Gate *gate);
extern void log_settlement(const char *tenant, const PermitRow *permit, const char *event,
						   const char *outcome, const char *reason);
extern const char *verdict_name(Verdict verdict);

#endif							/* AGENTCORE_GATE_H */
