/*
 * method_policies.c
 *	  Which policies judge a tool's URLs by their method.
 *
 * tool_lint() asks, for a tool that does not say which method it uses.
 *
 * Memory: CurrentMemoryContext.  Locks: AccessShareLock on the table of policies,
 * and those of agc_object_pin(), while they are read.  On ERROR: pins go at
 * transaction end.
 */
#include "allow/allow.h"

#include "allow/decide.h"
#include "allow/policy_compile.h"
#include "allow/policy_rows.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"

#define POLICIES_SHOWN 3

static void
note_name(HeapTuple tuple, TupleDesc desc, void *arg)
{
	List	  **names = arg;

	*names = lappend(*names, agc_col_text(tuple, desc, "name"));
}

/* Whether the policy lets the tool be called, and looks at methods. */
static bool
applies(const char *tenant, const char *name, const char *tool)
{
	AgcObject  *object = agc_object_pin(&allow_policy_class, tenant, name);
	const Policy *policy = object == NULL ? NULL : object->data;
	AllowVerdict verdict = {0};
	bool		result = false;

	if (policy != NULL && policy->by_method && policy->mode != POLICY_OFF)
	{
		allow_decide_tool(policy, tool, &verdict);
		result = verdict.reason == NULL;
	}
	if (object != NULL)
		agc_object_unpin(object);
	return result;
}

char *
allow_method_policies(const char *tenant, const char *tool)
{
	Relation	rel = agc_table_open(&allow_policy_table, AccessShareLock);
	List	   *names = NIL;
	ListCell   *cell;
	StringInfoData out;
	int			shown = 0;

	agc_table_scan(&allow_policy_table, rel, 1, &tenant, note_name, &names);
	agc_table_close(rel, AccessShareLock);
	initStringInfo(&out);
	foreach(cell, names)
	{
		CHECK_FOR_INTERRUPTS();
		if (shown > POLICIES_SHOWN || !applies(tenant, lfirst(cell), tool))
			continue;
		if (shown++ < POLICIES_SHOWN)
			appendStringInfo(&out, "%s%s", shown > 1 ? ", " : "", agc_quoted_name(lfirst(cell)));
		else
			appendStringInfoString(&out, " and others");
	}
	return shown > 0 ? out.data : NULL;
}
