/*
 * correction.c
 *	  Arguments that a person has put in the place of those that were asked for:
 *	  every stage judges them, as it would the model's, and the model is told.
 *
 * The call stays the one that was asked for under its key, so a worker that comes back
 * with what the model sent finds its own call.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: pins go at transaction end.
 */
#include "call/correction.h"

#include "call/request.h"

/* bytes of a value that the model is shown */
#define VALUE_SHOWN	100

static void
add_change(StringInfo out, const JsonbValue *key, const char *change, JsonbValue *value)
{
	appendStringInfo(out, "%s%s %s", out->len > 0 ? "; " : "",
					 agc_quoted_bytes(key->val.string.val, key->val.string.len, AGC_NAME_SHOWN), change);
	if (value == NULL)
		return;
	appendStringInfo(out, " %s", agc_shown(JsonbToCString(NULL, &JsonbValueToJsonb(value)->root, 0), VALUE_SHOWN));
}

static bool
equal_values(JsonbValue *a, JsonbValue *b)
{
	return compareJsonbContainers(&JsonbValueToJsonb(a)->root, &JsonbValueToJsonb(b)->root) == 0;
}

/* Members of the one that the other has not, or has another value of. */
static void
add_changes(StringInfo out, Jsonb *of, Jsonb *beside, bool removed)
{
	JsonbIterator *it = JsonbIteratorInit(&of->root);
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		JsonbValue	other;
		bool		found;

		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &value, true);
		found = getKeyJsonValueFromContainer(&beside->root, key.val.string.val, key.val.string.len, &other) != NULL;
		if (removed && !found)
			add_change(out, &key, "was removed", NULL);
		else if (!removed && !found)
			add_change(out, &key, "was added as", &value);
		else if (!removed && !equal_values(&value, &other))
			add_change(out, &key, "is now", &value);
	}
}

static char *
describe(Jsonb *from, Jsonb *to)
{
	StringInfoData changes;

	initStringInfo(&changes);
	if (JB_ROOT_IS_OBJECT(from))
	{
		add_changes(&changes, to, from, false);
		add_changes(&changes, from, to, true);
	}
	return psprintf("A person changed the arguments of this call: %s.", changes.len > 0 ? changes.data : "all of them");
}

static void
copy_judging(Gate *fresh, const Gate *gate)
{
	fresh->agent_object = gate->agent_object;
	fresh->agent = gate->agent;
	fresh->budget = gate->budget;
	fresh->nalso = gate->nalso;
	memcpy(fresh->also, gate->also, sizeof(gate->also));
	fresh->explaining = gate->explaining;
	fresh->rows_only = gate->rows_only;
	fresh->asks_twice = gate->asks_twice;
	fresh->audit = gate->audit;
	fresh->asks_nobody = gate->asks_nobody;
	fresh->clock = gate->clock;
}

static void
copy_asked(Gate *fresh, const Gate *gate)
{
	fresh->tenant = gate->tenant;
	fresh->agent_name = gate->agent_name;
	fresh->tool_name = gate->tool_name;
	fresh->asked = gate->asked;
	fresh->est_tokens = gate->est_tokens;
	fresh->est_nanousd = gate->est_nanousd;
	fresh->key = gate->key;
	fresh->task = gate->task;
	fresh->subject = gate->subject;
	fresh->labels = gate->labels;
	fresh->trace = gate->trace;
	fresh->named = gate->named;
	fresh->lease = gate->lease;
	fresh->holder = gate->holder;
}

void
correction_apply(Gate *gate)
{
	Gate		fresh;

	request_init(&fresh);
	copy_asked(&fresh, gate);
	copy_judging(&fresh, gate);
	fresh.args = gate->correction;
	fresh.corrected = true;
	fresh.approval_id = gate->approval->id;
	fresh.changes = describe(gate->args, gate->correction);
	if (gate->tool_object != NULL)
		agc_object_unpin(gate->tool_object);
	*gate = fresh;
}

void
correction_tell(Gate *gate)
{
	if (gate->changes != NULL && gate->verdict != VERDICT_CACHED)
		gate->feedback = gate->feedback == NULL ? gate->changes : psprintf("%s %s", gate->changes, gate->feedback);
}
