-- allow: the tables of policies, rules and special entries.

CREATE TABLE agentcore.policy (
  tenant   text COLLATE "C" NOT NULL,
  name     text COLLATE "C" NOT NULL,
  mode     text COLLATE "C" NOT NULL DEFAULT 'enforce' CHECK (mode IN ('enforce', 'audit', 'off')),
  schemes  text[] NOT NULL DEFAULT '{https}',
  methods  text[],
  revision bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.revision_seq'),
  strict_urls boolean NOT NULL DEFAULT false,
  tz       text COLLATE "C" NOT NULL DEFAULT 'UTC',
  PRIMARY KEY (tenant, name)
);
SELECT agentcore.registry_attach('agentcore.policy');
COMMENT ON TABLE agentcore.policy IS
  'Allowlists for URLs and tools. '
  'methods NULL: every method. '
  'strict_urls: the gate judges every argument that is an absolute URL, whatever the tool''s schema says. '
  'tz: in which zone a rule''s clock is read. '
  'revision changes with the policy, its rules and the special entries. '
  'Written by policy_set() and policy_drop().';

CREATE SEQUENCE agentcore.policy_rule_id_seq AS bigint;
COMMENT ON SEQUENCE agentcore.policy_rule_id_seq IS
  'Source of policy_rule.id: a number is never used twice.';

CREATE TABLE agentcore.policy_rule (
  tenant      text COLLATE "C" NOT NULL,
  policy      text COLLATE "C" NOT NULL,
  id          bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.policy_rule_id_seq'),
  kind        text COLLATE "C" NOT NULL CHECK (kind IN ('url', 'tool')),
  effect      text COLLATE "C" NOT NULL CHECK (effect IN ('allow', 'deny', 'ask', 'allow_when')),
  pattern     text COLLATE "C" NOT NULL CHECK (pattern <> ''),
  methods     text[],
  ports       integer[],
  path_prefix text COLLATE "C",
  valid       tstzrange,
  forced      boolean NOT NULL DEFAULT false,
  created_by  text COLLATE "C",
  created_at  timestamptz NOT NULL DEFAULT agentcore.clock_now(),
  name        text COLLATE "C" CHECK (octet_length(name) BETWEEN 1 AND 255),
  "when"      jsonb,
  feedback    text,
  audit       boolean NOT NULL DEFAULT false,
  approvers   text COLLATE "C",
  votes       integer CHECK (votes BETWEEN 1 AND 16),
  self        boolean NOT NULL DEFAULT false,
  decide_within interval,
  bind        text[],
  PRIMARY KEY (tenant, policy, id),
  FOREIGN KEY (tenant, policy) REFERENCES agentcore.policy (tenant, name) ON UPDATE CASCADE ON DELETE CASCADE
);
ALTER SEQUENCE agentcore.policy_rule_id_seq OWNED BY agentcore.policy_rule.id;
CREATE UNIQUE INDEX policy_rule_name ON agentcore.policy_rule (tenant, policy, name) WHERE name IS NOT NULL;
CREATE INDEX policy_rule_pattern ON agentcore.policy_rule (tenant, policy, pattern);
SELECT agentcore.registry_attach('agentcore.policy_rule', false);
COMMENT ON TABLE agentcore.policy_rule IS
  'Rules of a policy in canonical form. '
  'methods, ports, path_prefix, valid: NULL = any. '
  'forced: the rule covers a public suffix, by policy_allow(force => true). '
  'effect allow_when is an allow with a condition ("when"), which an older library takes for a deny; ask: a person decides. '
  'approvers, votes, self, decide_within and bind are an ask''s. '
  'audit: the rule is judged and reported, not enforced. '
  'A row that cannot be read makes its whole policy deny. '
  'Written by policy_allow(), policy_deny(), policy_allow_tool(), policy_deny_tool(), policy_ask_tool() and policy_rule_drop().';

CREATE TABLE agentcore.special_range (
  tenant  text COLLATE "C" NOT NULL,
  network cidr NOT NULL,
  name    text NOT NULL CHECK (name <> ''),
  source  text NOT NULL DEFAULT 'user',
  as_of   date NOT NULL DEFAULT (agentcore.clock_now())::date,
  shipped boolean NOT NULL DEFAULT false,
  PRIMARY KEY (tenant, network)
);
COMMENT ON TABLE agentcore.special_range IS
  'Networks that every policy denies unless an allow rule inside the network lifts them. '
  'Tenant ''*'': every tenant. '
  'Shipped rows come with the extension and are not dumped. '
  'Add your own with special_set().';

CREATE TABLE agentcore.special_name (
  tenant  text COLLATE "C" NOT NULL,
  pattern text COLLATE "C" NOT NULL CHECK (pattern <> ''),
  name    text NOT NULL CHECK (name <> ''),
  source  text NOT NULL DEFAULT 'user',
  as_of   date NOT NULL DEFAULT (agentcore.clock_now())::date,
  shipped boolean NOT NULL DEFAULT false,
  embeds  boolean NOT NULL DEFAULT false,
  PRIMARY KEY (tenant, pattern)
);
COMMENT ON TABLE agentcore.special_name IS
  'Host names that every policy denies unless an allow rule for a name inside lifts them. '
  '''<single label>'' stands for any name without a dot. '
  'embeds: the names below it spell the address that they resolve to; those addresses are judged, and the entry itself denies only a name that spells none. '
  'Tenant ''*'': every tenant. '
  'Shipped rows are not dumped. '
  'Add your own with special_set().';

SELECT pg_catalog.pg_extension_config_dump('agentcore.policy', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.policy_rule', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.policy_rule_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.special_range', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('agentcore.special_name', 'WHERE NOT shipped');
