/*
 * gate.h
 *	  One call on its way through the gate: what was asked, what was found, what
 *	  is answered.
 *
 * It is the lowest header of the room: stages read and fill the Gate, and say
 * their verdict with the verbs below.  The words of refusals stand in refuse.c.
 */
#ifndef AGENTCORE_CALL_GATE_H
#define AGENTCORE_CALL_GATE_H

#include "approval/approval.h"
#include "budget/budget.h"
#include "cache/cache.h"
#include "call/agent.h"
#include "call/model.h"
#include "core/core.h"
#include "price/price.h"
#include "profile/profile.h"
#include "retry/retry.h"
#include "task/task.h"
#include "tool/tool.h"

/* how long a waiting worker is told to stay away from a call in progress, at most */
#define GATE_POLL_US (1 * USECS_PER_SEC)

typedef enum Verdict
{
	VERDICT_NONE,				/* not decided yet */
	VERDICT_RUN,
	VERDICT_CACHED,
	VERDICT_WAIT,
	VERDICT_DENY
} Verdict;

/* The call that was made before under the same key, where it leaves something to do. */
typedef enum EarlierCall
{
	EARLIER_NONE,
	EARLIER_LAPSED,				/* open, and its lease is over: to be ended before it is judged */
	EARLIER_ABANDONED,			/* ended without an answer; the key is to be freed */
	EARLIER_RETRY,				/* failed, and runs again: this call is its next attempt */
	EARLIER_WAITS,				/* failed, and its model is left alone for now */
	EARLIER_OTHER,				/* failed with another model: this call goes on in its place */
	EARLIER_CHOSEN,				/* another model was chosen for it, and stays chosen */
	EARLIER_YOURS				/* open, and asked for again by its holder */
} EarlierCall;

/* fallbacks that a model call may name */
#define GATE_MAX_FALLBACKS 8

/* The models that a call may run with, each once, in the order in which they are tried. */
typedef struct ModelChoice
{
	int			n;
	const char *name[GATE_MAX_FALLBACKS + 1];
} ModelChoice;

/* Where the stages of targets, limits and budgets look, if not at what is; a member that is NULL: at what is. */
typedef struct GateState
{
	bool		(*admits) (void *arg, const PermitRequest *request, PermitDecision *out);
	void		(*breaker) (void *arg, const char *target, BreakerDecision *out);
	void		(*rate) (void *arg, const char *target, int64 tokens, RateDecision *out);
	void	   *arg;
} GateState;

