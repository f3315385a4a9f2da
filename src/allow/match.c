/*
 * match.c
 *	  One rule against one request.
 *
 * Memory: the caller's.  Locks: none.  Errors: none.
 */
#include "allow/match.h"

#include "allow/embedded.h"
#include "allow/path.h"

bool
allow_valid_now(TimestampTz from, TimestampTz until, TimestampTz *now)
{
	if (from == DT_NOBEGIN && until == DT_NOEND)
		return true;
	if (*now == 0)
		*now = agc_now();
	return from <= *now && *now < until;
}

/* NULL if the rule fits every request, at any time */
static const RuleTerms *
rule_terms(const UrlRule *rule)
{
	return rule->effect >= RULE_SPECIAL ? NULL : rule->u.terms;
}

void
allow_request_addresses(UrlRequest *request, const AllowIp *ip)
{
	request->addresses[0] = *ip;
	allow_ip_unmap(&request->addresses[0]);
	request->naddresses = 1 + allow_ip_embedded(&request->addresses[0], &request->addresses[1]);
}

void
allow_request_init(UrlRequest *request, const AllowUrl *url, const char *method)
{
	request->url = url;
	request->now = 0;
	request->place = false;
	request->any_method = false;
	request->naddresses = 0;
	request->wildcard = NULL;
	if (url->is_ip)
		allow_request_addresses(request, &url->ip);
	http_method_canonical(method, request->method);
}

/* Without any address the service's name itself is judged: nobody knows what such a host resolves to. */
void
allow_request_embed(UrlRequest *request, const UrlRule *wildcard)
{
	AllowIp		spelled[REQUEST_ADDRESSES / (1 + ALLOW_IP_EMBEDDED)];
	int			count = allow_host_addresses(request->url->host, request->url->host_len, spelled, lengthof(spelled));

	request->wildcard = wildcard;
	request->naddresses = 0;
	if (count <= 0)
		return;
	memset(&request->addresses[0], 0, sizeof(AllowIp));
	request->naddresses = 1;
	for (int i = 0; i < count; i++)
	{
		AllowIp    *ip = &request->addresses[request->naddresses++];

		*ip = spelled[i];
		allow_ip_unmap(ip);
		request->naddresses += allow_ip_embedded(ip, ip + 1);
	}
}

void
allow_request_find_embedded(UrlRequest *request, const Policy *policy)
{
	for (int i = 0; i < policy->nrules && !request->url->is_ip; i++)
		if (policy->rules[i].effect == RULE_WILDCARD && allow_rule_covers(&policy->rules[i], request, 0) == 0)
		{
			allow_request_embed(request, &policy->rules[i]);
			return;
		}
}

int
allow_rule_covers(const UrlRule *rule, const UrlRequest *request, int from)
{
	const AllowPattern *pattern = &rule->pattern;

	if (pattern->kind == ALLOW_PATTERN_ANY)
		return from == 0 ? 0 : -1;
	if (pattern->kind == ALLOW_PATTERN_NETWORK)
	{
		for (int i = from; i < request->naddresses; i++)
			if (allow_ip_in(&request->addresses[i], &pattern->network, pattern->bits))
				return i;
		return -1;
	}
	return from == 0 && !request->url->is_ip &&
		allow_pattern_covers_host(pattern, request->url->host, request->url->host_len) ? 0 : -1;
}

RuleMiss
allow_rule_test(const UrlRule *rule, UrlRequest *request)
{
	const AllowUrl *url = request->url;
	const RuleTerms *terms = rule_terms(rule);
	bool		method;

	if (terms == NULL)
		return MISS_NONE;
	if (terms->ports != NULL && !request->place)
	{
		int			i = 0;

		while (i < terms->nports && terms->ports[i] != url->port)
			i++;
		if (i == terms->nports)
			return MISS_PORT;
	}
	if (!allow_valid_now(terms->valid_from, terms->valid_until, &request->now))
		return MISS_TIME;
	method = request->any_method || allow_method_listed(terms->methods, terms->nmethods, request->method);
	if (terms->path != NULL && !request->place)
	{
		if (url->ambiguous_path)
			return method ? MISS_AMBIGUOUS : MISS_PATH;
		if (!allow_path_covers(terms->path, terms->path_len, url->path, url->path_len))
			return method && rule->effect == RULE_DENY &&
				allow_path_may_cover(terms->path, terms->path_len, url->path, url->path_len) ?
				MISS_AMBIGUOUS : MISS_PATH;
	}
	return method ? MISS_NONE : MISS_METHOD;
}

RuleMiss
allow_rule_test_address(const UrlRule *rule, int port, TimestampTz *now)
{
	const RuleTerms *terms = rule_terms(rule);
	bool		port_fits;

	if (terms == NULL)
		return MISS_NONE;
	port_fits = terms->ports == NULL;
	for (int p = 0; p < terms->nports; p++)
		port_fits |= terms->ports[p] == port;
	if (!allow_valid_now(terms->valid_from, terms->valid_until, now))
		return MISS_TIME;
	if (rule->effect == RULE_ALLOW && (terms->path != NULL || terms->methods != NULL || !port_fits))
		return MISS_PORT;
	if (rule->effect == RULE_DENY && port > 0 && !port_fits)
		return MISS_PORT;
	return MISS_NONE;
}

bool
allow_rule_lifts(const UrlRule *rule, const UrlRule *special)
{
	return rule->effect == RULE_ALLOW && allow_pattern_within(&rule->pattern, &special->pattern);
}
