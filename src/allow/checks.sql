-- Checks: functions of the business that look at its own rows.

CREATE TABLE agentcore.policy_check (
  tenant  text COLLATE "C" NOT NULL,
  policy  text COLLATE "C" NOT NULL,
  name    text COLLATE "C" NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 255),
  tool    text COLLATE "C" NOT NULL CHECK (tool <> ''),
  "check" text COLLATE "C" NOT NULL,
  audit   boolean NOT NULL DEFAULT false,
  PRIMARY KEY (tenant, policy, name),
  FOREIGN KEY (tenant, policy) REFERENCES agentcore.policy (tenant, name) ON UPDATE CASCADE ON DELETE CASCADE
);
COMMENT ON TABLE agentcore.policy_check IS
  'Functions that judge calls, by name: an OID would not survive a dump. '
  'Written by policy_check_set() and policy_check_drop().';
SELECT agentcore.registry_attach('agentcore.policy_check', false);
SELECT agentcore.history_attach('agentcore.policy_check', 'policy_touch');

INSERT INTO agentcore.access_source (relation, hidden) VALUES ('policy_check', '{}');
CREATE VIEW agentcore.policy_checks WITH (security_barrier) AS
  SELECT c.tenant, c.policy, c.name, c.tool, c."check", c.audit FROM agentcore.visible_rows(NULL::agentcore.policy_check) c;
COMMENT ON VIEW agentcore.policy_checks IS
  'Check functions of the policies of the tenants visible to the caller.';

CREATE FUNCTION agentcore.policy_check_set(policy text, tool text, name text, "check" text, audit boolean DEFAULT false, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_check_set_v1';
COMMENT ON FUNCTION agentcore.policy_check_set(text, text, text, text, boolean, text) IS
  'Have a function of yours judge calls of a tool (exact name, ''prefix*'' or ''*''), after the rules and before the cache. '
  'check: its name, with its schema: check(context jsonb) returns text; NULL lets the call pass, a text (its first 4,000 bytes) is what the model is told. '
  'It must be STABLE or IMMUTABLE and SECURITY DEFINER, SET search_path, and belong to an administrator of the tenant, now and at each use, and the caller may execute it (who begins calls needs no privilege on it); there is a WARNING where PUBLIC may execute it. '
  'It runs with the newest committed rows, in a transaction that is read only, and no longer than agentcore.check_timeout; an error, a write or more time: deny / check_failed; one that catches a hundred cancels ends the session. '
  'Advisory locks of the session are afterwards as they were before. '
  'It sees everything that the call''s context has. '
  'Never build SQL from it, and compare with IS DISTINCT FROM: NULL > x is NULL, which passes. '
  'A check looks; what adds up is a limit''s. '
  'audit: judged and reported, not enforced. '
  'Writing it again replaces all of it; returns whether anything changed. '
  'Unknown policy or function: 42704, 42883; a function that may not be one: 22023, 42501.';

CREATE FUNCTION agentcore.policy_check_drop(policy text, name text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_check_drop_v1';
COMMENT ON FUNCTION agentcore.policy_check_drop(text, text, text) IS
  'Remove a check from a policy; returns whether there was one.';

INSERT INTO agentcore.access_function VALUES ('policy_check_set', 'admin'), ('policy_check_drop', 'admin');
SELECT pg_catalog.pg_extension_config_dump('agentcore.policy_check', '');
