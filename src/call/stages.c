/*
 * stages.c
 *	  What the gate looks at, cheapest and safest first.
 *
 * A stage looks: it writes nothing, and takes nothing.  Some of them find what
 * has to be written before the next stage can look, or although the call is
 * refused: an earlier call of the same key is ended, and an approval is asked
 * for, of the tool or of a full budget.  That is the stage's write(), which call_explain() does not call.  What
 * a call needs to run is taken after all stages (take.c).
 *
 * Where an earlier stage found nothing to look at (an unknown tool in audit
 * mode), a later one lets pass.
 *
 * Memory: CurrentMemoryContext.  Locks: those of reading tables; a write()
 * says its own.  On ERROR: nothing to undo.
 */
#include "call/stages.h"

#include "call/approval_stage.h"
#include "call/arguments.h"
#include "call/cached_answer.h"
#include "call/call.h"
#include "call/call_context.h"
#include "call/call_key.h"
#include "call/call_limits.h"
#include "call/call_once.h"
#include "call/call_target.h"
#include "call/digest.h"
#include "call/llm.h"
#include "call/loop.h"
#include "call/refuse.h"

static void judge_tenant(Gate *gate);
static void judge_task(Gate *gate);
static void judge_agent(Gate *gate);
static void judge_tool(Gate *gate);
static void judge_model(Gate *gate);
static void judge_policy(Gate *gate);
static void judge_loop(Gate *gate);
static void judge_budget(Gate *gate);

const Stage gate_stages[] = {
	{"tenant", judge_tenant},
	{"task", judge_task, .by_state = true},
	{"agent", judge_agent},
	{"tool", judge_tool},
	{"policy", judge_policy},
	{"arguments", judge_args},
	{"urls", judge_urls},
	{"rules", judge_rules},
	{"key", judge_key, key_settle_earlier, .by_state = true},
	{"once", judge_once, NULL, true, true},
	{"loop", judge_loop, NULL, true, true},
	{"cache", judge_cache, NULL, true, true},
	{"breaker", judge_breaker, NULL, true, true},
	{"rate", judge_rate, NULL, true, true},
	{"limits", judge_limits, NULL, true, true},
	{"approval", judge_approval, approval_ask, .by_state = true},
	{"budget", judge_budget, approval_ask, true, true},
};
const int	gate_nstages = lengthof(gate_stages);

StaticAssertDecl(lengthof(gate_stages) < PROFILE_MAX_STAGES, "the clock has a place for each stage and for the taking");

void
stage_judge(const Stage *stage, Gate *gate)
{
	if (!stage->once || gate->earlier != EARLIER_YOURS)
		stage->judge(gate);
}

void
stages_judge(Gate *gate)
{
	profile_clock_skip(gate->clock);
	for (int i = 0; i < gate_nstages && gate->verdict == VERDICT_NONE && gate->correction == NULL; i++)
	{
		gate->stage = gate_stages[i].name;
		gate->rule = 0;
		stage_judge(&gate_stages[i], gate);
		if (gate_stages[i].write != NULL)
			gate_stages[i].write(gate);
		profile_clock_stage(gate->clock, i);
	}
}

static void
judge_tenant(Gate *gate)
{
	if (!agc_tenant_enabled(gate->tenant))
		refuse_tenant(gate);
}

static void
judge_task(Gate *gate)
{
	gate->has_sight = false;
	if (gate_sight(gate)->stopped != NULL)
		refuse_stopped_task(gate, gate->sight.stopped);
}

static void
judge_agent(Gate *gate)
{
	if (!gate->agent->enabled)
		refuse_agent(gate);
}

/* What the policy keeps from the agent is not named to its model either. */
static bool
may_be_told(const char *name, void *arg)
{
	Gate	   *gate = arg;
	AllowDecision decision;

	allow_check_tool(gate->tenant, gate->agent->policy, name, &decision);
	return decision.reason == NULL && decision.allowed && !allow_common_denies_tool(gate->tenant, name, &decision);
}

static bool
is_denied(const AllowDecision *decision)
{
	return decision->reason != NULL && strcmp(decision->reason, REASON_DENYLIST_MATCH) == 0;
}

/* Models need no rule that allows them. */
static bool
may_be_told_model(const char *name, void *arg)
{
	Gate	   *gate = arg;
	AllowDecision decision;

	allow_check_tool(gate->tenant, gate->agent->policy, name, &decision);
	return !is_denied(&decision);
}

