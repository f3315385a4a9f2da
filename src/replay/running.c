/*
 * running.c
 *	  The calls that are open in a replay: who hears of their end.
 *
 * A call that ran then and runs in the replay ends as it did then.  One that runs in the replay only is
 * taken to be committed at once, for its estimate.  One that did not run again is kept too, for what it
 * has cost then.  A call whose end is not in the log expires with its lease.
 *
 * Memory: an entry per call that is open, or whose lease has ended without a settlement, in the
 * replay's context.  Locks: none.  On ERROR: nothing to undo.
 */
#include "replay/running.h"

#include "lib/pairingheap.h"
#include "utils/hsearch.h"

typedef struct OpenCall
{
	pg_uuid_t	id;
	bool		runs;			/* in the replay */
	bool		ran;
	bool		expired;
	bool		queued;
	bool		is_llm;
	const char *agent;			/* of the group */
	const char *tool;
	int64		est_tokens;
	int64		est_nanousd;
	TimestampTz lease_until;
	SummaryGroup *group;
	pairingheap_node by_lease;
	void	   *note[FLEXIBLE_ARRAY_MEMBER];
} OpenCall;

struct Running
{
	void	  **states;
	Summary    *summary;
	HTAB	   *calls;
	pairingheap *leases;
};

/* the earliest comes first */
static int
compare_leases(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	TimestampTz first = pairingheap_const_container(OpenCall, by_lease, a)->lease_until;
	TimestampTz second = pairingheap_const_container(OpenCall, by_lease, b)->lease_until;

	return first < second ? 1 : first > second ? -1 : 0;
}

