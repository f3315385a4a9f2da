/*
 * asks.c
 *	  Asks as a document of the request that they are kept in: what a form shows,
 *	  and what a vote is counted by.
 *
 * Memory: CurrentMemoryContext.  Locks: none.  On ERROR: nothing to undo.
 */
#include "approval/asks.h"

#include "utils/fmgrprotos.h"
#include "utils/json.h"

static void
append_text(StringInfo out, const char *member, const char *value)
{
	appendStringInfo(out, "\"%s\": ", member);
	if (value == NULL)
		appendStringInfoString(out, "null");
	else
		escape_json(out, value);
	appendStringInfoString(out, ", ");
}

static void
append_bind(StringInfo out, const CallAsk *ask)
{
	appendStringInfoString(out, "\"bind\": ");
	if (ask->nbind == 0)
		appendStringInfoString(out, "null");
	for (int i = 0; i < ask->nbind; i++)
	{
		appendStringInfoString(out, i == 0 ? "[" : ", ");
		escape_json(out, ask->bind[i]);
	}
	appendStringInfoString(out, ask->nbind == 0 ? ", " : "], ");
}

Jsonb *
asks_document(const CallAsk *asks, const int *given, int n)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoChar(&out, '[');
	for (int i = 0; i < n; i++)
	{
		appendStringInfoString(&out, i == 0 ? "{" : ", {");
		append_text(&out, "policy", asks[i].policy);
		append_text(&out, "name", asks[i].name);
		append_text(&out, "approvers", asks[i].approvers);
		append_text(&out, "feedback", asks[i].feedback);
		append_bind(&out, &asks[i]);
		appendStringInfo(&out, "\"self\": %s, \"votes\": %d, \"given\": %d}", asks[i].self ? "true" : "false",
						 asks[i].votes, given[i]);
	}
	appendStringInfoChar(&out, ']');
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data)));
}

static JsonbValue *
member_of(JsonbContainer *ask, const char *name, JsonbValue *value)
{
	return JsonContainerIsObject(ask) ? getKeyJsonValueFromContainer(ask, name, strlen(name), value) : NULL;
}

static char *
text_of(JsonbContainer *ask, const char *name)
{
	JsonbValue	value;

	if (member_of(ask, name, &value) == NULL || value.type != jbvString)
		return NULL;
	return pnstrdup(value.val.string.val, value.val.string.len);
}

/* Something that cannot be read needs more votes than anybody gives. */
static int
votes_of(JsonbContainer *ask)
{
	JsonbValue	value;

	if (member_of(ask, "votes", &value) == NULL || value.type != jbvNumeric)
		return PG_INT32_MAX;
	return DatumGetInt32(DirectFunctionCall1(numeric_int4, NumericGetDatum(value.val.numeric)));
}

static bool
self_of(JsonbContainer *ask)
{
	JsonbValue	value;

	return member_of(ask, "self", &value) != NULL && value.type == jbvBool && value.val.boolean;
}

static void
read_bind(JsonbContainer *ask, CallAsk *out)
{
	JsonbValue	value;
	JsonbContainer *list;

	if (member_of(ask, "bind", &value) == NULL || value.type != jbvBinary || !JsonContainerIsArray(value.val.binary.data))
		return;
	list = value.val.binary.data;
	out->bind = palloc(JsonContainerSize(list) * sizeof(char *));
	for (uint32 i = 0; i < JsonContainerSize(list); i++)
	{
		JsonbValue *pointer = getIthJsonbValueFromContainer(list, i);

		if (pointer->type == jbvString)
			out->bind[out->nbind++] = pnstrdup(pointer->val.string.val, pointer->val.string.len);
	}
}

CallAsk *
asks_read(Jsonb *document, int *n)
{
	Jsonb	   *empty = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	CallAsk    *asks;

	*n = JB_ROOT_IS_ARRAY(document) ? JB_ROOT_COUNT(document) : 0;
	asks = palloc0(Max(*n, 1) * sizeof(CallAsk));
	for (int i = 0; i < *n; i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(&document->root, i);
		JsonbContainer *ask = element->type == jbvBinary ? element->val.binary.data : &empty->root;

		asks[i].policy = text_of(ask, "policy");
		asks[i].name = text_of(ask, "name");
		asks[i].approvers = text_of(ask, "approvers");
		asks[i].feedback = text_of(ask, "feedback");
		asks[i].votes = votes_of(ask);
		asks[i].self = self_of(ask);
		read_bind(ask, &asks[i]);
	}
	return asks;
}

int64
asks_decide_within(const CallAsk *asks, int n)
{
	int64		shortest = PG_INT64_MAX;

	for (int i = 0; i < n; i++)
		shortest = Min(shortest, asks[i].decide_within);
	return n == 0 ? agc_approval_decide_within * USECS_PER_SEC : shortest;
}
