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

void
allow_unknown_policy(const char *tenant, const char *name)
{
	AgcNearest	nearest = {.wanted = name, .limit = 3};

	agc_nearest_in(&nearest, &allow_policy_table, tenant);
	agc_refuse_unknown("policy", name, &nearest, "Create it with SELECT agentcore.policy_set('...').");
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
