/*
 * folds.c
 *	  The folds in order, and what all of them use.
 *
 * Memory: the replay's context.  Locks: none.  On ERROR: the context goes with the
 * query.
 */
#include "replay/folds.h"

#include "utils/hsearch.h"

const Fold *const replay_folds[] = {
	&fold_of_tasks,
	&fold_of_keys,
	&fold_of_once,
	&fold_of_loops,
	&fold_of_answers,
	&fold_of_breakers,
	&fold_of_rates,
	&fold_of_limits,
	&fold_of_approvals,
	&fold_of_budgets,
};
const int	replay_nfolds = lengthof(replay_folds);

static MemoryContext context = NULL;

void
folds_begin(MemoryContext kept)
{
	context = kept;
}

MemoryContext
fold_context(void)
{
	return context;
}

void
fold_unknown(FoldCall *call, const char *what)
{
	if (call->unknown == NULL)
		call->unknown = what;
}

static int
stage_number(const char *name)
{
	for (int i = 0; i < gate_nstages; i++)
		if (strcmp(gate_stages[i].name, name) == 0)
			return i;
	return gate_nstages;
}

FoldThen
fold_then(const FoldCall *call, const char *stage)
{
	const FoldRecord *record = call->record;
	int			asked;
	int			decided;

	if (record->stage == NULL)
		return FOLD_PASSED;
	asked = stage_number(stage);
	decided = stage_number(record->stage);
	if (asked == decided)
		return FOLD_SAID;
	return asked < decided ? FOLD_PASSED : FOLD_NOT_ASKED;
}

/* Of a refusal that an audit let pass: whether it would have been one for now. */
static bool
is_for_now(const FoldRecord *record)
{
	static const char *const reasons[] = {
		REASON_IN_PROGRESS, REASON_CONTENTION, REASON_RATE_LIMITED, REASON_CIRCUIT_OPEN, REASON_APPROVAL_REQUIRED
	};

	if (record->verdict == VERDICT_WAIT)
		return true;
	for (int i = 0; record->verdict != VERDICT_DENY && i < lengthof(reasons); i++)
		if (strcmp(record->reason, reasons[i]) == 0)
			return true;
	return false;
}

void
fold_as_recorded(FoldCall *call, bool hard)
{
	Gate	   *gate = call->gate;
	const FoldRecord *record = call->record;
	char	   *detail = unconstify(char *, record->detail);

	gate->rule = record->rule;
	if (record->reason == NULL)
	{
		if (record->verdict == VERDICT_CACHED && (hard || !gate->audit))
			gate->verdict = VERDICT_CACHED;
	}
	else if (is_for_now(record))
		(hard ? gate_hold : gate_wait) (gate, record->reason, detail, record->retry_after);
	else
		(hard ? gate_refuse : gate_deny) (gate, record->reason, detail, NULL);
}

bool
fold_runs(const FoldCall *call)
{
	return call->gate->verdict == VERDICT_RUN;
}

bool
fold_ran(const FoldCall *call)
{
	return call->record->verdict == VERDICT_RUN;
}

static void
put_text(AgcDigest *digest, const char *text)
{
	bool		given = text != NULL;

	agc_digest_field(digest, &given, sizeof(given));
	agc_digest_field(digest, given ? text : "", given ? strlen(text) : 0);
}

void
fold_tag(FoldTag *out, int n, const char *const *texts, const uint8 *more)
{
	AgcDigest  *digest = agc_digest_begin();
	uint8		whole[AGC_HASH_LEN];

	for (int i = 0; i < n; i++)
		put_text(digest, texts[i]);
	if (more != NULL)
		agc_digest_field(digest, more, AGC_HASH_LEN);
	agc_digest_end(digest, whole);
	memcpy(out->of, whole, sizeof(out->of));
}

HTAB *
fold_table(const char *name, Size entrysize)
{
	HASHCTL		ctl = {.keysize = sizeof(FoldTag), .entrysize = entrysize, .hcxt = context};

	return hash_create(name, 256, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}
