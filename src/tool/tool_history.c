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

/* tool_history_retain(keep) -> bigint: how many rows were deleted */
AGC_FUNCTION(tool_history_retain)
{
	static const Oid types[] = {TIMESTAMPTZOID, INT8OID};
	static AgcPlan cut = {
		"DELETE FROM agentcore.tool_revision r WHERE r.at < $1 AND (r.action = 'tool_drop' OR EXISTS"
		" (SELECT FROM agentcore.tool_revision n WHERE n.tenant = r.tenant AND n.tool = r.tool"
		"   AND n.at < $1 AND (n.revision, n.at, n.id) > (r.revision, r.at, r.id)))", 1, types
	};
	static AgcPlan record = {
		"INSERT INTO agentcore.tool_revision (tenant, tool, revision, role, action, after)"
		" VALUES ('*', '', nextval('agentcore.revision_seq'), agentcore.history_writer(), 'history_retain',"
		" jsonb_build_object('before', $1, 'rows', $2))", lengthof(types), types
	};
	static const AgcHistory history = {&cut, &record};

	return agc_history_retain(fcinfo, &history);
}