typedef struct Gate
{
	/* what was asked */
	const char *tenant;
	const char *agent_name;
	const char *tool_name;		/* or the model */
	bool		is_llm;
	Jsonb	   *args;			/* NULL until parsed; coerced and canonical later */
	Jsonb	   *asked;			/* the same as it was parsed */
	char	   *given_name;		/* as it was sent, where no tool can have that name; else NULL */
	char	   *impossible;		/* why no tool can have the name that was asked for; or NULL */
	char	   *oversized;		/* why the arguments were not read; or NULL */
	char	   *args_text;		/* the model's raw string, or NULL */
	bool		unreadable;		/* which is no JSON */
	int64		est_tokens;		/* -1: not said; then the tool's; then unknown */
	int64		est_nanousd;	/* the same */
	char	   *key;
	char	   *task;
	char	   *subject;
	Jsonb	   *labels;			/* or NULL */
	char	   *trace;			/* a W3C traceparent; or NULL */
	BudgetNames named;			/* budgets that are to pay beside the agent's */
	int64		lease;			/* us; -1 = default */
	char	   *holder;			/* which run of which worker asks; or NULL */
	const char *service_tier;	/* of a model call; NULL: standard */
	Jsonb	   *fees;			/* how many it may use of what costs by the piece; or NULL */
	const ModelChoice *choice;	/* which models it may run with, tool_name being one of them; NULL: no other */

	/* what was found */
	AgcObject  *agent_object;
	const AgentDef *agent;
	AgcObject  *tool_object;	/* of a tool, or of a model */
	const ToolDef *tool;		/* NULL for a model call */
	const ModelDef *model;		/* NULL for a tool, and for a model without a row */
	bool		is_priced;		/* of a model call: the model exists */
	const char *priced_as;		/* by the price of another, which an alias names; NULL: by its own */
	const char *budget;			/* NULL: none */
	int			nalso;			/* that pay beside it, in order of names */
	char	   *also[BUDGET_MAX_NAMES];
	int64		policy_revision;	/* of the agent's; 0: unknown */
	int64		price_revision; /* of a model call: of the price of its estimate; 0: it has none */
	int64		allowed_by;		/* the rule that lets it pass so far; 0: none had to */
	bool		strict_urls;	/* the policy has URLs judged that nobody declared */
	bool		judges_calls;	/* a policy has rules that look at calls, or checks */
	bool		by_call;		/* only such a rule can allow this one */
	bool		has_sight;
	TaskSight	sight;			/* of the task: gate_sight() */
	RuleContext *context;		/* call_context.c; NULL: no rule has asked for it */
	bool		with_open_facts;	/* it shows facts that calls may still bring, too */
	int64		facts_open_until;	/* until when the last of them may come; 0: none */
	int			nasks;
	CallAsk    *asks;			/* rules that have people decide, and apply */
	CallLimits	limits;			/* that count the call */
	OnceCall   *once;			/* it does not run again for a time; NULL: it may */
	EarlierCall earlier;
	pg_uuid_t	earlier_id;
	const char *earlier_model;	/* of EARLIER_CHOSEN */
	CacheKey	earlier_cache;	/* of EARLIER_YOURS: what others wait for */
	int64		earlier_cache_lease;	/* 0: nobody does */
	int64		earlier_tokens; /* that it holds */
	int64		hold_tokens;	/* that its budgets want it to hold, where it has an estimate or they have a minimum */
	bool		loop_guarded;	/* the loop guard counts this call */
	uint64		loop_tag;		/* by this */
	bool		cacheable;
	CacheTarget cache;
	CacheResult stale;			/* an answer past its soft deadline, nobody replaces it yet */
	int64		cache_lease;
	const PermitDecision *full; /* the word of budgets that are full and have a person asked; NULL: none */
	char	   *exceeds;		/* those that the approval is about, quoted; NULL: none */
	bool		unasked;		/* an approval is to be asked for */
	bool		has_approval;	/* one that this call uses up */
	bool		shows_approval; /* the answer names approval_id */
	pg_uuid_t	approval_id;
	ApprovalFound *approval;	/* what was found of one last; NULL: nothing was looked for */
	Jsonb	   *correction;		/* arguments that a person put in the place of these: to be judged anew */
	bool		corrected;		/* they are in their place, by approval_id */
	char	   *changes;		/* what the person changed, in words */
	bool		replayed;		/* the key's first answer, given again */

	/* digests (digest.c): each is made once, when it is first asked for */
	bool		has_request_hash;
	uint8		request_hash[AGC_HASH_LEN]; /* as it runs, for a key */
	bool		has_asked_hash; /* it was asked in other words */
	uint8		asked_hash[AGC_HASH_LEN];
	bool		has_final_hash;
	uint8		final_hash[AGC_HASH_LEN];
	bool		has_question;
	uint8		question[AGC_HASH_LEN];

	/* how it is judged */
	bool		explaining;		/* call_explain: look, never take or write */
	bool		rows_only;		/* a key of another call is a refusal, no ERROR */
	bool		asks_twice;		/* the same key stood before it in one turn: nobody's own call */
	bool		audit;			/* refusals are reported, not enforced */
	bool		asks_nobody;	/* another model may do without an approval */
	ProfileClock *clock;		/* of the stages; NULL: the call is not timed */

	const GateState *state;		/* that stages look at; NULL: what is */

	/*
	 * A call that was recorded, judged again (src/replay); NULL: a call of now.  Members of its
	 * context that only the record knows: false where it does not know better.
	 */
	bool		(*recall) (struct Gate *gate, ContextMember member, Jsonb **value);
	void	   *record;			/* recall's */
	bool		unchecked;		/* checks look at it, and were not run: they know the rows of now only */

	/* who speaks */
	const char *stage;			/* the one that looks, or whose take is under way; NULL: none does */
	int64		rule;			/* of whose word the next refusal is; 0: of none */

	/* the answer */
	Verdict		verdict;
	bool		has_call_id;
	pg_uuid_t	call_id;
	Jsonb	   *result;
	const char *reason;
	const char *said_in;		/* the stage that gave the reason */
	int64		said_by;		/* the rule */
	char	   *detail;
	Jsonb	   *errors;
	char	   *feedback;
	int64		retry_after;	/* us; -1 = null */
	int			attempt;
	bool		want_result;
	char	   *denied_by;		/* of budget_exceeded, and of an approval to exceed it */
	BudgetFacts denied;
	int			npaid_by;		/* of run: overflows that pay */
	char	  **paid_by;

	/* what a policy in audit mode would have refused; shown when nothing else is */
	const char *observed_reason;
	const char *observed_in;
	int64		observed_by;
	char	   *observed_detail;
	char	   *observed_feedback;
} Gate;

/*
 * Refuses for good.  In audit mode the first refusal is what the row reports,
 * and the call goes on.
 */
extern void gate_deny(Gate *gate, const char *reason, char *detail, char *feedback);

/* the same, in audit mode too and in the place of what was said before: what cannot run at all */
extern void gate_refuse(Gate *gate, const char *reason, char *detail, char *feedback);

/* refuses for now; retry_after in us */
extern void gate_wait(Gate *gate, const char *reason, char *detail, int64 retry_after);

/* the same, in audit mode too, and in the place of what was said before */
extern void gate_hold(Gate *gate, const char *reason, char *detail, int64 retry_after);

/* what would have been refused; said if the call goes through with nothing else to say */
extern void gate_observe(Gate *gate, const char *reason, char *detail, char *feedback);
extern void gate_report_observed(Gate *gate);

/* false: a refusal was reported, or would have been, and not enforced */
extern bool gate_enforced(const Gate *gate);

extern const char *verdict_name(Verdict verdict);

/* what the call is watched by: the service behind the tool, or the model; NULL: none */
extern const char *gate_target(const Gate *gate);

/* nobody gave the model a target: it is watched where it can be */
extern bool gate_target_implied(const Gate *gate);

/* us: the tool's own, else the default; NULL: a model call, or a tool that is gone */
extern int64 gate_tool_lease(const ToolDef *tool);

/* us: the call's own, else the tool's */
extern int64 gate_lease(const Gate *gate);

/* milliseconds, rounded up: a wait that is cut short is asked for twice */
extern int64 gate_in_ms(int64 us);

/* the permit that the call needs */
extern void gate_fill_request(const Gate *gate, PermitRequest *request);

/* budget_peek(), by the state that the call is judged by */
extern bool gate_admits(const Gate *gate, const PermitRequest *request, bool rows, PermitDecision *out);

/* who pays: the agent's own budget (or NULL) and those that were named */
extern void gate_ask_budgets(Gate *gate, char *own);

extern char *hex_uuid(const pg_uuid_t *id);

#endif							/* AGENTCORE_CALL_GATE_H */
