/*
 * begin_many.c
 *	  call_begin_many: the parallel tool calls of one turn of a model, in one
 *	  question.
 *
 * Each call goes the way of call_begin (begin.c), one after the other, with the
 * same locks.  Of what the model and its provider wrote nothing raises: a call that
 * cannot be one, a key that another call has, and calls beyond the bound get rows.
 *
 * An id that stands twice in a turn is one call: the second waits for the first,
 * also where a holder would have its own call back, or the tool would run twice.
 *
 * Memory: a context for each call, reset after its row is stored.  Locks: begin.c.
 * On ERROR: all calls of the turn go with the transaction.
 */
#include "call/begin.h"

#include "access/detoast.h"
#include "call/counted.h"
#include "call/log.h"
#include "call/refuse.h"
#include "call/request.h"
#include "call/turn.h"
#include "funcapi.h"
#include "record/record.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

/* calls of one turn; providers send fewer */
#define MAX_CALLS		128

/* how many times agentcore.max_args_size a turn may have */
#define MAX_SIZE_RATIO	4

typedef struct Turn
{
	ReturnSetInfo *rsinfo;
	MemoryContext cxt;			/* of one call */
	Gate		asked;			/* what all calls have in common */
	const char *prefix;			/* of keys; or NULL */
	int			n;
	List	   *keys;			/* of the calls so far */
	MemoryContext keys_cxt;
} Turn;

static text *
text_of(const JsonbValue *string)
{
	return cstring_to_text_with_len(string->val.string.val, string->val.string.len);
}

/* What the id says, or NULL: none, or none that is unique. */
static char *
key_text(const Turn *turn, const TurnCall *call)
{
	char	   *id;

	if (!call->has_id || (turn->prefix == NULL && !call->id_is_unique))
		return NULL;
	id = call->id.type == jbvString ? pnstrdup(call->id.val.string.val, call->id.val.string.len) :
		DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(call->id.val.numeric)));
	return turn->prefix == NULL ? id : psprintf("%s%s", turn->prefix, id);
}

/* false: its id is no key */
static bool
put_key(Turn *turn, Gate *gate, const TurnCall *call)
{
	char	   *key = key_text(turn, call);
	char	   *problem;
	ListCell   *cell;
	MemoryContext caller;

	if (key == NULL)
		return true;
	problem = agc_name_problem(cstring_to_text(key), "its id as a key");
	if (problem != NULL)
	{
		refuse_no_call(gate, psprintf("a tool call with an id that is no key: %s", problem));
		return false;
	}
	gate->key = key;
	foreach(cell, turn->keys)
		if (strcmp(lfirst(cell), key) == 0)
			gate->asks_twice = true;
	caller = MemoryContextSwitchTo(turn->keys_cxt);
	turn->keys = lappend(turn->keys, pstrdup(key));
	MemoryContextSwitchTo(caller);
	return true;
}

static void
put_args(Gate *gate, const TurnCall *call)
{
	JsonbValue	args = call->args;

	if (args.type == jbvString)
		request_put_args_text(gate, PointerGetDatum(text_of(&args)));
	else
		request_put_args(gate, JsonbPGetDatum(JsonbValueToJsonb(&args)));
}

static void
judge_call(Turn *turn, Gate *gate, const TurnCall *call)
{
	if (call->problem != NULL)
		refuse_no_call(gate, pstrdup(call->problem));
	else if (turn->n > MAX_CALLS)
		refuse_no_call(gate, psprintf("one of more than %d calls in one turn", MAX_CALLS));
	else if (put_key(turn, gate, call))
	{
		request_put_name(gate, PointerGetDatum(text_of(&call->name)), "tool");
		put_args(gate, call);
		begin_call(gate);
		return;
	}
	profile_clock_skip(gate->clock);
	log_verdict(gate);
	counted_begin(gate);
}

static void
answer(const TurnCall *call, void *arg)
{
	Turn	   *turn = arg;
	MemoryContext caller = MemoryContextSwitchTo(turn->cxt);
	Gate		gate = turn->asked;
	AgcRow		row;

	turn->n++;
	gate.clock = profile_clock_start();
	gate.tool_name = "";
	judge_call(turn, &gate, call);
	begin_put_answer(&row, &gate);
	agc_row_store(turn->rsinfo, &row);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(turn->cxt);
}

/* call_begin_many(agent, calls, task, subject, budget, lease, holder, key_prefix, labels, budgets, trace, tenant) */
static void
read_asked(FunctionCallInfo fcinfo, Turn *turn)
{
	Gate	   *gate = &turn->asked;
	Gate		probe;

	request_init(gate);
	gate->agent_name = agc_arg_name(fcinfo, 0, "agent");
	if (PG_ARGISNULL(1))
		agc_refuse_null("calls");
	gate->task = agc_opt_name(fcinfo, 2, "task");
	gate->subject = agc_opt_name(fcinfo, 3, "subject");
	budget_names_read(fcinfo, 4, 9, "budgets", &gate->named);
	gate->lease = PG_ARGISNULL(5) ? -1 : agc_arg_lease(fcinfo, 5);
	gate->holder = agc_opt_name(fcinfo, 6, "holder");
	turn->prefix = agc_opt_name(fcinfo, 7, "key_prefix");
	gate->labels = budget_arg_labels(fcinfo, 8);
	gate->trace = record_opt_trace(fcinfo, 10);
	gate->tenant = agc_arg_tenant(fcinfo, 11);
	gate->rows_only = true;
	agc_enter_disabled(gate->tenant, AGC_AGENT);
	budget_guard_block("call_begin_many()");
	probe = *gate;
	begin_require_agent(&probe);	/* a turn without calls asks no one else */
}

static bool
is_too_large(Datum calls)
{
	return toast_raw_datum_size(calls) > (Size) agc_max_args_size * 1024 * MAX_SIZE_RATIO;
}

AGC_FUNCTION(call_begin_many)
{
	Turn		turn = {.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo};
	TurnCall	oversized = {.problem = "a turn that is larger than the gate reads"};

	read_asked(fcinfo, &turn);
	InitMaterializedSRF(fcinfo, 0);
	turn.keys_cxt = CurrentMemoryContext;
	turn.cxt = AllocSetContextCreate(CurrentMemoryContext, "call of a turn", ALLOCSET_DEFAULT_SIZES);
	if (is_too_large(PG_GETARG_DATUM(1)))
		answer(&oversized, &turn);
	else
		turn_each(PG_GETARG_JSONB_P(1), answer, &turn);
	MemoryContextDelete(turn.cxt);
	return (Datum) 0;
}
