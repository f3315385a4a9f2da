/*
 * approval_stage.c
 *	  Calls that a person must allow first.
 *
 * A tool with needs_approval, a rule that asks, and a budget with on_full "ask" make
 * the gate say wait / approval_required and leave a request, which people decide with
 * call_approve() (src/approval); the call then passes once.  One request is for all
 * asks that apply; one that names full budgets lets the call pass their limits and no
 * others.
 *
 * What was approved is what runs: a request is for one question (digest.c), and for an
 * estimate that is not higher.  Another question, or the same at a higher price or at
 * one that is not known, is asked anew.  A request that nobody decides in time counts
 * as refused.  Which asks apply is judged at each begin: the revision of the policy is
 * no part of the question.
 *
 * Where a person has put other arguments in the place of those asked for, all stages
 * judge anew, with these.
 *
 * The request belongs to the caller's transaction: a worker that rolls back has
 * asked nobody.
 *
 * Memory: SPI's.  Locks: a queue per question while it is asked for, so that the
 * INSERT never waits for another worker's; row lock of the request that a call
 * uses, which is never waited for.  On ERROR: the transaction takes everything
 * back.
 */
#include "call/approval_stage.h"

#include "call/call_context.h"
#include "call/digest.h"
#include "call/refuse.h"

/* The budgets whose limits the call is to pass, in the order of their path. */
static char **
full_names(const Gate *gate, int *n)
{
	List	   *full = gate->full == NULL ? NIL : gate->full->full;
	char	  **names = palloc((list_length(full) + 1) * sizeof(char *));
	ListCell   *cell;

	*n = 0;
	foreach(cell, full)
		names[(*n)++] = ((BudgetFull *) lfirst(cell))->budget;
	return names;
}

/* Which budgets the approval is about, for those who read the answer. */
static void
say_excuses(Gate *gate, char **names, int n)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < n; i++)
		appendStringInfo(&out, "%s%s", i > 0 ? ", " : "", agc_quoted_name(names[i]));
	gate->exceeds = n > 0 ? out.data : NULL;
}

/* The call that this one goes on with: its own approval is the word of a person. */
static const pg_uuid_t *
call_continued(const Gate *gate)
{
	return gate->earlier == EARLIER_RETRY || gate->earlier == EARLIER_YOURS ? &gate->earlier_id : NULL;
}

/* Whether somebody has to allow the call whatever its budgets say. */
static bool
is_asked(const Gate *gate)
{
	return gate->tool != NULL && (gate->tool->needs_approval || gate->nasks > 0);
}

static void
add_ask(ApprovalQuestion *question, CallAsk *asks, const char *name)
{
	asks[question->nasks++] = (CallAsk)
	{
		.name = name, .votes = 1, .decide_within = agc_approval_decide_within * USECS_PER_SEC
	};
}

/* Everything that has to be satisfied, by one request. */
static void
put_asks(const Gate *gate, ApprovalQuestion *question)
{
	CallAsk    *asks = palloc((gate->nasks + 2) * sizeof(CallAsk));

	if (gate->tool != NULL && gate->tool->needs_approval)
		add_ask(question, asks, ASK_OF_TOOL);
	for (int i = 0; i < gate->nasks; i++)
		asks[question->nasks++] = gate->asks[i];
	if (question->nexcused > 0)
		add_ask(question, asks, ASK_OF_BUDGET);
	question->asks = asks;
}

static void
fill_question(Gate *gate, ApprovalQuestion *question)
{
	memset(question, 0, sizeof(*question));
	question->tenant = gate->tenant;
	question->agent = gate->agent_name;
	question->tool = gate->tool_name;
	question->is_model = gate->is_llm;
	question->hash = digest_question(gate);
	question->args = gate->args;
	question->task = gate->task;
	question->subject = gate->subject;
	question->budget = gate->budget;
	question->nalso = gate->nalso;
	question->also = gate->also;
	question->est_tokens = gate->est_tokens;
	question->est_nanousd = gate->est_nanousd;
	question->continued = call_continued(gate);
	question->corrected_by = gate->corrected ? &gate->approval_id : NULL;
	question->excused = full_names(gate, &question->nexcused);
	question->full = gate->full != NULL ? budget_full_list(gate->full->full) : NULL;
	put_asks(gate, question);
	question->context = gate->is_llm ? NULL : gate_context(gate);
}

