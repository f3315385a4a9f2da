/*
 * fold.h
 *	  What a replay keeps in memory in the place of shared memory and of rows: one
 *	  fold per kind of state.
 *
 * A stage that looks at state (call/stages.h) is not asked in a replay; the folds of
 * the same name are, in the order of folds.c, until one refuses.  They are told what
 * runs in the replay, and how it ended, in the order of the log.
 *
 * A fold says its verdict with the verbs of call/gate.h and the words of
 * call/refuse.h, as a stage does, so that an agent in audit mode is understood.  What it
 * cannot know from the record it says with fold_unknown(), and never guesses.
 *
 * Nothing is written: no row, no shared memory, no notification.  A fold may read
 * registry rows (agc_object_pin(), agc_table_*), which are those of the replayed
 * configuration, and tables by SPI in read-only mode.  agc_now() is the recorded time
 * of the call while a fold is asked.
 */
#ifndef AGENTCORE_REPLAY_FOLD_H
#define AGENTCORE_REPLAY_FOLD_H

#include "call/call.h"

/* What the log says of a call's begin. */
typedef struct FoldRecord
{
	int64		id;				/* of the row */
	TimestampTz at;
	Verdict		verdict;
	const char *reason;			/* or NULL */
	const char *stage;			/* that decided; NULL: the call passed all of them */
	int64		rule;			/* that decided; 0: none */
	bool		enforced;
	bool		has_call_id;
	pg_uuid_t	call_id;
	int			attempt;		/* 0: none */
	int64		tokens;			/* estimated; -1: not recorded */
	int64		nanousd;		/* the same */
	int			nbudgets;		/* that were asked, the agent's own first */
	char	  **budgets;
	bool		has_approval;
	pg_uuid_t	approval;
	int64		retry_after;	/* us; -1: none */
	int64		policy_revision;	/* 0: not recorded */
	int64		tool_revision;
	int64		price_revision;
	const char *detail;			/* or NULL */
} FoldRecord;

/*
 * A call on its way through the folds.  The gate has agent, tool or model, target, task
 * (gate->sight.root is the root of its tree), subject, key, budgets, estimates and
 * arguments of the replayed configuration; gate_context() is what conditions see.
 */
typedef struct FoldCall
{
	Gate	   *gate;
	const FoldRecord *record;
	void	   *tasks;			/* the fold of tasks */
	bool		has_args;		/* false: they were not recorded, or not whole */
	bool		has_digest;
	uint8		digest[AGC_HASH_LEN];	/* of the arguments as they run, alike for equal ones of this log */
	const char *unknown;		/* what could not be known, in words; NULL: nothing */
	bool		wants_args;		/* somebody asked for arguments that were not recorded */
	bool		has_stale;		/* the cache has an answer past its soft deadline */
	bool		as_recorded;	/* what its rules said is taken from the record */
	bool		goes_on;		/* it is another attempt of a call that runs, or its holder's question */
} FoldCall;

/* What the record says of a stage: an outcome that stands where nothing that it depends on is otherwise. */
typedef enum FoldThen
{
	FOLD_NOT_ASKED,				/* it was not asked, or only the first refusal of an audit is known */
	FOLD_SAID,					/* it decided */
	FOLD_PASSED
} FoldThen;

/* how a call that runs in the replay has ended */
typedef enum FoldOutcome
{
	FOLD_COMMITTED,
	FOLD_FAILED,				/* for good */
	FOLD_RETRIES,				/* the attempt failed; the call keeps what it holds and may begin again */
	FOLD_DEFERRED,				/* the attempt failed; its key waits */
	FOLD_UNKNOWN,				/* nobody knows whether it took effect */
	FOLD_RELEASED,				/* given back */
	FOLD_EXPIRED,				/* its lease is over; a settlement may still come */
	FOLD_LATE					/* committed after that */
} FoldOutcome;

typedef struct FoldEnd
{
	TimestampTz at;
	const char *tenant;
	pg_uuid_t	call_id;
	const char *agent;
	const char *tool;			/* or the model */
	bool		is_llm;
	FoldOutcome outcome;
	const char *event;			/* of the log: commit, fail,...; NULL: there is no row */
	const char *word;			/* the verdict of that row; NULL: there is none */
	const char *reason;			/* or NULL */
	int64		tokens;			/* charged; -1: not known, so the estimate */
	int64		nanousd;		/* the same */
	int64		retry_after;	/* us; -1: none */
	bool		assumed;		/* the call was not made then: it is taken to commit at once, for its estimate */
	Jsonb	   *result;			/* NULL: none was recorded */
} FoldEnd;

typedef struct FoldStart
{
	const char *tenant;
	TimestampTz since;
	TimestampTz until;
} FoldStart;

/*
 * Everything is called in a memory context of the one call, but init() in the replay's,
 * fold_context(), where a fold puts what it keeps.  note is the fold's own word about an open call:
 * NULL at its begin, kept from one attempt to the next until the call has ended.
 */
typedef struct Fold
{
	const char *stage;			/* whose place it takes: the name in call/stages.h */
	void	   *(*init) (const FoldStart *start);

	/* looks, and says its verdict or leaves it at VERDICT_NONE; NULL: it is only told */
	void		(*judge) (void *state, FoldCall *call);

	/* the call runs, or its next attempt (gate->earlier is EARLIER_RETRY); NULL: that is nothing to it */
	void		(*begun) (void *state, FoldCall *call, void **note);

	/* a call that runs has ended, or an attempt has; NULL: that is nothing to it */
	void		(*settled) (void *state, const FoldEnd *end, void **note);

	/*
	 * Every call, once all have spoken and before begun(): the verdict is in the gate, which may still
	 * be refused by it; NULL: that is nothing to it.
	 */
	void		(*decided) (void *state, FoldCall *call);
} Fold;

/* in the order in which they are asked and told (folds.c) */
extern const Fold *const replay_folds[];
extern const int replay_nfolds;

/* where folds keep what lives as long as the replay */
extern MemoryContext fold_context(void);

extern FoldThen fold_then(const FoldCall *call, const char *stage);

/*
 * The verdict that was recorded, where fold_then() says FOLD_SAID; hard: it is enforced in audit mode
 * too.
 */
extern void fold_as_recorded(FoldCall *call, bool hard);

/* whether the call runs in the replay, and whether it ran then */
extern bool fold_runs(const FoldCall *call);
extern bool fold_ran(const FoldCall *call);

/* What a fold knows something by: a digest of texts (NULL is not '') and of a digest that may be NULL. */
typedef struct FoldTag
{
	uint8		of[16];
} FoldTag;

extern void fold_tag(FoldTag *out, int n, const char *const *texts, const uint8 *digest);

/* a hash table of entries that begin with a FoldTag, in fold_context() */
extern struct HTAB *fold_table(const char *name, Size entrysize);

/* the verdict depends on what was not recorded: "what", in words that a person reads */
extern void fold_unknown(FoldCall *call, const char *what);

#endif							/* AGENTCORE_REPLAY_FOLD_H */
