/*
 * decide.c
 *	  The decision: a canonical URL, a tool or an address against a policy.
 *
 * Reasons to refuse, in this order: the method is not in the policy's list, a
 * deny rule matches, a special range or name matches that no rule lifts, no
 * allow rule matches.  A deny always wins, and the order of rules never matters.
 *
 * A special entry is lifted only by an allow rule that lies inside it and fits
 * the request completely: '*' or 0.0.0.0/0 never open 127.0.0.1, and a rule
 * for GET does not lift the entry for a POST.
 *
 * Memory: candidates on the stack, in CurrentMemoryContext beyond 64 of them.
 * Locks: those of large.c, for a large policy only.  On ERROR: nothing to undo.
 */
#include "allow/decide.h"

#include "allow/call_rule.h"
#include "allow/large.h"
#include "allow/policy_index.h"

#define CANDIDATES 64

typedef struct Candidate
{
	const UrlRule *rule;
	int			address;		/* which of the request's addresses it covers */
	RuleMiss	miss;
} Candidate;

typedef struct Candidates
{
	Candidate	local[CANDIDATES];
	Candidate  *list;
	int			count;
	int			size;
} Candidates;

static void gather(const Policy *policy, UrlRequest *request, Candidates *found);
static bool judge_specials(const UrlRequest *request, const Candidates *found, AllowVerdict *out);
static void judge_allows(const Policy *policy, const UrlRequest *request,
						 const Candidates *found, AllowVerdict *out);

static void
start_candidates(Candidates *found)
{
	found->list = found->local;
	found->count = 0;
	found->size = CANDIDATES;
}

static void
add_candidate(Candidates *found, const UrlRule *rule, int address)
{
	if (found->count == found->size)
	{
		Candidate  *more = palloc(2 * found->size * sizeof(Candidate));

		memcpy(more, found->list, found->count * sizeof(Candidate));
		found->list = more;
		found->size *= 2;
	}
	found->list[found->count].rule = rule;
	found->list[found->count].address = address;
	found->count++;
}

/* Rules for the name and for each of its parent domains, the shortest first. */
static void
gather_host(const Policy *policy, const char *host, int len, Candidates *found)
{
	uint64		hash = HOST_HASH_SEED;

	for (int at = len - 1; at >= 0; at--)
	{
		hash = host_hash_step(hash, host[at]);
		if (at > 0 && host[at - 1] != '.')
			continue;
		for (int i = policy->buckets[hash_bucket(hash) & policy->bucket_mask]; i >= 0;
			 i = policy->rules[i].next)
		{
			const UrlRule *rule = &policy->rules[i];

			if (rule->hash == hash && rule->pattern.host_len == len - at &&
				allow_pattern_covers_host(&rule->pattern, host, len))
				add_candidate(found, rule, 0);
		}
	}
}

/* Rules for networks that hold the address, by each prefix length in use. */
static void
gather_networks(const Policy *policy, const AllowIp *ip, int address, Candidates *found)
{
	const uint32 *used = ip->family == 4 ? policy->bits4 : policy->bits6;
	AllowIp		masked = *ip;

	for (int bits = allow_ip_bits(ip); bits >= 0; bits--)
	{
		uint64		hash;

		if (!bit_is_set(used, bits))
			continue;
		allow_ip_mask(&masked, bits);
		hash = allow_network_hash(&masked, bits);
		for (int i = policy->buckets[hash_bucket(hash) & policy->bucket_mask]; i >= 0;
			 i = policy->rules[i].next)
		{
			const UrlRule *rule = &policy->rules[i];

			if (rule->hash == hash && rule->pattern.kind == ALLOW_PATTERN_NETWORK &&
				rule->pattern.bits == bits && allow_ip_equal(&rule->pattern.network, &masked))
				add_candidate(found, rule, address);
		}
	}
}

/* Rules read from the table, once per address that they cover. */
static void
gather_large(const UrlRule *rules, int count, const UrlRequest *request, Candidates *found)
{
	for (int i = 0; i < count; i++)
		for (int at = allow_rule_covers(&rules[i], request, 0); at >= 0;
			 at = allow_rule_covers(&rules[i], request, at + 1))
			add_candidate(found, &rules[i], at);
}

