/*
 * open_call.c
 *	  The call that a settlement is about.
 *
 * A call is found by its id, which cannot be guessed.  It answers only to a role
 * with the privileges of the role that began it, or to an administrator of the
 * tenant; for any other role it does not exist.
 *
 * Locking: the permit row, where it is asked for.  Memory: CurrentMemoryContext; the
 * tool stays pinned until it is unpinned or the transaction ends.  On ERROR:
 * nothing to undo.
 */
#include "call/open_call.h"

#include "miscadmin.h"
#include "utils/acl.h"

void
call_find(FunctionCallInfo fcinfo, int n, const char *tenant, bool lock, PermitRow *permit)
{
	pg_uuid_t  *id;
	bool		found;
	Oid			role;

	if (PG_ARGISNULL(n))
		agc_refuse_null("call_id");
	id = PG_GETARG_UUID_P(n);
	found = lock ? permit_lock(tenant, id, permit) : permit_read(tenant, id, permit);
	if (found && permit->agent != NULL)
	{
		role = permit->role ? get_role_oid(permit->role, true) : InvalidOid;
		if ((OidIsValid(role) && has_privs_of_role(GetUserId(), role)) ||
			agc_level(GetUserId(), tenant) >= AGC_ADMIN)
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("call \"%s\" does not exist", hex_uuid(id)),
			 errdetail("It was never committed, or another role began it."),
			 errhint("COMMIT after call_begin() before running the tool.")));
}

const ToolDef *
call_tool(const char *tenant, const PermitRow *permit, AgcObject **object)
{
	*object = permit->is_llm || permit->tool == NULL ? NULL : tool_try_pin(tenant, permit->tool);
	return *object ? (*object)->data : NULL;
}
