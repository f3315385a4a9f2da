/*
 * model.c
 *	  Models: the target behind each, and the policy by which its calls are
 *	  retried.
 *
 * Which models exist is what the price list says (price/price.c).  A row here is
 * needed only where models share a target or are retried in another way: a model without
 * one is its own target.
 *
 * Memory: compiled objects (core/object.c).  Locks: those of reading a table.
 * On ERROR: the transaction takes back what was written.
 */
#include "call/model.h"

#include "catalog/pg_type.h"
#include "retry/retry.h"
#include "utils/builtins.h"

enum
{
	A_TARGET = 1, A_RETRY_POLICY
};

static void *compile_model(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name);

static AgcTable model_table = AGC_TABLE("model", "model_pkey");
static const AgcObjectClass model_class = {"model", &model_table, compile_model};

static void *
compile_model(HeapTuple tuple, TupleDesc desc, const char *tenant, const char *name)
{
	ModelDef   *model = palloc(sizeof(ModelDef));

	model->target = agc_col_text(tuple, desc, "target");
	model->retry_policy = agc_col_text(tuple, desc, "retry_policy");
	return model;
}

AgcObject *
model_pin(const char *tenant, const char *name, const char *priced_as)
{
	AgcObject  *object = agc_object_pin(&model_class, tenant, name);

	return object == NULL && priced_as != NULL ? agc_object_pin(&model_class, tenant, priced_as) : object;
}

char *
model_retry_policy(const char *tenant, const char *name, const char *priced_as)
{
	AgcObject  *object = model_pin(tenant, name, priced_as);
	char	   *policy = NULL;

	if (object == NULL)
		return NULL;
	if (((ModelDef *) object->data)->retry_policy != NULL)
		policy = pstrdup(((ModelDef *) object->data)->retry_policy);
	agc_object_unpin(object);
	return policy;
}

static bool
write_model(FunctionCallInfo fcinfo, AgcSetting *set)
{
	static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID};
	static AgcPlan plan = {
		"INSERT INTO agentcore.model AS m (tenant, name, target, retry_policy) VALUES ($1, $2, $3, $4)"
		" ON CONFLICT (tenant, name) DO UPDATE SET target = EXCLUDED.target, retry_policy = EXCLUDED.retry_policy"
		" WHERE $5 AND (m.target, m.retry_policy) IS DISTINCT FROM (EXCLUDED.target, EXCLUDED.retry_policy)",
		lengthof(types), types
	};
	Datum		values[lengthof(types)] = {set->keys[0], set->keys[1]};
	char		nulls[] = "     ";

	(void) agc_opt_name(fcinfo, A_TARGET, "target");
	if (AGC_NAMES_ANEW(fcinfo, set, A_RETRY_POLICY))
		retry_policy_check(set->tenant, agc_arg_name(fcinfo, A_RETRY_POLICY, "retry_policy"));
	for (int n = A_TARGET; n <= A_RETRY_POLICY; n++)	/* an argument stands one place before its column */
	{
		values[n + 1] = fcinfo->args[n].value;
		if (PG_ARGISNULL(n))
			nulls[n + 1] = 'n';
	}
	values[4] = BoolGetDatum(set->exists);
	return agc_set_write(set, &plan, values, nulls);
}

/* model_set(model, target, retry_policy, reset, tenant) -> boolean */
AGC_FUNCTION(model_set)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan row = {
		"SELECT target, retry_policy FROM agentcore.model WHERE tenant = $1 AND name = $2 FOR NO KEY UPDATE",
		lengthof(types), types
	};
	static const AgcMember members[] = {{"target"}, {"retry_policy"}};
	static const AgcSetter setter = {
		"model", A_TARGET, lengthof(members), members, &row, .write = write_model
	};
	Datum		keys[] = {0, CStringGetTextDatum(agc_arg_name(fcinfo, 0, "model"))};

	return agc_set(fcinfo, &setter, keys);
}

/* model_drop(model, tenant) -> boolean: its prices stay */
AGC_FUNCTION(model_drop)
{
	static const Oid types[] = {TEXTOID, TEXTOID};
	static AgcPlan plan = {
		"DELETE FROM agentcore.model WHERE tenant = $1 AND name = $2", 2, types
	};

	return agc_drop(fcinfo, "model", &plan);
}
