/*
 * trial.h
 *	  Requests judged by counters of one's own, as of a time of the past.  Public, by
 *	  budget.h, which includes it behind its own types.
 *
 * Definitions are those that this session reads; counters begin as the ledger has them at
 * "since", and with the holds of the permits that were open then.  Times that are given never run
 * backwards.  Nothing is written, no lock is taken but those of reading, and it runs
 * on a standby.
 */
#ifndef AGENTCORE_BUDGET_TRIAL_H
#define AGENTCORE_BUDGET_TRIAL_H

typedef struct BudgetTrial BudgetTrial;

/* What one request holds: a chunk that pfree() takes. */
typedef struct TrialHold TrialHold;

typedef enum TrialEnd
{
	TRIAL_COMMIT,
	TRIAL_FAIL,
	TRIAL_RETRY,				/* what it has used is charged, and the hold stays */
	TRIAL_RELEASE,
	TRIAL_EXPIRE				/* the lease is over: as on_expiry says.  Another end may follow. */
} TrialEnd;

/* it lives in CurrentMemoryContext, and so does what it holds */
extern BudgetTrial *budget_trial_new(const char *tenant, TimestampTz since);

/* as budget_peek(); false: the decision says why */
extern bool budget_trial_admits(BudgetTrial *trial, const PermitRequest *request, TimestampTz at, PermitDecision *out);

/*
 * The call is begun in the trial, so its permit is none of those that were open when it
 * began: the log writes of a begin a moment after its permit.
 */
extern void budget_trial_begins(BudgetTrial *trial, const pg_uuid_t *id, TimestampTz at);

/* what budget_trial_admits() grants; NULL: it does not */
extern TrialHold *budget_trial_hold(BudgetTrial *trial, const PermitRequest *request, TimestampTz at);

/* tokens, nanousd: -1 charges what is held.  max_overrun does not count: whoever says them has cut them. */
extern void budget_trial_settle(BudgetTrial *trial, TrialHold *hold, TrialEnd how, int64 tokens, int64 nanousd, TimestampTz at);

/* false: there were more counters than it keeps, so what a new one has counted is not known */
extern bool budget_trial_is_whole(const BudgetTrial *trial);

#endif							/* AGENTCORE_BUDGET_TRIAL_H */
