/*
 * api.c
 *	  The SQL functions that judge: args_* by the name of a tool, jsonschema_*
 *	  by a schema given inline.
 *
 * Memory: an inline schema is compiled once a call site, in a child of
 * fn_mcxt; a tool's program belongs to its compiled object.  Locks:
 * AccessShareLock on agentcore.tool when it has to be read.  On ERROR: pins go
 * at transaction end.
 */
#include "validate/validate.h"

#include "catalog/pg_type.h"
#include "nodes/primnodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "validate/provider.h"

void
validate_init(void)
{
}

/* ----- for the gate ---------------------------------------------------------- */

Jsonb *
tool_args_errors(const ToolDef *tool, Jsonb *args)
{
	if (schema_valid(tool->program, args))
		return NULL;
	return errors_to_jsonb(schema_errors(tool->program, args, agc_max_errors));
}

/* ----- by tool ---------------------------------------------------------------- */

AgcObject *
tool_require(const char *tenant, const char *name)
{
	AgcObject  *object = tool_pin(tenant, name);
	char	   *nearest;

	if (object != NULL)
		return object;
	nearest = tool_nearest(tenant, name);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("tool \"%s\" does not exist", name),
			 nearest != NULL ? errhint("Nearest: %s.", nearest) :
			 errhint("Register it with agentcore.tool_set().")));
	return NULL;
}

/* The arguments (tool, args, ..., tenant) of every args_* function; entered. */
static AgcObject *
enter_tool(FunctionCallInfo fcinfo, Jsonb **args)
{
	char	   *name = agc_arg_name(fcinfo, 0, "tool");
	char	   *tenant = agc_arg_tenant(fcinfo, PG_NARGS() - 1);

	*args = agc_arg_jsonb(fcinfo, 1, "args");
	agc_enter(tenant, AGC_AGENT);
	return tool_require(tenant, name);
}

static Jsonb *
empty_array(void)
{
	return errors_to_jsonb(errors_new(1));
}

/* args_validate(tool, args, tenant) -> jsonb array of errors; '[]' = valid */
AGC_FUNCTION(args_validate)
{
	Jsonb	   *args;
	AgcObject  *object = enter_tool(fcinfo, &args);
	Jsonb	   *errors = tool_args_errors(object->data, args);

	agc_object_unpin(object);
	PG_RETURN_JSONB_P(errors != NULL ? errors : empty_array());
}

/* args_valid(tool, args, tenant) -> boolean */
AGC_FUNCTION(args_valid)
{
	Jsonb	   *args;
	AgcObject  *object = enter_tool(fcinfo, &args);
	bool		valid = schema_valid(((ToolDef *) object->data)->program, args);

	agc_object_unpin(object);
	PG_RETURN_BOOL(valid);
}

/* args_assert(tool, args, tenant) -> void, or TC001 */
AGC_FUNCTION(args_assert)
{
	Jsonb	   *args;
	AgcObject  *object = enter_tool(fcinfo, &args);
	ToolDef    *tool = object->data;

	if (!schema_valid(tool->program, args))
	{
		EvalErrors *errors = schema_errors(tool->program, args, 1);

		ereport(ERROR,
				(errcode(ERRCODE_AGC_INVALID_ARGS),
				 errmsg("invalid arguments for tool \"%s\"", tool->name),
				 errdetail("At \"%s\": %s.", errors->items[0].path, errors->items[0].message),
				 errhint("agentcore.args_feedback() says it all in words for a model.")));
	}
	agc_object_unpin(object);
	PG_RETURN_VOID();
}

/* args_feedback(tool, args, tenant) -> text for a model; '' when valid */
AGC_FUNCTION(args_feedback)
{
	Jsonb	   *args;
	AgcObject  *object = enter_tool(fcinfo, &args);
	Jsonb	   *errors = tool_args_errors(object->data, args);
	char	   *text = errors == NULL ? pstrdup("") : tool_args_feedback(object->data, args, errors);

	agc_object_unpin(object);
	PG_RETURN_TEXT_P(cstring_to_text(text));
}

/* args_coerce(tool, args, drop_unknown, tenant) -> (args, changes, errors) */
AGC_FUNCTION(args_coerce)
{
	Jsonb	   *args;
	AgcObject  *object = enter_tool(fcinfo, &args);
	Jsonb	   *changes = NULL;
	Jsonb	   *errors;
	Datum		values[3];
	bool		nulls[3] = {false};

	args = tool_args_coerce(object->data, args,
							PG_ARGISNULL(2) ? ((ToolDef *) object->data)->drop_unknown : PG_GETARG_BOOL(2), &changes);
	errors = tool_args_errors(object->data, args);
	agc_object_unpin(object);
	values[0] = JsonbPGetDatum(args);
	values[1] = JsonbPGetDatum(changes != NULL ? changes : empty_array());
	values[2] = JsonbPGetDatum(errors != NULL ? errors : empty_array());
	return agc_row(fcinfo, values, nulls, 3);
}

