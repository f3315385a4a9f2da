/*
 * configuration.c
 *	  Under which configuration calls are judged again: that of now, that of a time, or a document.
 *
 * A document is resolved as config_resolve() does, by the caller's own rights, and only where something may be
 * written; what that returns is taken anywhere.
 *
 * Memory: CurrentMemoryContext.  Locks: those of config_apply() while a document is resolved; else those of
 * reading.  On ERROR: the overlay goes with the (sub)transaction.
 */
#include "replay/configuration.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

typedef struct LeftOutObject
{
	const char *relation;
	const char *name;			/* of the object, or of the policy that it is a part of; NULL: it has none */
} LeftOutObject;

static bool
is_resolved(Jsonb *config)
{
	JsonbValue	found;

	return JB_ROOT_IS_OBJECT(config) &&
		getKeyJsonValueFromContainer(&config->root, "relations", strlen("relations"), &found) != NULL;
}

/* As the caller, who needs the rights to change what the document names. */
static Jsonb *
resolve(Jsonb *config, const char *tenant)
{
	static const char query[] = "SELECT agentcore.config_resolve($1, $2)";
	Oid			types[] = {JSONBOID, TEXTOID};
	Datum		values[] = {JsonbPGetDatum(config), CStringGetTextDatum(tenant)};
	MemoryContext caller = CurrentMemoryContext;
	Jsonb	   *rows;
	bool		isnull;
	Datum		value;

	SPI_connect();
	if (SPI_execute_with_args(query, lengthof(types), types, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "config_resolve() failed");
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	MemoryContextSwitchTo(caller);
	rows = DatumGetJsonbPCopy(value);
	SPI_finish();
	return rows;
}

/* ----- what is not known of it --------------------------------------------------------- */

static char *
member_of(JsonbContainer *object, const char *name)
{
	JsonbValue	found;

	if (getKeyJsonValueFromContainer(object, name, strlen(name), &found) == NULL || found.type != jbvString)
		return NULL;
	return pnstrdup(found.val.string.val, found.val.string.len);
}

static void
note_object(JsonbContainer *unknown, LeftOutObject *out)
{
	JsonbValue	key;

	out->relation = member_of(unknown, "relation");
	if (out->relation == NULL)
		out->relation = "";
	out->name = NULL;
	if (getKeyJsonValueFromContainer(unknown, "key", strlen("key"), &key) == NULL || key.type != jbvBinary)
		return;
	out->name = member_of(key.val.binary.data, strncmp(out->relation, "policy_", strlen("policy_")) == 0 ? "policy" : "name");
}

static void
read_left_out(Jsonb *rows, LeftOut *out)
{
	JsonbValue	unknown;
	JsonbIterator *it;
	JsonbValue	value;
	JsonbIteratorToken token;

	memset(out, 0, sizeof(*out));
	if (!JB_ROOT_IS_OBJECT(rows) ||
		getKeyJsonValueFromContainer(&rows->root, "unknown", strlen("unknown"), &unknown) == NULL || unknown.type != jbvBinary)
		return;
	out->object = palloc(JsonContainerSize(unknown.val.binary.data) * sizeof(LeftOutObject));
	it = JsonbIteratorInit(unknown.val.binary.data);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
		if (token == WJB_ELEM && value.type == jbvBinary)
			note_object(value.val.binary.data, &out->object[out->n++]);
}

static bool
is_named(const LeftOutObject *object, const char *name)
{
	return object->name == NULL || (name != NULL && strcmp(object->name, name) == 0);
}

static bool
begins_with(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Of what stands above or behind an object (parents of budgets, the policies '*') one that is missing is missing for all. */
static const char *
lacks(const LeftOutObject *object, const Gate *gate)
{
	if (strcmp(object->relation, "agent") == 0)
		return is_named(object, gate->agent_name) ? "the agent as it was then" : NULL;
	if (strcmp(object->relation, "tool") == 0)
		return !gate->is_llm && is_named(object, gate->tool_name) ? "the tool as it was then" : NULL;
	if (begins_with(object->relation, "policy"))
		return gate->agent != NULL && (is_named(object, gate->agent->policy) || is_named(object, "*")) ? "the policy as it was then" : NULL;
	if (begins_with(object->relation, "budget"))
		return gate->budget != NULL ? "budgets as they were then" : NULL;
	if (begins_with(object->relation, "model"))
		return gate->is_llm ? "models and prices as they were then" : NULL;
	return "the configuration as it was then";
}

const char *
configuration_lacks(const LeftOut *left_out, const Gate *gate)
{
	const char *what = NULL;

	for (int i = 0; i < left_out->n && what == NULL; i++)
		what = lacks(&left_out->object[i], gate);
	return what;
}

/* ----- the configuration ------------------------------------------------------------------ */

bool
configuration_begin(FunctionCallInfo fcinfo, int n, const char *tenant, LeftOut *out)
{
	Jsonb	   *rows = agc_opt_jsonb(fcinfo, n, "config");

	if (rows != NULL && !PG_ARGISNULL(n + 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("config and at exclude each other")));
	if (!PG_ARGISNULL(n + 1))
	{
		TimestampTz at = PG_GETARG_TIMESTAMPTZ(n + 1);

		rows = config_rows(tenant, &at, agc_level(GetUserId(), "*") >= AGC_READER);
	}
	else if (rows != NULL && !is_resolved(rows))
		rows = resolve(rows, tenant);
	memset(out, 0, sizeof(*out));
	if (rows == NULL)
		return false;
	read_left_out(rows, out);
	agc_overlay_begin(tenant, rows);
	return true;
}
