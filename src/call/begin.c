/*
 * begin.c
 *	  call_begin, llm_begin and call_explain: one question, every policy.
 *
 * The stages (stages.c) look; what cannot be rolled back is taken after them
 * (take.c), and listed (takes.c) so that a refusal, an ERROR or an abort
 * returns it.  A refusal is a row, never an ERROR; an ERROR means that the API
 * was misused.
 *
 * Locking: none while the stages look; the permit row and the budget counters
 * inside take.c, held to transaction end.  Memory: CurrentMemoryContext; agent
 * and tool are pinned for the length of the call.  On ERROR: pins go at
 * transaction end, takes at (sub)abort.
 */
#include "call/begin.h"

#include "call/cached_answer.h"
#include "call/call.h"
#include "call/call_context.h"
#include "call/correction.h"
#include "call/counted.h"
#include "call/digest.h"
#include "call/fallback.h"
#include "call/llm.h"
#include "call/log.h"
#include "call/loop.h"
#include "call/refuse.h"
#include "call/request.h"
#include "call/stages.h"
#include "call/take.h"
#include "common/int.h"
#include "core/row.h"
#include "funcapi.h"
#include "record/record.h"

static void
name_budgets(Gate *gate)
{
	for (int i = 0; i < gate->named.n; i++)
	{
		if (!budget_exists(gate->tenant, gate->named.name[i]))
			agc_refuse_unknown("budget", gate->named.name[i], NULL, "Create it with agentcore.budget_set().");
		agent_check_charge(gate->agent_name, gate->agent, gate->named.name[i]);
	}
	gate_ask_budgets(gate, gate->agent->budget);
}

/* Raises for an unknown agent and for one that is not the caller's. */
static void
find_agent(Gate *gate)
{
	gate->agent_object = agent_pin(gate->tenant, gate->agent_name);
	gate->agent = gate->agent_object->data;
	agent_check_owner(gate->agent_name, gate->agent);
	gate->audit = gate->agent->audit;
	gate->budget = gate->agent->budget;
	if (gate->named.n > 0)
		name_budgets(gate);
}

static void
release(Gate *gate)
{
	if (gate->tool_object != NULL)
		agc_object_unpin(gate->tool_object);
	agc_object_unpin(gate->agent_object);
}

/* The same call, refused as often as one may be made: it goes round in circles too. */
static void
count_refusal(Gate *gate)
{
	uint64		tag;
	int			count;

	if (gate->verdict != VERDICT_DENY || gate->task == NULL || agc_loop_limit == 0 ||
		(strcmp(gate->reason, REASON_INVALID_ARGS) != 0 && strcmp(gate->reason, REASON_UNKNOWN_TOOL) != 0))
		return;
	tag = loop_tag(digest_sent(gate));
	count = loop_count(tag);
	if (count >= agc_loop_limit)
		refuse_loop_of_refusals(gate, count);
	else
		loop_note(tag);
}

/* What the model may read from now on: the tool's labels, also of an answer that was kept. */
static void
leave_taints(Gate *gate)
{
	if (gate->verdict == VERDICT_RUN || gate->verdict == VERDICT_CACHED ||
		(gate->verdict == VERDICT_DENY && strcmp(gate->reason, REASON_FAILED_BEFORE) == 0))
		task_taint(gate->tenant, gate->task, gate->tool);
}

/* What the call may show its task, and what it takes away. */
static void
open_facts(Gate *gate)
{
	if (gate->task != NULL && gate->verdict == VERDICT_RUN && gate->has_call_id && gate->tool != NULL &&
		gate->earlier != EARLIER_YOURS)
		task_facts_begin(gate->tenant, gate->agent->policy, gate->task, gate->tool_name, gate_context(gate),
						 &gate->call_id, agc_now() + gate_lease(gate));
}

void
begin_call(Gate *gate)
{
	find_agent(gate);
	if (gate->choice != NULL)
		fallback_try(gate);
	else
		gate_try(gate);
	count_refusal(gate);
	if (gate->verdict == VERDICT_WAIT || gate->verdict == VERDICT_DENY)
		answer_serve_stale(gate);
	if (gate->verdict == VERDICT_WAIT)
		refuse_say_wait(gate);
	if (gate->loop_guarded && !gate->replayed &&
		(gate->verdict == VERDICT_RUN || gate->verdict == VERDICT_CACHED))
		loop_note(gate->loop_tag);
	leave_taints(gate);
	open_facts(gate);
	correction_tell(gate);
	gate_report_observed(gate);
	profile_clock_skip(gate->clock);
	log_verdict(gate);
	counted_begin(gate);
	release(gate);
}

