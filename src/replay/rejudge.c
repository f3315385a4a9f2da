/*
 * rejudge.c
 *	  One recorded call, asked of every stage again.
 *
 * Stages that look at the registry and at the call are asked as they are, with the clock at the time of
 * the call; in the place of the others their folds are.  Where arguments were not recorded and a stage
 * needs them, its recorded word stands as long as nothing that it depends on is otherwise: the
 * revisions of tool and policy, and what the task has seen.  Else the outcome is unknown.
 *
 * Memory: CurrentMemoryContext.  Locks: those of reading.  On ERROR: pins go at transaction end.
 */
#include "replay/rejudge.h"

#include "record/record.h"
#include "replay/folds.h"

/* ----- the call as it was asked --------------------------------------------------------- */

/*
 * The agent's own budget comes first in the record, and the replayed configuration's own stands in its
 * place; the first of an agent that has none now, and may charge it, was named by the call.
 */
static void
name_budgets(Gate *gate, const FoldRecord *record)
{
	const char *own = gate->agent->budget;
	bool		named = own == NULL && record->nbudgets > 0 && agent_may_charge(gate->agent, record->budgets[0]);

	for (int i = named ? 0 : 1; i < record->nbudgets && gate->named.n < BUDGET_MAX_NAMES; i++)
		gate->named.name[gate->named.n++] = record->budgets[i];
	gate_ask_budgets(gate, unconstify(char *, own));
}

static bool
recall(Gate *gate, ContextMember member, Jsonb **value)
{
	FoldCall   *call = gate->record;

	if (member == CONTEXT_LABELS || member == CONTEXT_FACTS)
		return fold_recall_task(call->tasks, call, member, value);
	if (member != CONTEXT_ARGS || call->has_args)
		return false;
	call->wants_args = true;
	*value = NULL;
	return true;
}

static bool
contains(const char *bytes, Size len, const char *text)
{
	Size		n = strlen(text);

	for (const char *at = bytes; len >= n && (at = memchr(at, text[0], bytes + len - n + 1 - at)) != NULL; at++)
		if (memcmp(at, text, n) == 0)
			return true;
	return false;
}

/*
 * Whether the arguments are those that ran.  What was taken out of them shows in their digest, which
 * another database cannot compute, so only arguments that look like it are asked for it.
 */
static bool
are_whole(const LogRow *row, const char *tenant)
{
	uint8		digest[AGC_HASH_LEN];

	if (row->args == NULL || !contains(VARDATA(row->args), VARSIZE(row->args) - VARHDRSZ, RECORD_REDACTED))
		return row->args != NULL;
	if (!row->has_digest)
		return false;
	record_digest_args(tenant, row->args, digest);
	return memcmp(digest, row->digest, AGC_HASH_LEN) == 0;
}

static void
fill_gate(Gate *gate, const LogRow *row, const char *tenant, FoldCall *call)
{
	request_init(gate);
	gate->tenant = tenant;
	gate->agent_name = row->agent;
	gate->tool_name = row->tool;
	gate->is_llm = row->is_llm;
	gate->key = unconstify(char *, row->key);
	gate->task = unconstify(char *, row->task);
	gate->subject = unconstify(char *, row->subject);
	gate->lease = -1;
	gate->est_tokens = row->record.tokens;
	gate->est_nanousd = row->record.nanousd;
	gate->rows_only = true;
	gate->recall = recall;
	gate->record = call;
	if (call->has_args)
		gate->args = row->args;
	else
		request_put_no_args(gate);
	gate->asked = gate->args;
}

/* false: there is no such agent */
static bool
find_agent(Gate *gate, const FoldRecord *record)
{
	gate->agent_object = agent_find(gate->tenant, gate->agent_name);
	if (gate->agent_object == NULL)
		return false;
	gate->agent = gate->agent_object->data;
	gate->audit = gate->agent->audit;
	name_budgets(gate, record);
	return true;
}

/* ----- stages --------------------------------------------------------------------------- */