static void
gather(const Policy *policy, UrlRequest *request, Candidates *found)
{
	if (!request->url->is_ip)
		gather_host(policy, request->url->host, request->url->host_len, found);
	for (int i = 0; i < found->count && request->wildcard == NULL; i++)
		if (found->list[i].rule->effect == RULE_WILDCARD)
			allow_request_embed(request, found->list[i].rule);
	for (int i = request->url->is_ip ? 0 : 1; i < request->naddresses; i++)
		gather_networks(policy, &request->addresses[i], i, found);
	for (int i = 0; i < policy->nalways; i++)
		if (allow_rule_covers(&policy->rules[policy->always[i]], request, 0) == 0)
			add_candidate(found, &policy->rules[policy->always[i]], 0);
}

static void
refuse(AllowVerdict *out, const char *reason, const char *sub, const UrlRule *rule, int address)
{
	out->reason = reason;
	out->sub = sub;
	out->rule = rule;
	out->address = address;
}

void
allow_decide_url(const Policy *policy, UrlRequest *request, AllowVerdict *out)
{
	Candidates	found;
	const Candidate *ambiguous = NULL;
	const Candidate *deny = NULL;

	memset(out, 0, sizeof(*out));
	start_candidates(&found);
	if (policy->large != NULL)
	{
		int			count;
		const UrlRule *rules = allow_large_url(&policy, request, &count);

		gather_large(rules, count, request, &found);
	}
	if (policy->broken)
	{
		refuse(out, REASON_NOT_IN_ALLOWLIST, "policy", NULL, 0);
		return;
	}
	if (!request->any_method &&
		(request->method[0] == '\0' || !allow_method_listed(policy->methods, policy->nmethods, request->method)))
	{
		refuse(out, REASON_METHOD_BLOCKED, "method", NULL, 0);
		return;
	}
	gather(policy, request, &found);
	for (int i = 0; i < found.count; i++)
	{
		Candidate  *c = &found.list[i];

		c->miss = allow_rule_test(c->rule, request);
		if (c->rule->effect != RULE_DENY)
			continue;
		if (c->miss == MISS_AMBIGUOUS)
			ambiguous = c;
		/* the answer names the oldest rule, whatever the order of the index */
		else if (c->miss == MISS_NONE && (deny == NULL || c->rule->id < deny->rule->id))
			deny = c;
	}
	if (deny != NULL)
		refuse(out, REASON_DENYLIST_MATCH, "rule", deny->rule, deny->address);
	else if (ambiguous != NULL)
		refuse(out, REASON_INVALID_URL, allow_url_error_name(URL_AMBIGUOUS_PATH), ambiguous->rule, 0);
	else if (!judge_specials(request, &found, out))
		judge_allows(policy, request, &found, out);
	if (found.list != found.local)
		pfree(found.list);
}

/*
 * How close the best allow rule comes to lifting this entry.  A rule that names
 * the host lifts what is found of the addresses in its name.
 */
static RuleMiss
nearest_lift(const UrlRequest *request, const Candidates *found, const Candidate *special)
{
	RuleMiss	best = MISS_HOST;

	for (int i = 0; i < found->count; i++)
	{
		const Candidate *c = &found->list[i];

		if (c->miss > best && (c->address == special->address ? allow_rule_lifts(c->rule, special->rule) :
							   request->wildcard != NULL && c->address == 0 && allow_rule_lifts(c->rule, request->wildcard)))
			best = c->miss;
	}
	return best;
}

/*
 * True if a special entry refuses the request.  If each such entry would be
 * lifted for another method, the refusal is for the method.
 */
