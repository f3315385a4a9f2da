/*
 * budget.h
 *	  Public face of src/budget: budgets, permits, ledger.
 *
 * A permit is one row of agentcore.permit.  It is also the gate's open call:
 * the columns of a call are filled by call_begin() and null for a raw permit.
 */
#ifndef AGENTCORE_BUDGET_H
#define AGENTCORE_BUDGET_H

#include "core/core.h"

/* ----- settings (budget.c): agc_x is agentcore.x ----- */
typedef enum AgcBudgetGuard
{
	AGC_GUARD_OFF,
	AGC_GUARD_WARNING,
	AGC_GUARD_ERROR
} AgcBudgetGuard;

extern int	agc_budget_guard;
extern int	agc_budget_max_xact_age;	/* ms */
extern int	agc_budget_wait_max;	/* ms */
extern int	agc_budget_entries; /* fixed at server start */
extern bool agc_debug_budget_entries;
extern double agc_max_overrun;	/* times a hold */

typedef enum PermitState
{
	PERMIT_OPEN = 'o',
	PERMIT_RETRY = 'r',			/* call_fail said retry: the hold stays, lease extended */
	PERMIT_COMMITTED = 'c',
	PERMIT_RELEASED = 'x',		/* given back, nothing charged */
	PERMIT_FAILED = 'f',		/* settled by call_fail, its actual use charged */
	PERMIT_EXPIRED = 'e',		/* its lease ended: released or charged, per on_expiry */
	PERMIT_LATE = 'l',			/* committed after it had expired */
	PERMIT_UNKNOWN = 'u',		/* call_fail could not say whether the work was done: charged as if it was */
	PERMIT_DEFERRED = 'd'		/* call_fail said defer: as failed, but its key waits until retry_at */
} PermitState;

/* names that one request may give */
#define BUDGET_MAX_NAMES	8

/* The budgets that a request names, each once, in the order given. */
typedef struct BudgetNames
{
	int			n;
	char	   *name[BUDGET_MAX_NAMES];
} BudgetNames;

/*
 * What counts a request beside budgets once it is granted: a counter without a
 * definition, whose limits are the request's.  What it counts is used, never held, so
 * nothing that becomes of the permit gives it back.
 */
typedef struct PermitLimit
{
	const char *counter;		/* by budget_limit_counter(); NULL: this one counts nothing */
	int64		period;			/* us, sliding; 0: for ever */
	int64		max_calls;		/* -1: no limit; the request is one call */
	int64		max_sum;		/* the same, in billionths */
	int64		sum;			/* what the request adds; at most BUDGET_MAX_SUM */
	bool		excused;		/* it is counted, and refused by no limit */
} PermitLimit;

/* billionths, so that no counter leaves bigint at once */
#define BUDGET_MAX_SUM	(INT64CONST(2000000000) * 1000000000)

/* What is asked for.  Strings may be NULL where a raw permit has none. */
typedef struct PermitRequest
{
	const char *tenant;
	const char *budget;			/* whose on_expiry and overrun count; NULL: no budget, the permit only records the call */
	int			nalso;			/* budgets that are asked beside it, each once, in order of names */
	char	   *also[BUDGET_MAX_NAMES];
	int64		tokens;			/* -1: unknown, so every limit must have room; 0: nothing */
	int64		nanousd;		/* the same */
	int64		calls;
	int64		lease;			/* us */
	const char *key;			/* idempotency key, unique per (tenant, agent or role) while not failed/released */
	uint8		request_hash[AGC_HASH_LEN]; /* same key with another hash: 22023, of a call a conflict */
	bool		has_asked_hash; /* the request was asked in other words than it runs */
	uint8		asked_hash[AGC_HASH_LEN];
	const char *run_holder;		/* which run of which worker begins it; or NULL */
	bool		charge_on_expiry;	/* overrides the budget's on_expiry */
	bool		may_use;		/* the budget is the agent's own, or budget_check_use() was called */
	bool		want_remaining; /* also when granted */
	int			nexcused;		/* budgets whose limits a person lets it pass */
	char	  **excused;
	int			nlimits;
	const PermitLimit *limits;

	/* the gate's */
	const char *agent;
	const char *tool;			/* or the model of llm_begin */
	const char *priced_as;		/* the model whose price counts; NULL: its own */
	const char *service_tier;	/* that it was begun with; NULL: standard */
	const char *task;
	const char *subject;
	Jsonb	   *labels;			/* as budget_arg_labels() takes them; NULL: none */
	bool		is_llm;
	bool		idempotent;
	bool		has_cache_key;
	uint8		cache_key[AGC_HASH_LEN];
	int64		cache_lease;	/* 0: none */
	int64		loop_tag;		/* what the loop guard counted the call by; 0: it did not */
	int			attempt;		/* of the call, where permits before it made others; else 0 or 1 */
} PermitRequest;

