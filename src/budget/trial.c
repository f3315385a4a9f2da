/*
 * trial.c
 *	  Requests judged by counters of one's own, as of a time of the past.
 *
 * Which budgets a request asks, whether they admit it, what it holds, what its end charges
 * and what of that stays unbilled are decided by the functions that decide it for permits; only
 * the counters are others, and so is the clock.
 *
 * Counters are kept without the windows that their definition has not: a limit of a policy that
 * counts per task has as many as there are tasks.  Beyond TRIAL_MAX a new counter is not kept,
 * and budget_trial_is_whole() says so.
 *
 * Memory: the context in which the trial was made; paths in that of the call.
 * Locks: those of reading.  On ERROR: the trial is no longer to be used.
 */
#include "budget/budget.h"

#include "budget/min_hold.h"
#include "budget/overrun.h"
#include "budget/path_admit.h"
#include "budget/path_ask.h"
#include "budget/path_union.h"
#include "budget/permit.h"
#include "budget/permit_charge.h"
#include "budget/trial_start.h"

#include "common/hashfn.h"

/* some 200 bytes each */
#define TRIAL_MAX	500000

typedef struct TrialWindow
{
	TimestampTz start;
	int64		used[BUDGET_NUSED];
	int64	   *bucket;
} TrialWindow;

typedef struct TrialCounter
{
	char	   *name;
	bool		made;			/* of a template, by its first use in the trial */
	TimestampTz since;
	TimestampTz seen;
	int64		held[BUDGET_NDIMS];
	int			nwindows;
	TrialWindow window[FLEXIBLE_ARRAY_MEMBER];
} TrialCounter;

typedef struct TrialEntry
{
	const char *name;
	TrialCounter *counter;
	uint32		hash;
	char		status;
} TrialEntry;

#define SH_PREFIX trial
#define SH_ELEMENT_TYPE TrialEntry
#define SH_KEY_TYPE const char *
#define SH_KEY name
#define SH_HASH_KEY(tb, key) hash_bytes((const unsigned char *) key, strlen(key))
#define SH_EQUAL(tb, a, b) (strcmp(a, b) == 0)
#define SH_SCOPE static inline
#define SH_STORE_HASH
#define SH_GET_HASH(tb, entry) entry->hash
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct BudgetTrial
{
	MemoryContext cxt;
	char	   *tenant;
	TrialStart *start;
	trial_hash *counters;
	bool		overfull;
	bool		has_events;		/* they were read */
	int			nevents;
	int			next;			/* of them, to happen */
	int			nrecent;		/* of them, of permits that were not yet seen to begin */
	TrialEvent *event;
};

struct TrialHold
{
	PermitState state;
	int64		held[BUDGET_NDIMS];
	int64		charged[BUDGET_NUSED];	/* in all */
	int64		spent[BUDGET_NUSED];	/* of it, for failed attempts */
	bool		charge_on_expiry;
	TimestampTz settled_at;
	const char *budget;			/* whose overrun counts; NULL: none */
	int			depth;
	const char *budgets[FLEXIBLE_ARRAY_MEMBER]; /* names of counters */
};

BudgetTrial *
budget_trial_new(const char *tenant, TimestampTz since)
{
	BudgetTrial *trial = palloc0(sizeof(BudgetTrial));

	trial->cxt = CurrentMemoryContext;
	trial->tenant = pstrdup(tenant);
	trial->start = trial_start_new(trial->tenant, since);
	trial->counters = trial_create(trial->cxt, 256, NULL);
	return trial;
}

bool
budget_trial_is_whole(const BudgetTrial *trial)
{
	return !trial->overfull;
}

/* ----- counters ------------------------------------------------------------------ */

static void
load(const TrialCounter *from, const BudgetDef *def, Counter *out)
{
	memset(out, 0, sizeof(*out));
	out->since = from->since;
	out->seen = from->seen;
	out->window_revision = def->window_revision;
	out->nwindows = from->nwindows;
	memcpy(out->held, from->held, sizeof(out->held));
	for (int w = 0; w < from->nwindows; w++)
	{
		out->start[w] = from->window[w].start;
		out->bucket[w] = from->window[w].bucket;
		memcpy(out->used[w], from->window[w].used, sizeof(out->used[w]));
	}
}

