/*
 * open_call.c
 *	  The call that a settlement is about.
 *
 * A call is found by its id, which cannot be guessed.  It answers only to a role
 * with the privileges of the role that began it, or to an administrator of the
 * tenant; for any other role it does not exist.  What became of one that must not run
 * twice an approver may say, since the worker may not.
 *
 * Locking: the permit row, where it is asked for.  Memory: CurrentMemoryContext; the
 * tool stays pinned until it is unpinned or the transaction ends.  On ERROR:
 * nothing to undo.
 */
#include "call/open_call.h"

#include "call/call_once.h"

static pg_uuid_t *
id_argument(FunctionCallInfo fcinfo, int n)
{
	if (PG_ARGISNULL(n))
		agc_refuse_null("call_id");
	return PG_GETARG_UUID_P(n);
}

static void
require_call(bool found, const pg_uuid_t *id, const PermitRow *permit)
{
	if (found && permit->agent != NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("call \"%s\" does not exist", hex_uuid(id)),
			 errdetail("It was never committed, or another role began it."),
			 errhint("COMMIT after call_begin() before running the tool.")));
}

void
call_find(FunctionCallInfo fcinfo, int n, const char *tenant, bool lock, PermitRow *permit)
{
	pg_uuid_t  *id = id_argument(fcinfo, n);

	require_call(lock ? permit_lock(tenant, id, false, permit) : permit_read(tenant, id, permit), id, permit);
}

void
call_find_to_resolve(FunctionCallInfo fcinfo, int n, const char *tenant, PermitRow *permit)
{
	pg_uuid_t  *id = id_argument(fcinfo, n);

	require_call(permit_lock(tenant, id, once_is_witness(tenant, id), permit), id, permit);
}

const ToolDef *
call_tool(const char *tenant, const PermitRow *permit, AgcObject **object)
{
	*object = permit->is_llm || permit->tool == NULL ? NULL : tool_try_pin(tenant, permit->tool);
	return *object ? (*object)->data : NULL;
}
