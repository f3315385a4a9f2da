/*
 * context_check.c
 *	  What a policy says of a call by its context alone: for policy_simulate(),
 *	  policy_diff() and policy_explain().
 *
 * It is what the stages policy and rules of the gate say, without the checks: they are
 * functions of the business, which answer the gate and nobody else.
 *
 * Memory: CurrentMemoryContext.  Locks: those of agc_object_pin().  On ERROR: pins go
 * at transaction end.
 */
#include "allow/check.h"

#include "allow/call_rule.h"
#include "allow/common.h"

char *
allow_context_tool(Jsonb *document)
{
	const char *member = context_member_name(CONTEXT_TOOL);
	JsonbValue	tool;

	if (document == NULL || !JB_ROOT_IS_OBJECT(document) ||
		getKeyJsonValueFromContainer(&document->root, member, strlen(member), &tool) == NULL || tool.type != jbvString)
		return NULL;
	return pnstrdup(tool.val.string.val, tool.val.string.len);
}

static void
refuse(AllowDecision *out, const char *reason, char *detail)
{
	out->allowed = false;
	out->reason = reason;
	out->detail = detail;
}

/* What the rules say of a call that the tool's name lets pass so far. */
static void
put_judgement(AllowDecision *out, const CallJudgement *judged)
{
	if (judged->reason != NULL)
	{
		refuse(out, judged->reason, judged->detail);
		out->rule = judged->rule;
	}
	else if (judged->nasks > 0)
	{
		refuse(out, REASON_APPROVAL_REQUIRED, psprintf("rule: %s", agc_shown(judged->asks[0].name, AGC_MAX_NAME)));
		out->rule = judged->asks[0].rule;
	}
	else if (judged->observed_reason != NULL)
	{
		out->reason = judged->observed_reason;
		out->detail = judged->observed_detail;
	}
}

/* By its name: true if the rules that look at calls have the word. */
static bool
check_name(const char *tenant, const AgcObject *object, const char *tool, AllowDecision *out)
{
	AllowDecision denial;

	allow_check_tool_pinned(object, tool, out);
	if (strcmp(object->name, COMMON_POLICY) == 0)
	{
		/* what it does not name is the agents' policies' to say */
		if (out->reason != NULL && strcmp(out->reason, REASON_NOT_IN_ALLOWLIST) == 0 && out->rule == 0)
		{
			out->allowed = true;
			out->reason = NULL;
			out->detail = NULL;
		}
		return out->reason == NULL;
	}
	if (out->reason == NULL && allow_common_denies_tool(tenant, tool, &denial))
	{
		refuse(out, denial.reason, denial.detail);
		out->allowed = denial.allowed;
		out->rule = denial.rule;
	}
	return out->reason == NULL;
}

void
allow_check_context_pinned(const char *tenant, const AgcObject *object, Jsonb *document, AllowDecision *out)
{
	RuleContext context;
	CallJudgement judged;
	const char *tool;

	memset(out, 0, sizeof(*out));
	if (document != NULL)
		context_init_document(&context, document);
	tool = allow_context_tool(document);
	if (tool == NULL)
	{
		refuse(out, REASON_NOT_IN_ALLOWLIST, pstrdup(document == NULL ? "context: null" : "tool: null"));
		return;
	}
	if (!check_name(tenant, object, tool, out))
		return;
	call_judge(tenant, object->name, object->data, tool, &context, &judged);
	if (judged.looked || out->by_call || strcmp(object->name, COMMON_POLICY) == 0)
		put_judgement(out, &judged);
}
