/*
 * policy_part.c
 *	  The facts of a policy, or its limits: the rows of one table, compiled.
 *
 * Memory: what is compiled lives in the context of its object.  Locks: none but those
 * of reading.  On ERROR: nothing to undo.
 */
#include "task/policy_part.h"

typedef struct Reading
{
	PolicyPart *part;
	CompileRow	compile;
} Reading;

static void
add_row(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Reading    *reading = arg;
	void	   *rule = reading->compile(reading->part, tuple, desc);

	if (rule != NULL)
		reading->part->rules = lappend(reading->part->rules, rule);
}

PolicyPart *
policy_part_compile(AgcTable *table, CompileRow compile, HeapTuple policy, TupleDesc desc,
					const char *tenant, const char *name)
{
	PolicyPart *part = palloc0(sizeof(PolicyPart));
	Reading		reading = {part, compile};
	char	   *mode = agc_col_text(policy, desc, "mode");
	const char *keys[2] = {tenant, name};
	Relation	rel = agc_table_open(table, AccessShareLock);

	part->pointers = condition_pointers_new();
	part->tz = agc_col_text(policy, desc, "tz");
	part->off = strcmp(mode, "off") == 0;
	part->audit = strcmp(mode, "audit") == 0;
	agc_table_scan(table, rel, 2, keys, add_row, &reading);
	agc_table_close(rel, AccessShareLock);
	return part;
}

const PolicyPart *
policy_part_pin(const AgcObjectClass *class, const char *tenant, const char *policy, AgcObject **object)
{
	const PolicyPart *part;

	*object = policy == NULL ? NULL : agc_object_pin(class, tenant, policy);
	part = *object == NULL ? NULL : (*object)->data;
	if (part == NULL || part->rules != NIL)
		return part;
	agc_object_unpin(*object);
	*object = NULL;
	return NULL;
}
