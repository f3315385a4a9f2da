/*
 * fold_key.c
 *	  Keys in a replay: the same key is the same call.
 *
 * What the record says of a key stands until a call of that key runs in the replay and
 * did not then, or the reverse; from there on the key is followed.  A call that only
 * runs in the replay is taken to be committed at once.
 *
 * Memory: an entry per key, to the end of the replay.  Locks: none.  On ERROR: nothing
 * to undo.
 */
#include "replay/folds.h"

#include "utils/hsearch.h"

typedef enum KeyWord
{
	KEY_FREE,
	KEY_OPEN,
	KEY_RETRIES,
	KEY_DONE,
	KEY_UNKNOWN
} KeyWord;

typedef struct KeyEntry
{
	FoldTag		tag;
	FoldTag		request;		/* of the call that has it */
	pg_uuid_t	call_id;
	bool		has_call_id;
	bool		diverged;		/* its history is not the recorded one any more */
	KeyWord		word;
	int			attempt;
} KeyEntry;

static void *
keys_init(const FoldStart *start)
{
	return fold_table("agentcore replayed keys", sizeof(KeyEntry));
}

static KeyEntry *
find(HTAB *keys, const Gate *gate, HASHACTION action)
{
	const char *names[] = {gate->agent_name, gate->key};
	FoldTag		tag;
	bool		found;
	KeyEntry   *entry;

	fold_tag(&tag, lengthof(names), names, NULL);
	entry = hash_search(keys, &tag, action, &found);
	if (entry != NULL && !found)
		memset((char *) entry + sizeof(FoldTag), 0, sizeof(KeyEntry) - sizeof(FoldTag));
	return entry;
}

static void
request_tag(const FoldCall *call, FoldTag *out)
{
	const Gate *gate = call->gate;
	const char *names[] = {gate->tool_name, gate->task, gate->subject};

	fold_tag(out, lengthof(names), names, call->has_digest ? call->digest : NULL);
}

/* The call that the record shows to go on: its next attempt, or its holder asks for it again. */
static void
go_on(FoldCall *call, const KeyEntry *entry)
{
	Gate	   *gate = call->gate;
	const FoldRecord *record = call->record;
	bool		known = entry != NULL && entry->has_call_id && record->has_call_id &&
		memcmp(&entry->call_id, &record->call_id, sizeof(pg_uuid_t)) == 0;

	if (!fold_ran(call) || (!known && record->attempt <= 1))
		return;
	gate->earlier = known && record->attempt <= entry->attempt ? EARLIER_YOURS : EARLIER_RETRY;
	gate->earlier_id = record->call_id;
	call->goes_on = true;
}

/* The key is not where it was: what follows from the calls that run in the replay. */
static void
judge_followed(FoldCall *call, const KeyEntry *entry)
{
	Gate	   *gate = call->gate;
	FoldTag		request;

	if (entry == NULL || entry->word == KEY_FREE)
		return;
	gate->call_id = entry->call_id;
	request_tag(call, &request);
	if (memcmp(&request, &entry->request, sizeof(request)) != 0)
		refuse_key_conflict(gate);
	else if (entry->word == KEY_OPEN)
		refuse_key_in_use(gate, GATE_POLL_US);
	else if (entry->word == KEY_RETRIES)
	{
		gate->earlier = EARLIER_RETRY;
		gate->earlier_id = entry->call_id;
		call->goes_on = entry->has_call_id;
	}
	else if (entry->word == KEY_DONE)
	{
		gate->verdict = VERDICT_CACHED;
		gate->replayed = true;
	}
	else if (gate->tool == NULL || !gate->tool->idempotent)
		refuse_outcome_unknown(gate);
}

static void
keys_judge(void *state, FoldCall *call)
{
	KeyEntry   *entry;
	FoldThen	then;

	if (call->gate->key == NULL)
		return;
	entry = find(state, call->gate, HASH_FIND);
	then = fold_then(call, "key");
	if ((entry != NULL && entry->diverged) || then == FOLD_NOT_ASKED)
		judge_followed(call, entry);
	else if (then == FOLD_PASSED)
		go_on(call, entry);
	else
	{
		fold_as_recorded(call, true);
		call->gate->replayed = true;
	}
}

static void
keys_decided(void *state, FoldCall *call)
{
	KeyEntry   *entry;

	if (call->gate->key == NULL || (!fold_runs(call) && !fold_ran(call)))
		return;
	entry = find(state, call->gate, HASH_ENTER);
	entry->diverged |= fold_runs(call) != fold_ran(call);
}

static void
keys_begun(void *state, FoldCall *call, void **note)
{
	const FoldRecord *record = call->record;
	KeyEntry   *entry;

	if (call->gate->key == NULL)
		return;
	*note = entry = find(state, call->gate, HASH_ENTER);
	entry->word = KEY_OPEN;
	request_tag(call, &entry->request);
	entry->has_call_id = fold_ran(call) && record->has_call_id;
	if (entry->has_call_id)
		entry->call_id = record->call_id;
	entry->attempt = record->attempt;
}

static void
keys_settled(void *state, const FoldEnd *end, void **note)
{
	KeyEntry   *entry = *note;

	if (entry == NULL)
		return;
	switch (end->outcome)
	{
		case FOLD_COMMITTED:
		case FOLD_LATE:
			entry->word = KEY_DONE;
			break;
		case FOLD_RETRIES:
			entry->word = KEY_RETRIES;
			break;
		case FOLD_UNKNOWN:
		case FOLD_EXPIRED:
			entry->word = KEY_UNKNOWN;
			break;
		case FOLD_FAILED:
		case FOLD_DEFERRED:
		case FOLD_RELEASED:
			entry->word = KEY_FREE;
			break;
	}
}

const Fold	fold_of_keys = {
	"key", keys_init, keys_judge, keys_begun, keys_settled, keys_decided
};
