/*
 * history.c
 *	  Writing to the policy tables, and the history of who did.
 *
 * Triggers write the history, so that every way to change a policy is recorded;
 * core/attribution.c tells them who called.
 *
 * Memory: none of its own.  Locks: those of the statements.  On ERROR: the
 * transaction takes rows and history back.
 */
#include "allow/history.h"

#include "catalog/pg_type.h"

typedef struct Work
{
	void		(*write) (void *arg);
	void	   *arg;
} Work;

static void
work_as_owner(void *arg)
{
	Work	   *work = arg;
	AgcOwner	owner;

	agc_owner_begin_bounded(&owner);
	work->write(work->arg);
	agc_owner_end(&owner);
}

void
allow_write(void (*write) (void *arg), void *arg)
{
	Work		work = {write, arg};

	agc_attributed(work_as_owner, &work);
}

typedef struct Statement
{
	AgcPlan    *plan;
	AgcRow	   *row;
	uint64		rows;
} Statement;

static void
run_statement(void *arg)
{
	Statement  *statement = arg;

	agc_spi_row(statement->plan, statement->row);
	statement->rows = SPI_processed;
}

uint64
allow_write_statement(AgcPlan *plan, AgcRow *row)
{
	Statement	statement = {plan, row, 0};

	allow_write(run_statement, &statement);
	return statement.rows;
}

/* policy_history_retain(keep) -> bigint: how many rows were deleted */
AGC_FUNCTION(policy_history_retain)
{
	static const Oid types[] = {TIMESTAMPTZOID, INT8OID};
	static AgcPlan cut = {
		"DELETE FROM agentcore.policy_revision r WHERE r.at < $1 AND NOT"
		" (EXISTS (SELECT FROM agentcore.policy p WHERE p.tenant = r.tenant AND p.name = r.policy)"
		"  AND r.revision = (SELECT max(n.revision) FROM agentcore.policy_revision n"
		"                     WHERE n.tenant = r.tenant AND n.policy = r.policy))", 1, types
	};
	static AgcPlan record = {
		"SELECT agentcore.policy_record('*', '', pg_catalog.nextval('agentcore.revision_seq'), 'history_retain', NULL,"
		" pg_catalog.jsonb_build_object('before', $1, 'rows', $2))", lengthof(types), types
	};
	static const AgcHistory history = {&cut, &record};

	return agc_history_retain(fcinfo, &history);
}
