/*
 * path_admit.c
 *	  Whether a path admits a request, and what the refusal says.
 *
 * Every budget of the path has to admit; the counters were read by path_peek()
 * or path_enter().
 *
 * Memory: strings of a decision, in the context that the caller names.  Locks:
 * none but those of reading.  On ERROR: nothing to undo.
 */
#include "budget/path_admit.h"

#include "budget/template_place.h"

static char *
format_amount(int dim, int64 amount)
{
	char	   *text;
	char	   *end;

	if (dim != DIM_NANOUSD)
		return psprintf("%lld", (long long) amount);
	text = psprintf("%lld.%09lld", (long long) (amount / 1000000000), (long long) (amount % 1000000000));
	for (end = text + strlen(text) - 1; *end == '0' && end[-1] != '.'; end--)
		*end = '\0';
	return text;
}

static char *
describe(const PathLink *link, const Refusal *refusal)
{
	static const char *const units[] = {"tokens", "USD", "calls"};
	const char *unit;
	const char *in = "";

	if (refusal->dim == DIM_IN_FLIGHT)
		return psprintf("Budget %s has %lld of %lld calls in flight.", agc_quoted_name(link->name),
						(long long) refusal->held, (long long) refusal->max);
	unit = units[refusal->dim];
	if (refusal->window > 0)
		in = psprintf(" in its limit %s", agc_quoted_name(link->def.limit[refusal->window].name));
	if (refusal->max == NO_AMOUNT)
		return psprintf("Budget %s cannot count %s more %s.", agc_quoted_name(link->name),
						format_amount(refusal->dim, refusal->asked), unit);
	return psprintf("Budget %s has %s %s used and %s held of %s%s; %s more asked.",
					agc_quoted_name(link->name), format_amount(refusal->dim, refusal->used), unit,
					format_amount(refusal->dim, refusal->held),
					format_amount(refusal->dim, refusal->max), in,
					refusal->asked == NO_AMOUNT ? "an unknown amount" : format_amount(refusal->dim, refusal->asked));
}

static BudgetFacts
facts_of(const Refusal *refusal)
{
	static const char *const names[] = {"tokens", "usd", "calls", "in_flight"};
	BudgetFacts facts = {NULL};

	if (refusal == NULL)
		return facts;
	facts.dimension = names[refusal->dim];
	facts.is_usd = refusal->dim == DIM_NANOUSD;
	facts.used = refusal->used;
	facts.held = refusal->held;
	facts.max = refusal->max;
	facts.asked = refusal->asked;
	return facts;
}

/* Whether a person may be asked about a budget that is full. */
static bool
asks(const PathLink *link, const int64 asked[BUDGET_NDIMS])
{
	return !link->excused && link->def.on_full == ON_FULL_ASK && counter_can_hold(&link->sum, asked);
}

static void
note_full(PermitDecision *out, const PathLink *link, const Refusal *refusal)
{
	BudgetFull *full = palloc0(sizeof(BudgetFull));

	full->budget = pstrdup(link->name);
	if (refusal->window >= 0)
		full->limit = pstrdup(definition_limit_name(&link->def.limit[refusal->window]));
	full->facts = facts_of(refusal);
	out->full = lappend(out->full, full);
}

static bool
link_admits(const BudgetPath *path, const PathLink *link, const int64 asked[BUDGET_NDIMS], Refusal *refusal)
{
	const int64 *own = path_asked(link, asked);

	return counter_admits(&link->sum, &link->def, own, path->at, refusal) ||
		(link->excused && counter_can_hold(&link->sum, own));
}