/* Buckets are the counter's own already. */
static void
save(TrialCounter *to, const Counter *from)
{
	to->since = from->since;
	to->seen = from->seen;
	memcpy(to->held, from->held, sizeof(to->held));
	for (int w = 0; w < to->nwindows; w++)
	{
		to->window[w].start = from->start[w];
		memcpy(to->window[w].used, from->used[w], sizeof(to->window[w].used));
	}
}

static TrialCounter *
find(const BudgetTrial *trial, const char *name)
{
	TrialEntry *entry = trial_lookup(trial->counters, name);

	return entry == NULL ? NULL : entry->counter;
}

/* As it stood when the trial began; NULL: there is no room for it, and link->sum is all that there is. */
static TrialCounter *
make(BudgetTrial *trial, PathLink *link)
{
	MemoryContext old = MemoryContextSwitchTo(trial->cxt);
	TrialCounter *counter = NULL;
	bool		found;

	trial_start_counter(trial->start, link, &link->sum);
	if (trial->counters->members >= TRIAL_MAX)
		trial->overfull = true;
	else
	{
		counter = palloc0(offsetof(TrialCounter, window) + link->sum.nwindows * sizeof(TrialWindow));
		counter->name = pstrdup(link->name);
		counter->nwindows = link->sum.nwindows;
		for (int w = 0; w < counter->nwindows; w++)
			counter->window[w].bucket = link->sum.bucket[w];
		trial_insert(trial->counters, counter->name, &found)->counter = counter;
	}
	MemoryContextSwitchTo(old);
	return counter;
}

/* The counter of a link, rolled to the path's time. */
static void
read_counter(BudgetTrial *trial, BudgetPath *path, PathLink *link)
{
	TrialCounter *counter = find(trial, link->name);

	if (!link->defined)
		return;
	/* a budget that was made meanwhile has the windows that its template had */
	if (counter != NULL && counter->nwindows == link->def.nlimits)
		load(counter, &link->def, &link->sum);
	else
		counter = make(trial, link);
	if (counter != NULL && counter->made)
		link->unmade = NULL;
	link->found = true;
	path->at = Max(path->at, link->sum.seen);
}

/* A ring of buckets slides where it stands, so what was rolled is kept, whatever comes of the question. */
static void
roll(const BudgetTrial *trial, const BudgetPath *path, PathLink *link)
{
	TrialCounter *counter = find(trial, link->name);

	counter_roll(&link->sum, &link->def, path->at);
	if (counter != NULL)
		save(counter, &link->sum);
}

static void
read_counters(BudgetTrial *trial, BudgetPath *path, TimestampTz at)
{
	path->at = at;
	for (int i = 0; i < path->n; i++)
		read_counter(trial, path, &path->link[i]);
	for (int i = 0; i < path->n; i++)
		if (path->link[i].found)
			roll(trial, path, &path->link[i]);
}

static void
write_counters(BudgetTrial *trial, BudgetPath *path)
{
	for (int i = 0; i < path->n; i++)
	{
		PathLink   *link = &path->link[i];
		TrialCounter *counter = link->found ? find(trial, link->name) : NULL;

		if (counter == NULL)
			continue;
		counter_change(&link->sum, &link->change);
		link->sum.seen = path->at;
		counter->made = true;
		save(counter, &link->sum);
	}
}

/* ----- what was begun before the trial ------------------------------------------------ */

static void
permit_of_event(const TrialEvent *event, Permit *permit)
{
	memset(permit, 0, sizeof(*permit));
	permit->depth = Min(event->depth, BUDGET_MAX_LINKS);
	memcpy(permit->budgets, event->budgets, permit->depth * sizeof(char *));
	memcpy(permit->held, event->held, sizeof(permit->held));
	permit->settled_at = event->at;
}

/* What it holds from the beginning on until the event. */
static void
begin_event(BudgetTrial *trial, const TrialEvent *event)
{
	BudgetPath	path;
	Permit		permit;

	permit_of_event(event, &permit);
	path_of_permits(&path, trial->tenant, &permit, 1);
	read_counters(trial, &path, trial_start_time(trial->start));
	for (int i = 0; i < path.n; i++)
		memcpy(path.link[i].change.held, event->held, sizeof(event->held));
	write_counters(trial, &path);
}

