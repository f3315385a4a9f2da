/*
 * explain.c
 *	  Every rule of a policy and what it says to one request.
 *
 * Asks every rule by itself, one after the other, without the index that
 * decisions use.  If the two disagree, one of them is wrong; the tests compare
 * them.
 *
 * Memory: a tuplestore.  Locks: those of agc_object_pin().  On ERROR: pins go
 * at transaction end.
 */
#include "allow/allow.h"
#include "allow/large.h"
#include "allow/match.h"
#include "allow/pin.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

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
		bool matched, const char *why)
{
	AgcRow		row;

	agc_row_init(&row);
	agc_put_datum(&row, Int64GetDatum(rule), rule == 0);
	agc_put_text(&row, effect);
	agc_put_text(&row, pattern);
	agc_put_bool(&row, matched);
	agc_put_text(&row, why);
	agc_row_store(rsinfo, &row);
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
				covered && miss == MISS_NONE, miss_text(miss, covered));
	else if (covered)
		put_row(explanation->rsinfo, 0, effect_names[rule->effect], rule->pattern.text, true, rule->u.name);
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

/* policy_explain(policy, url, method, tenant) -> setof agentcore.policy_explanation */
AGC_FUNCTION(policy_explain)
{
	char	   *name = agc_arg_name(fcinfo, 0, "policy");
	text	   *url = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1);
	char	   *method = agc_opt_text(fcinfo, 2);
	char	   *tenant = agc_arg_tenant_or_every(fcinfo, 3);
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	char		buffer[ALLOW_URL_BUFFER(ALLOW_URL_MAX)];
	AllowUrl	parsed;
	UrlRequest	request;
	AllowDecision decision;
	AgcObject  *object;

	agc_enter(tenant, AGC_READER);
	object = allow_pin_policy(tenant, name);
	InitMaterializedSRF(fcinfo, 0);
	if (url != NULL &&
		allow_url_parse(VARDATA_ANY(url), VARSIZE_ANY_EXHDR(url), buffer, &parsed) == URL_OK)
	{
		allow_request_init(&request, &parsed, method);
		allow_request_find_embedded(&request, object->data);
		put_rules(rsinfo, object->data, &request);
	}
	allow_check_url(tenant, name, ALLOW_URL, url == NULL ? NULL : VARDATA_ANY(url),
					url == NULL ? 0 : VARSIZE_ANY_EXHDR(url), method, &decision);
	put_row(rsinfo, decision.rule, "decision", NULL, decision.allowed,
			decision.reason == NULL ? NULL :
			psprintf("%s (%s)", decision.reason, decision.detail));
	agc_object_unpin(object);
	return (Datum) 0;
}
