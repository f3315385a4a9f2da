-- Asking: URLs, tools and addresses against a policy.

CREATE TYPE agentcore.url_decision AS (allowed boolean, reason text, detail text, url text, host text, port integer, rule bigint, revision bigint);
COMMENT ON TYPE agentcore.url_decision IS
  'The answer of url_check(). '
  'reason: one of invalid_url, method_blocked, denylist_match, not_in_allowlist. '
  'detail: facts, with a sub-code in front. '
  'url: the canonical URL, the one to fetch. '
  'rule: the rule that decided. '
  'revision: of the policy.';
CREATE TYPE agentcore.tool_decision AS (allowed boolean, reason text, detail text, rule bigint);
COMMENT ON TYPE agentcore.tool_decision IS
  'The answer of tool_check().';
CREATE TYPE agentcore.ip_decision AS (allowed boolean, reason text, detail text);
COMMENT ON TYPE agentcore.ip_decision IS
  'The answer of ip_check().';
CREATE TYPE agentcore.url_parts AS (ok boolean, reason text, url text, scheme text, host text, port integer, path text, query text);
COMMENT ON TYPE agentcore.url_parts IS
  'The answer of url_parse(): the canonical URL and its parts, or the class of the refusal in reason.';
CREATE TYPE agentcore.policy_explanation AS (rule bigint, effect text, pattern text, matched boolean, why text, name text, truth text, pointer text);
COMMENT ON TYPE agentcore.policy_explanation IS
  'What policy_explain() says of one rule; the last row (effect decision) is the decision itself. '
  'Of a rule that looks at calls: matched, whether it allows, denies or asks; name, the rule''s; truth, true, false or unknown; pointer, the first that decided against true, or of a deny or ask against false.';

CREATE TYPE agentcore.policy_simulation AS (n integer, given text, allowed boolean, reason text, detail text, url text, host text, port integer, rule bigint, revision bigint);
COMMENT ON TYPE agentcore.policy_simulation IS
  'What policy_simulate() says of the n-th URL or context; the columns after given are those of url_decision. '
  'given: the URL, or the tool of the context, which has no url, host and port.';
CREATE TYPE agentcore.policy_change AS (n integer, given text, change text, allowed_before boolean, reason_before text, detail_before text, rule_before bigint, allowed_after boolean, reason_after text, detail_after text, rule_after bigint, proposed integer);
COMMENT ON TYPE agentcore.policy_change IS
  'What policy_diff() says of the n-th URL or context. '
  'change: newly_allowed, newly_denied, newly_asked (a person would have to decide), or reason (the same answer for another reason, as in mode audit, where nothing is denied). '
  'proposed: which proposed rule decides, counted from 1: allow, deny, allow_tools, deny_tools, ask_tools; rule_after is then NULL.';

CREATE FUNCTION agentcore.url_check(policy text, url text, method text DEFAULT 'GET', tenant text DEFAULT '') RETURNS SETOF agentcore.url_decision
  LANGUAGE C STABLE PARALLEL SAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_url_check_v1';
COMMENT ON FUNCTION agentcore.url_check(text, text, text, text) IS
  'Whether a policy lets a URL be reached with a method, why not, and the canonical URL, which is the one to fetch. '
  'In mode audit allowed is true, and reason says what enforcement would have said. '
  'In mode off allowed is true without a reason, and url is NULL if it could not be parsed. '
  'NULL url or method: never allowed. '
  'NULL policy: 22023. '
  'Unknown policy: 42704.';