static void
end_event(BudgetTrial *trial, TrialEvent *event, TimestampTz at, bool charges)
{
	BudgetPath	path;
	Permit		permit;

	event->is_gone = true;
	permit_of_event(event, &permit);
	path_of_permits(&path, trial->tenant, &permit, 1);
	read_counters(trial, &path, at);
	permit_plan_give_back(&path, &permit);
	if (charges)
		permit_plan_charge(&path, &permit, event->charge);
	write_counters(trial, &path);
}

static void
read_events(BudgetTrial *trial)
{
	MemoryContext old = MemoryContextSwitchTo(trial->cxt);

	trial->nevents = trial_start_events(trial->start, &trial->event);
	MemoryContextSwitchTo(old);
	trial->has_events = true;
	for (int i = 0; i < trial->nevents; i++)
	{
		begin_event(trial, &trial->event[i]);
		trial->nrecent += trial->event[i].is_recent;
	}
}

/* All that has happened by now, from the first question on. */
static void
come_to(BudgetTrial *trial, TimestampTz at)
{
	if (!trial->has_events)
		read_events(trial);
	for (; trial->next < trial->nevents && trial->event[trial->next].at <= at; trial->next++)
	{
		TrialEvent *event = &trial->event[trial->next];

		if (!event->is_gone)
			end_event(trial, event, event->at, true);
	}
}

void
budget_trial_begins(BudgetTrial *trial, const pg_uuid_t *id, TimestampTz at)
{
	come_to(trial, trial_start_time(trial->start));
	for (int i = 0; i < trial->nevents && trial->nrecent > 0; i++)
	{
		TrialEvent *event = &trial->event[i];

		if (!event->is_recent || memcmp(&event->permit, id, sizeof(pg_uuid_t)) != 0)
			continue;
		event->is_recent = false;
		trial->nrecent--;
		if (!event->is_gone)
			end_event(trial, event, at, false);
	}
}

/* ----- one request -------------------------------------------------------------------- */

static bool
admits(BudgetTrial *trial, const PermitRequest *request, TimestampTz at, BudgetPath *path, int64 asked[BUDGET_NDIMS],
	   PermitDecision *out)
{
	PermitDecision soonest = {.retry_after = -1};

	memset(out, 0, sizeof(*out));
	out->retry_after = -1;
	out->can_ever_fit = true;
	come_to(trial, at);
	path_ask(request, asked);
	path_of_request(path, request);
	min_hold_ask(path, asked);
	do
	{
		out->hold_tokens = Max(asked[DIM_TOKENS], 0);
		read_counters(trial, path, at);
		if (path_admits(path, asked, out, CurrentMemoryContext))
			return true;
	} while (path_goes_on(path, asked, out, &soonest));
	path_refused(out, &soonest);
	return false;
}

bool
budget_trial_admits(BudgetTrial *trial, const PermitRequest *request, TimestampTz at, PermitDecision *out)
{
	BudgetPath	path;
	int64		asked[BUDGET_NDIMS];

	return admits(trial, request, at, &path, asked, out);
}

/* The name as the trial keeps it; NULL where it keeps none. */
static const char *
kept_name(const BudgetTrial *trial, const char *name)
{
	TrialCounter *counter = name == NULL ? NULL : find(trial, name);

	return counter == NULL ? NULL : counter->name;
}

static TrialHold *
make_hold(BudgetTrial *trial, const BudgetPath *path, const PermitRequest *request, const int64 asked[BUDGET_NDIMS])
{
	TrialHold  *hold = MemoryContextAllocZero(trial->cxt, offsetof(TrialHold, budgets) + path->n * sizeof(char *));
	const BudgetDef *payer = path_payer(path, request->budget);

	hold->state = PERMIT_OPEN;
	for (int dim = 0; dim < BUDGET_NDIMS; dim++)
		hold->held[dim] = Max(asked[dim], 0);
	hold->charge_on_expiry = request->charge_on_expiry || (payer != NULL && payer->charge_on_expiry);
	hold->budget = kept_name(trial, request->budget);
	for (int i = 0; i < path->n; i++)
	{
		const char *name = path->link[i].limit == NULL ? kept_name(trial, path->link[i].name) : NULL;

		if (name != NULL)
			hold->budgets[hold->depth++] = name;
	}
	return hold;
}