static bool
same_tool(const FoldCall *call)
{
	const Gate *gate = call->gate;

	return gate->tool == NULL || (call->record->tool_revision != 0 && call->record->tool_revision == gate->tool_object->revision);
}

static bool
same_policy(const FoldCall *call)
{
	return call->record->policy_revision != 0 && call->record->policy_revision == call->gate->policy_revision;
}

/* What a stage could not say for want of what was not recorded: its recorded word, or unknown. */
static void
say_unknown(FoldCall *call, const char *stage, bool stands, const char *what)
{
	FoldThen	then = fold_then(call, stage);

	if (!stands || then == FOLD_NOT_ASKED)
	{
		fold_unknown(call, what);
		return;
	}
	call->as_recorded = true;
	if (then == FOLD_SAID)
		fold_as_recorded(call, false);
}

/* Of a model call the tokens that were asked for are in the arguments, and its price is by them. */
static void
judge_tool(const Stage *stage, FoldCall *call)
{
	Gate	   *gate = call->gate;
	const FoldRecord *record = call->record;

	if (!gate->is_llm)
		gate->est_tokens = gate->est_nanousd = -1;
	stage->judge(gate);
	if (!gate->is_llm)
	{
		/* what the caller said stands before what the tool says; which of them it was, the record does not know */
		if (record->tokens >= 0)
			gate->est_tokens = record->tokens;
		if (record->nanousd >= 0)
			gate->est_nanousd = record->nanousd;
	}
	else if (!call->has_args && gate->is_priced && gate->verdict == VERDICT_NONE)
	{
		gate->est_tokens = record->tokens;
		gate->est_nanousd = record->nanousd;
		if (record->price_revision == 0 || record->price_revision != gate->price_revision)
			fold_unknown(call, "the price: input and output tokens were not recorded");
	}
}

static void
judge_arguments(const Stage *stage, FoldCall *call)
{
	const ToolDef *tool = call->gate->tool;

	if (call->has_args)
		stage->judge(call->gate);
	else if (tool != NULL && !tool_takes_anything(tool))
		say_unknown(call, stage->name, same_tool(call), "arguments");
}

static void
judge_urls_again(const Stage *stage, FoldCall *call)
{
	if (call->has_args)
		stage->judge(call->gate);
	else if (urls_are_judged(call->gate))
		say_unknown(call, stage->name, same_tool(call) && same_policy(call), "arguments");
}

/* Rules are asked whether the arguments are known or not: perhaps none of them wants to know. */
static void
judge_rules_again(const Stage *stage, FoldCall *call)
{
	Gate	   *gate = call->gate;
	const Gate	before = *gate;
	const char *unknown;
	bool		stands;

	stage->judge(gate);
	unknown = call->wants_args ? "arguments" : call->unknown != NULL ? call->unknown : gate->unchecked ? "a check" : NULL;
	if (unknown == NULL)
		return;
	*gate = before;
	call->wants_args = false;
	call->unknown = NULL;
	stands = same_tool(call) && same_policy(call) && !fold_task_diverged(call->tasks, call);
	say_unknown(call, stage->name, stands, unknown);
}

static void
ask_folds(const Stage *stage, FoldCall *call, void **states)
{
	for (int i = 0; i < replay_nfolds; i++)
	{
		const Fold *fold = replay_folds[i];

		if (fold->judge == NULL || strcmp(fold->stage, stage->name) != 0)
			continue;
		fold->judge(states[i], call);
		if (call->gate->verdict != VERDICT_NONE || call->unknown != NULL || call->wants_args)
			return;
	}
}

static void
ask_stage(const Stage *stage, FoldCall *call, void **states)
{
	if (stage->once && call->gate->earlier == EARLIER_YOURS)
		return;
	if (stage->by_state)
		ask_folds(stage, call, states);
	else if (strcmp(stage->name, "tool") == 0)
		judge_tool(stage, call);
	else if (strcmp(stage->name, "arguments") == 0)
		judge_arguments(stage, call);
	else if (strcmp(stage->name, "urls") == 0)
		judge_urls_again(stage, call);
	else if (strcmp(stage->name, "rules") == 0)
		judge_rules_again(stage, call);
	else
		stage->judge(call->gate);
	if (call->wants_args)
		fold_unknown(call, "arguments");
}

