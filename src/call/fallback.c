/*
 * fallback.c
 *	  A model call that may run with one of several models: llm_begin(fallback).
 *
 * Each model goes through every stage and takes what it needs, as if it had been asked
 * for alone, until one is not refused.  Of a model that is refused nothing stays: take.c
 * gives back what it took.  Not every refusal is about the model: what would refuse each
 * of them (the agent, the key, a loop), or is over in a moment (contention), ends the
 * search.  A reason that is not known to be about the model ends it too.
 *
 * A person is asked about a full budget only where every model is refused: a cheaper one
 * may need no approval.
 *
 * In audit mode the first model that can run at all runs, and its row says what would
 * have been refused.
 *
 * Locking: that of begin.c.  Memory: CurrentMemoryContext.  On ERROR: that of begin.c.
 */
#include "call/fallback.h"

#include "call/refuse.h"
#include "call/take.h"

static void
add(ModelChoice *choice, const char *name)
{
	for (int i = 0; i < choice->n; i++)
		if (strcmp(choice->name[i], name) == 0)
			return;
	if (choice->n > GATE_MAX_FALLBACKS)
		ereport(ERROR,
				(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				 errmsg("fallback names more than %d models", GATE_MAX_FALLBACKS)));
	choice->name[choice->n++] = name;
}

void
fallback_read(FunctionCallInfo fcinfo, int n, Gate *gate)
{
	ModelChoice *choice;
	int			nnames;
	char	  **names = agc_opt_names(fcinfo, n, "fallback", &nnames);

	if (nnames == 0)
		return;
	choice = palloc0(sizeof(ModelChoice));
	add(choice, gate->tool_name);
	for (int i = 0; i < nnames; i++)
		add(choice, names[i]);
	if (choice->n > 1)
		gate->choice = choice;
}

/* Refusals that another model may not meet. */
static bool
is_about_model(const Gate *gate)
{
	static const char *const reasons[] = {
		REASON_UNKNOWN_TOOL, REASON_NOT_IN_ALLOWLIST, REASON_DENYLIST_MATCH, REASON_CIRCUIT_OPEN,
		REASON_RATE_LIMITED, REASON_BUDGET_EXCEEDED, REASON_APPROVAL_REQUIRED, REASON_APPROVAL_EXPIRED
	};

	if (gate->earlier == EARLIER_WAITS)
		return true;
	for (int i = 0; i < lengthof(reasons); i++)
		if (strcmp(gate->reason, reasons[i]) == 0)
			return true;
	return false;
}

static bool
is_refused(const Gate *gate)
{
	return gate->verdict == VERDICT_WAIT || gate->verdict == VERDICT_DENY;
}

/* The first is in the gate already, as it was given. */
static void
try_model(Gate *gate, const char *name)
{
	if (name != gate->choice->name[0])
	{
		gate->tool_name = (char *) name;
		gate->impossible = gate->given_name = NULL;
	}
	gate_try(gate);
}

static void
let_go(Gate *gate)
{
	if (gate->tool_object != NULL)
		agc_object_unpin(gate->tool_object);
	gate->tool_object = NULL;
	gate->model = NULL;
}

/* The key is that of a call with another model of the list, so it is judged as that model's. */
static void
try_chosen(Gate *gate, const Gate *asked)
{
	const char *name = gate->earlier_model;

	for (int i = 0; i < asked->choice->n; i++)
		if (strcmp(asked->choice->name[i], name) == 0)
		{
			let_go(gate);
			*gate = *asked;
			try_model(gate, asked->choice->name[i]);
			return;
		}
}

/* A breaker that is forced open says 0: nobody knows. */
static int64
known_wait(const Gate *gate)
{
	return gate->retry_after > 0 ? gate->retry_after : PG_INT64_MAX;
}

/* Who waits gets something in the end. */
static bool
is_better(const Gate *gate, const Gate *than)
{
	return gate->verdict == VERDICT_WAIT &&
		(than->verdict != VERDICT_WAIT || known_wait(gate) < known_wait(than));
}

/* No other model does without an approval, so now a person is asked. */
static bool
is_to_be_asked(const Gate *gate)
{
	return gate->verdict == VERDICT_WAIT && !gate->shows_approval && !gate->audit &&
		strcmp(gate->reason, REASON_APPROVAL_REQUIRED) == 0;
}

static Gate
without_approvals(const Gate *gate)
{
	Gate		asked = *gate;

	asked.asks_nobody = true;
	return asked;
}

void
fallback_try(Gate *gate)
{
	const Gate	asked = without_approvals(gate);
	Gate	   *refused = palloc(asked.choice->n * sizeof(Gate));
	int			best = 0;

	for (int i = 0; i < asked.choice->n; i++)
	{
		*gate = asked;
		try_model(gate, asked.choice->name[i]);
		if (gate->earlier == EARLIER_CHOSEN)
		{
			try_chosen(gate, &asked);
			return;
		}
		if (!is_refused(gate) || !is_about_model(gate))
		{
			refuse_tell_passed_over(gate, refused, i);
			return;
		}
		let_go(gate);
		refused[i] = *gate;
		if (is_better(&refused[i], &refused[best]))
			best = i;
	}
	if (is_to_be_asked(&refused[best]))
	{
		*gate = asked;
		gate->asks_nobody = false;
		try_model(gate, asked.choice->name[best]);
		let_go(gate);
		refused[best] = *gate;
		if (!is_refused(gate) || !is_about_model(gate))
			return;
	}
	*gate = refused[best];
	refuse_all_models(gate, refused, asked.choice->n);
}