static ApprovalState
find(Gate *gate)
{
	ApprovalFound *found = palloc0(sizeof(ApprovalFound));
	ApprovalQuestion question;

	fill_question(gate, &question);
	approval_find(&question, found);
	gate->approval = found;
	gate->rule = found->missing != NULL ? found->missing->rule : 0;
	if (found->has_id)
		say_excuses(gate, found->excused, found->nexcused);
	else
		say_excuses(gate, question.excused, question.nexcused);
	return found->state;
}

/* The INSERT of two at once would wait for each other's end without a limit. */
static bool
queue_to_ask(Gate *gate)
{
	return budget_queue(approval_relation(), digest_question(gate));
}

/* What the rule wants said, where it says something. */
static void
say_ask(Gate *gate)
{
	const CallAsk *missing = gate->approval->missing;

	if (gate->feedback == NULL && missing != NULL && missing->feedback != NULL)
		gate->feedback = pstrdup(missing->feedback);
}

/*
 * Audit mode asks nobody: the call runs all the same.  Nor is anybody asked where an
 * answer past its soft deadline is given instead, or another model is yet to be tried.
 */
static void
judge_unasked(Gate *gate)
{
	say_ask(gate);
	if (gate->explaining || gate->audit || gate->stale.value != NULL || gate->asks_nobody)
		refuse_unasked(gate);
	else if (!approval_has_room(gate->tenant, gate->agent_name))
		refuse_too_many_asked(gate);
	else
		gate->unasked = true;
}

/* Some are yet to vote; those who may have to be told so anew. */
static void
judge_pending(Gate *gate)
{
	say_ask(gate);
	if (gate->approval->outdated && !gate->explaining && !gate->audit && !gate->asks_nobody)
		gate->unasked = true;
	else
		refuse_pending(gate, &gate->approval->id);
}

/*
 * The arguments are another question.  Audit mode changes nothing, and to explain is to
 * look only; the amounts of a model call cannot be corrected.
 */
static void
judge_corrected(Gate *gate)
{
	if (gate->explaining || gate->audit || gate->is_llm)
		refuse_pending(gate, &gate->approval->id);
	else
		gate->correction = gate->approval->corrected;
}

/* The request that the answer is about.  In audit mode the call may run all the same, and shows the one that it uses. */
static void
show(Gate *gate)
{
	if (!gate->approval->has_id || (gate->has_approval && gate->audit))
		return;
	gate->approval_id = gate->approval->id;
	gate->shows_approval = true;
}

/* true: it may run */
static bool
judge_state(Gate *gate, ApprovalState state)
{
	const pg_uuid_t *id = &gate->approval->id;

	if (state != APPROVAL_NONE && state != APPROVAL_APPROVED)
		show(gate);
	switch (state)
	{
		case APPROVAL_APPROVED:
		case APPROVAL_USED:
			return true;
		case APPROVAL_REFUSED:
			refuse_disapproved(gate, id);
			break;
		case APPROVAL_EXPIRED:
			refuse_undecided(gate, id);
			break;
		case APPROVAL_PENDING:
			judge_pending(gate);
			break;
		case APPROVAL_CORRECTED:
			judge_corrected(gate);
			break;
		case APPROVAL_NONE:
			/* what a person corrected was withdrawn, or used, meanwhile */
			if (gate->corrected)
				refuse_contended_approval(gate);
			else
				judge_unasked(gate);
			break;
	}
	return false;
}

