/*
 * result_error.c
 *	  Results that say that the call failed, although the call itself came back.
 *
 * The gate keeps no such result in the cache.  What they look like is a table of
 * jsonpath predicates, which result_error_shapes() shows with their sources; a
 * tool whose results have a shape of their own says where its error stands
 * (error_pointer), and then nothing else counts.  A shape has to say that
 * something failed: a result that only contains the word matches none.
 *
 * Memory: the parsed predicates in TopMemoryContext, once per session.  Locks:
 * none.  On ERROR: predicates that were parsed stay; nothing else was changed.
 */
#include "tool/tool.h"

#include "core/row.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tool/provider.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonpath.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

/* a value that brings an error: null, false, "", {} and [] do not; a number may be a measure */
#define FILLED(path) \
	"(" path " == true || " path ".type() == \"string\" && " path " != \"\" || " path ".type() == \"object\" && exists(" path ".keyvalue())" \
	" || " path ".type() == \"array\" && exists(" path "[*]))"
#define ONLY(test)		"!exists($.keyvalue() ? (" test "))"
#define WITHOUT(path, name) "!exists(" path ".keyvalue() ? (@.key == \"" name "\"))"
#define FAILED_BLOCK	"@.type == \"tool_result\" && (@.is_error == true || @.isError == true) || @.toolResult.status == \"error\""
#define FAILED_MESSAGE	"@.type == \"tool\" && @.status == \"error\" && exists(@.tool_call_id)"

typedef struct ErrorShape
{
	const char *shape;
	const char *key;			/* a member that such a result has; NULL: it is an array */
	const char *predicate;		/* jsonpath, strict: nothing is unwrapped, what is missing is not true */
	const char *source;
	const char *as_of;
} ErrorShape;