static bool
judge_specials(const UrlRequest *request, const Candidates *found, AllowVerdict *out)
{
	const Candidate *method = NULL;

	for (int i = 0; i < found->count; i++)
	{
		const Candidate *c = &found->list[i];
		RuleMiss	best;

		/* a name that spells no address is judged as the name that it is */
		if (c->rule->effect != RULE_SPECIAL && !(c->rule->effect == RULE_WILDCARD && request->naddresses == 0))
			continue;
		best = nearest_lift(request, found, c);
		if (best == MISS_METHOD)
			method = c;
		else if (best != MISS_NONE)
		{
			refuse(out, REASON_DENYLIST_MATCH,
				   c->rule->pattern.kind == ALLOW_PATTERN_NETWORK ? "special_range" : "special_name",
				   c->rule, c->address);
			return true;
		}
	}
	if (method != NULL)
		refuse(out, REASON_METHOD_BLOCKED, "method", NULL, 0);
	return method != NULL;
}

/* A rule for an embedded address can lift an entry, but only a rule for the host's own address allows. */
static void
judge_allows(const Policy *policy, const UrlRequest *request,
			 const Candidates *found, AllowVerdict *out)
{
	static const char *const subs[] = {"host", "port", "time", "path", "ambiguous_path", "method"};
	const Candidate *best = NULL;

	for (int i = 0; i < found->count; i++)
	{
		const Candidate *c = &found->list[i];

		if (c->rule->effect != RULE_ALLOW || c->address != 0)
			continue;
		if (best == NULL || c->miss > best->miss ||
			(c->miss == best->miss && c->rule->id < best->rule->id))
			best = c;
	}
	if (!request->place && !(policy->schemes & request->url->scheme))
		refuse(out, REASON_NOT_IN_ALLOWLIST, "scheme", NULL, 0);
	else if (best == NULL)
		refuse(out, REASON_NOT_IN_ALLOWLIST, "host", NULL, 0);
	else if (best->miss == MISS_NONE)
		out->rule = best->rule;
	else if (best->miss == MISS_METHOD)
		refuse(out, REASON_METHOD_BLOCKED, "method", best->rule, 0);
	else if (best->miss == MISS_AMBIGUOUS)
		refuse(out, REASON_INVALID_URL, allow_url_error_name(URL_AMBIGUOUS_PATH), best->rule, 0);
	else
		refuse(out, REASON_NOT_IN_ALLOWLIST, subs[best->miss], best->rule, 0);
}

char *
allow_url_detail(const AllowVerdict *verdict, const UrlRequest *request)
{
	const AllowUrl *url = request->url;
	char		ip[ALLOW_IP_TEXT];

	if (verdict->reason == NULL)
		return NULL;
	if (verdict->rule != NULL && verdict->rule->effect != RULE_ALLOW)
	{
		const UrlRule *rule = verdict->rule;
		char	   *pattern = agc_shown(rule->pattern.text, ALLOW_PATTERN_TEXT);

		if (rule->pattern.kind != ALLOW_PATTERN_NETWORK)
			return psprintf("%s: %.*s matches %s", verdict->sub, url->host_len, url->host, pattern);
		allow_ip_format(&request->addresses[verdict->address], ip);
		return rule->effect == RULE_DENY ?
			psprintf("%s: %s matches %s", verdict->sub, ip, pattern) :
			psprintf("%s: %s matches %s (%s)", verdict->sub, ip, pattern, rule->u.name);
	}
	if (strcmp(verdict->sub, "method") == 0)
		return psprintf("method: %s", request->method[0] ? agc_shown(request->method, AGC_NAME_SHOWN) : "not an HTTP method");
	if (strcmp(verdict->sub, "scheme") == 0)
		return psprintf("scheme: %s", allow_scheme_name(url->scheme));
	if (strcmp(verdict->sub, "port") == 0)
		return psprintf("port: %d of %.*s", url->port, url->host_len, url->host);
	if (strcmp(verdict->sub, "policy") == 0)
		return pstrdup("policy: it cannot be compiled");
	return psprintf("%s: %.*s", verdict->sub, url->host_len, url->host);
}

/* Keeps the oldest matching rule of each effect, the one that the answer names. */
static void
weigh_tool(const ToolRule *rule, const char *tool, TimestampTz *now,
		   const ToolRule **allow, const ToolRule **deny)
{
	const ToolRule **best = rule->effect == RULE_DENY ? deny : allow;

	if ((rule->prefix ? strncmp(rule->pattern, tool, rule->len) : strcmp(rule->pattern, tool)) == 0 &&
		(*best == NULL || rule->id < (*best)->id) &&
		allow_valid_now(rule->valid_from, rule->valid_until, now))
		*best = rule;
}