static void
note_full(Gate *gate, const PermitDecision *decision, List *before)
{
	PermitDecision *full = palloc(sizeof(PermitDecision));

	*full = *decision;
	full->full = list_concat_copy(before, decision->full);
	gate->full = full;
	if (gate->reason == NULL)
	{
		gate->denied_by = full->denied_by;
		gate->denied = full->denied;
	}
}

/* Who is asked about the tool is asked at once about the budgets that have to be asked for. */
static bool
finds_full(Gate *gate)
{
	PermitRequest request;
	PermitDecision decision;

	if (gate->budget == NULL || call_continued(gate) != NULL || !budget_exists(gate->tenant, gate->budget))
		return false;
	gate_fill_request(gate, &request);
	if (budget_peek(&request, true, &decision) || !decision.asks)
		return false;
	note_full(gate, &decision, NIL);
	return true;
}

void
judge_approval(Gate *gate)
{
	ApprovalState state;

	/* what was corrected uses its request up, whether it has to be asked for or not */
	if (!is_asked(gate) && !gate->corrected)
		return;
	state = find(gate);
	if (state == APPROVAL_NONE && finds_full(gate))
		state = find(gate);
	if (state == APPROVAL_APPROVED)
	{
		show(gate);
		gate->has_approval = true;
	}
	(void) judge_state(gate, state);
}

bool
judge_full(Gate *gate, const PermitDecision *decision)
{
	ApprovalFound *own = gate->has_approval ? gate->approval : NULL;

	note_full(gate, decision, NIL);
	if (!judge_state(gate, find(gate)))
		return false;
	/* whether it is needed is found out when the call takes its permit */
	if (own != NULL)
		gate->approval = own;
	return true;
}

void
approval_ask(Gate *gate)
{
	ApprovalQuestion question;
	bool		corrected = gate->corrected;

	if (!gate->unasked)
		return;
	gate->unasked = false;
	fill_question(gate, &question);
	if (!queue_to_ask(gate))
	{
		refuse_contended_approval(gate);
		return;
	}
	/* it may be another worker's, which came in between */
	if (!approval_request(&question, gate->approval) && corrected)
	{
		refuse_contended_approval(gate);
		return;
	}
	(void) find(gate);
	if (!gate->approval->has_id)
	{
		refuse_contended_approval(gate);
		return;
	}
	show(gate);
	say_ask(gate);
	refuse_pending(gate, &gate->approval->id);
}

void
approval_spare(Gate *gate)
{
	if (!is_asked(gate) && !gate->corrected)
		gate->has_approval = gate->shows_approval = false;
}

/*
 * Called again where others have become full as well: what lets the call pass has to
 * name them all.
 */
bool
approval_excuse(Gate *gate, const PermitDecision *decision, PermitRequest *request)
{
	List	   *before = request->nexcused > 0 ? gate->full->full : NIL;

	note_full(gate, decision, before);
	if (request->nexcused > 0)
		approval_spare(gate);
	if (!judge_state(gate, find(gate)))
	{
		/* in a subtransaction that the refusal ends: take.c asks after it */
		if (gate->earlier != EARLIER_OTHER)
			approval_ask(gate);
		return false;
	}
	if (!approval_lock(gate))
	{
		refuse_contended_approval(gate);
		return false;
	}
	gate->has_approval = gate->shows_approval = true;
	gate->approval_id = gate->approval->id;
	request->excused = full_names(gate, &request->nexcused);
	return true;
}

bool
approval_lock(Gate *gate)
{
	AGC_TEST_POINT("approval_found");
	return gate->approval->state == APPROVAL_USED || approval_lock_found(gate->tenant, gate->approval);
}

void
approval_use(Gate *gate)
{
	ApprovalQuestion question;

	if (gate->approval->state == APPROVAL_USED)
		return;
	fill_question(gate, &question);
	approval_use_found(&question, gate->approval, &gate->call_id, &gate->approval_id);
	gate->shows_approval = true;
}