static const ErrorShape shapes[] = {
	{"mcp", "isError", "strict $.isError == true",
	  "modelcontextprotocol.io/specification: CallToolResult", "2025-11-25"},
	{"mcp in a response", "result", "strict $.result.isError == true",
	  "modelcontextprotocol.io/specification: CallToolResult as the result of tools/call", "2025-11-25"},
	{"json-rpc 2.0", "jsonrpc", "strict $.jsonrpc.type() == \"string\" && ($.error.type() == \"object\" || " FILLED("$.error") ")",
	  "jsonrpc.org/specification: Response object", "2013-01-04"},
	{"json-rpc 1.0", "error", "strict exists($.id) && $.result == null && " FILLED("$.error"),
	  "jsonrpc.org/specification_v1: Response", "2005-01-01"},
	{"tool_result", "is_error", "strict $.is_error == true",
	  "docs.anthropic.com: tool_result blocks; LlamaIndex ToolOutput, AutoGen FunctionExecutionResult", "2026-11-01"},
	{"tool_result in a message", "content", "strict exists($.content[*] ? (" FAILED_BLOCK "))",
	  "docs.anthropic.com, docs.aws.amazon.com: a user message with tool results", "2026-11-01"},
	{"tool_result in a list", NULL, "strict exists($[*] ? (" FAILED_BLOCK "))",
	  "docs.anthropic.com, docs.aws.amazon.com: tool results of one turn", "2026-11-01"},
	{"json-rpc in a batch", NULL, "strict exists($[*] ? (@.jsonrpc.type() == \"string\" && (@.error.type() == \"object\" || @.result.isError == true)))",
	  "jsonrpc.org/specification: Batch", "2013-01-04"},
	{"server tool", "type", "strict $.type like_regex \"_tool_result_error$\" || $.content.type like_regex \"_tool_result_error$\"",
	  "docs.anthropic.com: web_search_tool_result_error and its kin", "2026-11-01"},
	{"error event", "type", "strict $.type == \"error\" && $.error.type() == \"object\"",
	  "docs.anthropic.com: errors; also events of streams", "2026-11-01"},
	{"mcp_call", "type", "strict $.type == \"mcp_call\" && " FILLED("$.error"),
	  "platform.openai.com: Responses, mcp_call items", "2026-11-01"},
	{"langchain", "status", "strict $.status == \"error\" && (exists($.content) || exists($.tool_call_id))",
	  "reference.langchain.com: ToolMessage.status; Bedrock ToolResultBlock", "2026-11-01"},
	{"langchain, dumped", "kwargs", "strict $.lc == 1 && $.kwargs.status == \"error\"",
	  "reference.langchain.com: langchain_core.load.dumpd", "2026-11-01"},
	{"langchain, as a dict", "data", "strict $.type == \"tool\" && $.data.status == \"error\"",
	  "reference.langchain.com: message_to_dict", "2026-11-01"},
	{"langchain in a list", NULL, "strict exists($[*] ? (" FAILED_MESSAGE "))",
	  "reference.langchain.com: ToolMessage.status", "2026-11-01"},
	{"langgraph", "messages", "strict exists($.messages[*] ? (" FAILED_MESSAGE "))",
	  "reference.langchain.com: ToolNode", "2026-11-01"},
	{"bedrock", "toolResult", "strict $.toolResult.status == \"error\"",
	  "docs.aws.amazon.com: Bedrock Converse, ToolResultBlock", "2026-11-01"},
	{"status error, told", "status", "strict $.status == \"error\" && (" FILLED("$.error") " || " FILLED("$.error_message") ")",
	  "google.github.io/adk-docs: function tools", "2026-11-01"},
	{"status error, alone", "status", "strict $.status == \"error\" && " ONLY("@.key != \"status\" && @.key != \"message\" && @.key != \"code\" && @.key != \"data\""),
	  "github.com/omniti-labs/jsend", "2026-11-01"},
	{"ai sdk", "type", "strict ($.type == \"error-text\" || $.type == \"error-json\") && exists($.value) || $.type == \"tool-error\" && exists($.error)"
						" || $.type == \"tool-result\" && ($.output.type == \"error-text\" || $.output.type == \"error-json\")",
	  "ai-sdk.dev: ToolResultOutput, tool-error parts", "2026-11-01"},
	{"gemini", "response", "strict exists($.name) && " WITHOUT("$.response", "output") " && " FILLED("$.response.error"),
	  "ai.google.dev/api: FunctionResponse.response", "2026-11-01"},
	{"gemini, as a part", "functionResponse", "strict " WITHOUT("$.functionResponse.response", "output") " && " FILLED("$.functionResponse.response.error"),
	  "ai.google.dev/api: Part.functionResponse", "2026-11-01"},
	{"error alone", "error", "strict " ONLY("@.key != \"error\"") " && " FILLED("$.error"),
	  "errors of OpenAI, Google and Azure APIs, and of many tools", "2026-11-01"},
	{"not ok, and an error", "error", "strict ($.ok == false || $.success == false) && " FILLED("$.error"),
	  "docs.slack.dev: Web API responses", "2026-11-01"},
	{"http status, and an error", "status", "strict $.status >= 400 && $.status <= 599 && (" FILLED("$.error") " || exists($.type) && exists($.title))",
	  "RFC 9457; Elasticsearch, Spring", "2026-11-01"},
	{"graphql without data", "errors", "strict $.data == null && exists($.errors[*])",
	  "spec.graphql.org: Response", "2025-09-03"},
};

static Datum parsed[lengthof(shapes)];

static Datum
parse_shape(int i)
{
	MemoryContext old;

	if (parsed[i] == 0)
	{
		old = MemoryContextSwitchTo(TopMemoryContext);
		parsed[i] = DirectFunctionCall1(jsonpath_in, CStringGetDatum(shapes[i].predicate));
		MemoryContextSwitchTo(old);
	}
	return parsed[i];
}