/* NULL refusal: no number refuses, and "why" says what does; NULL: the budget is disabled */
static void
deny(PermitDecision *out, const PathLink *link, const Refusal *refusal, char *why)
{
	bool		can_ever_fit = refusal != NULL && refusal->can_ever_fit;
	int64		retry_after = can_ever_fit ? refusal->retry_after : -1;

	if (out->reason == NULL)
	{
		out->reason = link->limit != NULL ? REASON_LIMIT_EXCEEDED : REASON_BUDGET_EXCEEDED;
		out->limit = link->limit;
		out->denied_by = link->limit != NULL ? NULL : pstrdup(link->name);
		out->denied_limit = refusal == NULL || refusal->window < 0 || link->limit != NULL ? NULL :
			pstrdup(definition_limit_name(&link->def.limit[refusal->window]));
		out->denied = facts_of(refusal);
		out->on_full = refusal == NULL ? ON_FULL_DENY : link->def.on_full;
		if (why != NULL)
			out->detail = why;
		else if (link->limit != NULL)
			out->detail = NULL;
		else if (refusal != NULL)
			out->detail = describe(link, refusal);
		else
			out->detail = psprintf("Budget %s is disabled.", agc_quoted_name(link->name));
		if (link->instead_of != NULL)
			out->detail = psprintf("%s It was asked in place of %s, which is full.", out->detail, agc_quoted_name(link->instead_of));
		out->retry_after = retry_after;
		out->can_ever_fit = can_ever_fit;
		return;
	}
	if (refusal == NULL || link->def.on_full != out->on_full)
		out->on_full = ON_FULL_DENY;
	out->can_ever_fit = out->can_ever_fit && can_ever_fit;
	if (out->retry_after < 0 || retry_after < 0)
		out->retry_after = -1;
	else
		out->retry_after = Max(out->retry_after, retry_after);
}

/* The refusal names the budget nearest to the caller; whether and when it can fit is over all budgets. */
bool
path_admits(const BudgetPath *path, const int64 asked[BUDGET_NDIMS], PermitDecision *out,
			MemoryContext cxt)
{
	MemoryContext old = MemoryContextSwitchTo(cxt);
	int			nadmit = 0;

	/* nothing of an earlier look may be left over in a decision that grants */
	out->granted = false;
	out->reason = out->denied_by = out->denied_limit = out->detail = NULL;
	out->limit = NULL;
	out->denied = facts_of(NULL);
	out->full = NIL;
	out->on_full = ON_FULL_DENY;
	out->has_remaining = false;
	out->retry_after = -1;
	out->can_ever_fit = true;
	for (int i = 0; i < path->n; i++)
	{
		const PathLink *link = &path->link[i];
		Refusal		refusal;
		char	   *unmakeable;

		if (!link->defined || !link->def.enabled)
			deny(out, link, NULL, NULL);
		else if (!template_admits(path, link, &unmakeable))
			deny(out, link, NULL, unmakeable);
		else if (!link_admits(path, link, asked, &refusal))
		{
			deny(out, link, &refusal, NULL);
			if (asks(link, asked))
				note_full(out, link, &refusal);
		}
		else
			nadmit++;
	}
	MemoryContextSwitchTo(old);
	out->granted = out->reason == NULL;
	out->asks = !out->granted && list_length(out->full) == path->n - nadmit;
	if (!out->can_ever_fit)
		out->retry_after = -1;
	if (out->on_full == ON_FULL_WAIT && (out->retry_after < 0 || out->retry_after > agc_budget_wait_max * INT64CONST(1000)))
		out->on_full = ON_FULL_DENY;
	if (out->on_full == ON_FULL_ASK && !out->asks)
		out->on_full = ON_FULL_DENY;
	if (!out->granted)
		path_remaining(path, out);
	return out->granted;
}

void
path_remaining(const BudgetPath *path, PermitDecision *out)
{
	for (int dim = 0; dim < BUDGET_NDIMS; dim++)
		out->remaining[dim] = NO_AMOUNT;
	for (int i = 0; i < path->n; i++)
	{
		const PathLink *link = &path->link[i];

		if (link->limit != NULL)
			continue;
		if (!link->defined || !link->def.enabled)
			memset(out->remaining, 0, sizeof(out->remaining));
		else
			counter_left(&link->sum, &link->def, out->remaining);
	}
	out->has_remaining = true;
}
