/*
 * trial_start.c
 *	  What budgets had used and held when a trial begins.
 *
 * What was used is counted from the ledger, as a new window is (define_counters.c), but up
 * to the trial's begin.  Budgets of one window are asked about together: those that a
 * template made are thousands, and the ledger is read once for all of them.
 *
 * A budget that was dropped and made anew counts nothing of the earlier one.  Of one that a
 * template made this is not looked at: it is dropped only when it has used nothing.
 *
 * Memory: the context in which it was made.  Locks: those of reading.  On ERROR: nothing to undo.
 */
#include "budget/trial_start.h"

#include "budget/rows.h"

#include "common/hashfn.h"
#include "core/row.h"
#include "utils/builtins.h"

typedef struct UsedEntry
{
	const char *budget;
	int64		used[BUDGET_NUSED];
	uint32		hash;
	char		status;
} UsedEntry;

#define SH_PREFIX used
#define SH_ELEMENT_TYPE UsedEntry
#define SH_KEY_TYPE const char *
#define SH_KEY budget
#define SH_HASH_KEY(tb, key) string_hash(key, strlen(key) + 1)
#define SH_EQUAL(tb, a, b) (strcmp(a, b) == 0)
#define SH_SCOPE static inline
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) (a)->hash
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* What all budgets were charged in one span. */
typedef struct Span
{
	TimestampTz from;
	TimestampTz to;
	used_hash  *used;
} Span;

struct TrialStart
{
	MemoryContext cxt;
	const char *tenant;
	TimestampTz since;
	List	   *spans;
};

TrialStart *
trial_start_new(const char *tenant, TimestampTz since)
{
	TrialStart *start = palloc0(sizeof(TrialStart));

	start->cxt = CurrentMemoryContext;
	start->tenant = tenant;
	start->since = since;
	return start;
}

TimestampTz
trial_start_time(const TrialStart *start)
{
	return start->since;
}

/* ----- what was used ----------------------------------------------------------- */

static void
note_used(const char *budget, const int64 used[BUDGET_NUSED], void *arg)
{
	Span	   *span = arg;
	bool		found;
	UsedEntry  *entry = used_insert(span->used, MemoryContextStrdup(span->used->ctx, budget), &found);

	memcpy(entry->used, used, sizeof(entry->used));
}

static Span *
span_of(TrialStart *start, TimestampTz from, TimestampTz to)
{
	MemoryContext old;
	AgcOwner	owner;
	ListCell   *cell;
	Span	   *span;

	foreach(cell, start->spans)
	{
		span = lfirst(cell);
		if (span->from == from && span->to == to)
			return span;
	}
	old = MemoryContextSwitchTo(start->cxt);
	span = palloc(sizeof(Span));
	*span = (Span){from, to, used_create(start->cxt, 64, NULL)};
	start->spans = lappend(start->spans, span);
	MemoryContextSwitchTo(old);
	agc_owner_begin(&owner);
	row_ledger_sums(start->tenant, from, to, note_used, span);
	agc_owner_end(&owner);
	return span;
}

/* Since when the budget of now has counted, if it is older than the trial. */
static TimestampTz
counted_since(const TrialStart *start, const PathLink *link)
{
	Counter    *rows;

	if (link->unmade != NULL || link->def.made || row_counters_read(start->tenant, link->name, NULL, &rows) == 0 ||
		rows[0].since > start->since)
		return DT_NOBEGIN;
	return rows[0].since;
}

/* What it was charged in the span; "since" is later than "from" only where an earlier budget had its name. */
static void
used_in(TrialStart *start, const char *budget, TimestampTz since, TimestampTz from, TimestampTz to, int64 out[BUDGET_NUSED])
{
	memset(out, 0, BUDGET_NUSED * sizeof(int64));
	if (Max(since, from) >= to)
		return;
	if (since > from)
	{
		AgcOwner	owner;

		agc_owner_begin(&owner);
		row_ledger_sum(start->tenant, budget, since, to, out);
		agc_owner_end(&owner);
	}
	else
	{
		UsedEntry  *entry = used_lookup(span_of(start, from, to)->used, budget);

		if (entry != NULL)
			memcpy(out, entry->used, sizeof(entry->used));
	}
}

