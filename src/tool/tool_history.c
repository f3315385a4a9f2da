/*
 * tool_history.c
 *	  tool_history_retain(): cuts the history of tools, which triggers write
 *	  (history.sql).
 *
 * Memory: none of its own.  Locks: those of the statements.  On ERROR: the
 * transaction takes everything back.
 */
#include "tool/tool.h"

#include "catalog/pg_type.h"
#include "core/row.h"

typedef struct Cut
{
	TimestampTz before;
	int64		rows;
} Cut;

static void
cut_history(void *arg)
{
	static const Oid types[] = {TIMESTAMPTZOID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.tool_revision r WHERE r.at < $1 AND NOT"
		" (EXISTS (SELECT FROM agentcore.tool t WHERE t.tenant = r.tenant AND t.name = r.tool)"
		"  AND r.revision = (SELECT max(n.revision) FROM agentcore.tool_revision n"
		"                     WHERE n.tenant = r.tenant AND n.tool = r.tool))", lengthof(types), types
	};
	static const Oid record_types[] = {TIMESTAMPTZOID, INT8OID};
	static AgcPlan record = {
		"INSERT INTO agentcore.tool_revision (tenant, tool, revision, role, action, after)"
		" VALUES ('*', '', nextval('agentcore.revision_seq'), agentcore.history_writer(), 'history_retain',"
		" jsonb_build_object('before', $1, 'rows', $2))", lengthof(record_types), record_types
	};
	Cut		   *cut = arg;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_time(&row, cut->before);
	cut->rows = agc_owner_spi_row_bounded(&plan, &row);
	agc_put_int64(&row, cut->rows);
	if (cut->rows > 0)
		(void) agc_owner_spi_row_bounded(&record, &row);
}

/* tool_history_retain(keep) -> bigint: how many rows were deleted */
AGC_FUNCTION(tool_history_retain)
{
	int64		keep = agc_arg_keep(fcinfo, 0);
	Cut			cut = {0};

	agc_enter("*", AGC_ADMIN);
	cut.before = agc_now() - keep;
	agc_attributed(cut_history, &cut);
	PG_RETURN_INT64(cut.rows);
}
