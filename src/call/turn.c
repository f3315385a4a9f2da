/*
 * turn.c
 *	  The tool calls of one turn of a model, as its provider writes them.
 *
 * OpenAI (tool_calls of a chat message, function_call items of a response),
 * Anthropic (tool_use blocks), MCP (tools/call requests) and LangChain (tool_call),
 * one or a list of them, or the whole message or response that holds them.  What is
 * a part of such a list and of another type (text, reasoning, what the provider runs
 * itself) is passed over.  What is neither is a call with a problem, so that nothing
 * that somebody meant as a call is lost.
 *
 * Memory: values point into the document.  Locks: none.  On ERROR: raises none but
 * for want of memory.
 */
#include "call/turn.h"

#include "miscadmin.h"

/* A form of calls, by the member "type" of one. */
typedef struct CallForm
{
	const char *type;
	const char *inside;			/* the member that holds name and arguments; NULL: none */
	const char *id;
	const char *args;
	const char *problem;		/* a form that cannot be judged */
} CallForm;

static const CallForm forms[] = {
	{"function", "function", "id", "arguments"},	/* OpenAI chat */
	{"function_call", NULL, "call_id", "arguments"},	/* OpenAI responses */
	{"tool_use", NULL, "id", "input"},	/* Anthropic */
	{"tool_call", NULL, "id", "args"},	/* LangChain */
	{"custom", NULL, NULL, NULL, "a custom tool call, whose input is no JSON"},
	{"custom_tool_call", NULL, NULL, NULL, "a custom tool call, whose input is no JSON"},
};

static bool
get(JsonbContainer *object, const char *name, JsonbValue *value)
{
	return object != NULL && JsonContainerIsObject(object) &&
		getKeyJsonValueFromContainer(object, name, strlen(name), value) != NULL;
}

static bool
is_text(const JsonbValue *value, const char *text)
{
	return value->type == jbvString && value->val.string.len == strlen(text) &&
		memcmp(value->val.string.val, text, strlen(text)) == 0;
}

static JsonbContainer *
get_object(JsonbContainer *object, const char *name)
{
	JsonbValue	value;

	return get(object, name, &value) && value.type == jbvBinary && JsonContainerIsObject(value.val.binary.data) ?
		value.val.binary.data : NULL;
}

static JsonbContainer *
get_array(JsonbContainer *object, const char *name)
{
	JsonbValue	value;

	return get(object, name, &value) && value.type == jbvBinary && JsonContainerIsArray(value.val.binary.data) ?
		value.val.binary.data : NULL;
}

/* ----- one call ----------------------------------------------------------------- */

/* A number is no provider's own id: two requests of two connections have the same one. */
static void
read_call(JsonbContainer *object, const char *args, TurnCall *call)
{
	if (!get(object, "name", &call->name) || call->name.type != jbvString)
		call->problem = "a tool call without a name";
	if (!get(object, args, &call->args))
		call->args.type = jbvNull;
}

static void
read_id(JsonbContainer *object, const char *name, bool is_unique, TurnCall *call)
{
	call->has_id = get(object, name, &call->id) && call->id.type != jbvNull;
	call->id_is_unique = is_unique;
	if (!call->has_id)
		return;
	if (call->id.type == jbvString)
		call->has_id = call->id.val.string.len > 0;
	else if (call->id.type != jbvNumeric || is_unique)
		call->problem = "a tool call whose id is no text";
}

static bool
read_form(JsonbContainer *object, const CallForm *form, TurnCall *call)
{
	call->problem = form->problem;
	if (call->problem == NULL)
	{
		read_id(object, form->id, true, call);
		read_call(form->inside ? get_object(object, form->inside) : object, form->args, call);
	}
	return true;
}

/* Any other request, and every response, asks for no tool. */
static bool
read_rpc(JsonbContainer *object, TurnCall *call)
{
	JsonbValue	method;

	if (!get(object, "method", &method) || !is_text(&method, "tools/call"))
		return false;
	read_id(object, "id", false, call);
	read_call(get_object(object, "params"), "arguments", call);
	return true;
}

/* false: of another kind, and passed over */
static bool
read_element(JsonbContainer *object, TurnCall *call)
{
	JsonbValue	value;

	memset(call, 0, sizeof(*call));
	if (get(object, "type", &value) && value.type == jbvString)
	{
		for (int i = 0; i < lengthof(forms); i++)
			if (is_text(&value, forms[i].type))
				return read_form(object, &forms[i], call);
		return false;
	}
	if (get(object, "jsonrpc", &value) || get(object, "method", &value))
		return read_rpc(object, call);
	if (get_object(object, "function") != NULL)
		return read_form(object, &forms[0], call);
	call->problem = "no tool call";
	return true;
}

/* ----- the whole turn ------------------------------------------------------------- */

/* A response has choices of which one is used, here the first; a choice has a message. */
static JsonbContainer *
message_of(JsonbContainer *object)
{
	JsonbContainer *choices = get_array(object, "choices");
	JsonbValue *first;

	if (choices != NULL && JsonContainerSize(choices) > 0)
	{
		first = getIthJsonbValueFromContainer(choices, 0);
		if (first->type == jbvBinary && get_object(first->val.binary.data, "message") != NULL)
			return get_object(first->val.binary.data, "message");
	}
	return object;
}

/* What holds calls: tool_calls, output or content; NULL: the object is one itself. */
static JsonbContainer *
list_of(JsonbContainer *object)
{
	static const char *const lists[] = {"tool_calls", "output", "content"};

	for (int i = 0; i < lengthof(lists); i++)
		if (get_array(object, lists[i]) != NULL)
			return get_array(object, lists[i]);
	return NULL;
}

static void
tell(JsonbValue *element, void (*each) (const TurnCall *call, void *arg), void *arg)
{
	TurnCall	call = {.problem = "no tool call"};

	if (element->type != jbvBinary || !JsonContainerIsObject(element->val.binary.data) ||
		read_element(element->val.binary.data, &call))
		each(&call, arg);
}

static void
tell_list(JsonbContainer *list, void (*each) (const TurnCall *call, void *arg), void *arg)
{
	for (uint32 i = 0; i < JsonContainerSize(list); i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(list, i);

		CHECK_FOR_INTERRUPTS();
		tell(element, each, arg);
		pfree(element);
	}
}

/* A message that calls no tool has a role, and a text or nothing. */
static bool
is_mere_text(JsonbContainer *object)
{
	JsonbValue	value;

	return get(object, "role", &value) && value.type == jbvString;
}

void
turn_each(Jsonb *turn, void (*each) (const TurnCall *call, void *arg), void *arg)
{
	JsonbContainer *root = &turn->root;
	TurnCall	call;

	if (JB_ROOT_IS_ARRAY(turn) && !JB_ROOT_IS_SCALAR(turn))
		tell_list(root, each, arg);
	else if (!JB_ROOT_IS_OBJECT(turn))
	{
		call = (TurnCall){.problem = "no tool call"};
		each(&call, arg);
	}
	else
	{
		root = message_of(root);
		if (list_of(root) != NULL)
			tell_list(list_of(root), each, arg);
		else if (!is_mere_text(root) && read_element(root, &call))
			each(&call, arg);
	}
}
