/*
 * fold_cache.c
 *	  The cache in a replay: whether a call would have been answered.
 *
 * The record knows what no replay can: what was evicted, invalidated, or too large to keep.
 * So its word stands while the tool is the same and the calls before it, of the same
 * answer, ran as they did then.  From there on an answer is kept from the commit of a
 * call for the tool's time, and a call that runs keeps others waiting.
 *
 * Memory: an entry per answer; those past their time are forgotten when there are many.
 * Locks: none.  On ERROR: nothing to undo.
 */
#include "replay/folds.h"

#include "utils/hsearch.h"

/* entries from which on those that answer nothing any more are looked for */
#define MANY	200000

typedef struct AnswerEntry
{
	FoldTag		tag;
	TimestampTz kept_at;		/* 0: nothing is kept */
	TimestampTz kept_until;
	TimestampTz stale_from;		/* DT_NOEND: never */
	TimestampTz computed_until; /* a call runs whose answer is awaited; 0: none does */
	bool		negative;
	bool		diverged;
} AnswerEntry;

/* What a call that runs computes, for its end. */
typedef struct AnswerNote
{
	FoldTag		tag;
	int64		ttl;
	int64		soft_ttl;
	int64		negative_ttl;
	bool		alone;			/* others wait for it */
} AnswerNote;

typedef struct Answers
{
	HTAB	   *table;
	long		forget_at;		/* entries */
} Answers;

static void *
answers_init(const FoldStart *start)
{
	Answers    *answers = palloc(sizeof(Answers));

	answers->table = fold_table("agentcore replayed answers", sizeof(AnswerEntry));
	answers->forget_at = MANY;
	return answers;
}

/* Whose answer it is; false: it is kept for nobody. */
static bool
scope_of(const Gate *gate, const char *names[5])
{
	const char *scope = gate->tool->cache_scope;
	bool		by_subject = strcmp(scope, "subject") == 0;
	bool		by_agent = strcmp(scope, "agent") == 0;

	names[0] = gate->tool_name;
	names[1] = scope;
	names[2] = by_agent ? gate->agent_name : NULL;
	names[3] = by_agent || by_subject ? gate->subject : NULL;
	return !by_subject || gate->subject != NULL;
}

/* What a person allows one call is no answer for others. */
static bool
is_kept(const Gate *gate)
{
	const char *names[5];

	return gate->tool != NULL && gate->tool->cache_ttl >= 0 && !gate->tool->needs_approval && gate->nasks == 0 &&
		scope_of(gate, names);
}

static bool
tag_of(FoldCall *call, FoldTag *tag)
{
	const Gate *gate = call->gate;
	const char *names[5] = {NULL};

	if (!is_kept(gate) || !call->has_digest)
		return false;
	(void) scope_of(gate, names);
	fold_tag(tag, lengthof(names), names, call->digest);
	return true;
}

static bool
is_as_it_was(const FoldCall *call)
{
	return call->record->tool_revision != 0 && call->record->tool_revision == call->gate->tool_object->revision;
}

static bool
was_answered(const FoldCall *call)
{
	return fold_then(call, "cache") == FOLD_SAID && call->record->verdict == VERDICT_CACHED;
}

static void
serve(FoldCall *call, const AnswerEntry *entry)
{
	Gate	   *gate = call->gate;
	CacheResult failed = {.status = CACHE_NEGATIVE};

	if (entry->negative && gate->earlier != EARLIER_RETRY)
		refuse_failed_before(gate, &failed);
	else if (!entry->negative && !gate->audit)
		gate->verdict = VERDICT_CACHED;
}

static void
judge_followed(FoldCall *call, const AnswerEntry *entry)
{
	TimestampTz now = agc_now();
	CacheResult busy = {.status = CACHE_BUSY};

	if (entry == NULL)
		return;
	if (entry->kept_at != 0 && entry->kept_until > now && (entry->stale_from > now || entry->computed_until > now))
		serve(call, entry);
	else if (entry->kept_at != 0 && entry->kept_until > now)
		call->has_stale = true;
	else if (entry->computed_until > now && call->gate->earlier != EARLIER_RETRY)
		refuse_computing(call->gate, &busy);
}

