/*
 * owner.c
 *	  Running SPI as the owner of the extension's tables.
 *
 * The functions are SECURITY INVOKER so that they can see who calls; once
 * agc_enter() has judged the caller, table access happens as the owner, with
 * row security of other owners off the path and search_path pinned, so that an
 * operator planted in the caller's path is never found.
 *
 * Memory: rows are SPI's and go with agc_owner_end().  None of these functions
 * changes CurrentMemoryContext, although SPI does: what their callers allocate
 * in between would be freed under them.  Locks: those of the statements.  On
 * ERROR: transaction or subtransaction abort restores user, settings, memory
 * context and SPI; nothing to do here.
 */
#include "core/core.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

static Oid	owner_oid = InvalidOid;
static uint64 owner_generation = 0;

/* All tables have one owner: that of the table that carries the invalidations. */
Oid
agc_owner_oid(void)
{
	if (!OidIsValid(owner_oid) || owner_generation != agc_generation())
	{
		Oid			relid = get_relname_relid("registry_change",
											  get_namespace_oid(AGC_SCHEMA, false));
		HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));

		if (!HeapTupleIsValid(tuple))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("table \"agentcore.registry_change\" does not exist"),
					 errhint("Run CREATE EXTENSION agentcore in this database.")));
		owner_oid = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
		owner_generation = agc_generation();
	}
	return owner_oid;
}

void
agc_owner_begin(AgcOwner *owner)
{
	MemoryContext caller = CurrentMemoryContext;
	Oid			target = agc_owner_oid();

	GetUserIdAndSecContext(&owner->saved_user, &owner->saved_sec);
	SetUserIdAndSecContext(target, owner->saved_sec |
						   SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	owner->guc_level = NewGUCNestLevel();
	owner->bounded = false;
	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	MemoryContextSwitchTo(caller);
}

/* What lock_timeout itself says helps nobody who has not set it. */
static void
explain_timeout(void *arg)
{
	if (geterrcode() != ERRCODE_LOCK_NOT_AVAILABLE)
		return;
	errdetail("Another transaction is changing this too. It was waited for as long as agentcore.budget_lock_wait says.");
	errhint("Try again when it has ended; pg_stat_activity and pg_blocking_pids() show it.");
}

/* A shorter lock_timeout is the caller's own, and stays. */
void
agc_owner_begin_bounded(AgcOwner *owner)
{
	char		timeout[32];

	agc_owner_begin(owner);
	if (agc_budget_lock_wait == 0 || (LockTimeout > 0 && LockTimeout <= agc_budget_lock_wait))
		return;
	snprintf(timeout, sizeof(timeout), "%d", agc_budget_lock_wait);
	(void) set_config_option("lock_timeout", timeout,
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	owner->bounded = true;
	owner->hint.callback = explain_timeout;
	owner->hint.arg = NULL;
	owner->hint.previous = error_context_stack;
	error_context_stack = &owner->hint;
}

void
agc_owner_end(AgcOwner *owner)
{
	MemoryContext caller = CurrentMemoryContext;

	if (owner->bounded)
		error_context_stack = owner->hint.previous;
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	MemoryContextSwitchTo(caller);
	AtEOXact_GUC(false, owner->guc_level);
	SetUserIdAndSecContext(owner->saved_user, owner->saved_sec);
}

static int
run_plan(AgcPlan *plan, Datum *values, const char *nulls, bool read_only)
{
	MemoryContext caller = CurrentMemoryContext;
	int			result;

	if (plan->plan == NULL)
	{
		SPIPlanPtr	made = SPI_prepare(plan->sql, plan->nargs, (Oid *) plan->argtypes);

		if (made == NULL)
			elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
		SPI_keepplan(made);
		plan->plan = made;
	}
	result = SPI_execute_plan(plan->plan, values, nulls, read_only, 0);
	if (result < 0)
		elog(ERROR, "SPI_execute_plan failed: %s", SPI_result_code_string(result));
	MemoryContextSwitchTo(caller);
	return result;
}

/*
 * Returns SPI's result code (SPI_OK_*); the plan is made at first use and kept.
 */
int
agc_spi(AgcPlan *plan, Datum *values, const char *nulls)
{
	return run_plan(plan, values, nulls, false);
}

/* The same of a query, under the snapshot of the caller's; fit for a parallel plan. */
int
agc_spi_read(AgcPlan *plan, Datum *values, const char *nulls)
{
	return run_plan(plan, values, nulls, true);
}

static uint64
run_and_end(AgcOwner *owner, AgcPlan *plan, Datum *values, const char *nulls)
{
	uint64		rows;

	agc_spi(plan, values, nulls);
	rows = SPI_processed;
	agc_owner_end(owner);
	return rows;
}

/* One statement as the owner; returns the rows it touched. */
uint64
agc_owner_spi(AgcPlan *plan, Datum *values, const char *nulls)
{
	AgcOwner	owner;

	agc_owner_begin(&owner);
	return run_and_end(&owner, plan, values, nulls);
}

uint64
agc_owner_spi_bounded(AgcPlan *plan, Datum *values, const char *nulls)
{
	AgcOwner	owner;

	agc_owner_begin_bounded(&owner);
	return run_and_end(&owner, plan, values, nulls);
}
