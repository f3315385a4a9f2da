-- limits: how often, and how much in all.

CREATE TABLE agentcore.policy_limit (
  tenant    text COLLATE "C" NOT NULL,
  policy    text COLLATE "C" NOT NULL,
  name      text COLLATE "C" NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 255),
  tool      text COLLATE "C" NOT NULL CHECK (tool <> ''),
  per       text[] COLLATE "C" NOT NULL,
  max_calls bigint CHECK (max_calls >= 0),
  sum_of    text COLLATE "C",
  max_sum   numeric CHECK (max_sum >= 0),
  max_by    text COLLATE "C",
  period    interval,
  ask       text COLLATE "C",
  PRIMARY KEY (tenant, policy, name),
  FOREIGN KEY (tenant, policy) REFERENCES agentcore.policy (tenant, name) ON UPDATE CASCADE ON DELETE CASCADE
);
COMMENT ON TABLE agentcore.policy_limit IS
  'How many calls of a tool a policy allows, and how much of an argument in all. '
  'What is counted stands in budget_counter, under a name that no budget can have. '
  'Written by policy_limit_tool() and policy_limit_drop().';
SELECT agentcore.registry_attach('agentcore.policy_limit', false);
SELECT agentcore.history_attach('agentcore.policy_limit', 'policy_touch');

INSERT INTO agentcore.access_source (relation, hidden) VALUES ('policy_limit', '{}');

CREATE VIEW agentcore.policy_limits WITH (security_barrier) AS
  SELECT l.tenant, l.policy, l.name, l.tool, l.per, l.max_calls, l.sum_of, l.max_sum, l.max_by, l.period, l.ask
    FROM agentcore.visible_rows(NULL::agentcore.policy_limit) l;
COMMENT ON VIEW agentcore.policy_limits IS
  'Limits of the policies of the tenants visible to the caller. '
  'period NULL: for ever; ask NULL: what is beyond is denied.';

CREATE FUNCTION agentcore.policy_limit_tool(policy text, tool text, name text, per text[] DEFAULT '{/task}', max_calls bigint DEFAULT NULL, sum_of text DEFAULT NULL, max_sum numeric DEFAULT NULL, max_by text DEFAULT NULL, period interval DEFAULT NULL, ask text DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_limit_tool_v1';
COMMENT ON FUNCTION agentcore.policy_limit_tool(text, text, text, text[], bigint, text, numeric, text, interval, text, text) IS
  'Limit how many calls of a tool run (exact name, ''prefix*'' or ''*'', which are counted together), and how much of an argument in all, exactly, however many workers there are. '
  'per: JSON Pointers into the call''s context (/task, /subject, /args/order_id); each combination of their values is counted by itself, /task means the whole tree, {} is all calls together; a call that lacks one, or has a list or an object there, is refused. '
  'max_calls: so many; NULL: any number. '
  'sum_of: pointer to the number that is added up, which must be there and not be negative; at most max_sum, and at most what max_by returns. '
  'max_by: name of a function as in policy_check_set() that returns numeric, for example from the row of the order; NULL is 0. '
  'Amounts have at most 9 decimals and are at most 2000000000; a call with another one is refused. '
  'period: no span of that length ever has more (by buckets, so it may be up to a 24th longer than needed until there is room again); NULL: for ever. '
  'A call is counted when it is told to run, whatever becomes of it: once with all its retries, and not where it is refused, waits or is answered from the cache. '
  'Beyond it: deny / limit_exceeded, or, with ask, the ask of that name in the same policy applies. '
  'Writing it again by its name replaces all of it; what was counted stays unless per, sum_of or period change. '
  'Returns whether anything changed. '
  'Unknown policy, ask or function: 42704, 42883; what cannot be a limit, and a pointer at what no tool of that name can have: 22023, 42501; more than 32 of them: 54000.';

CREATE FUNCTION agentcore.policy_limit_drop(policy text, name text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_limit_drop_v1';
COMMENT ON FUNCTION agentcore.policy_limit_drop(text, text, text) IS
  'Remove a limit from a policy; what it has counted counts again if it is written again. '
  'Returns whether there was one.';

INSERT INTO agentcore.access_function VALUES ('policy_limit_tool', 'admin'), ('policy_limit_drop', 'admin');
SELECT pg_catalog.pg_extension_config_dump('agentcore.policy_limit', '');