static void
answers_judge(void *state, FoldCall *call)
{
	Answers    *answers = state;
	FoldThen	then = fold_then(call, "cache");
	AnswerEntry *entry;
	FoldTag		tag;

	if (!is_kept(call->gate))
		return;
	entry = tag_of(call, &tag) ? hash_search(answers->table, &tag, HASH_FIND, NULL) : NULL;
	if (then != FOLD_NOT_ASKED && is_as_it_was(call) && (entry == NULL || !entry->diverged))
	{
		if (then == FOLD_SAID)
			fold_as_recorded(call, false);
	}
	else if (!call->has_digest)
		call->wants_args = true;
	else if (entry == NULL && was_answered(call) && call->gate->tool->cache_ttl > 0)
		fold_unknown(call, "when its answer was kept: that was before the replay begins, or by hand");
	else
		judge_followed(call, entry);
}

static void
forget_old(Answers *answers, TimestampTz now)
{
	HASH_SEQ_STATUS scan;
	AnswerEntry *entry;

	if (hash_get_num_entries(answers->table) < answers->forget_at)
		return;
	hash_seq_init(&scan, answers->table);
	while ((entry = hash_seq_search(&scan)) != NULL)
		if (entry->kept_until <= now && entry->computed_until <= now)
			hash_search(answers->table, &entry->tag, HASH_REMOVE, NULL);
	answers->forget_at = Max(MANY, 2 * hash_get_num_entries(answers->table));
}

static AnswerEntry *
make_entry(Answers *answers, const FoldTag *tag)
{
	bool		found;
	AnswerEntry *entry = hash_search(answers->table, tag, HASH_ENTER, &found);

	if (!found)
		memset((char *) entry + sizeof(FoldTag), 0, sizeof(AnswerEntry) - sizeof(FoldTag));
	return entry;
}

static void
answers_decided(void *state, FoldCall *call)
{
	FoldTag		tag;

	if (fold_runs(call) != fold_ran(call) && tag_of(call, &tag))
		make_entry(state, &tag)->diverged = true;
}

static AnswerNote *
make_note(const FoldTag *tag, const ToolDef *tool)
{
	AnswerNote *note = MemoryContextAlloc(fold_context(), sizeof(AnswerNote));

	*note = (AnswerNote)
	{
		.tag = *tag, .ttl = tool->cache_ttl, .soft_ttl = tool->cache_soft_ttl, .negative_ttl = tool->cache_negative_ttl
	};
	return note;
}

/* Each attempt takes the lease anew. */
static void
answers_begun(void *state, FoldCall *call, void **note)
{
	const ToolDef *tool = call->gate->tool;
	TimestampTz now = agc_now();
	AnswerNote *mine = *note;
	AnswerEntry *entry;
	FoldTag		tag;

	if (!tag_of(call, &tag) || tool->cache_ttl <= 0)
		return;
	forget_old(state, now);
	entry = make_entry(state, &tag);
	if (mine == NULL)
		*note = mine = make_note(&tag, tool);
	mine->alone = entry->computed_until <= now;
	if (mine->alone)
		entry->computed_until = now + gate_lease(call->gate);
}

static void
keep(AnswerEntry *entry, const AnswerNote *note, TimestampTz at)
{
	entry->kept_at = at;
	entry->kept_until = at + note->ttl;
	entry->stale_from = note->soft_ttl > 0 ? at + note->soft_ttl : DT_NOEND;
	entry->negative = false;
}

static void
keep_failure(AnswerEntry *entry, const AnswerNote *note, TimestampTz at)
{
	if (note->negative_ttl <= 0 || (entry->kept_at != 0 && entry->kept_until > at))
		return;
	entry->kept_at = at;
	entry->kept_until = at + note->negative_ttl;
	entry->stale_from = DT_NOEND;
	entry->negative = true;
}

static void
answers_settled(void *state, const FoldEnd *end, void **note)
{
	AnswerNote *mine = *note;
	AnswerEntry *entry;

	if (mine == NULL)
		return;
	if (mine->alone)
	{
		entry = make_entry(state, &mine->tag);
		/* with a reason: its result was not what the tool's output schema takes */
		if (end->outcome == FOLD_COMMITTED && end->reason == NULL)
			keep(entry, mine, end->at);
		else if (end->outcome == FOLD_FAILED)
			keep_failure(entry, mine, end->at);
		entry->computed_until = 0;
	}
	if (end->outcome == FOLD_RETRIES || end->outcome == FOLD_EXPIRED)
	{
		mine->alone = false;
		return;
	}
	pfree(mine);
	*note = NULL;
}

const Fold	fold_of_answers = {
	"cache", answers_init, answers_judge, answers_begun, answers_settled, answers_decided
};