Running *
running_begin(void **states, Summary *summary)
{
	MemoryContext caller = MemoryContextSwitchTo(fold_context());
	Running    *running = palloc(sizeof(Running));
	HASHCTL		ctl = {
		.keysize = sizeof(pg_uuid_t), .entrysize = offsetof(OpenCall, note) + replay_nfolds * sizeof(void *), .hcxt = fold_context()
	};

	running->states = states;
	running->summary = summary;
	running->calls = hash_create("agentcore replayed calls", 256, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	running->leases = pairingheap_allocate(compare_leases, NULL);
	MemoryContextSwitchTo(caller);
	return running;
}

/* ----- folds ------------------------------------------------------------------------- */

static void
tell_begun(Running *running, FoldCall *call, void **notes)
{
	for (int i = 0; i < replay_nfolds; i++)
		if (replay_folds[i]->begun != NULL)
			replay_folds[i]->begun(running->states[i], call, &notes[i]);
}

static void
tell_settled(Running *running, const FoldEnd *end, void **notes)
{
	for (int i = 0; i < replay_nfolds; i++)
		if (replay_folds[i]->settled != NULL)
			replay_folds[i]->settled(running->states[i], end, &notes[i]);
}

/* ----- begin ------------------------------------------------------------------------- */

/* What nobody made then is taken to succeed at once. */
static void
run_at_once(Running *running, const LogRow *row, FoldCall *call, SummaryGroup *group)
{
	void	   *notes[FUNC_MAX_ARGS] = {NULL};
	const Gate *gate = call->gate;
	FoldEnd		end = {
		.at = row->record.at, .tenant = gate->tenant, .agent = gate->agent_name, .tool = gate->tool_name,
		.is_llm = gate->is_llm, .outcome = FOLD_COMMITTED, .tokens = gate->est_tokens, .nanousd = gate->est_nanousd,
		.retry_after = -1, .assumed = true
	};

	tell_begun(running, call, notes);
	tell_settled(running, &end, notes);
	summary_charge(group, false, true, gate->est_tokens, gate->est_nanousd);
}

static void
queue(Running *running, OpenCall *open, TimestampTz until)
{
	if (open->queued)
		pairingheap_remove(running->leases, &open->by_lease);
	open->lease_until = until;
	open->queued = true;
	pairingheap_add(running->leases, &open->by_lease);
}

static void
unqueue(Running *running, OpenCall *open)
{
	if (open->queued)
		pairingheap_remove(running->leases, &open->by_lease);
	open->queued = false;
}

static OpenCall *
open_call(Running *running, const LogRow *row, SummaryGroup *group)
{
	bool		found;
	OpenCall   *open = hash_search(running->calls, &row->record.call_id, HASH_ENTER, &found);

	if (!found)
	{
		memset((char *) open + sizeof(pg_uuid_t), 0, offsetof(OpenCall, note) - sizeof(pg_uuid_t));
		memset(open->note, 0, replay_nfolds * sizeof(void *));
		open->is_llm = row->is_llm;
	}
	open->group = group;
	open->ran = true;
	summary_names(group, &open->agent, &open->tool);
	return open;
}

/* A call whose next attempt is refused has ended with the one before. */
static void
refuse_attempt(Running *running, OpenCall *open, TimestampTz at)
{
	FoldEnd		end = {
		.at = at, .tenant = running->summary->tenant, .call_id = open->id, .agent = open->agent, .tool = open->tool,
		.is_llm = open->is_llm, .outcome = FOLD_FAILED, .tokens = -1, .nanousd = -1, .retry_after = -1
	};

	if (open->runs)
		tell_settled(running, &end, open->note);
	unqueue(running, open);
	open->runs = false;
}

void
running_add(Running *running, const LogRow *row, FoldCall *call, SummaryGroup *group)
{
	bool		ran = fold_ran(call) && row->record.has_call_id;
	OpenCall   *open;

	if (!ran)
	{
		if (fold_runs(call))
			run_at_once(running, row, call, group);
		return;
	}
	open = open_call(running, row, group);
	if (!fold_runs(call))
	{
		refuse_attempt(running, open, row->record.at);
		return;
	}
	open->runs = true;
	open->expired = false;
	open->est_tokens = call->gate->est_tokens;
	open->est_nanousd = call->gate->est_nanousd;
	queue(running, open, row->record.at + gate_lease(call->gate));
	if (call->gate->earlier != EARLIER_YOURS)
		tell_begun(running, call, open->note);
}

/* ----- end --------------------------------------------------------------------------- */

static bool
changes_nothing(const LogRow *row)
{
	return strcmp(row->word, "replayed") == 0 || strcmp(row->word, "conflict") == 0 ||
		(row->record.reason != NULL && strcmp(row->record.reason, ADVICE_ALREADY_SETTLED) == 0);
}

static FoldOutcome
outcome_of(const LogRow *row)
{
	const char *reason = row->record.reason;

	if (strcmp(row->event, "release") == 0)
		return FOLD_RELEASED;
	if (strcmp(row->event, "resolve") == 0 && strcmp(row->word, "fail") == 0)
		return FOLD_FAILED;
	if (strcmp(row->event, "fail") != 0)
		return strcmp(row->word, "committed") == 0 ? FOLD_COMMITTED : FOLD_LATE;
	if (strcmp(row->word, "retry") == 0)
		return FOLD_RETRIES;
	if (strcmp(row->word, "defer") == 0)
		return FOLD_DEFERRED;
	return reason != NULL && strcmp(reason, ADVICE_POSSIBLY_EXECUTED) == 0 ? FOLD_UNKNOWN : FOLD_FAILED;
}

static void
end_open(Running *running, OpenCall *open, const LogRow *row)
{
	const FoldRecord *record = &row->record;
	FoldEnd		end = {
		.at = record->at, .tenant = running->summary->tenant, .call_id = open->id, .agent = open->agent, .tool = open->tool,
		.is_llm = open->is_llm, .outcome = outcome_of(row), .event = row->event, .word = row->word, .reason = record->reason,
		.tokens = record->tokens, .nanousd = record->nanousd, .retry_after = record->retry_after, .result = row->result
	};

	unqueue(running, open);
	summary_charge(open->group, open->ran, open->runs, record->tokens, record->nanousd);
	if (open->runs)
		tell_settled(running, &end, open->note);
	if (end.outcome == FOLD_RETRIES)
		queue(running, open, record->at + gate_tool_lease(NULL));
	else if (end.outcome != FOLD_UNKNOWN)
		hash_search(running->calls, &open->id, HASH_REMOVE, NULL);
}

void
running_settle(Running *running, const LogRow *row)
{
	OpenCall   *open = !row->record.has_call_id ? NULL : hash_search(running->calls, &row->record.call_id, HASH_FIND, NULL);

	if (open != NULL && !changes_nothing(row))
		end_open(running, open, row);
}

static void
expire(Running *running, OpenCall *open)
{
	FoldEnd		end = {
		.at = open->lease_until, .tenant = running->summary->tenant, .call_id = open->id, .agent = open->agent, .tool = open->tool,
		.is_llm = open->is_llm, .outcome = FOLD_EXPIRED, .tokens = open->est_tokens, .nanousd = open->est_nanousd, .retry_after = -1
	};

	open->expired = true;
	if (open->runs)
		tell_settled(running, &end, open->note);
}

void
running_expire(Running *running, TimestampTz now)
{
	while (!pairingheap_is_empty(running->leases))
	{
		OpenCall   *open = pairingheap_container(OpenCall, by_lease, pairingheap_first(running->leases));

		if (open->lease_until > now)
			return;
		unqueue(running, open);
		expire(running, open);
	}
}