/* ----- by schema -------------------------------------------------------------- */

/* What a call site remembers. */
typedef struct CallSite
{
	MemoryContext cxt;			/* of the program and of what it was made from */
	SchemaProgram *program;
	Jsonb	   *schema;
	char	   *dialect;
	bool		assert_format;
	bool		constant;		/* the schema is the same for every call */
} CallSite;

/*
 * get_fn_expr_arg_stable() is not enough: it takes a parameter for stable, but
 * PL/pgSQL keeps the call site of an expression while its variables change.
 */
static bool
argument_is_constant(FunctionCallInfo fcinfo, int n)
{
	Node	   *call = fcinfo->flinfo->fn_expr;

	return call != NULL && IsA(call, FuncExpr) && n < list_length(((FuncExpr *) call)->args) &&
		IsA(list_nth(((FuncExpr *) call)->args, n), Const);
}

static CallSite *
compile_call_site(FunctionCallInfo fcinfo, Jsonb *schema, char *dialect, bool assert_format)
{
	CallSite   *site = fcinfo->flinfo->fn_extra;
	MemoryContext cxt;
	MemoryContext old;
	SchemaProblem problem;

	/* under the caller's context until it is whole: an ERROR frees it */
	cxt = AllocSetContextCreate(CurrentMemoryContext, "agentcore inline schema", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(cxt);
	if (site != NULL)
	{
		fcinfo->flinfo->fn_extra = NULL;
		MemoryContextDelete(site->cxt);
	}
	site = palloc0(sizeof(CallSite));
	site->cxt = cxt;
	site->dialect = pstrdup(dialect);
	site->assert_format = assert_format;
	site->schema = palloc(VARSIZE(schema));
	memcpy(site->schema, schema, VARSIZE(schema));
	site->program = schema_compile(schema, dialect_or_raise(dialect), false, false, assert_format, &problem);
	if (site->program == NULL)
		schema_problem_raise(&problem, "schema");
	site->constant = argument_is_constant(fcinfo, 0) && argument_is_constant(fcinfo, 2) &&
		argument_is_constant(fcinfo, 3);
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(cxt, fcinfo->flinfo->fn_mcxt);
	fcinfo->flinfo->fn_extra = site;
	return site;
}

static CallSite *
call_site(FunctionCallInfo fcinfo)
{
	CallSite   *site = fcinfo->flinfo->fn_extra;
	Jsonb	   *schema;
	char	   *dialect;
	bool		assert_format;

	if (site != NULL && site->constant)
		return site;
	if (PG_ARGISNULL(2) || PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be null", PG_ARGISNULL(2) ? "dialect" : "assert_format")));
	schema = PG_GETARG_JSONB_P(0);
	dialect = text_to_cstring(PG_GETARG_TEXT_PP(2));
	assert_format = PG_GETARG_BOOL(3);
	if (site != NULL && site->assert_format == assert_format && strcmp(site->dialect, dialect) == 0 &&
		VARSIZE(site->schema) == VARSIZE(schema) && memcmp(site->schema, schema, VARSIZE(schema)) == 0)
		return site;
	return compile_call_site(fcinfo, schema, dialect, assert_format);
}

/* jsonschema_validate(schema, instance, dialect, assert_format) -> boolean */
AGC_FUNCTION(jsonschema_validate)
{
	CallSite   *site;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("schema must not be null")));
	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	site = call_site(fcinfo);
	PG_RETURN_BOOL(schema_valid(site->program, PG_GETARG_JSONB_P(1)));
}

/* jsonschema_is_valid(schema, dialect) -> boolean: can it be compiled? */
AGC_FUNCTION(jsonschema_is_valid)
{
	MemoryContext cxt;
	MemoryContext old;
	SchemaProblem problem;
	bool		valid;

	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dialect must not be null")));
	cxt = AllocSetContextCreate(CurrentMemoryContext, "agentcore schema check", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(cxt);
	valid = schema_compile(PG_GETARG_JSONB_P(0), dialect_or_raise(text_to_cstring(PG_GETARG_TEXT_PP(1))),
						   false, false, false, &problem) != NULL;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
	PG_RETURN_BOOL(valid);
}
