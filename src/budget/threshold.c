/*
 * threshold.c
 *	  Soft thresholds: whom a budget tells before it refuses.
 *
 * Decided with the charge (path_lock.c), with nobody else in flight if the transaction
 * may wait for that, else as if all of them committed.  The counter remembers the
 * highest threshold told in each window, so each is told once per window, but for two
 * charges that are open at the same time and may not wait: the mark of the first does not
 * count before its COMMIT, for a ROLLBACK takes it back together with what it has told, and
 * then the second must have told.  A row of
 * the ledger keeps it.  NOTIFY tells it when the transaction commits, and only then.
 * PostgreSQL refuses to prepare a transaction that notifies for two-phase commit.
 *
 * Locks: none.  Memory: the caller's context.  On ERROR:
 * the transaction takes row and notification back.
 */
#include "budget/threshold.h"

#include "commands/async.h"
#include "utils/builtins.h"
#include "utils/json.h"

#define CHANNEL	"agentcore_budget"

static void
append_member(StringInfo out, const char *name, const char *value)
{
	appendStringInfo(out, "%s\"%s\": ", out->len > 1 ? ", " : "", name);
	escape_json(out, value);
}

static void
tell(const BudgetPath *path, const PathLink *link, const Permit *permit, int w, int percent)
{
	LedgerEntry entry = {.at = path->at, .event = "threshold", .nbudgets = 1};
	char	   *budget = link->name;
	const char *window = definition_limit_name(&link->def.limit[w]);
	StringInfoData detail;
	StringInfoData payload;

	initStringInfo(&detail);
	appendStringInfoChar(&detail, '{');
	append_member(&detail, "window", window);
	appendStringInfo(&detail, ", \"percent\": %d}", percent);
	entry.budgets = &budget;
	entry.detail = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(detail.data)));
	row_ledger_add(path->tenant, permit, &entry);

	initStringInfo(&payload);
	appendStringInfoChar(&payload, '{');
	append_member(&payload, "tenant", path->tenant);
	append_member(&payload, "budget", budget);
	append_member(&payload, "window", window);
	appendStringInfo(&payload, ", \"percent\": %d}", percent);
	Async_Notify(CHANNEL, payload.data);
}

/* Every threshold between the last one told and what the window has used now. */
void
threshold_tell(BudgetPath *path, const Permit *permit)
{
	for (int i = 0; i < path->n; i++)
	{
		const PathLink *link = &path->link[i];

		if (!link->found || !link->defined)
			continue;
		for (int w = 0; w < link->sum.nwindows; w++)
			for (int t = 0; t < link->def.nthresholds; t++)
				if (link->def.threshold[t] > link->warned[w] && link->def.threshold[t] <= link->change.warned[w])
					tell(path, link, permit, w, link->def.threshold[t]);
	}
}
