/*
 * url_feedback.c
 *	  What a policy would let be fetched instead of a URL that it refuses, in
 *	  words for a model.
 *
 * Only the agent's own policy is told, and only what it allows: hosts, and of the
 * host that was asked for its schemes, ports and methods.  No path, no rule that
 * denies, and nothing of a policy '*' or of another tenant.  A host that one of
 * them denies is left out.
 *
 * Memory: CurrentMemoryContext.  Locks: those of agc_object_pin().  On ERROR: pins
 * go at transaction end.
 */
#include "allow/check.h"

#include "allow/decide.h"
#include "allow/policy_compile.h"
#include "lib/stringinfo.h"

#define WORDS_SHOWN 5

/* Words, each once; the first of them are shown. */
typedef struct Words
{
	StringInfoData text;
	List	   *all;
} Words;

static void
add_word(Words *words, const char *word)
{
	ListCell   *cell;

	foreach(cell, words->all)
		if (strcmp(lfirst(cell), word) == 0)
			return;
	words->all = lappend(words->all, pstrdup(word));
	if (list_length(words->all) <= WORDS_SHOWN)
		appendStringInfo(&words->text, "%s%s", words->text.len > 0 ? ", " : "", word);
}

/* NULL: there are none */
static const char *
shown_words(Words *words)
{
	int			more = list_length(words->all) - WORDS_SHOWN;

	if (more > 0)
		appendStringInfo(&words->text, " and %d more", more);
	return words->all == NIL ? NULL : words->text.data;
}

static Words
new_words(void)
{
	Words		words = {.all = NIL};

	initStringInfo(&words.text);
	return words;
}

static bool
allows_now(const UrlRule *rule, TimestampTz *now)
{
	return rule->effect == RULE_ALLOW &&
		(rule->u.terms == NULL || allow_valid_now(rule->u.terms->valid_from, rule->u.terms->valid_until, now));
}

/* ----- of the host that was asked for --------------------------------------------- */

typedef void (*TermsVisitor) (const RuleTerms *terms, Words *words);

static void
add_ports(const RuleTerms *terms, Words *words)
{
	for (int i = 0; i < terms->nports; i++)
		add_word(words, psprintf("%d", terms->ports[i]));
}

static void
add_methods(const RuleTerms *terms, Words *words)
{
	for (int i = 0; i < terms->nmethods; i++)
		add_word(words, terms->methods[i]);
}

/* What the rules that allow the host say; *covers: there are any. */
static const char *
of_host(const Policy *policy, UrlRequest *request, TermsVisitor visit, bool *covers)
{
	Words		words = new_words();

	*covers = false;
	for (int i = 0; i < policy->nrules; i++)
	{
		const UrlRule *rule = &policy->rules[i];

		if (!allows_now(rule, &request->now) || allow_rule_covers(rule, request, 0) != 0)
			continue;
		*covers = true;
		if (visit != NULL && rule->u.terms != NULL)
			visit(rule->u.terms, &words);
	}
	return shown_words(&words);
}

static const char *
schemes_of(const Policy *policy)
{
	static const AllowScheme all[] = {SCHEME_HTTPS, SCHEME_HTTP, SCHEME_WSS, SCHEME_WS};
	Words		words = new_words();

	for (int i = 0; i < lengthof(all); i++)
		if (policy->schemes & all[i])
			add_word(&words, allow_scheme_name(all[i]));
	return shown_words(&words);
}

static const char *
methods_of(const Policy *policy, UrlRequest *request)
{
	bool		covers;
	const char *methods = of_host(policy, request, add_methods, &covers);
	Words		words = new_words();

	if (methods != NULL)
		return methods;
	for (int i = 0; i < policy->nmethods; i++)
		add_word(&words, policy->methods[i]);
	return shown_words(&words);
}

/* The host is allowed otherwise than it was asked for: NULL: it is not. */
static char *
near_miss(const Policy *policy, UrlRequest *request, const AllowVerdict *verdict)
{
	const char *words;
	bool		covers;

	if (verdict->reason == NULL || verdict->sub == NULL)
		return NULL;
	if (strcmp(verdict->sub, "method") == 0)
	{
		words = methods_of(policy, request);
		return words == NULL ? NULL : psprintf(" Allowed methods: %s.", words);
	}
	if (strcmp(verdict->reason, REASON_NOT_IN_ALLOWLIST) != 0)
		return NULL;
	words = of_host(policy, request, add_ports, &covers);
	if (!covers)
		return NULL;
	if (strcmp(verdict->sub, "scheme") == 0 && policy->schemes != 0)
		return psprintf(" This host is allowed with %s.", schemes_of(policy));
	if (strcmp(verdict->sub, "port") == 0 && words != NULL)
		return psprintf(" This host is allowed at port %s.", words);
	return strcmp(verdict->sub, "path") == 0 ? pstrdup(" Only some paths of this host are allowed.") : NULL;
}

/* ----- other hosts --------------------------------------------------------------------- */

/* Whether something of this one host is denied. */
static bool
is_denied(const char *tenant, const AgcObject *object, const UrlRule *rule)
{
	AllowDecision decision;

	if (rule->pattern.kind != ALLOW_PATTERN_HOST)
		return false;
	allow_check_pinned(object, ALLOW_PLACE, rule->pattern.host, rule->pattern.host_len, NULL, &decision);
	return (decision.reason != NULL && strcmp(decision.reason, REASON_DENYLIST_MATCH) == 0) ||
		allow_common_denies_url(tenant, ALLOW_PLACE, rule->pattern.host, rule->pattern.host_len, NULL, &decision);
}

static char *
other_hosts(const char *tenant, const AgcObject *object)
{
	const Policy *policy = object->data;
	Words		words = new_words();
	TimestampTz now = 0;
	const char *shown;

	if (policy->large != NULL || policy->broken)
		return pstrdup("");
	for (int i = 0; i < policy->nrules; i++)
	{
		const UrlRule *rule = &policy->rules[i];

		if (!allows_now(rule, &now) || is_denied(tenant, object, rule))
			continue;
		if (rule->pattern.kind == ALLOW_PATTERN_ANY)
			return pstrdup(" Other public hosts are allowed.");
		add_word(&words, rule->pattern.text);
	}
	shown = shown_words(&words);
	return shown == NULL ? pstrdup(" No address is allowed here.") : psprintf(" Allowed hosts: %s.", shown);
}

char *
allow_url_instead(const char *tenant, const char *policy, AllowForm form, const char *url, Size len, const char *method,
				  bool *is_near)
{
	AgcObject  *object = policy == NULL ? NULL : agc_object_pin(&allow_policy_class, tenant, policy);
	char		buffer[ALLOW_URL_BUFFER(ALLOW_URL_MAX)];
	AllowUrl	parsed;
	char	   *instead = NULL;

	*is_near = false;
	if (object == NULL)
		return pstrdup("");
	if (allow_form_parse(form, url, len, buffer, &parsed) == URL_OK)
	{
		UrlRequest	request;
		AllowVerdict verdict;

		allow_request_init(&request, &parsed, method);
		request.place = form == ALLOW_PLACE;
		request.any_method = request.place && method == NULL;
		allow_decide_url(object->data, &request, &verdict);
		instead = near_miss(object->data, &request, &verdict);
	}
	*is_near = instead != NULL;
	if (instead == NULL)
		instead = other_hosts(tenant, object);
	agc_object_unpin(object);
	return instead;
}
