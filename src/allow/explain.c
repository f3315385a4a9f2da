/*
 * explain.c
 *	  Every rule of a policy and what it says to one request, or to one call.
 *
 * Asks every rule by itself, one after the other, without the index that
 * decisions use.  If the two disagree, one of them is wrong; the tests compare
 * them.
 *
 * Memory: a tuplestore.  Locks: those of agc_object_pin().  On ERROR: pins go
 * at transaction end.
 */
#include "allow/call_rules.h"
#include "allow/check.h"
#include "allow/common.h"
#include "allow/large.h"
#include "allow/match.h"
#include "allow/pin.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

static const char *const effect_names[] = {"allow", "deny", "special", "special"};

static const char *
miss_text(RuleMiss miss, bool covered)
{
	static const char *const texts[] = {
		"host", "port", "not valid now", "path", "path is ambiguous", "method", "matches"
	};

	return covered ? texts[miss] : texts[MISS_HOST];
}

static void
put_row(ReturnSetInfo *rsinfo, int64 rule, const char *effect, const char *pattern,
		bool matched, const char *why, const char *name)
{
	AgcRow		row;

	agc_row_init(&row);
	agc_put_datum(&row, Int64GetDatum(rule), rule == 0);
	agc_put_text(&row, effect);
	agc_put_text(&row, pattern);
	agc_put_bool(&row, matched);
	agc_put_text(&row, why);
	agc_put_text(&row, name);
	agc_put_null(&row);
	agc_put_null(&row);
	agc_row_store(rsinfo, &row);
}

static void
put_decision(ReturnSetInfo *rsinfo, const AllowDecision *decision)
{
	put_row(rsinfo, decision->rule, "decision", NULL, decision->allowed,
			decision->reason == NULL ? NULL : psprintf("%s (%s)", decision->reason, decision->detail), NULL);
}

typedef struct Explanation
{
	ReturnSetInfo *rsinfo;
	UrlRequest *request;
} Explanation;

/* Of the special entries only those that match are shown, because there are many. */
static void
put_rule(const UrlRule *rule, void *arg)
{
	Explanation *explanation = arg;
	UrlRequest *request = explanation->request;
	bool		covered = allow_rule_covers(rule, request, 0) >= 0;
	RuleMiss	miss = allow_rule_test(rule, request);

	CHECK_FOR_INTERRUPTS();
	if (rule->effect < RULE_SPECIAL)
		put_row(explanation->rsinfo, rule->id, effect_names[rule->effect], rule->pattern.text,
				covered && miss == MISS_NONE, miss_text(miss, covered), NULL);
	else if (covered)
		put_row(explanation->rsinfo, 0, effect_names[rule->effect], rule->pattern.text, true, rule->u.name, NULL);
}

static void
put_rules(ReturnSetInfo *rsinfo, const Policy *policy, UrlRequest *request)
{
	Explanation explanation = {rsinfo, request};

	for (int i = 0; i < policy->nrules; i++)
		put_rule(&policy->rules[i], &explanation);
	if (policy->large != NULL)
		allow_large_each(policy, put_rule, &explanation);
}

static void
explain_url(ReturnSetInfo *rsinfo, const AgcObject *object, const text *url, const char *method)
{
	char		buffer[ALLOW_URL_BUFFER(ALLOW_URL_MAX)];
	AllowUrl	parsed;
	UrlRequest	request;
	AllowDecision decision = {0};

	if (url != NULL &&
		allow_url_parse(VARDATA_ANY(url), VARSIZE_ANY_EXHDR(url), buffer, &parsed) == URL_OK)
	{
		allow_request_init(&request, &parsed, method);
		allow_request_find_embedded(&request, object->data);
		put_rules(rsinfo, object->data, &request);
	}
	allow_check_pinned(object, ALLOW_URL, url == NULL ? NULL : VARDATA_ANY(url),
					   url == NULL ? 0 : VARSIZE_ANY_EXHDR(url), method, &decision);
	put_decision(rsinfo, &decision);
}

/* ----- a call ------------------------------------------------------------------ */

static bool
names(const ToolRule *rule, const char *tool)
{
	return (rule->prefix ? strncmp(rule->pattern, tool, rule->len) : strcmp(rule->pattern, tool)) == 0;
}