static void
ask_all(FoldCall *call, void **states)
{
	Gate	   *gate = call->gate;

	for (int i = 0; i < gate_nstages && gate->verdict == VERDICT_NONE && call->unknown == NULL; i++)
	{
		gate->stage = gate_stages[i].name;
		gate->rule = 0;
		ask_stage(&gate_stages[i], call, states);
	}
}

/* ----- the verdict ---------------------------------------------------------------------- */

static void
serve_stale(FoldCall *call)
{
	Gate	   *gate = call->gate;

	if (!call->has_stale || gate->audit || gate->has_call_id || (gate->verdict != VERDICT_WAIT && gate->verdict != VERDICT_DENY))
		return;
	gate->verdict = VERDICT_CACHED;
	gate->reason = NULL;
}

/* What is not known goes on as it did then. */
static void
conclude(FoldCall *call)
{
	Gate	   *gate = call->gate;

	if (call->unknown != NULL)
	{
		gate->verdict = call->record->verdict;
		gate->reason = call->record->reason;
		return;
	}
	if (gate->verdict == VERDICT_NONE)
		gate->verdict = VERDICT_RUN;
	serve_stale(call);
}

/* What was refused before its tool was looked for has left something of the tool's then. */
static void
find_tool(Gate *gate)
{
	if (gate->is_llm || gate->tool_object != NULL)
		return;
	gate->tool_object = tool_pin(gate->tenant, gate->tool_name);
	if (gate->tool_object != NULL)
		gate->tool = gate->tool_object->data;
}

static void
tell_decided(FoldCall *call, void **states)
{
	if (fold_ran(call))
		find_tool(call->gate);
	for (int i = 0; i < replay_nfolds; i++)
		if (replay_folds[i]->decided != NULL)
			replay_folds[i]->decided(states[i], call);
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
answer(const FoldCall *call, Replayed *out)
{
	const Gate *gate = call->gate;

	out->is_known = call->unknown == NULL;
	if (!out->is_known)
	{
		out->after = "unknown";
		out->reason = NULL;
		out->rule = 0;
		return;
	}
	out->after = verdict_name(gate->verdict);
	out->reason = gate->reason;
	out->rule = gate->reason != NULL ? gate->said_by : gate->allowed_by;
	out->changed = gate->verdict != call->record->verdict || !same_text(gate->reason, call->record->reason);
}

/* Somebody asked in the name of an agent that is not there: that is an error of the caller's. */
static void
answer_no_agent(FoldCall *call, Replayed *out)
{
	call->gate->verdict = VERDICT_DENY;
	call->gate->reason = "";
	*out = (Replayed){"error", NULL, 0, true, true};
}

void
rejudge(const LogRow *row, const char *tenant, void **states, const LeftOut *left_out, Gate *gate, FoldCall *call,
		Replayed *out)
{
	const char *lacks;

	*call = (FoldCall){.gate = gate, .record = &row->record, .has_digest = row->has_digest, .tasks = states[0]};
	memcpy(call->digest, row->digest, AGC_HASH_LEN);
	call->has_args = are_whole(row, tenant);
	fill_gate(gate, row, tenant, call);
	if (!find_agent(gate, &row->record) && configuration_lacks(left_out, gate) == NULL)
	{
		answer_no_agent(call, out);
		tell_decided(call, states);
		return;
	}
	if (gate->agent != NULL)
		ask_all(call, states);
	lacks = configuration_lacks(left_out, gate);
	if (lacks != NULL)
		fold_unknown(call, lacks);
	conclude(call);
	tell_decided(call, states);
	gate_report_observed(gate);
	answer(call, out);
}

void
rejudge_end(Gate *gate)
{
	if (gate->tool_object != NULL)
		agc_object_unpin(gate->tool_object);
	if (gate->agent_object != NULL)
		agc_object_unpin(gate->agent_object);
}