/* The operator @@: NULL, also for whatever is wrong in strict mode, is not true. */
static bool
is_match(Jsonb *result, int i)
{
	LOCAL_FCINFO(fcinfo, 2);
	Datum		match;

	InitFunctionCallInfoData(*fcinfo, NULL, 2, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = JsonbPGetDatum(result);
	fcinfo->args[1].value = parse_shape(i);
	fcinfo->args[0].isnull = fcinfo->args[1].isnull = false;
	match = jsonb_path_match_opr(fcinfo);
	return !fcinfo->isnull && DatumGetBool(match);
}

/* The member is looked up first: most results have few of them, and a predicate costs a microsecond. */
static bool
has_error_shape(Jsonb *result)
{
	bool		is_array = JB_ROOT_IS_ARRAY(result) && !JB_ROOT_IS_SCALAR(result);

	for (int i = 0; i < lengthof(shapes); i++)
	{
		const char *key = shapes[i].key;
		JsonbValue	member;

		if (key == NULL ? !is_array :
			!JB_ROOT_IS_OBJECT(result) || getKeyJsonValueFromContainer(&result->root, key, strlen(key), &member) == NULL)
			continue;
		if (is_match(result, i))
			return true;
	}
	return false;
}

/* ----- error_pointer ------------------------------------------------------------ */

/* null, false, "", 0, {} and [] bring no error; everything else does. */
static bool
brings_error(const JbItem *item)
{
	JsonbValue	value;

	if (JBE_ISCONTAINER(item->entry))
		return JsonContainerSize(jb_container(item)) > 0;
	item_to_value(item, &value);
	switch (value.type)
	{
		case jbvBool:
			return value.val.boolean;
		case jbvString:
			return value.val.string.len > 0;
		case jbvNumeric:
			return DatumGetBool(DirectFunctionCall2(numeric_ne, NumericGetDatum(value.val.numeric),
													NumericGetDatum(int64_to_numeric(0))));
		default:
			return false;
	}
}

/* rest NULL: this is the place.  A token "*" is every element of an array. */
static bool
error_stands_at(const JbItem *item, const char *rest)
{
	char	   *token;
	uint32		index;
	JbItem		child;

	if (rest == NULL)
		return brings_error(item);
	token = pointer_next(&rest);
	if (item_is_object(item))
		return object_find_cstring(jb_container(item), token, &child) && error_stands_at(&child, rest);
	if (!item_is_array(item))
		return false;
	if (strcmp(token, "*") == 0)
	{
		JbCursor	elements = jb_first(jb_container(item));

		for (uint32 i = JsonContainerSize(jb_container(item)); i > 0; i--)
		{
			CHECK_FOR_INTERRUPTS();
			child = jb_next(&elements);
			if (error_stands_at(&child, rest))
				return true;
		}
		return false;
	}
	return pointer_index(token, &index) && array_get(jb_container(item), index, &child) &&
		error_stands_at(&child, rest);
}

bool
tool_result_is_error(const ToolDef *tool, Jsonb *result)
{
	JbItem		root;

	if (result == NULL)
		return false;
	if (tool == NULL || tool->error_pointer == NULL)
		return has_error_shape(result);
	root = jb_root(result);
	return error_stands_at(&root, tool->error_pointer);
}

/* ----- SQL ---------------------------------------------------------------------- */

/* result_is_error(result) -> boolean */
AGC_FUNCTION(result_is_error)
{
	PG_RETURN_BOOL(tool_result_is_error(NULL, PG_ARGISNULL(0) ? NULL : PG_GETARG_JSONB_P(0)));
}

/* tool_result_is_error(tool, result, tenant) -> boolean: as the gate looks at it */
AGC_FUNCTION(tool_result_is_error)
{
	char	   *name = agc_arg_name(fcinfo, 0, "tool");
	char	   *tenant = agc_arg_tenant(fcinfo, 2);
	AgcObject  *object;
	bool		is_error;

	agc_enter(tenant, AGC_AGENT);
	object = tool_require(tenant, name);
	is_error = tool_result_is_error(object->data, PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1));
	agc_object_unpin(object);
	PG_RETURN_BOOL(is_error);
}

/* result_error_shapes() -> setof (shape, predicate, source, as_of) */
AGC_FUNCTION(result_error_shapes)
{
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < lengthof(shapes); i++)
	{
		AgcRow		row;

		agc_row_init(&row);
		agc_put_text(&row, shapes[i].shape);
		agc_put(&row, parse_shape(i));
		agc_put_text(&row, shapes[i].source);
		agc_put(&row, DirectFunctionCall1(date_in, CStringGetDatum(shapes[i].as_of)));
		agc_row_store((ReturnSetInfo *) fcinfo->resultinfo, &row);
	}
	return (Datum) 0;
}
