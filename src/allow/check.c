/*
 * check.c
 *	  Asking the allowlist, from SQL and from the gate.
 *
 * An entry point pins the compiled policy, parses, decides, copies what it
 * returns, and unpins.  url_allowed() does the same without building texts.
 *
 * Memory: results in CurrentMemoryContext; the canonical URL is built in a
 * buffer on the stack.  Locks: those of agc_object_pin().  On ERROR: pins
 * go at transaction end.
 */
#include "allow/check.h"

#include <sys/socket.h>

#include "allow/decide.h"
#include "allow/part.h"
#include "allow/pin.h"
#include "allow/policy_compile.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inet.h"

/* The verdicts on a NULL url and a NULL method, which no mode of a policy lets pass. */
static const AllowVerdict null_url = {.reason = REASON_INVALID_URL, .sub = "null"};
static const AllowVerdict null_method = {.reason = REASON_METHOD_BLOCKED, .sub = "null"};

/* whether a verdict allows, in the mode of the policy */
static bool
verdict_allows(const Policy *policy, const AllowVerdict *verdict)
{
	if (verdict == &null_url || verdict == &null_method)
		return false;
	if (verdict->reason == NULL || policy->mode == POLICY_OFF)
		return true;
	return policy->mode == POLICY_AUDIT && !policy->broken;
}

/*
 * Facts about a URL that was refused.  They never include a piece of the text
 * that could be userinfo or a query: only a scheme, or the address that was
 * meant.  In "user:password@host" the text before the colon is not a scheme.
 */
static char *
refused_url_detail(AllowUrlError error, const char *url, Size len, const AllowUrl *parsed)
{
	const char *name = allow_url_error_name(error);
	int			scheme_len = allow_url_scheme_len(url, len);
	char		ip[ALLOW_IP_TEXT];

	if (error == URL_SCHEME && scheme_len > 0 &&
		(memchr(url, '@', len) == NULL ||
		 (len - scheme_len >= 3 && memcmp(url + scheme_len, "://", 3) == 0)))
		return psprintf("%s: %.*s", name, scheme_len, url);
	if (error == URL_NONCANONICAL_IPV4)
	{
		allow_ip_format(&parsed->ip, ip);
		return psprintf("%s: %s", name, ip);
	}
	if (error == URL_TOO_LONG)
		return psprintf("%s: more than %d bytes", name, ALLOW_URL_MAX);
	return pstrdup(name);
}

static void
set_decision(AllowDecision *out, const AgcObject *object, const AllowVerdict *verdict)
{
	const Policy *policy = object->data;

	out->revision = object->revision;
	out->strict_urls = policy->strict_urls && policy->mode != POLICY_OFF;
	out->audited = policy->mode == POLICY_AUDIT && !policy->broken;
	out->allowed = verdict_allows(policy, verdict);
	if (policy->mode != POLICY_OFF || !out->allowed)
		out->reason = verdict->reason;
	out->rule = verdict->rule != NULL ? verdict->rule->id :
		verdict->tool != NULL ? verdict->tool->id : 0;
}

AllowUrlError
allow_form_parse(AllowForm form, const char *text, Size len, char *buffer, AllowUrl *out)
{
	static AllowUrlError (*const parsers[])(const char *text, Size len, char *buffer, AllowUrl *out) = {
		allow_url_parse, allow_template_parse, allow_place_parse
	};

	return parsers[form](text, len, buffer, out);
}

