/*
 * template_prune.c
 *	  budget_prune(): budgets that a template made and that nobody needs any more.
 *
 * A budget goes if it holds nothing and has used nothing in any of its windows as of
 * now, so that its next first use gives nobody a fresh limit.
 *
 * Locks: the tenant's definitions; the counter of each budget, which is not waited
 * for: one that is in use is not unused.  Those of budgets that stay are given back.
 *
 * Memory: SPI's.  On ERROR: the transaction takes everything back.
 */
#include "budget/define.h"

#include "budget/path_lock.h"
#include "budget/path_peek.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/inval.h"

/* in one call: each keeps a lock to the end of the transaction */
#define MOST_PRUNED		1000

/* exact, 'prefix*' or '*'; *length: what names have to begin with, -1: all of it */
static char *
arg_names(FunctionCallInfo fcinfo, int *length)
{
	char	   *pattern = agc_arg_name(fcinfo, 0, "pattern");
	char	   *star = strchr(pattern, '*');

	if (star != NULL && star[1] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid pattern of budgets"),
				 errdetail("Pattern \"%s\" has a star that is not at its end.", pattern),
				 errhint("Write an exact name, 'prefix*' or '*'.")));
	*length = star == NULL ? -1 : star - pattern;
	if (star != NULL)
		*star = '\0';
	return pattern;
}

static uint64
list_candidates(const char *tenant, const char *begin, bool exact, TimestampTz since, char ***names)
{
	static const Oid types[] = {TEXTOID, TEXTOID, BOOLOID, TIMESTAMPTZOID};
	static AgcPlan plan = {
		"SELECT b.name FROM agentcore.budget b WHERE b.tenant = $1 AND b.template IS NOT NULL"
		" AND CASE WHEN $3 THEN b.name = $2 ELSE starts_with(b.name, $2) END"
		" AND NOT EXISTS (SELECT FROM agentcore.budget_counter c WHERE c.tenant = $1 AND c.budget = b.name AND c.seen > $4)"
		" ORDER BY b.name", lengthof(types), types
	};
	uint64		n;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, begin);
	agc_put_bool(&row, exact);
	agc_put_time(&row, since);
	agc_spi_row(&plan, &row);
	n = SPI_processed;
	*names = palloc((n + 1) * sizeof(char *));
	for (uint64 i = 0; i < n; i++)
		(*names)[i] = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
	return n;
}

static void
delete_definition(const char *tenant, const char *name)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.budget WHERE tenant = $1 AND name = $2", lengthof(types), types
	};
	AgcRow		row;

	agc_row_init(&row);
	agc_put_text(&row, tenant);
	agc_put_text(&row, name);
	agc_spi_row(&plan, &row);
}

static bool
is_idle(Counter *counter, const BudgetDef *def, TimestampTz since)
{
	/* one that is being redefined is in use */
	if (counter->seen > since || counter->window_revision != def->window_revision)
		return false;
	counter_roll(counter, def, Max(agc_now(), counter->seen));
	for (int dim = 0; dim < BUDGET_NDIMS; dim++)
		if (counter->held[dim] != 0)
			return false;
	for (int w = 0; w < counter->nwindows; w++)
		for (int dim = 0; dim < BUDGET_NUSED; dim++)
			if (counter->used[w][dim] != 0)
				return false;
	return true;
}

/* With the budget's lock, alone. */
static bool
prune_locked(BudgetPath *path, PathLink *link, TimestampTz since)
{
	if (!definition_read(path->tenant, link->name, &link->def) || !link->def.made)
		return false;
	link->defined = true;
	path_read_rows(path, link, NULL);
	if (link->nrows == 0 || !is_idle(&link->sum, &link->def, since))
		return false;
	if (!path_take_alone(path, link, &link->def, false))
		return false;
	for (int i = 0; i < link->nrows; i++)
		row_counter_delete(&link->rows[i]);
	delete_definition(path->tenant, link->name);
	return true;
}

static bool
prune(const char *tenant, char *name, TimestampTz since)
{
	PathLink	link = {.name = name};
	BudgetPath	path = {.tenant = tenant, .n = 1, .link = &link};
	bool		pruned;

	row_counter_require_write();
	path_key(&path, &link);
	if (!lock_take_mode(&link.lock, ExclusiveLock, false))
		return false;
	AcceptInvalidationMessages();
	pruned = prune_locked(&path, &link, since);
	lock_drop_mode(&link.lock, ExclusiveLock);
	return pruned;
}

/* budget_prune(pattern, unused, tenant) -> integer: how many */
AGC_FUNCTION(budget_prune)
{
	int			length;
	int			pruned = 0;
	char	   *begin;
	int64		unused;
	char	   *tenant = agc_arg_tenant(fcinfo, 2);
	char	  **names;
	uint64		n;
	AgcOwner	owner;

	agc_enter(tenant, AGC_ADMIN);
	begin = arg_names(fcinfo, &length);
	unused = agc_opt_interval(fcinfo, 1, "unused", -1);
	if (unused < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unused must be an interval that is not negative")));
	agc_owner_begin_bounded(&owner);
	define_lock(tenant);
	n = list_candidates(tenant, begin, length < 0, agc_now() - unused, &names);
	for (uint64 i = 0; i < n && pruned < MOST_PRUNED; i++)
		pruned += prune(tenant, names[i], agc_now() - unused) ? 1 : 0;
	agc_owner_end(&owner);
	PG_RETURN_INT32(pruned);
}