TrialHold *
budget_trial_hold(BudgetTrial *trial, const PermitRequest *request, TimestampTz at)
{
	BudgetPath	path;
	PermitDecision decision;
	int64		asked[BUDGET_NDIMS];
	TrialHold  *hold;

	if (!admits(trial, request, at, &path, asked, &decision))
		return NULL;
	hold = make_hold(trial, &path, request, asked);
	path_plan_hold(&path, asked);
	write_counters(trial, &path);
	return hold;
}

/* ----- its end ------------------------------------------------------------------------- */

static void
permit_of_hold(const TrialHold *hold, Permit *permit)
{
	memset(permit, 0, sizeof(*permit));
	permit->row.state = hold->state;
	permit->row.budget = (char *) hold->budget;
	permit->depth = hold->depth;
	memcpy(permit->budgets, hold->budgets, hold->depth * sizeof(char *));
	memcpy(permit->held, hold->held, sizeof(permit->held));
	memcpy(permit->charged, hold->charged, sizeof(permit->charged));
	memcpy(permit->spent, hold->spent, sizeof(permit->spent));
	permit->charge_on_expiry = hold->charge_on_expiry;
	permit->settled_at = hold->settled_at;
}

/* What the end charges, before overruns are cut. */
static void
amounts_of(const Permit *permit, TrialEnd how, int64 tokens, int64 nanousd, int64 amount[BUDGET_NUSED])
{
	memset(amount, 0, BUDGET_NUSED * sizeof(int64));
	if (how == TRIAL_RELEASE || (how == TRIAL_EXPIRE && !permit->charge_on_expiry))
		return;
	amount[DIM_TOKENS] = tokens < 0 || how == TRIAL_EXPIRE ? permit->held[DIM_TOKENS] : tokens;
	amount[DIM_NANOUSD] = nanousd < 0 || how == TRIAL_EXPIRE ? permit->held[DIM_NANOUSD] : nanousd;
	amount[DIM_CALLS] = how == TRIAL_RETRY ? 0 : permit->held[DIM_CALLS];
	permit_bound_amounts(permit, amount);
}

/* An attempt's use is added to what was spent; an end's is all beside it, whatever an expiry has charged. */
static void
note_charge(TrialHold *hold, TrialEnd how, const int64 delta[BUDGET_NUSED])
{
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
	{
		hold->charged[dim] = counter_add(hold->charged[dim], delta[dim]);
		if (how == TRIAL_RETRY)
			hold->spent[dim] = counter_add(hold->spent[dim], delta[dim]);
	}
}

void
budget_trial_settle(BudgetTrial *trial, TrialHold *hold, TrialEnd how, int64 tokens, int64 nanousd, TimestampTz at)
{
	BudgetPath	path;
	Permit		permit;
	int64		amount[BUDGET_NUSED];
	int64		over[BUDGET_NUSED];

	come_to(trial, at);
	permit_of_hold(hold, &permit);
	path_of_permits(&path, trial->tenant, &permit, 1);
	read_counters(trial, &path, at);
	amounts_of(&permit, how, tokens, nanousd, amount);
	if (how != TRIAL_EXPIRE)
		(void) overrun_cut_as(&path, &permit, false, amount, over);
	if (how != TRIAL_RETRY)
	{
		for (int dim = 0; dim < BUDGET_NUSED; dim++)
			amount[dim] = counter_add(counter_add(amount[dim], permit.spent[dim]), -permit.charged[dim]);
		if (hold->state == PERMIT_OPEN)
			permit_plan_give_back(&path, &permit);
		hold->state = how == TRIAL_EXPIRE ? PERMIT_EXPIRED : PERMIT_COMMITTED;
		hold->settled_at = path.at;
	}
	permit_plan_charge(&path, &permit, amount);
	note_charge(hold, how, amount);
	write_counters(trial, &path);
}
