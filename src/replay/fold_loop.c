/*
 * fold_loop.c
 *	  The loop guard in a replay, with the limit of the session.
 *
 * Memory: an entry per call of a task that was made within the guard's window; those past it
 * are forgotten when there are many.  Locks: none.  On ERROR: nothing to undo.
 */
#include "replay/folds.h"

#include "utils/hsearch.h"

/* entries from which on those that count nothing any more are looked for */
#define MANY	100000

typedef struct LoopEntry
{
	FoldTag		tag;
	TimestampTz since;
	int			count;
} LoopEntry;

typedef struct Loops
{
	HTAB	   *table;
	TimestampTz since;			/* the replay's */
	long		forget_at;		/* entries */
} Loops;

static void *
loops_init(const FoldStart *start)
{
	Loops	   *loops = palloc(sizeof(Loops));

	loops->table = fold_table("agentcore replayed loops", sizeof(LoopEntry));
	loops->since = start->since;
	loops->forget_at = MANY;
	return loops;
}

static bool
is_current(const LoopEntry *entry, TimestampTz now)
{
	return now - entry->since < LOOP_WINDOW_US && entry->since <= now;
}

static void
forget_old(Loops *loops, TimestampTz now)
{
	HASH_SEQ_STATUS scan;
	LoopEntry  *entry;

	if (hash_get_num_entries(loops->table) < loops->forget_at)
		return;
	hash_seq_init(&scan, loops->table);
	while ((entry = hash_seq_search(&scan)) != NULL)
		if (!is_current(entry, now))
			hash_search(loops->table, &entry->tag, HASH_REMOVE, NULL);
	loops->forget_at = Max(MANY, 2 * hash_get_num_entries(loops->table));
}

static void
tag_of(const FoldCall *call, const char *kind, FoldTag *out)
{
	const Gate *gate = call->gate;
	const char *names[] = {kind, gate->agent_name, gate->task, gate->subject, gate->tool_name};

	fold_tag(out, lengthof(names), names, call->has_digest ? call->digest : NULL);
}

static int
count_of(Loops *loops, const FoldTag *tag)
{
	LoopEntry  *entry = hash_search(loops->table, tag, HASH_FIND, NULL);

	return entry != NULL && is_current(entry, agc_now()) ? entry->count : 0;
}

static void
note(Loops *loops, const FoldTag *tag)
{
	TimestampTz now = agc_now();
	LoopEntry  *entry;
	bool		found;

	forget_old(loops, now);
	entry = hash_search(loops->table, tag, HASH_ENTER, &found);
	if (!found || !is_current(entry, now))
	{
		entry->since = now;
		entry->count = 0;
	}
	entry->count++;
}

static bool
is_guarded(const FoldCall *call)
{
	return call->gate->task != NULL && agc_loop_limit > 0;
}

/* Only the record knows what was counted before the replay begins, and which call it was. */
static bool
goes_by_record(const Loops *loops, const FoldCall *call)
{
	return !call->has_digest || agc_now() - loops->since < LOOP_WINDOW_US;
}

static bool
was_a_loop(const FoldCall *call)
{
	return call->record->reason != NULL && strcmp(call->record->reason, REASON_LOOP_DETECTED) == 0;
}

static void
loops_judge(void *state, FoldCall *call)
{
	Gate	   *gate = call->gate;
	FoldTag		tag;
	int			count;

	if (!is_guarded(call) || gate->earlier == EARLIER_RETRY)
		return;
	gate->loop_guarded = true;
	tag_of(call, "call", &tag);
	count = call->has_digest ? count_of(state, &tag) : 0;
	if (count >= agc_loop_limit)
		refuse_loop(gate, count);
	else if (goes_by_record(state, call) && fold_then(call, "loop") == FOLD_SAID)
		fold_as_recorded(call, false);
}

/* The same call, refused as often as one may be made. */
static void
count_refusal(Loops *loops, FoldCall *call)
{
	Gate	   *gate = call->gate;
	FoldTag		tag;
	int			count;

	tag_of(call, "refused", &tag);
	count = call->has_digest ? count_of(loops, &tag) : 0;
	if (count >= agc_loop_limit)
		refuse_loop_of_refusals(gate, count);
	else if (goes_by_record(loops, call) && was_a_loop(call))
		gate->reason = REASON_LOOP_DETECTED;
	else
		note(loops, &tag);
}

static bool
is_sent_wrong(const Gate *gate)
{
	return gate->verdict == VERDICT_DENY &&
		(strcmp(gate->reason, REASON_INVALID_ARGS) == 0 || strcmp(gate->reason, REASON_UNKNOWN_TOOL) == 0);
}

static void
loops_decided(void *state, FoldCall *call)
{
	Gate	   *gate = call->gate;
	FoldTag		tag;

	if (!is_guarded(call))
		return;
	if (is_sent_wrong(gate))
		count_refusal(state, call);
	else if (gate->loop_guarded && !gate->replayed && (gate->verdict == VERDICT_RUN || gate->verdict == VERDICT_CACHED))
	{
		tag_of(call, "call", &tag);
		note(state, &tag);
	}
}

static void
loops_begun(void *state, FoldCall *call, void **note)
{
	if (!call->gate->loop_guarded || *note != NULL)
		return;
	*note = MemoryContextAlloc(fold_context(), sizeof(FoldTag));
	tag_of(call, "call", *note);
}

/* A call that was given up is counted back. */
static void
loops_settled(void *state, const FoldEnd *end, void **note)
{
	Loops	   *loops = state;
	LoopEntry  *entry;

	if (*note == NULL || end->outcome == FOLD_RETRIES)
		return;
	entry = end->outcome != FOLD_RELEASED ? NULL : hash_search(loops->table, *note, HASH_FIND, NULL);
	if (entry != NULL && is_current(entry, agc_now()) && entry->count > 0)
		entry->count--;
	pfree(*note);
	*note = NULL;
}

const Fold	fold_of_loops = {
	"loop", loops_init, loops_judge, loops_begun, loops_settled, loops_decided
};