void
allow_check_pinned(const AgcObject *object, AllowForm form, const char *url, Size len, const char *method,
				   AllowDecision *out)
{
	char		buffer[ALLOW_URL_BUFFER(ALLOW_URL_MAX)];
	AllowUrl	parsed;
	AllowUrlError error;
	UrlRequest	request;
	AllowVerdict verdict = {.reason = REASON_INVALID_URL};

	if (url == NULL || (method == NULL && form != ALLOW_PLACE))
	{
		set_decision(out, object, url == NULL ? &null_url : &null_method);
		out->detail = pstrdup(url == NULL ? "null" : "method: null");
		return;
	}
	error = allow_form_parse(form, url, len, buffer, &parsed);
	if (error != URL_OK)
	{
		set_decision(out, object, &verdict);
		if (out->reason != NULL)
			out->detail = refused_url_detail(error, url, len, &parsed);
		return;
	}
	allow_request_init(&request, &parsed, method);
	request.place = form == ALLOW_PLACE;
	request.any_method = request.place && method == NULL;
	allow_decide_url(object->data, &request, &verdict);
	set_decision(out, object, &verdict);
	if (out->reason != NULL)
		out->detail = allow_url_detail(&verdict, &request);
	out->url = pnstrdup(parsed.url, parsed.len);
	out->host = pnstrdup(parsed.host, parsed.host_len);
	out->port = parsed.port;
}

static char *
tool_rule_detail(const ToolRule *rule, const char *tool)
{
	char	   *matches = psprintf("%s matches %s", agc_shown(tool, AGC_MAX_NAME), agc_shown(rule->pattern, AGC_MAX_NAME));

	return rule->name == NULL ? psprintf("rule: %s", matches) :
		psprintf("rule: %s (%s)", agc_shown(rule->name, AGC_MAX_NAME), matches);
}

void
allow_check_tool_pinned(const AgcObject *object, const char *tool, AllowDecision *out)
{
	const Policy *policy = object->data;
	AllowVerdict verdict;

	allow_decide_tool(policy, tool, &verdict);
	set_decision(out, object, &verdict);
	out->by_call = verdict.by_call && policy->mode != POLICY_OFF;
	out->judges_calls = policy->mode != POLICY_OFF && (policy->calls != NULL || policy->has_checks);
	if (verdict.tool != NULL && verdict.tool->feedback != NULL)
		out->feedback = pstrdup(verdict.tool->feedback);
	if (out->reason == NULL)
		return;
	if (strcmp(verdict.sub, "rule") == 0)
		out->detail = tool_rule_detail(verdict.tool, tool);
	else if (strcmp(verdict.sub, "policy") == 0)
		out->detail = pstrdup("policy: it cannot be compiled");
	else
		out->detail = psprintf("tool: %s", agc_shown(tool, AGC_MAX_NAME));
}

static AgcObject *
pin_or_deny(const char *tenant, const char *policy, AllowDecision *out)
{
	AgcObject  *object = policy == NULL ? NULL : agc_object_pin(&allow_policy_class, tenant, policy);

	memset(out, 0, sizeof(*out));
	if (object == NULL)
	{
		out->reason = REASON_NOT_IN_ALLOWLIST;
		out->detail = policy == NULL ? pstrdup("policy: null") :
			psprintf("policy: %s does not exist", agc_quoted_name(policy));
	}
	return object;
}

void
allow_check_url(const char *tenant, const char *policy, AllowForm form, const char *url, Size urllen,
				const char *method, AllowDecision *out)
{
	AgcObject  *object = pin_or_deny(tenant, policy, out);

	if (object == NULL)
		return;
	allow_check_pinned(object, form, url, urllen, method, out);
	agc_object_unpin(object);
}

void
allow_check_tool(const char *tenant, const char *policy, const char *tool, AllowDecision *out)
{
	AgcObject  *object = pin_or_deny(tenant, policy, out);

	if (object == NULL)
		return;
	if (tool == NULL)
	{
		out->reason = REASON_NOT_IN_ALLOWLIST;
		out->detail = pstrdup("tool: null");
		out->revision = object->revision;
	}
	else
		allow_check_tool_pinned(object, tool, out);
	agc_object_unpin(object);
}

void
allow_put_decision(AgcRow *row, const AllowDecision *decision)
{
	agc_put_bool(row, decision->allowed);
	agc_put_text(row, decision->reason);
	agc_put_text(row, decision->detail);
	agc_put_text(row, decision->url);
	agc_put_text(row, decision->host);
	agc_put_datum(row, Int32GetDatum(decision->port), decision->port == 0);
	agc_put_datum(row, Int64GetDatum(decision->rule), decision->rule == 0);
	agc_put_int64(row, decision->revision);
}

