/*
 * tool_args.c
 *	  The SQL functions that judge arguments by the name of a tool: args_*.
 *
 * Memory: CurrentMemoryContext; a tool's program belongs to its compiled
 * object.  Locks: AccessShareLock on agentcore.tool when it has to be read.
 * On ERROR: pins go at transaction end.
 */
#include "tool/tool.h"

#include "core/jsonb_walk.h"
#include "core/row.h"
#include "tool/provider.h"
#include "utils/builtins.h"

/* ----- for the gate ---------------------------------------------------------- */

Jsonb *
tool_args_errors(const ToolDef *tool, Jsonb *args)
{
	if (schema_valid(tool->program, args))
		return NULL;
	return errors_to_jsonb(schema_errors(tool->program, args, agc_max_errors));
}

Jsonb *
tool_args_coerce(const ToolDef *tool, Jsonb *args, int rules, bool drop_unknown, Jsonb **changes)
{
	return schema_coerce(tool->program, args, rules, drop_unknown, changes);
}

/*
 * Words need a walk of their own, which may reach a limit that the first one
 * did not (a pattern takes another time).  A model must not be able to raise an
 * ERROR: then the errors that are known are told.
 */
char *
tool_args_feedback(const ToolDef *tool, Jsonb *args, Jsonb *errors)
{
	MemoryContext cxt = CurrentMemoryContext;
	Jsonb	   *volatile told = errors;

	PG_TRY();
	{
		EvalErrors *explained = schema_explained_errors(tool->program, args, agc_max_errors);

		if (explained->count > 0)
			told = errors_to_jsonb(explained);
	}
	PG_CATCH();
	{
		if (errors == NULL || geterrcode() != ERRCODE_STATEMENT_TOO_COMPLEX)
			PG_RE_THROW();
		MemoryContextSwitchTo(cxt);
		FlushErrorState();
	}
	PG_END_TRY();
	return schema_feedback(tool->name, args, told);
}

void
tool_urls(const ToolDef *tool, Jsonb *args, SchemaUrlCallback callback, void *arg)
{
	if (tool->has_urls)
		schema_urls(tool->program->root, args, callback, arg);
}

/* ----- by tool ---------------------------------------------------------------- */

AgcObject *
tool_require(const char *tenant, const char *name)
{
	AgcObject  *object = tool_pin(tenant, name);

	if (object != NULL)
		return object;
	agc_refuse_unknown_near("tool", name, tool_nearest(tenant, name, NULL, NULL),
							"Register it with agentcore.tool_set().");
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
				 errdetail("At \"%s\": %s.", path_excerpt(errors->items[0].path), errors->items[0].message),
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
	char	   *text = schema_valid(((ToolDef *) object->data)->program, args) ? pstrdup("") :
		tool_args_feedback(object->data, args, NULL);

	agc_object_unpin(object);
	PG_RETURN_TEXT_P(cstring_to_text(text));
}

/* "args" or "args_text" of args_coerce(), neither is {}; NULL and *errors where the text cannot be read. */
static Jsonb *
read_either(FunctionCallInfo fcinfo, int *rules, Jsonb **errors)
{
	char	   *given = agc_opt_document(fcinfo, 3, "args_text");
	WrittenJson how = {0};
	Jsonb	   *args;

	if (given != NULL && !PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("args and args_text exclude each other")));
	if (given == NULL)
	{
		args = agc_opt_jsonb(fcinfo, 1, "args");
		return args == NULL || JBE_ISNULL(jb_root(args).entry) ? written_json_nothing() : args;
	}
	if (written_json_is_nothing(given))
		return written_json_nothing();
	args = written_json_read(given, false, &how);
	if (args == NULL)
		*errors = written_json_errors(given, &how);
	*rules = how.rules;
	return args;
}

/* args_coerce(tool, args, drop_unknown, args_text, tenant) -> (args, changes, errors) */
AGC_FUNCTION(args_coerce)
{
	char	   *name = agc_arg_name(fcinfo, 0, "tool");
	char	   *tenant = agc_arg_tenant(fcinfo, 4);
	Jsonb	   *changes = NULL;
	Jsonb	   *errors = NULL;
	int			rules = 0;
	Jsonb	   *args;
	AgcObject  *object;
	ToolDef    *tool;
	AgcRow		row;

	agc_enter(tenant, AGC_AGENT);
	args = read_either(fcinfo, &rules, &errors);
	object = tool_require(tenant, name);
	tool = object->data;
	if (args != NULL)
	{
		args = tool_args_coerce(tool, args, rules, PG_ARGISNULL(2) ? tool->drop_unknown : PG_GETARG_BOOL(2), &changes);
		errors = tool_args_errors(tool, args);
	}
	agc_object_unpin(object);
	agc_row_init(&row);
	agc_put_jsonb(&row, args);
	agc_put_jsonb(&row, changes != NULL ? changes : empty_array());
	agc_put_jsonb(&row, errors != NULL ? errors : empty_array());
	return agc_row_return(fcinfo, &row);
}