void
begin_require_agent(Gate *gate)
{
	find_agent(gate);
	release(gate);
}

static void
put_refusal(AgcRow *row, const Gate *gate)
{
	static const BudgetFacts none = {NULL};
	bool		refused = gate->reason != NULL &&
		(strcmp(gate->reason, REASON_BUDGET_EXCEEDED) == 0 || gate->full != NULL);

	agc_put_text(row, refused ? gate->denied_by : NULL);
	budget_put_facts(row, refused ? &gate->denied : &none);
}

void
begin_put_answer(AgcRow *row, const Gate *gate)
{
	bool		has_args = gate->verdict == VERDICT_RUN && !gate->is_llm;

	agc_row_init(row);
	agc_put_text(row, verdict_name(gate->verdict));
	agc_put_uuid(row, gate->has_call_id ? &gate->call_id : NULL);
	agc_put_jsonb(row, has_args ? gate->args : NULL);
	agc_put_jsonb(row, gate->result);
	agc_put_text(row, gate->reason);
	agc_put_text(row, gate->detail);
	agc_put_jsonb(row, gate->errors);
	agc_put_text(row, gate->feedback);
	agc_put_pointer(row, gate->retry_after < 0 ? NULL : agc_us_interval(gate->retry_after));
	agc_put_datum(row, Int32GetDatum(gate->attempt), gate->attempt == 0);
	agc_put_bool(row, gate_enforced(gate));
	agc_put_bool(row, gate->want_result);
	agc_put_uuid(row, gate->shows_approval ? &gate->approval_id : NULL);
	agc_put_datum(row, Int64GetDatum(gate_in_ms(gate->retry_after)), gate->retry_after < 0);
	put_refusal(row, gate);
	budget_put_paid_by(row, gate->paid_by, gate->npaid_by);
	agc_put_text(row, gate->is_llm ? gate->tool_name : NULL);
}

static Datum
answer_row(FunctionCallInfo fcinfo, Gate *gate)
{
	AgcRow		row;

	begin_put_answer(&row, gate);
	return agc_row_return(fcinfo, &row);
}

/* No name at all is a mistake of the caller. */
static void
read_name(FunctionCallInfo fcinfo, Gate *gate, const char *what)
{
	if (PG_ARGISNULL(1))
		agc_refuse_null(what);
	request_put_name(gate, PG_GETARG_DATUM(1), what);
}

static void
read_args(FunctionCallInfo fcinfo, Gate *gate)
{
	if (!PG_ARGISNULL(2) && !PG_ARGISNULL(10))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("args and args_text exclude each other")));
	if (!PG_ARGISNULL(10))
		request_put_args_text(gate, PG_GETARG_DATUM(10));
	else if (!PG_ARGISNULL(2))
		request_put_args(gate, PG_GETARG_DATUM(2));
	else
		request_put_no_args(gate);
}

/*
 * call_begin(agent, tool, args, est_tokens, est_usd, key, task, subject,
 *			  budget, lease, args_text, holder, labels, budgets, trace, tenant)
 */
static void
read_request(FunctionCallInfo fcinfo, Gate *gate)
{
	request_init(gate);
	gate->agent_name = agc_arg_name(fcinfo, 0, "agent");
	read_name(fcinfo, gate, "tool");
	read_args(fcinfo, gate);
	gate->est_tokens = agc_opt_amount(fcinfo, 3, "est_tokens", -1);
	gate->est_nanousd = agc_opt_usd(fcinfo, 4, "est_usd", -1);
	gate->key = agc_opt_name(fcinfo, 5, "key");
	gate->task = agc_opt_name(fcinfo, 6, "task");
	gate->subject = agc_opt_name(fcinfo, 7, "subject");
	budget_names_read(fcinfo, 8, 13, "budgets", &gate->named);
	gate->lease = PG_ARGISNULL(9) ? -1 : agc_arg_lease(fcinfo, 9);
	gate->holder = agc_opt_name(fcinfo, 11, "holder");
	gate->labels = budget_arg_labels(fcinfo, 12);
	gate->trace = record_opt_trace(fcinfo, 14);
	gate->tenant = agc_arg_tenant(fcinfo, 15);
}