static void
judge_tool(Gate *gate)
{
	if (gate->impossible != NULL)
	{
		refuse_impossible_name(gate, gate->is_llm ? NULL : tool_nearest(gate->tenant, gate->given_name, may_be_told, gate));
		return;
	}
	if (gate->is_llm)
	{
		judge_model(gate);
		return;
	}
	gate->tool_object = tool_pin(gate->tenant, gate->tool_name);
	if (gate->tool_object == NULL)
	{
		refuse_unknown_tool(gate, tool_nearest(gate->tenant, gate->tool_name, may_be_told, gate));
		return;
	}
	gate->tool = gate->tool_object->data;
	if (!gate->tool->enabled)
		refuse_disabled_tool(gate);
	if (gate->tool->held)
		refuse_changed_tool(gate);
	if (gate->est_tokens < 0)
		gate->est_tokens = gate->tool->est_tokens;
	if (gate->est_nanousd < 0)
		gate->est_nanousd = gate->tool->est_nanousd;
}

/* A model without a price cannot be charged for, so it does not exist here; nor can what it has no fee for. */
static void
judge_model(Gate *gate)
{
	PriceOf		of = {gate->tenant, gate->tool_name, agc_now(), gate->service_tier};
	PriceAsk	ask = {.fees = gate->fees};
	PriceBound	most;

	llm_request_tokens(gate->args, &ask.input_tokens, &ask.output_tokens);
	gate->is_priced = price_bound(&of, &ask, &most);
	gate->tool_object = model_pin(gate->tenant, gate->tool_name, gate->is_priced ? most.priced_as : NULL);
	gate->model = gate->tool_object != NULL ? gate->tool_object->data : NULL;
	if (gate->is_priced && most.unpriced_fee == NULL)
	{
		gate->priced_as = most.priced_as;
		gate->price_revision = most.revision;
		gate->est_tokens = most.cost.tokens;
		gate->est_nanousd = most.cost.nanousd;
		return;
	}
	/* audit mode lets it run: nobody knows at what price */
	gate->est_tokens = gate->est_nanousd = -1;
	if (gate->is_priced)
	{
		gate->priced_as = most.priced_as;
		refuse_unpriced_fee(gate, most.unpriced_fee);
	}
	else
		refuse_unknown_model(gate, most.priced_as, price_nearest(gate->tenant, gate->tool_name, may_be_told_model, gate));
}

/*
 * Models are not listed tool by tool: which ones exist is what the price list
 * says.  A rule that denies one by name still counts, be it the name that was asked
 * for or the one that an alias prices it by.
 */
static void
judge_policy(Gate *gate)
{
	AllowDecision decision;

	allow_check_tool(gate->tenant, gate->agent->policy, gate->tool_name, &decision);
	gate->policy_revision = decision.revision;
	gate->allowed_by = decision.allowed ? decision.rule : 0;
	gate->strict_urls = decision.strict_urls;
	gate->judges_calls = decision.judges_calls || allow_common_judges_calls(gate->tenant);
	gate->by_call = decision.by_call;
	if (gate->priced_as != NULL && !is_denied(&decision))
		allow_check_tool(gate->tenant, gate->agent->policy, gate->priced_as, &decision);
	if (!gate->is_llm || is_denied(&decision))
		refuse_tool_by_policy(gate, &decision);
	if (allow_common_denies_tool(gate->tenant, gate->tool_name, &decision) ||
		(gate->priced_as != NULL && allow_common_denies_tool(gate->tenant, gate->priced_as, &decision)))
		refuse_tool_by_policy(gate, &decision);
}

static void
judge_loop(Gate *gate)
{
	int			count;

	if (gate->task == NULL || agc_loop_limit == 0 || gate->earlier == EARLIER_RETRY || gate->earlier == EARLIER_OTHER)
		return;
	gate->loop_guarded = true;
	gate->loop_tag = loop_tag(digest_final(gate));
	count = loop_count(gate->loop_tag);
	if (count >= agc_loop_limit)
		refuse_loop(gate, count);
}

static void
judge_budget(Gate *gate)
{
	PermitRequest request;
	PermitDecision decision;

	if (gate->budget == NULL || gate->earlier == EARLIER_RETRY)
		return;
	if (!budget_exists(gate->tenant, gate->budget))
	{
		refuse_unknown_budget(gate);
		/* where that is no refusal, those that were named pay */
		gate_ask_budgets(gate, NULL);
		return;
	}
	/* what the attempt before this one holds is given back first */
	if (gate->earlier == EARLIER_OTHER)
		return;
	gate_fill_request(gate, &request);
	/* what takes a read of rows is found out when the call takes its permit */
	if (!gate_admits(gate, &request, gate->explaining, &decision))
	{
		if (decision.asks)
			(void) judge_full(gate, &decision);
		else
			refuse_budget(gate, &decision);
	}
	gate->hold_tokens = decision.hold_tokens;
}