CREATE FUNCTION agentcore.url_allowed(policy text, url text, method text DEFAULT 'GET', tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_url_allowed_v1';
COMMENT ON FUNCTION agentcore.url_allowed(text, text, text, text) IS
  'The column allowed of url_check(), without building the texts. '
  'Never NULL. '
  'NULL policy: 22023. '
  'Unknown policy: 42704.';

CREATE FUNCTION agentcore.tool_check(policy text, tool text, tenant text DEFAULT '') RETURNS SETOF agentcore.tool_decision
  LANGUAGE C STABLE PARALLEL SAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_tool_check_v1';
COMMENT ON FUNCTION agentcore.tool_check(text, text, text) IS
  'Whether a policy lets a tool be called, by its name. '
  'Rules that look at the call are call_begin()''s: a tool that only such a rule allows is not allowed here, and detail says so. '
  'NULL tool: never allowed. '
  'NULL policy: 22023. '
  'Unknown policy: 42704.';

CREATE FUNCTION agentcore.ip_check(policy text, ips inet[], port integer DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.ip_decision
  LANGUAGE C STABLE PARALLEL SAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_ip_check_v1';
COMMENT ON FUNCTION agentcore.ip_check(text, inet[], integer, text) IS
  'Whether a client may connect to the addresses that an allowed host name resolved to. '
  'Every address must be outside the deny rules and special ranges, IPv4 hidden in IPv6 included. '
  'NULL or empty: not allowed. '
  'A rule with ports lifts a special range only if port is given; a rule with methods or path_prefix never lifts one here. '
  'port outside 1..65535: 22023.';

CREATE FUNCTION agentcore.url_parse(url text) RETURNS SETOF agentcore.url_parts
  LANGUAGE C STABLE PARALLEL SAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_url_parse_v1';
COMMENT ON FUNCTION agentcore.url_parse(text) IS
  'The one canonical reading of an absolute http, https, ws or wss URL, or the class of its refusal. '
  'Classes: null, empty, too_long, not_utf8, control_character, whitespace, backslash, scheme, missing_slashes, userinfo, empty_host, percent_in_host, host_character, idn, label_length, host_length, noncanonical_ipv4, invalid_ipv4, invalid_ipv6, zone_id, port, percent_encoding. '
  'Host names outside ASCII become xn-- names by UTS-46, which depends on the version of ICU. '
  'A name that has no such form is class idn; in a build without ICU all of them are. '
  'Never an error.';

CREATE FUNCTION agentcore.policy_explain(policy text, url text DEFAULT NULL, method text DEFAULT 'GET', tool text DEFAULT NULL, context jsonb DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.policy_explanation
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_explain_v1';
COMMENT ON FUNCTION agentcore.policy_explain(text, text, text, text, jsonb, text) IS
  'Every rule of the policy and what it says to this request, the special entries that match, and the decision last. '
  'why: matches, or the first thing that does not fit: host, port, not valid now, path, path is ambiguous, method. '
  'tool, context: a call in the place of a URL; the rules for tools, and those of the policies ''*'' beside it, with the decision of policy_simulate() last. '
  'context: as policy_simulate() takes it; without tool it names the tool. '
  'NULL policy, or a URL beside a call: 22023. '
  'Unknown policy: 42704.';

CREATE FUNCTION agentcore.policy_simulate(policy text, urls text[] DEFAULT NULL, method text DEFAULT 'GET', contexts jsonb[] DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.policy_simulation
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_simulate_v1';
COMMENT ON FUNCTION agentcore.policy_simulate(text, text[], text, jsonb[], text) IS
  'What url_check() says to each URL, or the policy to each call by its context, by one version of the policy. '
  'contexts: {"tool": "refund", "args": {...}, "agent": ..., "task": ..., "subject": ..., "labels": [...], "facts": {...}, "traits": [...], "clock": {"hour": 12, "minute": 0, "weekday": 1}, "est_usd": ..., "est_tokens": ...}, as call_log.context holds them; what is left out is absent, but for the clock, which is then now. '
  '"at" in the clock is a time, which is read in the zone of the policy in the place of the hour. '
  'A call is answered by the rules for tools of the policy and of the policies ''*'' beside it, without their checks; one that a person has to decide is approval_required. '
  'Policy ''*'' is asked for itself: what it refuses. '
  'One row per element, in their order, NULL elements included. '
  'Needs reader. '
  'A document that is no context: 22023. '
  'NULL policy, and neither or both of urls and contexts: 22023. '
  'Unknown policy: 42704.';
