/*
 * tool_result.c
 *	  Results judged by the output schema of a tool: result_validate() and
 *	  result_feedback().
 *
 * A result of MCP is judged by its structuredContent, which a tool with an output
 * schema must return; any other result as it is.  What says that the call failed
 * is no result, so it is not judged.  The work is done when a result is judged, so
 * nothing here raises for what the result holds.
 *
 * Memory: CurrentMemoryContext.  Locks: AccessShareLock on agentcore.tool when it
 * has to be read.  On ERROR: pins go at transaction end.
 */
#include "tool/tool.h"

#include "access/detoast.h"
#include "core/jsonb_walk.h"
#include "miscadmin.h"
#include "tool/provider.h"
#include "utils/builtins.h"

/* What of a result is judged, and where in it that stands. */
typedef struct Judged
{
	const char *at;				/* JSON Pointer */
	Jsonb	   *document;		/* NULL: it is missing */
} Judged;

static bool
is_block(const JbItem *item)
{
	static const char *const types[] = {"text", "image", "audio", "resource", "resource_link"};
	JbItem		type;

	if (!item_is_object(item) || !object_find_cstring(jb_container(item), "type", &type))
		return false;
	for (int i = 0; i < lengthof(types); i++)
		if (text_is(&type, types[i]))
			return true;
	return false;
}

/* Whether an object is a CallToolResult by its content. */
static bool
has_blocks(const JbItem *object)
{
	JbItem		content;
	JbCursor	cursor;
	uint32		n;

	if (!object_find_cstring(jb_container(object), "content", &content) || !item_is_array(&content))
		return false;
	n = JsonContainerSize(jb_container(&content));
	cursor = jb_first(jb_container(&content));
	for (uint32 i = 0; i < n; i++)
	{
		JbItem		block = jb_next(&cursor);

		if (!is_block(&block))
			return false;
	}
	return n > 0;
}

/* False where the object is no result of MCP. */
static bool
judge_mcp(const JbItem *object, const char *at, Judged *judged)
{
	JbItem		structured;
	bool		found = object_find_cstring(jb_container(object), "structuredContent", &structured);

	if (!found && !has_blocks(object))
		return false;
	if (found && !JBE_ISNULL(structured.entry))
		*judged = (Judged){psprintf("%s/structuredContent", at), item_to_jsonb(&structured)};
	else
		*judged = (Judged){at, NULL};
	return true;
}

static Judged
what_is_judged(Jsonb *result)
{
	JbItem		root = jb_root(result);
	JbItem		inner;
	Judged		judged = {"", result};

	if (!item_is_object(&root) || judge_mcp(&root, "", &judged))
		return judged;
	if (object_find_cstring(jb_container(&root), "jsonrpc", &inner) && JBE_ISSTRING(inner.entry) &&
		object_find_cstring(jb_container(&root), "result", &inner) && item_is_object(&inner))
		(void) judge_mcp(&inner, "/result", &judged);
	return judged;
}

/* ----- errors ------------------------------------------------------------------- */

static Jsonb *
one_error(const char *path, const char *keyword, const char *message)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	put_string(&state, "path", path);
	put_string(&state, "keyword", keyword);
	put_string(&state, "schema_path", "");
	put_string(&state, "message", message);
	put_key(&state, "params");
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

/* Paths into what was judged become paths into the result. */
static void
move_paths(EvalErrors *errors, const char *at)
{
	check_stack_depth();
	for (int i = 0; i < errors->count; i++)
	{
		EvalError  *error = &errors->items[i];

		error->path = psprintf("%s%s", at, error->path);
		if (error->branch != NULL)
			move_paths(error->branch, at);
	}
}

static Jsonb *
judge(const ToolDef *tool, Jsonb *result)
{
	Judged		judged = what_is_judged(result);
	EvalErrors *errors;

	if (judged.document == NULL)
		return one_error(judged.at, "structuredContent", "structuredContent is missing; an MCP tool that has an output schema returns it");
	if (schema_valid(tool->output, judged.document))
		return NULL;
	errors = schema_explained_errors(tool->output, judged.document, agc_max_errors);
	if (judged.at[0] != '\0')
		move_paths(errors, judged.at);
	return errors_to_jsonb(errors);
}