static void
count_sliding(TrialStart *start, const PathLink *link, Counter *counter, int w)
{
	int64		step = window_sliding_step(&link->def.limit[w].window);

	for (int i = 0; i < SLIDING_BUCKETS; i++)
	{
		TimestampTz begin = counter->start[w] - i * step;
		int64	   *bucket = counter->bucket[w] + i * BUDGET_NUSED;

		used_in(start, link->name, counter->since, begin, Min(begin + step, start->since), bucket);
		for (int dim = 0; dim < BUDGET_NUSED; dim++)
			counter->used[w][dim] = counter_add(counter->used[w][dim], bucket[dim]);
	}
}

void
trial_start_counter(TrialStart *start, const PathLink *link, Counter *out)
{
	counter_init(out, &link->def, start->since);
	if (link->limit != NULL)
		return;
	out->since = counted_since(start, link);
	for (int w = 0; w < out->nwindows; w++)
		if (out->bucket[w] != NULL)
			count_sliding(start, link, out, w);
		else
			used_in(start, link->name, out->since, out->start[w], start->since, out->used[w]);
}

/* ----- what was begun before ------------------------------------------------------------- */

static int64
column(HeapTuple tuple, TupleDesc desc, int n)
{
	bool		isnull;

	return DatumGetInt64(SPI_getbinval(tuple, desc, n, &isnull));
}

static void
read_event(HeapTuple tuple, TupleDesc desc, TrialEvent *out)
{
	bool		isnull;

	memset(out, 0, sizeof(*out));
	out->permit = *DatumGetUUIDP(SPI_getbinval(tuple, desc, 1, &isnull));
	out->at = column(tuple, desc, 2);
	out->budgets = agc_texts_of(SPI_getbinval(tuple, desc, 3, &isnull), &out->depth);
	for (int dim = 0; dim < BUDGET_NDIMS; dim++)
		out->held[dim] = column(tuple, desc, 4 + dim);
	for (int dim = 0; dim < BUDGET_NUSED; dim++)
		out->charge[dim] = column(tuple, desc, 8 + dim);
	out->is_recent = DatumGetBool(SPI_getbinval(tuple, desc, 11, &isnull));
}

/*
 * The first charge that ends a permit, whichever it is, says when it gave back what it held; one that has none
 * still is expired at the end of its lease, as far as the trial goes.
 */
int
trial_start_events(TrialStart *start, TrialEvent **out)
{
	static const Oid types[] = {TEXTOID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"WITH early AS MATERIALIZED ("
		"SELECT p.*, p.created_at > $2 - '1 minute'::interval AS recent FROM agentcore.permit p"
		" WHERE p.tenant = $1 AND p.created_at < $2 AND (p.settled_at IS NULL OR p.settled_at >= $2)"
		"), charges AS MATERIALIZED ("
		"SELECT l.* FROM agentcore.budget_ledger l"
		" WHERE l.tenant = $1 AND l.at >= (SELECT min(e.created_at) FROM early e) AND l.permit IN (SELECT e.id FROM early e)"
		"), ends AS ("
		"SELECT c.permit, min(c.at) AS at FROM charges c WHERE c.event <> 'retry' GROUP BY 1)"
		" SELECT e.id, coalesce(n.at, greatest(e.lease_until, $2)) AS at, e.budgets, e.held_tokens, e.held_nanousd, e.held_calls, 1::bigint,"
		" CASE WHEN n.at IS NULL AND e.charge_on_expiry THEN e.held_tokens ELSE 0 END,"
		" CASE WHEN n.at IS NULL AND e.charge_on_expiry THEN e.held_nanousd ELSE 0 END,"
		" CASE WHEN n.at IS NULL AND e.charge_on_expiry THEN e.held_calls ELSE 0 END, e.recent"
		" FROM early e LEFT JOIN ends n ON n.permit = e.id WHERE n.at IS NULL OR n.at >= $2"
		" UNION ALL"
		" SELECT c.permit, c.at, c.budgets, 0, 0, 0, 0, c.tokens, c.nanousd, c.calls, e.recent"
		" FROM charges c JOIN early e ON e.id = c.permit WHERE c.at >= $2"
		" ORDER BY 2", lengthof(types), types
	};
	AgcOwner	owner;
	AgcRow		row;
	int			n;

	agc_row_init(&row);
	agc_put_text(&row, start->tenant);
	agc_put_time(&row, start->since);
	agc_owner_begin(&owner);
	agc_spi_read_row(&plan, &row);
	n = SPI_processed;
	*out = palloc(Max(n, 1) * sizeof(TrialEvent));
	for (int i = 0; i < n; i++)
		read_event(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, &(*out)[i]);
	agc_owner_end(&owner);
	return n;
}