static void
put_tool_rule(ReturnSetInfo *rsinfo, const ToolRule *rule, const char *tool)
{
	TimestampTz now = 0;
	bool		covered = names(rule, tool);
	bool		valid = allow_valid_now(rule->valid_from, rule->valid_until, &now);

	put_row(rsinfo, rule->id, effect_names[rule->effect], rule->pattern, covered && valid,
			!covered ? "tool" : valid ? "matches" : "not valid now", rule->name);
}

/* Those of a large policy that match, because the others stay in their table. */
static void
put_tool_rules(ReturnSetInfo *rsinfo, const Policy *policy, const char *tool)
{
	for (int i = 0; i < policy->ntools; i++)
		put_tool_rule(rsinfo, &policy->tools[i], tool);
	if (policy->large != NULL)
	{
		int			count;
		const ToolRule *rules = allow_large_tool(&policy, tool, &count);

		for (int i = 0; i < count; i++)
			put_tool_rule(rsinfo, &rules[i], tool);
	}
}

static void
put_word(ReturnSetInfo *rsinfo, const RuleWord *word)
{
	static const char *const truths[] = {"false", "unknown", "true"};
	bool		applies = strcmp(word->effect, "allow") == 0 ? word->truth == TRUTH_TRUE : word->truth != TRUTH_FALSE;
	AgcRow		row;

	agc_row_init(&row);
	agc_put_int64(&row, word->id);
	agc_put_text(&row, word->effect);
	agc_put_text(&row, word->pattern);
	agc_put_bool(&row, applies);
	agc_put_text(&row, word->audit ? "audit: reported, not enforced" : strcmp(word->policy, COMMON_POLICY) == 0 ? "of policy *" : NULL);
	agc_put_text(&row, word->name);
	agc_put_text(&row, truths[word->truth]);
	agc_put_text(&row, word->pointer);
	agc_row_store(rsinfo, &row);
}

/* The context with the tool in it; tool may be NULL. */
static Jsonb *
call_context(const char *tool, Jsonb *context)
{
	JsonbParseState *state = NULL;
	Jsonb	   *named;

	if (tool == NULL)
		return context;
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	agc_push_text(&state, WJB_KEY, "tool");
	agc_push_text(&state, WJB_VALUE, tool);
	named = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
	if (context == NULL || !JB_ROOT_IS_OBJECT(context))
		return context == NULL ? named : context;
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(context), JsonbPGetDatum(named)));
}

static void
explain_call(ReturnSetInfo *rsinfo, const AgcObject *object, Jsonb *document)
{
	char	   *tool;
	RuleContext context;
	AllowDecision decision;
	ListCell   *cell;

	context_init_document(&context, document);
	tool = allow_context_tool(document);
	if (tool != NULL)
	{
		put_tool_rules(rsinfo, object->data, tool);
		foreach(cell, allow_explain_call(object->tenant, object->name, tool, &context))
			put_word(rsinfo, lfirst(cell));
	}
	allow_check_context_pinned(object->tenant, object, document, &decision);
	put_decision(rsinfo, &decision);
}

/* policy_explain(policy, url, method, tool, context, tenant) -> setof agentcore.policy_explanation */
AGC_FUNCTION(policy_explain)
{
	char	   *name = agc_arg_name(fcinfo, 0, "policy");
	text	   *url = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1);
	char	   *method = agc_opt_text(fcinfo, 2);
	Jsonb	   *context = call_context(agc_opt_name(fcinfo, 3, "tool"), agc_opt_jsonb(fcinfo, 4, "context"));
	char	   *tenant = agc_arg_tenant_or_every(fcinfo, 5);
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	AgcObject  *object;

	if (url != NULL && context != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a URL and a call exclude each other")));
	agc_enter(tenant, AGC_READER);
	object = allow_pin_policy(tenant, name);
	InitMaterializedSRF(fcinfo, 0);
	if (context != NULL)
		explain_call(rsinfo, object, context);
	else
		explain_url(rsinfo, object, url, method);
	agc_object_unpin(object);
	return (Datum) 0;
}
