/*
 * offer.c
 *	  Many tools at once, as a model's provider wants them in a request.
 *
 * Tools that are switched off or held are left out here; who may use the others
 * is the caller's to say.  The order is that of the names, so that a provider
 * finds the same prompt again in its cache.
 *
 * Memory: CurrentMemoryContext.  Locks: AccessShareLock on agentcore.tool,
 * released at once.  On ERROR: pins go at transaction end.
 */
#include "tool/tool.h"

#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "tool/provider_rules.h"

static AgcTable tool_rows = AGC_TABLE("tool", "tool_pkey");

static bool
collect(HeapTuple tuple, TupleDesc desc, void *arg)
{
	List	  **names = arg;
	bool		held;

	CHECK_FOR_INTERRUPTS();
	(void) agc_col(tuple, desc, "pending", &held);
	held = !held;
	if (agc_col_bool(tuple, desc, "enabled") && !held)
		*names = lappend(*names, agc_col_text(tuple, desc, "name"));
	return true;
}

static List *
offered_names(const char *tenant)
{
	AgcKey		key = agc_key_text(tenant);
	Relation	rel = agc_table_open(&tool_rows, AccessShareLock);
	List	   *names = NIL;

	agc_table_ordered(&tool_rows, rel, 1, &key, collect, &names);
	agc_table_close(rel, AccessShareLock);
	return names;
}

/* A tool that its provider would refuse would take the whole request with it. */
static void
leave_out(const char *name, const Refusal *refusal)
{
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("tool \"%s\" is left out: the provider would refuse it", name),
			 errdetail("%s", export_refusal_text(refusal)),
			 errhint("%s", EXPORT_HINT)));
}

/* NULL: it has gone, was switched off or held meanwhile, or cannot be sent */
static Jsonb *
definition_of(const char *tenant, const char *name, ToolFormat format, bool strict)
{
	AgcObject  *object = tool_pin(tenant, name);
	Jsonb	   *definition = NULL;
	const ToolDef *tool;
	Refusal		refusal;

	if (object == NULL)
		return NULL;
	tool = object->data;
	if (tool->enabled && !tool->held)
	{
		definition = export_definition(object, format, strict, &refusal);
		if (definition == NULL)
			leave_out(name, &refusal);
	}
	agc_object_unpin(object);
	return definition;
}

/* Gemini's tools are one element, which holds the declarations. */
static Jsonb *
in_request(List *definitions, ToolFormat format)
{
	bool		wrapped = format == TOOL_FORMAT_GEMINI && definitions != NIL;
	JsonbParseState *state = NULL;
	JsonbValue *tools;
	ListCell   *cell;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	if (wrapped)
	{
		pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		put_key(&state, "functionDeclarations");
		pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	}
	foreach(cell, definitions)
	{
		JbItem		root = jb_root(lfirst(cell));

		put_item(&state, WJB_ELEM, &root);
	}
	if (wrapped)
	{
		pushJsonbValue(&state, WJB_END_ARRAY, NULL);
		pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	tools = pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	return JsonbValueToJsonb(tools);
}

Jsonb *
tool_definitions(const char *tenant, const char *format_name, bool strict, ToolOffer offer, void *arg)
{
	ToolFormat	format = export_format(format_name, strict);
	List	   *definitions = NIL;
	ListCell   *cell;

	foreach(cell, offered_names(tenant))
	{
		const char *name = lfirst(cell);
		Jsonb	   *definition;

		CHECK_FOR_INTERRUPTS();
		if (offer == NULL || !offer(name, arg))
			continue;
		definition = definition_of(tenant, name, format, strict);
		if (definition != NULL)
			definitions = lappend(definitions, definition);
	}
	return in_request(definitions, format);
}
