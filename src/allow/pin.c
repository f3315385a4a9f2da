/*
 * pin.c
 *	  A compiled policy by its name.
 *
 * Memory: CurrentMemoryContext.  Locks: those of agc_object_pin();
 * AccessShareLock on the table of policies while near names are looked for.
 * On ERROR: pins go at transaction end.
 */
#include "allow/pin.h"

#include "allow/allow.h"
#include "allow/policy_compile.h"
#include "allow/policy_rows.h"

static void
collect_name(HeapTuple tuple, TupleDesc desc, void *arg)
{
	agc_nearest_add(arg, agc_col_text(tuple, desc, "name"));
}

void
allow_unknown_policy(const char *tenant, const char *name)
{
	AgcNearest	nearest = {.wanted = name, .limit = 3};
	Relation	rel = agc_table_open(&allow_policy_table, AccessShareLock);
	StringInfoData names;

	agc_table_scan(&allow_policy_table, rel, 1, &tenant, collect_name, &nearest);
	agc_table_close(rel, AccessShareLock);
	initStringInfo(&names);
	for (int i = 0; i < nearest.count; i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", agc_quoted_name(nearest.name[i]));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("policy \"%s\" does not exist", name),
			 nearest.count > 0 ? errhint("Nearest names: %s.", names.data) :
			 errhint("Create it with SELECT agentcore.policy_set('...').")));
}

AgcObject *
allow_pin_policy(const char *tenant, const char *name)
{
	AgcObject  *object = agc_object_pin(&allow_policy_class, tenant, name);

	if (object == NULL)
		allow_unknown_policy(tenant, name);
	return object;
}

bool
allow_policy_exists(const char *tenant, const char *policy)
{
	AgcObject  *object = policy == NULL ? NULL : agc_object_pin(&allow_policy_class, tenant, policy);

	if (object == NULL)
		return false;
	agc_object_unpin(object);
	return true;
}

void
allow_require_policy(const char *tenant, const char *policy)
{
	agc_object_unpin(allow_pin_policy(tenant, policy));
}

static int
compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

void
allow_methods(const char *tenant, const char *policy, AllowMethods *out)
{
	AgcObject  *object = policy == NULL ? NULL : agc_object_pin(&allow_policy_class, tenant, policy);
	const List *custom = object == NULL ? NIL : ((const Policy *) object->data)->custom;
	ListCell   *cell;

	memset(out, 0, sizeof(*out));
	out->every = object != NULL && ((const Policy *) object->data)->every_method;
	if (custom != NIL)
	{
		out->custom = palloc(list_length(custom) * sizeof(char *));
		foreach(cell, custom)
			out->custom[out->ncustom++] = pstrdup(lfirst(cell));
		qsort(out->custom, out->ncustom, sizeof(char *), compare_text);
	}
	if (object != NULL)
		agc_object_unpin(object);
}