/* Whether a rule that looks at the call can allow the tool, itself or by asking a person. */
static bool
may_allow_call(const Policy *policy, const char *tool, TimestampTz *now)
{
	const CallRule *rule;
	int			at = 0;

	while (policy->calls != NULL && (rule = call_rules_next(policy->calls, tool, &at)) != NULL)
		if (rule->effect != CALL_DENY && !rule->audit && allow_valid_now(rule->valid_from, rule->valid_until, now))
			return true;
	return false;
}

void
allow_decide_tool(const Policy *policy, const char *tool, AllowVerdict *out)
{
	TimestampTz now = 0;
	const ToolRule *allow = NULL;
	const ToolRule *deny = NULL;
	uint64		hash = allow_tool_hash(tool);

	memset(out, 0, sizeof(*out));
	if (policy->large != NULL)
	{
		int			count;
		const ToolRule *rules = allow_large_tool(&policy, tool, &count);

		for (int i = 0; i < count; i++)
			weigh_tool(&rules[i], tool, &now, &allow, &deny);
	}
	for (int i = policy->tool_buckets[hash_bucket(hash) & policy->tool_mask]; i >= 0;
		 i = policy->tools[i].next)
		if (policy->tools[i].hash == hash)
			weigh_tool(&policy->tools[i], tool, &now, &allow, &deny);
	for (int i = 0; i < policy->nprefixes; i++)
		weigh_tool(&policy->tools[policy->prefixes[i]], tool, &now, &allow, &deny);

	if (policy->broken)
		refuse(out, REASON_NOT_IN_ALLOWLIST, "policy", NULL, 0);
	else if (deny != NULL)
		refuse(out, REASON_DENYLIST_MATCH, "rule", NULL, 0);
	else if (allow == NULL && may_allow_call(policy, tool, &now))
		out->by_call = true;
	else if (allow == NULL)
		refuse(out, REASON_NOT_IN_ALLOWLIST, "tool", NULL, 0);
	out->tool = deny != NULL ? deny : allow;
}

/*
 * An address that a client resolved.  Any deny rule that could apply denies it,
 * and so does a special range.  Only a rule without path and methods lifts a
 * range here, because the question names neither; a rule with ports does so only
 * if the port is known.
 */
void
allow_decide_ip(const Policy *policy, const AllowIp *ip, int port, AllowVerdict *out)
{
	UrlRequest	request = {0};
	Candidates	found;
	const Candidate *deny = NULL;

	memset(out, 0, sizeof(*out));
	allow_request_addresses(&request, ip);
	start_candidates(&found);
	if (policy->large != NULL)
	{
		int			count;
		const UrlRule *rules = allow_large_url(&policy, &request, &count);

		gather_large(rules, count, &request, &found);
	}
	if (policy->broken)
	{
		refuse(out, REASON_NOT_IN_ALLOWLIST, "policy", NULL, 0);
		return;
	}
	for (int i = 0; i < request.naddresses; i++)
		gather_networks(policy, &request.addresses[i], i, &found);
	for (int i = 0; i < policy->nalways; i++)
		if (policy->rules[policy->always[i]].effect == RULE_DENY)
			add_candidate(&found, &policy->rules[policy->always[i]], 0);

	for (int i = 0; i < found.count; i++)
	{
		Candidate  *c = &found.list[i];

		c->miss = allow_rule_test_address(c->rule, port, &request.now);
		if (c->rule->effect == RULE_DENY && c->miss == MISS_NONE &&
			(deny == NULL || c->rule->id < deny->rule->id))
			deny = c;
	}
	if (deny != NULL)
		refuse(out, REASON_DENYLIST_MATCH, "rule", deny->rule, deny->address);
	else
		(void) judge_specials(&request, &found, out);
	if (found.list != found.local)
		pfree(found.list);
}
