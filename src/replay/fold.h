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
	bool		has_args;		/* false: they were not recorded, or not whole */
	bool		has_digest;
	uint8		digest[AGC_HASH_LEN];	/* of the arguments as they run, alike for equal ones of this log */
	const char *unknown;		/* what could not be known, in words; NULL: nothing */
} FoldCall;

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
 * Everything is called in a memory context of the one call; init() and what a fold keeps
 * are in the replay's, fold_context().  note is the fold's own word about an open call: NULL at
 * its begin, kept with the call until its end, then gone with it (pfree'd where it is set).
 */
typedef struct Fold
{
	const char *stage;			/* whose place it takes: the name in call/stages.h */
	void	   *(*init) (const FoldStart *start);

	/* looks, and says its verdict or leaves it at VERDICT_NONE; NULL: it is only told */
	void		(*judge) (void *state, FoldCall *call);

	/* the call runs; NULL: that is nothing to it */
	void		(*begun) (void *state, FoldCall *call, void **note);

	/* a call that runs has ended, or an attempt has; NULL: that is nothing to it */
	void		(*settled) (void *state, const FoldEnd *end, void **note);
} Fold;

/* in the order in which they are asked and told (folds.c) */
extern const Fold *const replay_folds[];
extern const int replay_nfolds;

/* where folds keep what lives as long as the replay */
extern MemoryContext fold_context(void);

/* the verdict depends on what was not recorded: "what", in words that a person reads */
extern void fold_unknown(FoldCall *call, const char *what);

#endif							/* AGENTCORE_REPLAY_FOLD_H */
