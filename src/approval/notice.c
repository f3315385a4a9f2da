/*
 * notice.c
 *	  Tells listeners of a request for approval, where agentcore.approval_notify
 *	  says so.
 *
 * A notification leaves with COMMIT.  It never carries arguments, because every
 * role of the database can listen.
 *
 * Memory: CurrentMemoryContext.  Locks: those of NOTIFY, at COMMIT.  On ERROR: the
 * transaction tells nothing.
 */
#include "approval/notice.h"

#include "approval/approval.h"
#include "commands/async.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"

#define CHANNEL	"agentcore_approval"

char *
approval_id_text(const pg_uuid_t *id)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)));
}

void
approval_tell(const char *tenant, const pg_uuid_t *id, const char *state)
{
	StringInfoData payload;

	if (!agc_approval_notify)
		return;
	initStringInfo(&payload);
	appendStringInfoString(&payload, "{\"tenant\": ");
	escape_json(&payload, tenant);
	appendStringInfo(&payload, ", \"approval\": \"%s\", \"state\": \"%s\"}", approval_id_text(id), state);
	Async_Notify(CHANNEL, payload.data);
}
