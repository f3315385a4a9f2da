/*
 * gate.c
 *	  What a stage may say of a call, and what else every part of the gate needs
 *	  of it.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: raises none but for
 * want of memory.
 */
#include "call/gate.h"

#include "utils/fmgrprotos.h"
#include "utils/uuid.h"

static void
say(Gate *gate, const char *reason, char *detail, char *feedback, int64 retry_after)
{
	gate->reason = reason;
	gate->said_in = gate->stage;
	gate->said_by = gate->rule;
	gate->detail = detail;
	gate->feedback = feedback;
	gate->retry_after = retry_after;
}

void
gate_deny(Gate *gate, const char *reason, char *detail, char *feedback)
{
	if (gate->reason == NULL)
		say(gate, reason, detail, feedback, gate->retry_after);
	if (!gate->audit)
		gate->verdict = VERDICT_DENY;
}

void
gate_refuse(Gate *gate, const char *reason, char *detail, char *feedback)
{
	say(gate, reason, detail, feedback, -1);
	gate->verdict = VERDICT_DENY;
}

void
gate_wait(Gate *gate, const char *reason, char *detail, int64 retry_after)
{
	if (gate->reason == NULL)
		say(gate, reason, detail, gate->feedback, retry_after);
	if (!gate->audit)
		gate->verdict = VERDICT_WAIT;
}

void
gate_hold(Gate *gate, const char *reason, char *detail, int64 retry_after)
{
	say(gate, reason, detail, gate->feedback, retry_after);
	gate->verdict = VERDICT_WAIT;
}

void
gate_observe(Gate *gate, const char *reason, char *detail, char *feedback)
{
	if (gate->observed_reason == NULL)
	{
		gate->observed_reason = reason;
		gate->observed_in = gate->stage;
		gate->observed_by = gate->rule;
		gate->observed_detail = detail;
		gate->observed_feedback = feedback;
	}
}

void
gate_report_observed(Gate *gate)
{
	if (gate->reason != NULL || gate->observed_reason == NULL)
		return;
	say(gate, gate->observed_reason, gate->observed_detail, gate->observed_feedback, gate->retry_after);
	gate->said_in = gate->observed_in;
	gate->said_by = gate->observed_by;
}

bool
gate_enforced(const Gate *gate)
{
	bool		goes_on = gate->verdict == VERDICT_RUN || gate->verdict == VERDICT_CACHED;

	return !goes_on || (!gate->audit && gate->observed_reason == NULL);
}

const char *
verdict_name(Verdict verdict)
{
	switch (verdict)
	{
		case VERDICT_RUN:
			return "run";
		case VERDICT_CACHED:
			return "cached";
		case VERDICT_WAIT:
			return "wait";
		default:
			return "deny";
	}
}

const char *
gate_target(const Gate *gate)
{
	if (gate->tool != NULL)
		return gate->tool->target;
	if (gate->model != NULL && gate->model->target != NULL)
		return gate->model->target;
	if (!gate->is_priced)
		return NULL;
	return gate->priced_as != NULL ? gate->priced_as : gate->tool_name;
}

bool
gate_target_implied(const Gate *gate)
{
	return gate->is_llm && (gate->model == NULL || gate->model->target == NULL);
}

int64
gate_tool_lease(const ToolDef *tool)
{
	return agc_lease_or_default(tool != NULL ? tool->lease : 0);
}

int64
gate_lease(const Gate *gate)
{
	return gate->lease > 0 ? gate->lease : gate_tool_lease(gate->tool);
}

int64
gate_in_ms(int64 us)
{
	return us / 1000 + (us % 1000 != 0);
}

void
gate_fill_request(const Gate *gate, PermitRequest *request)
{
	memset(request, 0, sizeof(PermitRequest));
	request->tenant = gate->tenant;
	request->budget = gate->budget;
	request->nalso = gate->nalso;
	for (int i = 0; i < gate->nalso; i++)
		request->also[i] = gate->also[i];
	request->tokens = gate->est_tokens;
	request->nanousd = gate->est_nanousd;
	request->calls = 1;
	request->lease = gate_lease(gate);
	request->key = gate->key;
	memcpy(request->request_hash, gate->request_hash, AGC_HASH_LEN);
	request->has_asked_hash = gate->has_asked_hash;
	memcpy(request->asked_hash, gate->asked_hash, AGC_HASH_LEN);
	request->run_holder = gate->holder;
	request->charge_on_expiry = true;
	request->may_use = true;
	request->agent = gate->agent_name;
	request->tool = gate->tool_name;
	request->priced_as = gate->priced_as;
	request->service_tier = gate->service_tier;
	request->task = gate->task;
	request->subject = gate->subject;
	request->labels = gate->labels;
	request->is_llm = gate->is_llm;
	request->idempotent = gate->is_llm || (gate->tool != NULL && gate->tool->idempotent);
	request->has_cache_key = gate->cache_lease != 0;
	memcpy(request->cache_key, gate->cache.key.hash, AGC_HASH_LEN);
	request->cache_lease = gate->cache_lease;
	request->loop_tag = (int64) gate->loop_tag;
	request->attempt = gate->earlier == EARLIER_OTHER ? gate->attempt + 1 : 1;
}

bool
gate_admits(const Gate *gate, const PermitRequest *request, bool rows, PermitDecision *out)
{
	return gate->state != NULL && gate->state->admits != NULL ? gate->state->admits(gate->state->arg, request, out) :
		budget_peek(request, rows, out);
}

void
gate_ask_budgets(Gate *gate, char *own)
{
	PermitRequest request;

	budget_names_ask(&gate->named, own, &request);
	gate->budget = request.budget;
	gate->nalso = request.nalso;
	memcpy(gate->also, request.also, request.nalso * sizeof(char *));
}

char *
hex_uuid(const pg_uuid_t *id)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)));
}