/* url_check(policy, url, method, tenant) -> agentcore.url_decision */
AGC_FUNCTION(url_check)
{
	char	   *policy = agc_arg_name(fcinfo, 0, "policy");
	text	   *url = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1);
	char	   *method = agc_opt_text(fcinfo, 2);
	char	   *tenant = agc_arg_tenant(fcinfo, 3);
	AllowDecision decision = {0};
	AgcObject  *object;
	AgcRow		row;

	agc_enter(tenant, AGC_AGENT);
	object = allow_pin_policy(tenant, policy);
	allow_check_pinned(object, ALLOW_URL, url == NULL ? NULL : VARDATA_ANY(url),
					   url == NULL ? 0 : VARSIZE_ANY_EXHDR(url), method, &decision);
	agc_object_unpin(object);

	agc_row_init(&row);
	allow_put_decision(&row, &decision);
	return agc_row_return(fcinfo, &row);
}

/* url_allowed(policy, url, method, tenant) -> boolean */
AGC_FUNCTION(url_allowed)
{
	char	   *policy_name = agc_arg_name(fcinfo, 0, "policy");
	text	   *url = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1);
	char	   *method = agc_opt_text(fcinfo, 2);
	char	   *tenant = agc_arg_tenant(fcinfo, 3);
	char		buffer[ALLOW_URL_BUFFER(ALLOW_URL_MAX)];
	AllowUrl	parsed;
	UrlRequest	request;
	AllowVerdict verdict = {.reason = REASON_INVALID_URL};
	AgcObject  *object;
	bool		allowed = false;

	agc_enter(tenant, AGC_AGENT);
	object = allow_pin_policy(tenant, policy_name);
	if (url != NULL && method != NULL)
	{
		if (allow_url_parse(VARDATA_ANY(url), VARSIZE_ANY_EXHDR(url), buffer, &parsed) == URL_OK)
		{
			allow_request_init(&request, &parsed, method);
			allow_decide_url(object->data, &request, &verdict);
		}
		allowed = verdict_allows(object->data, &verdict);
	}
	agc_object_unpin(object);
	PG_RETURN_BOOL(allowed);
}

/* What no rule allows by its name is not allowed, whatever the gate may find in a call. */
static void
refuse_by_name(AllowDecision *decision)
{
	decision->allowed = decision->audited;
	decision->reason = REASON_NOT_IN_ALLOWLIST;
	decision->detail = pstrdup("rule: it looks at the call, so call_begin() decides");
}

/* tool_check(policy, tool, tenant) -> agentcore.tool_decision */
AGC_FUNCTION(tool_check)
{
	char	   *policy = agc_arg_name(fcinfo, 0, "policy");
	char	   *tool = agc_opt_text(fcinfo, 1);
	char	   *tenant = agc_arg_tenant(fcinfo, 2);
	AllowDecision decision = {0};
	AgcRow		row;

	agc_enter(tenant, AGC_AGENT);
	if (!allow_policy_exists(tenant, policy))
		allow_unknown_policy(tenant, policy);
	allow_check_tool(tenant, policy, tool, &decision);
	if (decision.by_call)
		refuse_by_name(&decision);
	agc_row_init(&row);
	agc_put_bool(&row, decision.allowed);
	agc_put_text(&row, decision.reason);
	agc_put_text(&row, decision.detail);
	agc_put_datum(&row, Int64GetDatum(decision.rule), decision.rule == 0);
	return agc_row_return(fcinfo, &row);
}

