/*
 * call_limits.c
 *	  Limits of the policies: how often a call may run, and for how much in all.
 *
 * They stand with the budgets.  The stage looks at their counters without a lock,
 * so that people are asked before the call takes anything; the permit counts the
 * call (budget/permit_acquire.c), under the locks of the counters.  What was told to
 * run is counted, whatever becomes of it: a retry goes on under its permit, so it is
 * not counted again.
 *
 * Memory: the Gate's.  Locks: those of reading tables.  On ERROR: nothing to
 * undo.
 */
#include "call/call_limits.h"

#include "call/call_context.h"
#include "call/refuse.h"

/* The retry of a call, and one that its holder asks for again, were counted. */
static bool
was_counted(const Gate *gate)
{
	return gate->earlier == EARLIER_RETRY || gate->earlier == EARLIER_YOURS;
}

static bool
has_room(const Gate *gate, const PermitLimit *count, PermitDecision *decision)
{
	PermitRequest request = {.tenant = gate->tenant, .calls = 1, .tool = gate->tool_name, .nlimits = 1, .limits = count};

	return gate_admits(gate, &request, true, decision);
}

static bool
is_asked(const Gate *gate, const CallAsk *ask)
{
	for (int i = 0; i < gate->nasks; i++)
		if (gate->asks[i].name != NULL && strcmp(gate->asks[i].name, ask->name) == 0 &&
			gate->asks[i].policy != NULL && strcmp(gate->asks[i].policy, ask->policy) == 0)
			return true;
	return false;
}

/* People decide in its place; false: the ask is there no more. */
static bool
have_asked(Gate *gate, const CallLimit *limit)
{
	CallAsk    *asks;
	CallAsk		ask;

	if (limit->ask == NULL || !allow_find_ask(limit->tenant, limit->policy, limit->ask, &ask))
		return false;
	/* what a person allows one call is no answer for others */
	gate->cacheable = false;
	if (is_asked(gate, &ask))
		return true;
	asks = palloc((gate->nasks + 1) * sizeof(CallAsk));
	if (gate->nasks > 0)
		memcpy(asks, gate->asks, gate->nasks * sizeof(CallAsk));
	asks[gate->nasks++] = ask;
	gate->asks = asks;
	return true;
}

/* A call that runs all the same is counted, so that it shows how much too many there are. */
static void
judge_limit(Gate *gate, CallLimit *limit, PermitLimit *count)
{
	PermitDecision decision = {.retry_after = -1};

	if (limit->reason == NULL)
	{
		if (has_room(gate, count, &decision))
			return;
		task_limit_refuses(limit, &decision.denied);
		count->excused = true;
		if (!limit->audit && have_asked(gate, limit))
			return;
	}
	refuse_by_limit(gate, limit, decision.retry_after);
}

void
judge_limits(Gate *gate)
{
	if (gate->tool == NULL || was_counted(gate) || !task_has_limits(gate->tenant, gate->agent->policy, gate->tool_name))
		return;
	task_limits(gate->tenant, gate->agent->policy, gate->tool_name, gate_sight(gate)->root, gate_context(gate),
				gate->state == NULL, &gate->limits);
	for (int i = 0; i < gate->limits.n && gate->verdict == VERDICT_NONE; i++)
		judge_limit(gate, &gate->limits.limit[i], &gate->limits.count[i]);
	/* one that has become full when the call is counted stops none that is only looked at */
	for (int i = 0; i < gate->limits.n; i++)
		gate->limits.count[i].excused |= gate->audit || gate->limits.limit[i].audit;
}

void
limits_ask(const Gate *gate, PermitRequest *request)
{
	request->nlimits = gate->limits.n;
	request->limits = gate->limits.count;
}

void
limits_refused(Gate *gate, const PermitDecision *decision)
{
	CallLimit  *limit = &gate->limits.limit[decision->limit - gate->limits.count];

	/* the next begin has people asked */
	if (limit->ask != NULL)
		gate_wait(gate, REASON_CONTENTION, psprintf("limit %s has become full meanwhile", limit->name), 0);
	else
	{
		task_limit_refuses(limit, &decision->denied);
		refuse_by_limit(gate, limit, decision->retry_after);
	}
}
