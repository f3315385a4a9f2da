/*
 * digest.c
 *	  The digests of one call: for its key as it runs and as it was asked, for the
 *	  loop guard as it runs, and as a question to a person.
 *
 * A digest of large arguments is among the dearest things that the gate does,
 * so each is made by the part that needs it: a key, a task under the loop
 * guard, or an approval.
 *
 * Memory: the Gate.  Locks: none.  On ERROR: digest_request() raises 54001 for
 * arguments nested deeper than the stack allows.
 */
#include "call/digest.h"

#include "call/bound.h"

static void
digest_text(AgcDigest *digest, const char *text)
{
	agc_digest_field(digest, text ? text : "", text ? strlen(text) : 0);
}

/* The tool, or the models that the call may run with: it is known by what was asked, whichever was chosen. */
static const char *
asked_name(const Gate *gate)
{
	return gate->choice != NULL ? gate->choice->name[0] : gate->tool_name;
}

static void
digest_fallbacks(const Gate *gate, AgcDigest *digest)
{
	for (int i = 1; gate->choice != NULL && i < gate->choice->n; i++)
		digest_text(digest, gate->choice->name[i]);
}

/*
 * Canonical JSON: a key is the same for numbers that are one double.  Naming "own", the
 * agent's own budget, says nothing in a call as it runs; as it was asked it does (NULL),
 * so that a call is known again after the agent was given another budget.
 */
static void
digest_keyed(const Gate *gate, Jsonb *args, const char *own, uint8 out[AGC_HASH_LEN])
{
	AgcDigest  *digest = agc_digest_begin();

	digest_text(digest, gate->agent_name);
	digest_text(digest, gate->task);
	digest_text(digest, gate->subject);
	digest_text(digest, gate->tenant);
	budget_names_digest(&gate->named, own, digest);
	agc_digest_call(digest, asked_name(gate), args, gate->is_llm ? "model" : "tool");
	digest_fallbacks(gate, digest);
	agc_digest_end(digest, out);
}

void
digest_request(Gate *gate)
{
	if (gate->has_request_hash)
		return;
	digest_keyed(gate, gate->args, gate->agent->budget, gate->request_hash);
	if (gate->args != gate->asked || budget_names_has(&gate->named, gate->agent->budget))
	{
		digest_keyed(gate, gate->asked, NULL, gate->asked_hash);
		gate->has_asked_hash = memcmp(gate->asked_hash, gate->request_hash, AGC_HASH_LEN) != 0;
	}
	gate->has_request_hash = true;
}

/* Exact: after coercion, defaults and canonical URLs the arguments are what runs. */
const uint8 *
digest_final(Gate *gate)
{
	AgcDigest  *digest;

	if (gate->has_final_hash)
		return gate->final_hash;
	digest = agc_digest_begin();
	digest_text(digest, gate->tenant);
	digest_text(digest, gate->agent_name);
	digest_text(digest, gate->task);
	digest_text(digest, gate->subject);
	digest_text(digest, asked_name(gate));
	agc_digest_exact(digest, gate->args);
	digest_fallbacks(gate, digest);
	agc_digest_end(digest, gate->final_hash);
	gate->has_final_hash = true;
	return gate->final_hash;
}

const uint8 *
digest_sent(const Gate *gate)
{
	AgcDigest  *digest = agc_digest_begin();
	const Jsonb *args = gate->asked != NULL ? gate->asked : gate->args;
	uint8	   *sent = palloc(AGC_HASH_LEN);

	digest_text(digest, "sent");
	digest_text(digest, gate->tenant);
	digest_text(digest, gate->agent_name);
	digest_text(digest, gate->task);
	digest_text(digest, asked_name(gate));
	digest_fallbacks(gate, digest);
	if (gate->oversized != NULL)
		digest_text(digest, gate->oversized);
	else if (gate->args_text != NULL)
		digest_text(digest, gate->args_text);
	else if (args != NULL)
		agc_digest_field(digest, VARDATA_ANY(args), VARSIZE_ANY_EXHDR(args));
	agc_digest_end(digest, sent);
	return sent;
}

static void
digest_texts(AgcDigest *digest, int n, char **texts)
{
	agc_digest_field(digest, &n, sizeof(n));
	for (int i = 0; i < n; i++)
		digest_text(digest, texts[i]);
}

/* The amounts of a model call are its estimate, which is compared by itself: a smaller call is the same question. */
static void
digest_model_question(AgcDigest *digest, const Gate *gate)
{
	digest_text(digest, "model");
	digest_text(digest, gate->tenant);
	digest_text(digest, gate->agent_name);
	digest_text(digest, gate->task);
	digest_text(digest, gate->subject);
	digest_text(digest, gate->tool_name);
	digest_text(digest, gate->service_tier);
	if (gate->fees != NULL)
		agc_digest_exact(digest, gate->fees);
}

/* The call as it runs, as far as the rules that ask bind it. */
static const uint8 *
digest_bound(const Gate *gate, const List *bound)
{
	AgcDigest  *digest = agc_digest_begin();
	uint8	   *out = palloc(AGC_HASH_LEN);
	ListCell   *cell;

	digest_text(digest, "bound");
	digest_text(digest, gate->tenant);
	digest_text(digest, gate->agent_name);
	digest_text(digest, gate->task);
	digest_text(digest, gate->subject);
	digest_text(digest, gate->tool_name);
	foreach(cell, bound)
	{
		digest_text(digest, lfirst(cell));
		agc_digest_exact(digest, bound_value(gate->args, lfirst(cell)));
	}
	agc_digest_end(digest, out);
	return out;
}

static void
digest_tool_question(AgcDigest *digest, const Gate *gate, const uint8 *final)
{
	agc_digest_field(digest, final, AGC_HASH_LEN);
	digest_text(digest, gate->tool->description);
	agc_digest_field(digest, gate->tool->definition, AGC_HASH_LEN);
	digest_text(digest, gate->tool->target);
	digest_texts(digest, gate->tool->nurl_args, gate->tool->url_args);
	digest_texts(digest, gate->tool->nurl_skip, gate->tool->url_skip);
	digest_text(digest, gate->tool->http_method);
	agc_digest_field(digest, &gate->tool->closed_world, sizeof(bool));
}

const uint8 *
digest_question(Gate *gate)
{
	const uint8 *final;
	AgcDigest  *digest;
	List	   *bound;

	if (gate->has_question)
		return gate->question;
	/* which is a digest itself, and there is one at a time */
	final = gate->tool == NULL ? NULL : bound_arguments(gate, &bound) ? digest_bound(gate, bound) : digest_final(gate);
	digest = agc_digest_begin();
	if (gate->tool != NULL)
		digest_tool_question(digest, gate, final);
	else
		digest_model_question(digest, gate);
	digest_text(digest, gate->agent->budget);
	budget_names_digest(&gate->named, gate->agent->budget, digest);
	agc_digest_end(digest, gate->question);
	gate->has_question = true;
	return gate->question;
}