AGC_FUNCTION(call_begin)
{
	ProfileClock *clock = profile_clock_start();
	Gate		gate;

	read_request(fcinfo, &gate);
	gate.clock = clock;
	agc_enter_disabled(gate.tenant, AGC_AGENT);
	budget_guard_block("call_begin()");
	begin_call(&gate);
	return answer_row(fcinfo, &gate);
}

/* NULL: standard, which is what a call has that names none */
static const char *
opt_tier(FunctionCallInfo fcinfo, int n)
{
	char	   *name = agc_opt_name(fcinfo, n, "service_tier");
	const char *tier = name != NULL ? price_tier_name(name) : TIER_STANDARD;

	return strcmp(tier, TIER_STANDARD) == 0 ? NULL : tier;
}

static Jsonb *
opt_fees(FunctionCallInfo fcinfo, int n)
{
	Jsonb	   *fees = agc_opt_jsonb(fcinfo, n, "fees");

	if (fees != NULL)
		price_check_counts(fees);
	return fees;
}

/*
 * llm_begin(agent, model, input_tokens, max_output_tokens, key, task, subject,
 *			 budget, lease, service_tier, fees, holder, labels, budgets, fallback, trace, tenant)
 */
AGC_FUNCTION(llm_begin)
{
	ProfileClock *clock = profile_clock_start();
	Gate		gate;
	int64		input;
	int64		output;

	request_init(&gate);
	gate.clock = clock;
	gate.is_llm = true;
	gate.agent_name = agc_arg_name(fcinfo, 0, "agent");
	read_name(fcinfo, &gate, "model");
	input = agc_arg_amount(fcinfo, 2, "input_tokens");
	output = agc_arg_amount(fcinfo, 3, "max_output_tokens");
	gate.key = agc_opt_name(fcinfo, 4, "key");
	gate.task = agc_opt_name(fcinfo, 5, "task");
	gate.subject = agc_opt_name(fcinfo, 6, "subject");
	budget_names_read(fcinfo, 7, 13, "budgets", &gate.named);
	gate.lease = PG_ARGISNULL(8) ? -1 : agc_arg_lease(fcinfo, 8);
	gate.service_tier = opt_tier(fcinfo, 9);
	gate.fees = opt_fees(fcinfo, 10);
	gate.holder = agc_opt_name(fcinfo, 11, "holder");
	gate.labels = budget_arg_labels(fcinfo, 12);
	fallback_read(fcinfo, 14, &gate);
	gate.trace = record_opt_trace(fcinfo, 15);
	gate.tenant = agc_arg_tenant(fcinfo, 16);
	if (pg_add_s64_overflow(input, output, &gate.est_tokens))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("input_tokens and max_output_tokens are out of range")));
	agc_enter_disabled(gate.tenant, AGC_AGENT);
	budget_guard_block("llm_begin()");
	gate.args = llm_request_args(input, output, gate.service_tier, gate.fees);
	begin_call(&gate);
	return answer_row(fcinfo, &gate);
}

static void
explain_stage(Gate *gate, const Stage *stage, ReturnSetInfo *rsinfo)
{
	AgcRow		row;

	gate->verdict = VERDICT_NONE;
	gate->reason = NULL;
	gate->detail = NULL;
	gate->observed_reason = NULL;
	stage_judge(stage, gate);
	gate_report_observed(gate);
	agc_row_init(&row);
	agc_put_text(&row, stage->name);
	agc_put_text(&row, gate->verdict == VERDICT_NONE ? "pass" : verdict_name(gate->verdict));
	agc_put_text(&row, gate->reason);
	agc_put_text(&row, gate->detail);
	agc_put_null(&row);
	agc_put_null(&row);
	agc_row_store(rsinfo, &row);
	if (stage->judge == judge_rules)
		explain_rules(gate, rsinfo);
}

/*
 * call_explain(same arguments) -> setof (stage, verdict, reason, detail, rule, pointer):
 * every stage speaks, as if those before it had passed, and nothing is changed; behind
 * the stage of the rules, each of them.
 */
AGC_FUNCTION(call_explain)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Gate		gate;

	read_request(fcinfo, &gate);
	agc_enter_disabled(gate.tenant, AGC_AGENT);
	InitMaterializedSRF(fcinfo, 0);
	gate.explaining = gate.rows_only = true;
	find_agent(&gate);
	gate.audit = false;			/* the stages' own words, not what becomes of them */
	for (int i = 0; i < gate_nstages; i++)
		explain_stage(&gate, &gate_stages[i], rsinfo);
	release(&gate);
	return (Datum) 0;
}