static bool
is_limit(int sqlstate)
{
	return sqlstate == ERRCODE_STATEMENT_TOO_COMPLEX || sqlstate == ERRCODE_PROGRAM_LIMIT_EXCEEDED;
}

/* Judging holds nothing that an ERROR would have to free, so it takes no subtransaction. */
static Jsonb *
judge_within_limits(const ToolDef *tool, Jsonb *result)
{
	MemoryContext cxt = CurrentMemoryContext;
	Jsonb	   *volatile errors = NULL;

	(void) schema_limit_path(); /* one that somebody else caught */
	PG_TRY();
	{
		errors = judge(tool, result);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		if (!is_limit(geterrcode()))
			PG_RE_THROW();
		MemoryContextSwitchTo(cxt);
		error = CopyErrorData();
		FlushErrorState();
		errors = one_error(schema_limit_path(), "limit", psprintf("it cannot be checked within the limits: %s", error->message));
	}
	PG_END_TRY();
	return errors;
}

Jsonb *
tool_result_errors(const ToolDef *tool, Jsonb *result)
{
	if (tool == NULL || tool->output == NULL || result == NULL || tool_result_is_error(tool, result))
		return NULL;
	return judge_within_limits(tool, result);
}

static char *
error_text(const JbItem *error, const char *key)
{
	JbItem		value;

	return object_find_cstring(jb_container(error), key, &value) ? pnstrdup(value.data, value.len) : "";
}

char *
tool_result_summary(const Jsonb *errors)
{
	JbItem		list = jb_root(errors);
	JbCursor	cursor = jb_first(jb_container(&list));
	JbItem		first = jb_next(&cursor);

	return psprintf("%d error(s) against the output schema; at \"%s\": %s", (int) JB_ROOT_COUNT(errors),
					path_excerpt(error_text(&first, "path")), agc_shown(error_text(&first, "message"), 500));
}

/* ----- SQL ---------------------------------------------------------------------- */

static Jsonb *
oversized(const ToolDef *tool)
{
	if (tool->output == NULL)
		return NULL;
	return one_error("", "limit", psprintf("it cannot be checked within the limits: it is larger than agentcore.max_args_size, %d kB", agc_max_args_size));
}

/* The arguments (tool, result, tenant); entered, pinned.  *errors NULL: nothing is wrong. */
static AgcObject *
judge_arguments(FunctionCallInfo fcinfo, Jsonb **result, Jsonb **errors)
{
	char	   *name = agc_arg_name(fcinfo, 0, "tool");
	char	   *tenant = agc_arg_tenant(fcinfo, 2);
	AgcObject  *object;

	agc_enter_disabled(tenant, AGC_AGENT);	/* as what it stands beside */
	object = tool_require(tenant, name);
	*result = NULL;
	*errors = NULL;
	if (!PG_ARGISNULL(1) && toast_raw_datum_size(PG_GETARG_DATUM(1)) > (Size) agc_max_args_size * 1024)
		*errors = oversized(object->data);
	else if (!PG_ARGISNULL(1))
		*errors = tool_result_errors(object->data, *result = PG_GETARG_JSONB_P(1));
	return object;
}

/* result_validate(tool, result, tenant) -> jsonb array of errors; '[]' = valid, or not judged */
AGC_FUNCTION(result_validate)
{
	Jsonb	   *result;
	Jsonb	   *errors;

	agc_object_unpin(judge_arguments(fcinfo, &result, &errors));
	PG_RETURN_JSONB_P(errors != NULL ? errors : errors_to_jsonb(errors_new(1)));
}

/* result_feedback(tool, result, tenant) -> text for a model; '' when valid, or not judged */
AGC_FUNCTION(result_feedback)
{
	Jsonb	   *result;
	Jsonb	   *errors;
	AgcObject  *object = judge_arguments(fcinfo, &result, &errors);
	char	   *tool = agc_quoted_name(((const ToolDef *) object->data)->name);

	agc_object_unpin(object);
	if (errors == NULL)
		PG_RETURN_TEXT_P(cstring_to_text(""));
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("Tool %s has run, and its result does not match its output schema:\n%s"
											  "Do not rely on what is named here. Calling %s again would run it again.",
											  tool, schema_told("result", result != NULL ? result : written_json_nothing(), errors), tool)));
}