/* The numbers of a refusal, of one dimension: used + held + asked is more than max. */
typedef struct BudgetFacts
{
	const char *dimension;		/* tokens, usd, calls or in_flight; NULL: no number refuses */
	bool		is_usd;			/* they are nano-USD */
	int64		used;
	int64		held;
	int64		max;			/* -1: none, it cannot be counted */
	int64		asked;			/* -1: unknown */
} BudgetFacts;

/* A budget that has no room for a request. */
typedef struct BudgetFull
{
	char	   *budget;
	char	   *limit;			/* which of its windows; NULL: in flight */
	BudgetFacts facts;
} BudgetFull;

/* What a request hears that does not fit. */
typedef enum OnFull
{
	ON_FULL_DENY,
	ON_FULL_WAIT,				/* only where all reset within agentcore.budget_wait_max */
	ON_FULL_ASK
} OnFull;

typedef struct PermitDecision
{
	bool		granted;
	bool		duplicate;		/* not granted anew: the key is taken by a live permit, see id */
	bool		conflict;		/* with duplicate, of a call only: by one of another request */
	pg_uuid_t	id;
	const char *reason;			/* budget_exceeded | limit_exceeded | contention */
	const PermitLimit *limit;	/* of limit_exceeded: the one that refuses; denied says in which dimension */
	char	   *denied_by;		/* budget name */
	char	   *denied_limit;	/* which of its windows; NULL: disabled, or in flight */
	BudgetFacts denied;
	OnFull		on_full;		/* of a refusal: what all that refuse say of it, and can keep */
	int			npaid_by;		/* granted: overflows that pay in place of full budgets */
	char	  **paid_by;
	char	   *detail;
	int64		retry_after;	/* us, -1 = not known */
	bool		can_ever_fit;
	bool		asks;			/* nothing refuses but budgets that are full and have a person asked */
	List	   *full;			/* then: of BudgetFull */
	bool		excused;		/* granted only because a person lets it pass limits */
	int64		hold_tokens;	/* of a peek: what it would hold */
	bool		has_remaining;
	int64		remaining[4];	/* tokens, nano-USD, calls, in flight; -1: no limit */
} PermitDecision;

/* A permit row as read; strings palloc'd, NULL where null. */
typedef struct Permit Permit;
typedef struct PermitRow
{
	Permit	   *locked;			/* for what ends or changes it, once; NULL: it was read without its lock */
	pg_uuid_t	id;
	PermitState state;
	char	   *role;			/* who acquired it */
	char	   *budget;
	int			nalso;			/* what it was asked for beside */
	char	  **also;
	char	   *agent;
	char	   *tool;
	char	   *priced_as;
	char	   *service_tier;
	char	   *task;
	char	   *subject;
	Jsonb	   *labels;
	char	   *key;
	bool		is_llm;
	bool		idempotent;
	int			attempt;
	int64		held_tokens;
	int64		held_nanousd;
	int64		held_calls;
	int64		spent_tokens;	/* by attempts before, when it was read */
	int64		spent_nanousd;
	TimestampTz created_at;
	TimestampTz lease_until;
	TimestampTz retry_at;		/* states retry and deferred only */
	uint8		request_hash[AGC_HASH_LEN];
	bool		has_asked_hash;
	uint8		asked_hash[AGC_HASH_LEN];
	bool		has_held_by;
	uint8		held_by[AGC_HASH_LEN];
	bool		has_cache_key;
	uint8		cache_key[AGC_HASH_LEN];
	int64		cache_lease;
	Jsonb	   *result;			/* kept for replays of a keyed call; may be NULL */
	char	   *result_note;	/* of PermitAnswer */
	int64		loop_tag;
} PermitRow;

/* What came of a call, for its permit to keep. */
typedef struct PermitAnswer
{
	bool		given;			/* there was a result */
	Jsonb	   *result;			/* NULL: none, or it was dropped */
	const char *note;			/* what was dropped or changed of it; NULL: nothing */
} PermitAnswer;

