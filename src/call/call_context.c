/*
 * call_context.c
 *	  The call as the rules of a policy see it, and the stage that judges it by
 *	  them.
 *
 * The model controls the tool's name and the arguments; the role of the worker
 * vouches for agent, task, subject and estimate.
 *
 * Memory: CurrentMemoryContext.  Locks: those of reading policies.  On ERROR:
 * nothing to undo.
 */
#include "call/call_context.h"

#include "call/refuse.h"
#include "core/row.h"
#include "utils/numeric.h"

static Jsonb *
number_member(Numeric number)
{
	JsonbValue	value = {.type = jbvNumeric};

	value.val.numeric = number;
	return JsonbValueToJsonb(&value);
}

/* What is taken may have waited, so it is looked at anew after that. */
TaskSight *
gate_sight(Gate *gate)
{
	if (!gate->has_sight)
		task_look(gate->tenant, gate->task, &gate->sight);
	gate->has_sight = true;
	return &gate->sight;
}

static Jsonb *
read_member(RuleContext *context, ContextMember member)
{
	Gate	   *gate = context->arg;
	Jsonb	   *recalled;

	if (gate->recall != NULL && gate->recall(gate, member, &recalled))
		return recalled;
	switch (member)
	{
		case CONTEXT_TOOL:
			return context_text(gate->tool_name);
		case CONTEXT_TRAITS:
			return gate->tool == NULL ? NULL : context_words(gate->tool->traits, gate->tool->ntraits);
		case CONTEXT_ARGS:
			return gate->args;
		case CONTEXT_AGENT:
			return context_text(gate->agent_name);
		case CONTEXT_TASK:
			return context_text(gate->task);
		case CONTEXT_SUBJECT:
			return context_text(gate->subject);
		case CONTEXT_LABELS:
			return task_labels(gate->tenant, gate_sight(gate));
		case CONTEXT_FACTS:
			return task_facts(gate->tenant, gate_sight(gate)->root, gate->with_open_facts, &gate->facts_open_until);
		case CONTEXT_EST_USD:
			return gate->est_nanousd < 0 ? NULL : number_member(DatumGetNumeric(agc_nanousd_numeric(gate->est_nanousd)));
		case CONTEXT_EST_TOKENS:
			return gate->est_tokens < 0 ? NULL : number_member(int64_to_numeric(gate->est_tokens));
		default:
			return NULL;
	}
}

RuleContext *
gate_context(Gate *gate)
{
	if (gate->context == NULL)
	{
		gate->context = palloc(sizeof(RuleContext));
		context_init(gate->context, read_member, gate);
	}
	return gate->context;
}

/*
 * Whether only a fact is missing that a call in progress may still bring: calls of
 * one turn run side by side, and must not be refused for being early.
 */
static bool
lacks_open_fact(Gate *gate)
{
	RuleContext with_open;
	CallJudgement judged;

	if (gate->facts_open_until == 0)
		return false;
	context_init(&with_open, read_member, gate);
	gate->with_open_facts = true;
	allow_judge_call(gate->tenant, gate->agent->policy, gate->tool_name, &with_open, &judged);
	gate->with_open_facts = false;
	return judged.reason == NULL;
}

/* by_rule: a rule refused it; what a check refuses no fact cures. */
static void
put_judgement(Gate *gate, CallJudgement *judged, bool by_rule)
{
	gate->rule = judged->observed_rule;
	if (judged->observed_reason != NULL)
		gate_observe(gate, judged->observed_reason, judged->observed_detail, NULL);
	gate->rule = by_rule ? judged->rule : 0;
	if (judged->allowed_by != 0)
		gate->allowed_by = judged->allowed_by;
	if (by_rule && lacks_open_fact(gate))
		refuse_early(gate, judged->detail, gate->facts_open_until - agc_now());
	else if (judged->reason != NULL)
		gate_deny(gate, judged->reason, judged->detail, judged->feedback);
	gate->nasks = judged->nasks;
	gate->asks = judged->asks;
}

static void
run_checks(Gate *gate, CallJudgement *judged)
{
	if (gate->recall == NULL)
		allow_run_checks(gate->tenant, gate->agent->policy, gate->tool_name, gate_context(gate), judged);
	else
		gate->unchecked = allow_checks_look(gate->tenant, gate->agent->policy, gate->tool_name);
}

/*
 * Where no rule looks at calls of this tool, its name has decided already; unless it
 * was let through for a rule that is gone since.
 */
void
judge_rules(Gate *gate)
{
	CallJudgement judged;
	bool		by_rule;

	gate->nasks = 0;
	if (gate->tool == NULL || !gate->judges_calls)
		return;
	allow_judge_call(gate->tenant, gate->agent->policy, gate->tool_name, gate_context(gate), &judged);
	if (!judged.looked && !gate->by_call)
		judged.reason = judged.observed_reason = NULL;
	by_rule = judged.reason != NULL;
	if (!by_rule && judged.has_checks)
		run_checks(gate, &judged);
	put_judgement(gate, &judged, by_rule);
}

static void
put_word(ReturnSetInfo *rsinfo, const RuleWord *word)
{
	static const char *const truths[] = {"false", "unknown", "true"};
	AgcRow		row;
	const char *name = word->name != NULL ? agc_quoted_name(word->name) : psprintf("%lld", (long long) word->id);

	agc_row_init(&row);
	agc_put_text(&row, "rule");
	agc_put_text(&row, truths[word->truth]);
	agc_put_text(&row, word->audit ? psprintf("%s (audit)", word->effect) : word->effect);
	agc_put_text(&row, psprintf("%s %s of policy %s for %s%s%s", strcmp(word->effect, "check") == 0 ? "check" : "rule",
								name, agc_quoted_name(word->policy), agc_quoted_name(word->pattern),
								word->pointer == NULL ? "" : ": ", word->pointer == NULL ? "" : word->pointer));
	agc_put_text(&row, word->name);
	agc_put_text(&row, word->pointer);
	agc_row_store(rsinfo, &row);
}

void
explain_rules(Gate *gate, ReturnSetInfo *rsinfo)
{
	List	   *words;
	ListCell   *cell;

	if (gate->tool == NULL || !gate->judges_calls)
		return;
	words = list_concat(allow_explain_call(gate->tenant, gate->agent->policy, gate->tool_name, gate_context(gate)),
						allow_explain_checks(gate->tenant, gate->agent->policy, gate->tool_name, gate_context(gate)));
	foreach(cell, words)
		put_word(rsinfo, lfirst(cell));
}
