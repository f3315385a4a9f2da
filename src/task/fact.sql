-- facts: what calls of a task have shown.

CREATE TABLE agentcore.policy_fact (
  tenant    text COLLATE "C" NOT NULL,
  policy    text COLLATE "C" NOT NULL,
  tool      text COLLATE "C" NOT NULL CHECK (tool <> ''),
  fact      text COLLATE "C" NOT NULL CHECK (octet_length(fact) BETWEEN 1 AND 255),
  clears    boolean NOT NULL DEFAULT false,
  value     text COLLATE "C",
  "when"    jsonb,
  valid_for interval,
  PRIMARY KEY (tenant, policy, tool, fact, clears),
  FOREIGN KEY (tenant, policy) REFERENCES agentcore.policy (tenant, name) ON UPDATE CASCADE ON DELETE CASCADE
);
COMMENT ON TABLE agentcore.policy_fact IS
  'Which calls give a task a fact, and which take it away. '
  'Written by policy_fact(), policy_fact_clear() and policy_fact_drop().';
SELECT agentcore.registry_attach('agentcore.policy_fact', false);
SELECT agentcore.history_attach('agentcore.policy_fact', 'policy_touch');

-- Not unique: calls never wait for each other.
CREATE TABLE agentcore.task_fact (
  tenant     text COLLATE "C" NOT NULL,
  root       text COLLATE "C" NOT NULL,
  fact       text COLLATE "C" NOT NULL,
  state      text COLLATE "C" NOT NULL CHECK (state IN ('open', 'held', 'clears')),
  value      jsonb,
  call_id    uuid NOT NULL,
  policy     text COLLATE "C" NOT NULL,
  tool       text COLLATE "C" NOT NULL,
  pattern    text COLLATE "C" NOT NULL,
  context    jsonb,
  at         timestamptz NOT NULL,
  open_until timestamptz,
  expires_at timestamptz,
  id         uuid DEFAULT pg_catalog.gen_random_uuid(),
  PRIMARY KEY (tenant, id)
);
CREATE INDEX task_fact_root ON agentcore.task_fact (tenant, root);
CREATE INDEX task_fact_call ON agentcore.task_fact (tenant, call_id);
COMMENT ON TABLE agentcore.task_fact IS
  'Facts of tasks, by the root of the tree. '
  'held: shown by a call that was committed. '
  'open: a call runs that may show it; context is what its condition on the result needs. '
  'clears: a call runs that takes it away when it ends, as it did when it began. '
  'id: the row''s identity for logical replication.';

INSERT INTO agentcore.access_source (relation, hidden) VALUES ('policy_fact', '{}'), ('task_fact', '{context,pattern,id}');

CREATE VIEW agentcore.policy_facts WITH (security_barrier) AS
  SELECT f.tenant, f.policy, f.tool, f.fact, f.clears, f.value, f."when", f.valid_for
    FROM agentcore.visible_rows(NULL::agentcore.policy_fact) f;
COMMENT ON VIEW agentcore.policy_facts IS
  'Which calls give a task a fact, and which take it away (clears), in the policies of the tenants visible to the caller.';

CREATE VIEW agentcore.task_facts WITH (security_barrier) AS
  SELECT f.tenant, f.root, f.fact, f.state, f.value, f.call_id, f.policy, f.tool, f.at, f.open_until, f.expires_at
    FROM agentcore.visible_rows(NULL::agentcore.task_fact) f;
COMMENT ON VIEW agentcore.task_facts IS
  'Facts of the tasks of the tenants visible to the caller; state open: a call runs that may show it, clears: one runs that takes it away. '
  'expires_at NULL: as long as the task.';

CREATE FUNCTION agentcore.policy_fact(policy text, tool text, fact text, value text DEFAULT NULL, "when" jsonb DEFAULT NULL, valid_for interval DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_fact_v1';
COMMENT ON FUNCTION agentcore.policy_fact(text, text, text, text, jsonb, interval, text) IS
  'A committed call of the tool (exact name, ''prefix*'' or ''*'') gives its task the fact, which rules read as /facts/NAME, a list of values. '
  'value: JSON Pointer to the value, in the call''s context or its result (/args/commit, /result/id); NULL: true. '
  'when: as in policy_allow_tool(), over the context and /result; a fact needs it to be true. '
  'valid_for: how long it lasts; NULL: as long as the task. '
  'Writing it again replaces all of it. '
  'Returns whether anything changed. '
  'An invalid pointer, condition or time, and a pointer at what no tool of that name can have: 22023; unknown policy: 42704.';

CREATE FUNCTION agentcore.policy_fact_clear(policy text, tool text, fact text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_fact_clear_v1';
COMMENT ON FUNCTION agentcore.policy_fact_clear(text, text, text, text) IS
  'A call of the tool takes the fact away from its task, when it begins and again when it ends. '
  'Returns whether anything changed.';

CREATE FUNCTION agentcore.policy_fact_drop(policy text, tool text, fact text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_fact_drop_v1';
COMMENT ON FUNCTION agentcore.policy_fact_drop(text, text, text, text) IS
  'Undo policy_fact() and policy_fact_clear() of this tool and fact; facts that tasks have stay. '
  'Returns whether there was one.';

INSERT INTO agentcore.access_function VALUES ('policy_fact', 'admin'), ('policy_fact_clear', 'admin'), ('policy_fact_drop', 'admin');

SELECT pg_catalog.pg_extension_config_dump('agentcore.policy_fact', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.task_fact', '');