typedef enum SettleResult
{
	SETTLE_COMMITTED,
	SETTLE_REPLAYED,			/* settled before, with the same amounts */
	SETTLE_LATE,				/* after expiry: charged and flagged */
	SETTLE_CONFLICT				/* settled before, otherwise */
} SettleResult;

/* What came of an attempt on a permit that others may be changing too */
typedef enum PermitTry
{
	PERMIT_TRY_DONE,
	PERMIT_TRY_NOT,				/* its state had changed: read it again */
	PERMIT_TRY_BUSY				/* contention: locks could not be had in order */
} PermitTry;

extern const char *const permit_settle_names[];

/*
 * All of these check the rights of GetUserId(): call them as the role that called
 * the function, outside agc_owner_begin() and agc_owner_end().  An unknown budget
 * raises 42704.  A permit that the caller may not settle raises the same 42704 as
 * one that does not exist.  A second call in one transaction never waits where
 * that could close a circle: it reports contention (a decision) or raises 55P03 (a
 * settlement).
 */
extern bool budget_exists(const char *tenant, const char *budget);

/* 42704 unless it exists */
extern void budget_require(const char *tenant, const char *budget);

/*
 * Quoted names of budgets that limit money and have no min_hold_usd, a few of them;
 * NULL: there is none.
 */
extern char *budget_names_without_min_hold(const char *tenant);
/* argument "one", a name, and argument "many", a text[], which "what" is called; 54001 when they are too many */
extern void budget_names_read(FunctionCallInfo fcinfo, int one, int many, const char *what, BudgetNames *out);

/* whether "own" (or NULL) is among them */
extern bool budget_names_has(const BudgetNames *names, const char *own);

/* all of them and "own" are asked; own, or else the first, is the request's budget */
extern void budget_names_ask(const BudgetNames *names, char *own, PermitRequest *request);

/* the set of them without "own" (or NULL) into a digest; nothing for no name */
extern void budget_names_digest(const BudgetNames *names, const char *own, AgcDigest *digest);

/* dimension, used, held, max and asked, as columns (denial.c) */
extern void budget_put_facts(AgcRow *row, const BudgetFacts *facts);

/* budgets without room and what each says, for a form: [{"budget", "limit", "dimension", "used", "held", "max", "asked"}] */
extern Jsonb *budget_full_list(const List *full);

/* the overflows that pay, as a column; NULL: none does */
extern void budget_put_paid_by(AgcRow *row, char *const *paid_by, int n);

/* 42501 unless the caller may use it (spender.c); does nothing for a budget that does not exist */
extern void budget_check_use(const char *tenant, const char *budget);

/*
 * Whether this would be granted now (out->granted).  Writes nothing, takes no lock.
 * What is refused here permit_acquire() refuses too; a grant is no promise.  Without
 * "rows" only budgets that shared memory knows are asked, which costs no read.
 */
extern bool budget_peek(const PermitRequest *request, bool rows, PermitDecision *out);

/* the name of a counter of limits, which no budget can have */
extern char *budget_limit_counter(const uint8 digest[AGC_HASH_LEN]);

/* labels of a call, an argument: NULL where there are none; 22023 for what is no object of few short strings */
extern Jsonb *budget_arg_labels(FunctionCallInfo fcinfo, int n);

extern void permit_acquire(const PermitRequest *request, PermitDecision *out);

/*
 * "what" is the function.  25000 during a parallel operation, 25001 in a transaction block
 * where agentcore.budget_guard is error.
 */
extern void budget_guard_block(const char *what);

/* A permit that the caller may not settle is not found. */
extern bool permit_read(const char *tenant, const pg_uuid_t *id, PermitRow *out);

/* The same for whoever asks: check first who may be told of it. */
extern bool permit_look(const char *tenant, const pg_uuid_t *id, PermitRow *out);

/* The permit is the agent's: check first whether the caller may act for it. */
extern bool permit_read_by_key(const char *tenant, const char *agent, const char *key, PermitRow *out);

/*
 * The same as permit_read(), locked to the end of the transaction and read under that
 * lock, for one of those below that take a PermitRow.  They write the row as it was
 * read here and change nothing in *out.  of_anyone: whether the caller may settle it has
 * been decided otherwise.
 */
extern bool permit_lock(const char *tenant, const pg_uuid_t *id, bool of_anyone, PermitRow *out);

