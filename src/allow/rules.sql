-- Writing policies, rules and special entries.

CREATE FUNCTION agentcore.policy_set(name text, mode text DEFAULT NULL, schemes text[] DEFAULT NULL, methods text[] DEFAULT NULL, strict_urls boolean DEFAULT NULL, tz text DEFAULT NULL, reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_set_v1';
COMMENT ON FUNCTION agentcore.policy_set(text, text, text[], text[], boolean, text, text[], text) IS
  'Create or change a policy; its rules stay. '
  'mode: enforce, audit (decide, but allow), off. '
  'schemes: any of http, https, ws, wss. '
  'methods: the only HTTP methods that are allowed at all. '
  'strict_urls: the gate judges every argument that is an absolute URL by its value, in every tool but those with open_world false. '
  'A member that is not given (NULL) stays as it is; a new policy has mode enforce, schemes {https}, any method, strict_urls false and tz UTC. '
  'tz: the zone in which rules read the clock. '
  'Policy ''*'' of a tenant, and of tenant ''*'' (which needs admin on every tenant), is judged beside the policy of each agent; it can hold no allow. '
  'reset: members to set back to these defaults. '
  'Returns whether anything changed. '
  'Empty or unknown input: 22023.';

CREATE FUNCTION agentcore.policy_drop(name text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_drop_v1';
COMMENT ON FUNCTION agentcore.policy_drop(text, text) IS
  'Remove a policy with its rules. '
  'Returns whether there was one.';

CREATE FUNCTION agentcore.policy_allow(policy text, pattern text, methods text[] DEFAULT NULL, ports integer[] DEFAULT NULL, path_prefix text DEFAULT NULL, valid tstzrange DEFAULT NULL, force boolean DEFAULT false, tenant text DEFAULT '') RETURNS bigint
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_allow_v1';
COMMENT ON FUNCTION agentcore.policy_allow(text, text, text[], integer[], text, tstzrange, boolean, text) IS
  'Allow a host (''api.example.com''), a domain with everything under it and itself (''*.example.com''), every host (''*''), an address or a network (''10.0.0.0/8'', ''[2001:db8::]/32''). '
  'The rule holds within methods, ports, path_prefix (compared decoded, case-sensitive, on a segment boundary) and valid (wall clock); NULL: any. '
  'Returns the id of the rule, the same for the same rule. '
  'A NOTICE says the form in which the rule is stored, if that differs from what was given. '
  '''*.suffix'' for a public suffix (com, co.uk, github.io) is refused unless force is true. '
  'A pattern without canonical form, or a rule that could never match: 22023. '
  'Unknown policy: 42704.';

CREATE FUNCTION agentcore.policy_deny(policy text, pattern text, methods text[] DEFAULT NULL, ports integer[] DEFAULT NULL, path_prefix text DEFAULT NULL, valid tstzrange DEFAULT NULL, force boolean DEFAULT false, tenant text DEFAULT '') RETURNS bigint
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_deny_v1';
COMMENT ON FUNCTION agentcore.policy_deny(text, text, text[], integer[], text, tstzrange, boolean, text) IS
  'Deny what policy_allow() describes with the same arguments; a deny wins over every allow. '
  'With path_prefix it also refuses, as invalid_url (ambiguous_path), what a lenient server takes for that path: other case, ;parameters, trailing dots and spaces, streams, short names. '
  'A rule for a name does not deny the addresses that the name resolves to: check those with ip_check().';

CREATE FUNCTION agentcore.policy_allow_tool(policy text, tool text, valid tstzrange DEFAULT NULL, "when" jsonb DEFAULT NULL, name text DEFAULT NULL, feedback text DEFAULT NULL, tenant text DEFAULT '') RETURNS bigint
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_allow_tool_v1';
COMMENT ON FUNCTION agentcore.policy_allow_tool(text, text, tstzrange, jsonb, text, text, text) IS
  'Allow a tool by its exact name, by ''prefix*'', or every tool by ''*''; case-sensitive. '
  'when: a map of JSON Pointers into the call''s context (tool, traits, args, agent, task, subject, labels, facts, clock, est_usd, est_tokens) and JSON Schemas; all must hold, surely: nothing, null and another type than the schema is about do not. '
  '"equals" and "in" compare with what stands at another pointer; * is every element of an array; ? at a pointer''s end lets absence pass. '
  'A rule with when, or with feedback (what the model is told), has a name, unique in its policy; writing it again replaces the whole rule. '
  'Only the gate (call_begin) judges rules with when. '
  'A member of args that no tool of the rule can have is refused; what policy_lint() would say of the rule is told in NOTICEs, at most a few. '
  'Returns the id of the rule, the same for the same rule. '
  'A star elsewhere, or a condition that could pass in silence (an unknown member or word, no type, a pattern without ^ and $): 22023. '
  'Unknown policy: 42704.';

CREATE FUNCTION agentcore.policy_deny_tool(policy text, tool text, valid tstzrange DEFAULT NULL, "when" jsonb DEFAULT NULL, name text DEFAULT NULL, feedback text DEFAULT NULL, audit boolean DEFAULT false, tenant text DEFAULT '') RETURNS bigint
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_deny_tool_v1';
COMMENT ON FUNCTION agentcore.policy_deny_tool(text, text, tstzrange, jsonb, text, text, boolean, text) IS
  'Deny a tool by its exact name, ''prefix*'' or ''*''; wins over every allow and every ask. '
  'when: as in policy_allow_tool(), but the rule applies unless the condition is surely false, and of the elements of * one is enough; ? lets absence speak for the call. '
  'audit: judged and reported, not enforced; such a rule has a name too. '
  'Returns the id of the rule.';

CREATE FUNCTION agentcore.policy_ask_tool(policy text, tool text, valid tstzrange DEFAULT NULL, "when" jsonb DEFAULT NULL, name text DEFAULT NULL, feedback text DEFAULT NULL, audit boolean DEFAULT false,
    approvers text DEFAULT NULL, votes integer DEFAULT 1, self boolean DEFAULT false, decide_within interval DEFAULT '1 day', bind text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS bigint
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_ask_tool_v1';
COMMENT ON FUNCTION agentcore.policy_ask_tool(text, text, tstzrange, jsonb, text, text, boolean, text, integer, boolean, interval, text[], text) IS
  'Have people decide about calls of a tool; a call that they allow needs no other rule that allows it. '
  'when: as in policy_deny_tool(). '
  'name: needed. '
  'approvers: the role whose members may vote; NULL: approvers and administrators of the tenant. '
  'votes: how many of them must agree (1 to 16); one refusal is final. '
  'self: roles that the requester can act as may vote too. '
  'decide_within: an undecided request is refused after that time (approval_expired). '
  'bind: JSON Pointers to the arguments that make it the same call (/args/amount); NULL: all of them. '
  'Returns the id of the rule. '
  'Unknown policy or role: 42704; out of range: 22023.';

CREATE FUNCTION agentcore.policy_lint(policy text, tenant text DEFAULT '', OUT rule text, OUT tool text, OUT problem text, OUT hint text) RETURNS SETOF record
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_lint_v1';
COMMENT ON FUNCTION agentcore.policy_lint(text, text) IS
  'What is likely wrong with the rules for tools, the checks, the facts and the limits of a policy, by the tools as they are now: one row per problem; tool NULL: whichever. '
  'rule is its name, or its id. '
  'An allow that another makes idle; a rule that is always unknown for a tool; an allow that leaves texts, lists or objects of a tool, or an open schema, unmentioned; one that looks at no argument of a tool that takes some; '
  'a deny or an ask by text, which other spellings pass; a maximum of one call without a limit of the sum; a pattern that no tool matches; a function that may not be run; a fact that nothing gives, or that no call of a tool can give; what cannot be read, because SQL wrote it. '
  'Needs reader. '
  'Unknown policy: 42704.';

CREATE FUNCTION agentcore.policy_suffix_list() RETURNS text
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_suffix_list_v1';
COMMENT ON FUNCTION agentcore.policy_suffix_list() IS
  'The list of public suffixes that policy_allow() and policy_deny() use: libpsl with its version (its own list or the one of the package publicsuffix, whichever is newer). '
  '''top-level domains only'' if the extension was built without libpsl or no list can be read. '
  'Never NULL.';

CREATE FUNCTION agentcore.policy_history_retain(keep interval) RETURNS bigint
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_history_retain_v1';
COMMENT ON FUNCTION agentcore.policy_history_retain(interval) IS
  'Delete the history of policies, of every tenant, that is older than keep (a day to 36500 days). '
  'The newest row of each existing policy stays, and the deletion itself is recorded. '
  'Returns how many rows were deleted. '
  'Needs admin on every tenant (''*''), so that an admin of one tenant cannot remove his own traces. '
  'NULL or out of range: 22023.';

CREATE FUNCTION agentcore.policy_rule_drop(policy text, rule bigint, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_rule_drop_v1';
COMMENT ON FUNCTION agentcore.policy_rule_drop(text, bigint, text) IS
  'Remove one rule by its id. '
  'Returns whether there was one. '
  'Unknown policy: 42704.';

CREATE FUNCTION agentcore.special_set(pattern text, name text DEFAULT NULL, embeds boolean DEFAULT NULL, reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_special_set_v1';
COMMENT ON FUNCTION agentcore.special_set(text, text, boolean, text[], text) IS
  'Add a network (''198.51.100.0/24'') or a host name (''vault.example.com'', ''*.acme'') that every policy of the tenant denies unless a rule inside it lifts it. '
  'name says what the entry is; a new entry needs one. '
  'embeds: the names below it spell the address that they resolve to, as those of nip.io do (10.0.0.1.nip.io, 10-0-0-1, 0a000001, IPv6 with dashes); those addresses are judged, and the entry itself denies only a name that spells none. '
  'Default false; only for host names. '
  'reset: members to set back to their defaults. '
  'Returns whether anything changed.';

CREATE FUNCTION agentcore.special_drop(pattern text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_special_drop_v1';
COMMENT ON FUNCTION agentcore.special_drop(text, text) IS
  'Remove a special network or name of the tenant''s own. '
  'What the extension ships stays; a rule can lift it. '
  'Returns whether there was one.';