/* Decides on one address and returns the facts.  Refuses NULL, and a network, which nobody can connect to. */
static char *
check_address(const Policy *policy, Datum value, bool isnull, int port, AllowVerdict *verdict)
{
	UrlRequest	request = {0};
	AllowUrl	none = {0};
	inet	   *given;
	AllowIp		ip = {0};
	char		text[ALLOW_IP_TEXT];

	if (isnull)
	{
		verdict->reason = REASON_NOT_IN_ALLOWLIST;
		return pstrdup("ip: null");
	}
	given = DatumGetInetPP(value);
	if (ip_bits(given) != ip_maxbits(given))
	{
		verdict->reason = REASON_NOT_IN_ALLOWLIST;
		return psprintf("ip: %s is a network, not an address",
						DatumGetCString(DirectFunctionCall1(inet_out, value)));
	}
	ip.family = ip_family(given) == PGSQL_AF_INET ? 4 : 6;
	memcpy(ip.addr, ip_addr(given), ip_addrsize(given));
	allow_decide_ip(policy, &ip, port, verdict);
	none.is_ip = true;
	none.ip = ip;
	none.host = text;
	none.host_len = allow_ip_format(&ip, text);
	allow_request_init(&request, &none, "GET");
	return allow_url_detail(verdict, &request);
}

/* ip_check(policy, ips, port, tenant) -> agentcore.ip_decision: all must pass */
AGC_FUNCTION(ip_check)
{
	char	   *policy_name = agc_arg_name(fcinfo, 0, "policy");
	int			port = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2);
	char	   *tenant = agc_arg_tenant(fcinfo, 3);
	AllowVerdict verdict = {.reason = REASON_NOT_IN_ALLOWLIST};
	char	   *detail = pstrdup("ip: no address");
	int			count = 0;
	AgcObject  *object;
	Policy	   *policy;
	bool		allowed;
	AgcRow		row;

	if (!PG_ARGISNULL(2) && (port < 1 || port > 65535))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("port must lie between 1 and 65535")));
	agc_enter(tenant, AGC_AGENT);
	object = allow_pin_policy(tenant, policy_name);
	policy = object->data;
	if (!PG_ARGISNULL(1))
	{
		Datum	   *elems;
		bool	   *elem_nulls;

		deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), INETOID, -1, false, TYPALIGN_INT,
						  &elems, &elem_nulls, &count);
		for (int i = 0; i < count; i++)
		{
			detail = check_address(policy, elems[i], elem_nulls[i], port, &verdict);
			if (verdict.reason != NULL)
				break;
		}
	}
	allowed = count > 0 && verdict_allows(policy, &verdict);
	if (policy->mode == POLICY_OFF && allowed)
		verdict.reason = NULL;
	agc_object_unpin(object);
	agc_row_init(&row);
	agc_put_bool(&row, allowed);
	agc_put_text(&row, verdict.reason);
	agc_put_text(&row, verdict.reason == NULL ? NULL : detail);
	return agc_row_return(fcinfo, &row);
}

static void
put_part(AgcRow *row, const char *part, int len)
{
	agc_put_pointer(row, part == NULL ? NULL : cstring_to_text_with_len(part, len));
}

/* url_parse(url) -> agentcore.url_parts; pure */
AGC_FUNCTION(url_parse)
{
	text	   *url = PG_ARGISNULL(0) ? NULL : PG_GETARG_TEXT_PP(0);
	char		buffer[ALLOW_URL_BUFFER(ALLOW_URL_MAX)];
	AllowUrl	parsed;
	AllowUrlError error = URL_EMPTY;
	AgcRow		row;

	if (url != NULL)
		error = allow_url_parse(VARDATA_ANY(url), VARSIZE_ANY_EXHDR(url), buffer, &parsed);
	agc_row_init(&row);
	agc_put_bool(&row, error == URL_OK);
	if (error != URL_OK)
	{
		agc_put_text(&row, url == NULL ? "null" : allow_url_error_name(error));
		return agc_row_return(fcinfo, &row);
	}
	agc_put_null(&row);
	put_part(&row, parsed.url, parsed.len);
	agc_put_text(&row, allow_scheme_name(parsed.scheme));
	put_part(&row, parsed.host, parsed.host_len);
	agc_put_int32(&row, parsed.port);
	put_part(&row, parsed.path, parsed.path_len);
	put_part(&row, parsed.query, parsed.query_len);
	return agc_row_return(fcinfo, &row);
}
