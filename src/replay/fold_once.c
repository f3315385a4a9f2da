/*
 * fold_once.c
 *	  Calls that do not run again for a time, in a replay.
 *
 * What the record says stands until a call of the same name runs in the replay and did not
 * then, or the reverse, or the tool is not as it was; from there on it follows from what
 * runs.
 *
 * Memory: an entry per call that does not run again, to the end of the replay.  Locks:
 * none.  On ERROR: nothing to undo.
 */
#include "replay/folds.h"

#include "utils/hsearch.h"

typedef struct OnceEntry
{
	FoldTag		tag;
	FoldTag		asked;			/* by whom, with which arguments */
	pg_uuid_t	call_id;
	bool		diverged;
	OnceWord	word;
	TimestampTz at;				/* when it has ended */
} OnceEntry;

static void *
once_init(const FoldStart *start)
{
	return fold_table("agentcore replayed once", sizeof(OnceEntry));
}

/*
 * By what the call is known; false: nobody knows.  The digest of a call whose arguments all count is
 * recorded where the arguments are not.
 */
static bool
name_call(FoldCall *call, FoldTag *name)
{
	Gate	   *gate = call->gate;
	OnceCall	once = {
		.tenant = gate->tenant, .tool_name = gate->tool_name, .tool = gate->tool, .agent = gate->agent_name,
		.root = gate_sight(gate)->root, .subject = gate->subject, .args = gate->args, .context = gate_context(gate)
	};
	const char *lacks = task_once_name(&once);
	const char *names[] = {gate->tool_name, gate->tool->once_scope, once.scope_value};

	if (lacks != NULL)
	{
		refuse_without_scope(gate, lacks);
		return false;
	}
	if (gate->tool->nonce_by > 0 ? call->has_args : !call->has_digest && call->has_args)
		memcpy(name->of, once.digest, sizeof(name->of));
	else if (gate->tool->nonce_by == 0 && call->has_digest)
		fold_tag(name, lengthof(names), names, call->digest);
	else
	{
		call->wants_args = true;
		return false;
	}
	return true;
}

static void
asked_tag(const FoldCall *call, FoldTag *out)
{
	const char *names[] = {call->gate->agent_name, call->gate->subject};

	fold_tag(out, lengthof(names), names, call->has_digest ? call->digest : NULL);
}

static bool
is_as_it_was(const FoldCall *call)
{
	return call->record->tool_revision != 0 && call->record->tool_revision == call->gate->tool_object->revision;
}

static void
serve(FoldCall *call, const OnceEntry *entry)
{
	Gate	   *gate = call->gate;
	FoldTag		asked;

	asked_tag(call, &asked);
	if (memcmp(&asked, &entry->asked, sizeof(asked)) != 0)
	{
		gate_refuse(gate, REASON_ALREADY_DONE, pstrdup("once: it was done before, not quite so"), NULL);
		return;
	}
	gate->verdict = VERDICT_CACHED;
	gate->replayed = true;
}

static void
judge_followed(FoldCall *call, const OnceEntry *entry)
{
	Gate	   *gate = call->gate;

	if (gate->earlier == EARLIER_RETRY || entry == NULL || entry->word == ONCE_FREE)
		return;
	if (entry->word == ONCE_OPEN)
		refuse_runs_already(gate, &entry->call_id, GATE_POLL_US);
	else if (agc_now() - entry->at >= gate->tool->once)
		return;
	else if (entry->word == ONCE_DONE)
		serve(call, entry);
	else
		refuse_once_unknown(gate, &entry->call_id);
}

static void
once_judge(void *state, FoldCall *call)
{
	Gate	   *gate = call->gate;
	FoldThen	then = fold_then(call, "once");
	OnceEntry  *entry;
	FoldTag		name;

	if (gate->tool == NULL || gate->tool->once <= 0)
		return;
	entry = name_call(call, &name) ? hash_search(state, &name, HASH_FIND, NULL) : NULL;
	if (gate->verdict != VERDICT_NONE)
		return;
	if (then == FOLD_NOT_ASKED || (entry != NULL && entry->diverged) || !is_as_it_was(call))
	{
		judge_followed(call, entry);
		return;
	}
	call->wants_args = false;
	if (then == FOLD_SAID)
	{
		fold_as_recorded(call, true);
		gate->replayed = true;
	}
}

static OnceEntry *
entry_of(HTAB *calls, FoldCall *call)
{
	FoldTag		name;
	bool		found;
	OnceEntry  *entry;

	if (call->gate->tool == NULL || call->gate->tool->once <= 0 || (!fold_runs(call) && !fold_ran(call)))
		return NULL;
	/* whoever has no name for it was refused by it */
	if (gate_sight(call->gate)->root == NULL && strcmp(call->gate->tool->once_scope, "task") == 0)
		return NULL;
	if (call->gate->subject == NULL && strcmp(call->gate->tool->once_scope, "subject") == 0)
		return NULL;
	if (!name_call(call, &name))
		return NULL;
	entry = hash_search(calls, &name, HASH_ENTER, &found);
	if (!found)
		memset((char *) entry + sizeof(FoldTag), 0, sizeof(OnceEntry) - sizeof(FoldTag));
	return entry;
}

static void
once_decided(void *state, FoldCall *call)
{
	OnceEntry  *entry = entry_of(state, call);

	if (entry != NULL)
		entry->diverged |= fold_runs(call) != fold_ran(call);
}

static void
once_begun(void *state, FoldCall *call, void **note)
{
	OnceEntry  *entry = entry_of(state, call);

	*note = entry;
	if (entry == NULL)
		return;
	entry->word = ONCE_OPEN;
	asked_tag(call, &entry->asked);
	if (call->record->has_call_id)
		entry->call_id = call->record->call_id;
}

static void
once_settled(void *state, const FoldEnd *end, void **note)
{
	OnceEntry  *entry = *note;

	if (entry == NULL)
		return;
	entry->at = end->at;
	switch (end->outcome)
	{
		case FOLD_COMMITTED:
		case FOLD_LATE:
			entry->word = ONCE_DONE;
			break;
		case FOLD_RETRIES:
			break;
		case FOLD_UNKNOWN:
		case FOLD_EXPIRED:
			entry->word = ONCE_UNKNOWN;
			break;
		case FOLD_FAILED:
		case FOLD_DEFERRED:
		case FOLD_RELEASED:
			entry->word = ONCE_FREE;
			break;
	}
}

const Fold	fold_of_once = {
	"once", once_init, once_judge, once_begun, once_settled, once_decided
};