/* tokens, nanousd: -1 charges what was held; a result is kept for a key only; answer may be NULL */
extern SettleResult permit_commit(const char *tenant, const PermitRow *permit,
								  int64 tokens, int64 nanousd, const PermitAnswer *answer);

/* what a locked permit is charged by now, without the attempts that were over when it was read */
extern void permit_charged(const PermitRow *permit, int64 *tokens, int64 *nanousd);

/* whether a commit would end it now, or has to be compared with how it ended */
extern bool permit_may_end(const PermitRow *permit);
extern SettleResult permit_release(const char *tenant, const PermitRow *permit);

/* call_fail's final answer: charges tokens and nanousd (-1: nothing) and closes */
extern SettleResult permit_fail(const char *tenant, const PermitRow *permit,
								int64 tokens, int64 nanousd);

/* the same, and the key may not be used before retry_at */
extern SettleResult permit_defer(const char *tenant, const PermitRow *permit,
								 int64 tokens, int64 nanousd, TimestampTz retry_at);

/*
 * An open permit whose work may have been done: its hold is given back, tokens and
 * nanousd (-1: what was held) are charged, and its key stays closed until somebody
 * settles it.
 */
extern void permit_unknown(const char *tenant, const PermitRow *permit, int64 tokens, int64 nanousd);

/* call_fail's retry: charge what the attempt used so far, keep the hold */
extern void permit_retry(const char *tenant, const PermitRow *permit, int64 tokens, int64 nanousd,
						 TimestampTz retry_at, int64 lease);

/*
 * The retry begins, as the request says it now.  The caller has to be allowed to
 * speak for the agent.  State open, attempt + 1, a new lease and cache lease, and
 * the caller's role from now on.  Not done when the permit does not wait for a
 * retry (any more).
 */
extern PermitTry permit_reopen(const PermitRequest *request, const pg_uuid_t *id);

/*
 * A call that waits for its retry, or was deferred, goes on under another permit: this
 * one ends as failed, at what it has used, and its key is free.  The caller has to be
 * allowed to speak for the agent.  Not done when it does not wait (any more).
 */
extern PermitTry permit_hand_over(const char *tenant, const pg_uuid_t *id);

/* Whether two requests under one key are one: as it was asked, or as it runs. */
extern bool permit_is_same(const PermitRow *permit, const PermitRequest *request);

/* whether that run of a worker began it, and the caller may settle it */
extern bool permit_is_held_by(const char *tenant, const PermitRow *permit, const char *run_holder);

/*
 * Its holder asks again: the lease begins anew, if that is later.  Not done when it
 * is not open (any more), its lease has ended, or another run has it.
 */
extern PermitTry permit_renew(const PermitRequest *request, const pg_uuid_t *id);

/*
 * Larger hold and a new lease; false: refused by a budget (decision says why); 55P03
 * on contention.  may_use: whether the caller may use its budgets was looked at.
 */
extern bool permit_extend(const char *tenant, const PermitRow *permit, int64 lease,
						  int64 tokens, int64 nanousd, bool may_use, PermitDecision *out);

/*
 * The lease has ended: release or charge the permit now.  Any caller may do this.
 * Not done when it was settled, extended or expired in between.
 */
extern PermitTry permit_expire(const char *tenant, const pg_uuid_t *id);

/* expire up to "limit" permits whose lease has ended, the oldest first; how many */
extern int	permit_reap(const char *tenant, int limit);

/* a call that ended without an answer was dealt with: another permit may use its key */
extern bool permit_resolve(const char *tenant, const pg_uuid_t *id);

/* the same of one that is still open, whose outcome nobody asks for any more */
extern void permit_free_key(const PermitRow *permit);

/*
 * For the settlement that follows, by a usage object: which field of it is not
 * understood, so that the charge is an estimate (NULL: none), and what it says that
 * the call cost (-1: nothing).
 */
extern void permit_note_usage(const PermitRow *permit, const char *estimated, int64 reported_nanousd);

/*
 * A queue in front of what a higher room makes only once, known by its table and
 * a digest.  To the end of the transaction; false: another transaction has it, and
 * did not end within agentcore.budget_lock_wait, or must not be waited for, since
 * this one holds budgets, permits or such a queue already.
 */
extern bool budget_queue(Oid relid, const uint8 digest[AGC_HASH_LEN]);

#include "budget/trial.h"

extern void budget_init(void);

#endif							/* AGENTCORE_BUDGET_H */
