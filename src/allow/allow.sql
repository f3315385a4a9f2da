-- allow: policies, rules, special ranges and names, decisions.

CREATE TABLE agentcore.policy (
  tenant   text COLLATE "C" NOT NULL,
  name     text COLLATE "C" NOT NULL,
  mode     text COLLATE "C" NOT NULL DEFAULT 'enforce' CHECK (mode IN ('enforce', 'audit', 'off')),
  schemes  text[] NOT NULL DEFAULT '{https}',
  methods  text[],
  revision bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.revision_seq'),
  PRIMARY KEY (tenant, name)
);
SELECT agentcore.registry_attach('agentcore.policy');
COMMENT ON TABLE agentcore.policy IS 'Allowlists for URLs and tools. methods NULL = every method. revision changes with the policy, its rules and the special entries. Written by policy_set() and policy_drop().';

CREATE SEQUENCE agentcore.policy_rule_id_seq AS bigint;
COMMENT ON SEQUENCE agentcore.policy_rule_id_seq IS 'Source of policy_rule.id: a number is never used twice.';

CREATE TABLE agentcore.policy_rule (
  tenant      text COLLATE "C" NOT NULL,
  policy      text COLLATE "C" NOT NULL,
  id          bigint NOT NULL DEFAULT pg_catalog.nextval('agentcore.policy_rule_id_seq'),
  kind        text COLLATE "C" NOT NULL CHECK (kind IN ('url', 'tool')),
  effect      text COLLATE "C" NOT NULL CHECK (effect IN ('allow', 'deny')),
  pattern     text COLLATE "C" NOT NULL CHECK (pattern <> ''),
  methods     text[],
  ports       integer[],
  path_prefix text COLLATE "C",
  valid       tstzrange,
  forced      boolean NOT NULL DEFAULT false,
  created_by  text COLLATE "C",
  created_at  timestamptz NOT NULL DEFAULT pg_catalog.now(),
  PRIMARY KEY (tenant, policy, id),
  FOREIGN KEY (tenant, policy) REFERENCES agentcore.policy (tenant, name) ON UPDATE CASCADE ON DELETE CASCADE
);
ALTER SEQUENCE agentcore.policy_rule_id_seq OWNED BY agentcore.policy_rule.id;
CREATE INDEX policy_rule_pattern ON agentcore.policy_rule (tenant, policy, pattern);
SELECT agentcore.registry_attach('agentcore.policy_rule', false);
COMMENT ON TABLE agentcore.policy_rule IS 'Rules of a policy in canonical form. methods, ports, path_prefix, valid: NULL = any. forced: covers a public suffix, by policy_allow(force => true). A row that cannot be read makes its whole policy deny. Written by policy_allow(), policy_deny() and their siblings.';

CREATE TABLE agentcore.special_range (
  tenant  text COLLATE "C" NOT NULL,
  network cidr NOT NULL,
  name    text NOT NULL CHECK (name <> ''),
  source  text NOT NULL DEFAULT 'user',
  as_of   date NOT NULL DEFAULT CURRENT_DATE,
  shipped boolean NOT NULL DEFAULT false,
  PRIMARY KEY (tenant, network)
);
COMMENT ON TABLE agentcore.special_range IS 'Networks that every policy denies unless an allow rule inside the network lifts them. Tenant ''*'' = every tenant. Shipped rows come with the extension and are not dumped; add your own with special_set().';

CREATE TABLE agentcore.special_name (
  tenant  text COLLATE "C" NOT NULL,
  pattern text COLLATE "C" NOT NULL CHECK (pattern <> ''),
  name    text NOT NULL CHECK (name <> ''),
  source  text NOT NULL DEFAULT 'user',
  as_of   date NOT NULL DEFAULT CURRENT_DATE,
  shipped boolean NOT NULL DEFAULT false,
  PRIMARY KEY (tenant, pattern)
);
COMMENT ON TABLE agentcore.special_name IS 'Host names that every policy denies unless an allow rule for a name inside lifts them; ''<single label>'' stands for any name without a dot. Tenant ''*'' = every tenant. Shipped rows are not dumped; add your own with special_set().';

INSERT INTO agentcore.special_range (tenant, network, name, source, as_of, shipped)
SELECT '*', v.network::cidr, v.name, v.source, v.as_of::date, true FROM (VALUES
  ('0.0.0.0/8',          'this network',            'IANA IPv4 special-purpose registry', '2025-10-09'),
  ('10.0.0.0/8',         'private use',             'IANA IPv4 special-purpose registry', '2025-10-09'),
  ('100.64.0.0/10',      'shared address space',    'IANA IPv4 special-purpose registry', '2025-10-09'),
  ('127.0.0.0/8',        'loopback',                'IANA IPv4 special-purpose registry', '2025-10-09'),
  ('169.254.0.0/16',     'link local',              'IANA IPv4 special-purpose registry', '2025-10-09'),
  ('172.16.0.0/12',      'private use',             'IANA IPv4 special-purpose registry', '2025-10-09'),
  ('192.0.0.0/24',       'IETF protocol assignments', 'IANA IPv4 special-purpose registry', '2025-10-09'),
  ('192.0.2.0/24',       'documentation',           'IANA IPv4 special-purpose registry', '2025-10-09'),
  ('192.31.196.0/24',    'AS112-v4',                'IANA IPv4 special-purpose registry', '2025-10-09'),
  ('192.52.193.0/24',    'AMT',                     'IANA IPv4 special-purpose registry', '2025-10-09'),
  ('192.88.99.0/24',     '6to4 relay anycast',      'IANA IPv4 special-purpose registry', '2025-10-09'),
  ('192.168.0.0/16',     'private use',             'IANA IPv4 special-purpose registry', '2025-10-09'),
  ('192.175.48.0/24',    'AS112 direct delegation', 'IANA IPv4 special-purpose registry', '2025-10-09'),
  ('198.18.0.0/15',      'benchmarking',            'IANA IPv4 special-purpose registry', '2025-10-09'),
  ('198.51.100.0/24',    'documentation',           'IANA IPv4 special-purpose registry', '2025-10-09'),
  ('203.0.113.0/24',     'documentation',           'IANA IPv4 special-purpose registry', '2025-10-09'),
  ('224.0.0.0/4',        'multicast',               'IANA IPv4 multicast registry',       '2025-10-09'),
  ('240.0.0.0/4',        'reserved and broadcast',  'IANA IPv4 special-purpose registry', '2025-10-09'),
  ('::/96',              'IPv4-compatible',         'RFC 4291 section 2.5.5.1',           '2025-10-09'),
  ('::/128',             'unspecified',             'IANA IPv6 special-purpose registry', '2025-10-09'),
  ('::1/128',            'loopback',                'IANA IPv6 special-purpose registry', '2025-10-09'),
  ('::ffff:0:0:0/96',    'IPv4-translated',         'RFC 2765',                           '2025-10-09'),
  ('64:ff9b::/96',       'NAT64',                   'IANA IPv6 special-purpose registry', '2025-10-09'),
  ('64:ff9b:1::/48',     'local-use NAT64',         'IANA IPv6 special-purpose registry', '2025-10-09'),
  ('100::/64',           'discard only',            'IANA IPv6 special-purpose registry', '2025-10-09'),
  ('100:0:0:1::/64',     'dummy prefix',            'IANA IPv6 special-purpose registry', '2025-10-09'),
  ('2001::/23',          'IETF protocol assignments, Teredo', 'IANA IPv6 special-purpose registry', '2025-10-09'),
  ('2001:db8::/32',      'documentation',           'IANA IPv6 special-purpose registry', '2025-10-09'),
  ('2002::/16',          '6to4',                    'IANA IPv6 special-purpose registry', '2025-10-09'),
  ('2620:4f:8000::/48',  'AS112 direct delegation', 'IANA IPv6 special-purpose registry', '2025-10-09'),
  ('3fff::/20',          'documentation',           'IANA IPv6 special-purpose registry', '2025-10-09'),
  ('5f00::/16',          'segment routing SIDs',    'IANA IPv6 special-purpose registry', '2025-10-09'),
  ('fc00::/7',           'unique local',            'IANA IPv6 special-purpose registry', '2025-10-09'),
  ('fe80::/10',          'link local',              'IANA IPv6 special-purpose registry', '2025-10-09'),
  ('fec0::/10',          'site local',              'RFC 3879',                           '2025-10-09'),
  ('ff00::/8',           'multicast',               'IANA IPv6 multicast registry',       '2025-10-09'),
  ('168.63.129.16/32',   'Azure platform',          'cloud provider documentation',       '2026-11-21'),
  ('169.254.169.254/32', 'cloud metadata',          'cloud provider documentation',       '2026-11-21'),
  ('169.254.170.2/32',   'AWS container credentials', 'cloud provider documentation',     '2026-11-21'),
  ('100.100.100.200/32', 'Alibaba metadata',        'cloud provider documentation',       '2026-11-21'),
  ('192.0.0.192/32',     'Oracle metadata',         'cloud provider documentation',       '2026-11-21'),
  ('fd00:ec2::254/128',  'AWS metadata',            'cloud provider documentation',       '2026-11-21')
) AS v (network, name, source, as_of);

INSERT INTO agentcore.special_name (tenant, pattern, name, source, as_of, shipped)
SELECT '*', v.pattern, v.name, v.source, v.as_of::date, true FROM (VALUES
  ('<single label>',             'name in the local search domain', 'agentcore',         '2026-11-21'),
  ('*.localhost',                'loopback',              'RFC 6761',                    '2025-10-09'),
  ('ip6-localhost',              'loopback',              'Debian /etc/hosts',           '2026-11-21'),
  ('ip6-loopback',               'loopback',              'Debian /etc/hosts',           '2026-11-21'),
  ('*.local',                    'multicast DNS, cluster names', 'RFC 6762',             '2025-10-09'),
  ('*.internal',                 'private use',           'ICANN resolution 2024.07.29.06', '2025-10-09'),
  ('*.svc.cluster.local',        'Kubernetes services',   'Kubernetes documentation',    '2026-11-21'),
  ('metadata',                   'cloud metadata',        'cloud provider documentation', '2026-11-21'),
  ('metadata.google.internal',   'Google metadata',       'cloud provider documentation', '2026-11-21'),
  ('instance-data',              'AWS metadata',          'cloud provider documentation', '2026-11-21'),
  ('metadata.tencentyun.com',    'Tencent metadata',      'cloud provider documentation', '2026-11-21'),
  ('metadata.packet.net',        'Equinix metadata',      'cloud provider documentation', '2026-11-21'),
  ('rancher-metadata',           'Rancher metadata',      'cloud provider documentation', '2026-11-21')
) AS v (pattern, name, source, as_of);

-- History ------------------------------------------------------------------

CREATE TABLE agentcore.policy_revision (
  tenant       text COLLATE "C" NOT NULL,
  policy       text COLLATE "C" NOT NULL,
  revision     bigint NOT NULL,
  id           uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
  at           timestamptz NOT NULL DEFAULT agentcore.clock_now(),
  role         text COLLATE "C" NOT NULL,
  session_role text COLLATE "C" NOT NULL DEFAULT session_user,
  action       text COLLATE "C" NOT NULL,
  before       jsonb,
  after        jsonb,
  PRIMARY KEY (tenant, policy, revision, id)
);
COMMENT ON TABLE agentcore.policy_revision IS 'Append-only: one row a change of a policy, a rule or a special entry, by whatever means, in the transaction of the change. revision: the one that the policy has since, and that url_check() names; a change of a special entry gives one to every policy that it touches, and is itself recorded under policy ''''. role: who called the function or wrote to the table (after SET ROLE, or the owner of a SECURITY DEFINER function); session_role: who logged in. action: policy_add, policy_change, policy_drop, rule_add, rule_change, rule_drop, rules_truncate, special_add, special_change, special_drop, special_truncate, history_retain. before, after: the row without its key, null where there was or is none; of a truncated table what it held, as an array. A restore is recorded as changes by the role that restores. Cut by policy_history_retain().';

CREATE FUNCTION agentcore.policy_writer() RETURNS text
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_writer_v1';
COMMENT ON FUNCTION agentcore.policy_writer() IS 'Internal. The role that a change of a policy is put down to: the caller of policy_set() and its siblings, who write as the owner of the tables, or else the current user.';

CREATE FUNCTION agentcore.policy_record(tenant text, policy text, revision bigint, action text, before jsonb, after jsonb) RETURNS void
  LANGUAGE sql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
INSERT INTO agentcore.policy_revision (tenant, policy, revision, role, action, before, after)
VALUES (tenant, policy, revision, agentcore.policy_writer(), action, before, after)
$$;
COMMENT ON FUNCTION agentcore.policy_record(text, text, bigint, text, jsonb, jsonb) IS 'Internal. Writes one row of policy_revision.';

CREATE FUNCTION agentcore.policy_history_trigger() RETURNS trigger
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  key constant text[] := '{tenant,revision}';
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM agentcore.policy_record(p.tenant, p.name, nextval('agentcore.revision_seq'), 'policy_drop', to_jsonb(p) - key, NULL)
       FROM agentcore.policy p;
  ELSIF TG_OP = 'INSERT' THEN
    PERFORM agentcore.policy_record(NEW.tenant, NEW.name, NEW.revision, 'policy_add', NULL, to_jsonb(NEW) - key);
  ELSIF TG_OP = 'DELETE' THEN
    PERFORM agentcore.policy_record(OLD.tenant, OLD.name, nextval('agentcore.revision_seq'), 'policy_drop', to_jsonb(OLD) - key, NULL);
  ELSIF (OLD.tenant, OLD.name) IS DISTINCT FROM (NEW.tenant, NEW.name) THEN
    PERFORM agentcore.policy_record(OLD.tenant, OLD.name, NEW.revision, 'policy_drop', to_jsonb(OLD) - key, NULL);
    PERFORM agentcore.policy_record(NEW.tenant, NEW.name, NEW.revision, 'policy_add', NULL, to_jsonb(NEW) - key);
  ELSIF to_jsonb(OLD) - key <> to_jsonb(NEW) - key OR (OLD.revision <> NEW.revision AND pg_trigger_depth() = 1) THEN
    PERFORM agentcore.policy_record(NEW.tenant, NEW.name, NEW.revision, 'policy_change', to_jsonb(OLD) - key, to_jsonb(NEW) - key);
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION agentcore.policy_history_trigger() IS 'Internal. Records a changed policy. A new revision alone is recorded by the trigger that gave it, unless somebody gave it by hand.';

CREATE FUNCTION agentcore.policy_record_special(entry_tenant text, action text, before jsonb, after jsonb) RETURNS void
  LANGUAGE sql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
WITH touched AS (
  UPDATE agentcore.policy p SET revision = 0 WHERE entry_tenant IN (p.tenant, '*') RETURNING p.tenant, p.name, p.revision
)
SELECT agentcore.policy_record(t.tenant, t.name, t.revision, action, before, after) FROM touched t
UNION ALL
SELECT agentcore.policy_record(entry_tenant, '', nextval('agentcore.revision_seq'), action, before, after)
$$;
COMMENT ON FUNCTION agentcore.policy_record_special(text, text, jsonb, jsonb) IS 'Internal. Gives every policy that a special entry concerns a new revision (the 0 is replaced by registry_revision_trigger), and records why.';

CREATE FUNCTION agentcore.policy_record_rule(tenant text, policy text, action text, before jsonb, after jsonb) RETURNS void
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  number bigint;
BEGIN
  UPDATE agentcore.policy p SET revision = 0
   WHERE p.tenant = policy_record_rule.tenant AND p.name = policy_record_rule.policy
  RETURNING p.revision INTO number;
  -- the rules of a policy that is dropped go after it
  PERFORM agentcore.policy_record(tenant, policy, coalesce(number, nextval('agentcore.revision_seq')), action, before, after);
END
$$;
COMMENT ON FUNCTION agentcore.policy_record_rule(text, text, text, jsonb, jsonb) IS 'Internal. Gives the policy of a changed rule a new revision (the 0 is replaced by registry_revision_trigger), and records why.';

-- TimeZone and DateStyle: a range of time becomes text in jsonb.
CREATE FUNCTION agentcore.policy_touch_trigger() RETURNS trigger
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  SET "TimeZone" = 'UTC'
  SET "DateStyle" = 'ISO, YMD'
  AS $$
DECLARE
  was constant jsonb := to_jsonb(OLD);
  will constant jsonb := to_jsonb(NEW);
  key constant text[] := '{tenant,policy}';
  moved constant boolean := (was -> 'tenant', was -> 'policy') IS DISTINCT FROM (will -> 'tenant', will -> 'policy');
BEGIN
  IF TG_OP = 'TRUNCATE' AND TG_TABLE_NAME = 'policy_rule' THEN
    PERFORM agentcore.policy_record_rule(r.tenant, r.policy, 'rules_truncate', jsonb_agg(to_jsonb(r) - key ORDER BY r.id), NULL)
       FROM agentcore.policy_rule r GROUP BY r.tenant, r.policy;
  ELSIF TG_OP = 'TRUNCATE' AND TG_TABLE_NAME = 'special_range' THEN
    PERFORM agentcore.policy_record_special(s.tenant, 'special_truncate', jsonb_agg(to_jsonb(s) - key ORDER BY s.network), NULL)
       FROM agentcore.special_range s GROUP BY s.tenant;
  ELSIF TG_OP = 'TRUNCATE' THEN
    PERFORM agentcore.policy_record_special(s.tenant, 'special_truncate', jsonb_agg(to_jsonb(s) - key ORDER BY s.pattern), NULL)
       FROM agentcore.special_name s GROUP BY s.tenant;
  ELSIF TG_TABLE_NAME = 'policy_rule' THEN
    -- a rule that moves to another policy leaves one and enters the other
    IF was IS NOT NULL AND (will IS NULL OR moved) THEN
      PERFORM agentcore.policy_record_rule(was ->> 'tenant', was ->> 'policy', 'rule_drop', was - key, NULL);
    END IF;
    IF will IS NOT NULL THEN
      PERFORM agentcore.policy_record_rule(will ->> 'tenant', will ->> 'policy', CASE WHEN moved THEN 'rule_add' ELSE 'rule_change' END,
                                           CASE WHEN NOT moved THEN was - key END, will - key);
    END IF;
  ELSE
    IF was IS NOT NULL AND (will IS NULL OR moved) THEN
      PERFORM agentcore.policy_record_special(was ->> 'tenant', 'special_drop', was - key, NULL);
    END IF;
    IF will IS NOT NULL THEN
      PERFORM agentcore.policy_record_special(will ->> 'tenant', CASE WHEN moved THEN 'special_add' ELSE 'special_change' END,
                                              CASE WHEN NOT moved THEN was - key END, will - key);
    END IF;
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION agentcore.policy_touch_trigger() IS 'Internal. Gives a policy a new revision when one of its rules or a special entry changes, by whatever means, and records the change. Before a TRUNCATE, while the rows can still be seen.';

DO $attach$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY '{policy_rule,special_range,special_name}'::text[] LOOP
    EXECUTE pg_catalog.format('CREATE TRIGGER policy_touch_row AFTER INSERT OR UPDATE OR DELETE ON agentcore.%I FOR EACH ROW EXECUTE FUNCTION agentcore.policy_touch_trigger()', t);
    EXECUTE pg_catalog.format('CREATE TRIGGER policy_touch_truncate BEFORE TRUNCATE ON agentcore.%I FOR EACH STATEMENT EXECUTE FUNCTION agentcore.policy_touch_trigger()', t);
    EXECUTE pg_catalog.format('ALTER TABLE agentcore.%I ENABLE ALWAYS TRIGGER policy_touch_row', t);
    EXECUTE pg_catalog.format('ALTER TABLE agentcore.%I ENABLE ALWAYS TRIGGER policy_touch_truncate', t);
  END LOOP;
END
$attach$;
CREATE TRIGGER policy_history_row AFTER INSERT OR UPDATE OR DELETE ON agentcore.policy FOR EACH ROW EXECUTE FUNCTION agentcore.policy_history_trigger();
CREATE TRIGGER policy_history_truncate BEFORE TRUNCATE ON agentcore.policy FOR EACH STATEMENT EXECUTE FUNCTION agentcore.policy_history_trigger();
ALTER TABLE agentcore.policy ENABLE ALWAYS TRIGGER policy_history_row;
ALTER TABLE agentcore.policy ENABLE ALWAYS TRIGGER policy_history_truncate;
SELECT agentcore.registry_attach('agentcore.special_range', false);
SELECT agentcore.registry_attach('agentcore.special_name', false);

-- Writing ------------------------------------------------------------------

CREATE FUNCTION agentcore.policy_set(name text, mode text DEFAULT NULL, schemes text[] DEFAULT NULL, methods text[] DEFAULT NULL, reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_set_v1';
COMMENT ON FUNCTION agentcore.policy_set(text, text, text[], text[], text[], text) IS 'Create or change a policy; its rules stay. mode: enforce, audit (judge, but allow), off. schemes: of http, https, ws, wss. methods: the only ones allowed at all. A member that is not given (NULL) stays as it is; in a new policy it is mode enforce, schemes {https}, any method. reset: members to set back to that. Returns whether anything changed. Empty or unknown input: 22023.';

CREATE FUNCTION agentcore.policy_drop(name text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_drop_v1';
COMMENT ON FUNCTION agentcore.policy_drop(text, text) IS 'Remove a policy with its rules. Returns whether there was one.';

CREATE FUNCTION agentcore.policy_allow(policy text, pattern text, methods text[] DEFAULT NULL, ports integer[] DEFAULT NULL, path_prefix text DEFAULT NULL, valid tstzrange DEFAULT NULL, force boolean DEFAULT false, tenant text DEFAULT '') RETURNS bigint
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_allow_v1';
COMMENT ON FUNCTION agentcore.policy_allow(text, text, text[], integer[], text, tstzrange, boolean, text) IS 'Allow a host (''api.example.com''), a domain with everything under it and itself (''*.example.com''), every host (''*''), an address or a network (''10.0.0.0/8'', ''[2001:db8::]/32''), within methods, ports, path_prefix (on a segment boundary, decoded, case-sensitive) and valid (wall clock); NULL = any. Returns the rule''s id, the same for the same rule; a NOTICE says the form it is stored in where that differs. ''*.suffix'' for a public suffix (com, co.uk, github.io) is refused unless force. A pattern that has no canonical form and a rule that could never match: 22023; unknown policy: 42704.';

CREATE FUNCTION agentcore.policy_deny(policy text, pattern text, methods text[] DEFAULT NULL, ports integer[] DEFAULT NULL, path_prefix text DEFAULT NULL, valid tstzrange DEFAULT NULL, force boolean DEFAULT false, tenant text DEFAULT '') RETURNS bigint
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_deny_v1';
COMMENT ON FUNCTION agentcore.policy_deny(text, text, text[], integer[], text, tstzrange, boolean, text) IS 'Deny what policy_allow() describes with the same arguments; a deny wins over every allow. With path_prefix it also refuses, as invalid_url (ambiguous_path), what a lenient server takes for that path: other case, ;parameters, trailing dots and spaces, streams, short names. Names resolve to addresses that a name cannot deny: check those with ip_check().';

CREATE FUNCTION agentcore.policy_allow_tool(policy text, tool text, valid tstzrange DEFAULT NULL, tenant text DEFAULT '') RETURNS bigint
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_allow_tool_v1';
COMMENT ON FUNCTION agentcore.policy_allow_tool(text, text, tstzrange, text) IS 'Allow a tool by its exact name, by ''prefix*'', or every tool by ''*''; case-sensitive. Returns the rule''s id, the same for the same rule. A star elsewhere: 22023; unknown policy: 42704.';

CREATE FUNCTION agentcore.policy_deny_tool(policy text, tool text, valid tstzrange DEFAULT NULL, tenant text DEFAULT '') RETURNS bigint
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_deny_tool_v1';
COMMENT ON FUNCTION agentcore.policy_deny_tool(text, text, tstzrange, text) IS 'Deny a tool by its exact name, ''prefix*'' or ''*''; wins over every allow. Returns the rule''s id.';

CREATE FUNCTION agentcore.policy_suffix_list() RETURNS text
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_suffix_list_v1';
COMMENT ON FUNCTION agentcore.policy_suffix_list() IS 'What policy_allow() and policy_deny() judge public suffixes by: libpsl with its version (its list or the one of the package publicsuffix, whichever is newer), or ''top-level domains only'' where the extension was built without it or no list can be read. Never NULL.';

CREATE FUNCTION agentcore.policy_history_retain(keep interval) RETURNS bigint
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_history_retain_v1';
COMMENT ON FUNCTION agentcore.policy_history_retain(interval) IS 'Delete history of policies, of every tenant, older than keep (a day to 36500 days), but for the newest of each policy there is; the deletion itself is recorded. Returns how many rows went. Needs admin on every tenant (''*''), so that no tenant''s admin removes his own traces. NULL or out of range: 22023.';

CREATE FUNCTION agentcore.policy_rule_drop(policy text, rule bigint, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_rule_drop_v1';
COMMENT ON FUNCTION agentcore.policy_rule_drop(text, bigint, text) IS 'Remove one rule by its id. Returns whether there was one; unknown policy: 42704.';

CREATE FUNCTION agentcore.special_set(pattern text, name text DEFAULT NULL, reset text[] DEFAULT NULL, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_special_set_v1';
COMMENT ON FUNCTION agentcore.special_set(text, text, text[], text) IS 'Add a network (''198.51.100.0/24'') or a host name (''vault.example.com'', ''*.corp'') that every policy of the tenant denies unless a rule inside it lifts it; name says what it is; a new entry needs it, and nothing of it can be reset. Returns whether anything changed.';

CREATE FUNCTION agentcore.special_drop(pattern text, tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_special_drop_v1';
COMMENT ON FUNCTION agentcore.special_drop(text, text) IS 'Remove a special network or name of the tenant''s own; what the extension ships stays and is lifted by rules. Returns whether there was one.';

-- Asking -------------------------------------------------------------------

CREATE TYPE agentcore.url_decision AS (allowed boolean, reason text, detail text, url text, host text, port integer, rule bigint, revision bigint);
COMMENT ON TYPE agentcore.url_decision IS 'What url_check() says: reason is one of invalid_url, method_blocked, denylist_match, not_in_allowlist; detail begins with a sub-code; url is canonical, and the one to fetch; rule decided; revision of the policy.';
CREATE TYPE agentcore.tool_decision AS (allowed boolean, reason text, detail text, rule bigint);
COMMENT ON TYPE agentcore.tool_decision IS 'What tool_check() says.';
CREATE TYPE agentcore.ip_decision AS (allowed boolean, reason text, detail text);
COMMENT ON TYPE agentcore.ip_decision IS 'What ip_check() says.';
CREATE TYPE agentcore.url_parts AS (ok boolean, reason text, url text, scheme text, host text, port integer, path text, query text);
COMMENT ON TYPE agentcore.url_parts IS 'What url_parse() says: the canonical URL and its parts, or the class of the refusal in reason.';
CREATE TYPE agentcore.policy_explanation AS (rule bigint, effect text, pattern text, matched boolean, why text);
COMMENT ON TYPE agentcore.policy_explanation IS 'What policy_explain() says of one rule; the last row (effect decision) is the decision itself.';

CREATE TYPE agentcore.policy_simulation AS (n integer, given text, allowed boolean, reason text, detail text, url text, host text, port integer, rule bigint, revision bigint);
COMMENT ON TYPE agentcore.policy_simulation IS 'What policy_simulate() says of the n-th URL; the columns after given are those of url_decision.';
CREATE TYPE agentcore.policy_change AS (n integer, given text, change text, allowed_before boolean, reason_before text, detail_before text, rule_before bigint, allowed_after boolean, reason_after text, detail_after text, rule_after bigint, proposed integer);
COMMENT ON TYPE agentcore.policy_change IS 'What policy_diff() says of the n-th URL: change is newly_allowed, newly_denied, or reason (the same answer for another reason, as in mode audit, where nothing is denied). proposed: which proposed rule decides, counted from 1, allow before deny; rule_after is then NULL.';

CREATE FUNCTION agentcore.url_check(policy text, url text, method text DEFAULT 'GET', tenant text DEFAULT '') RETURNS SETOF agentcore.url_decision
  LANGUAGE C STABLE PARALLEL SAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_url_check_v1';
COMMENT ON FUNCTION agentcore.url_check(text, text, text, text) IS 'Whether a policy lets a URL be reached with a method, why not, and the canonical URL, which is the one to fetch. In mode audit allowed is true and reason says what enforcement would have said; in mode off allowed is true without one; url is then NULL where it could not be parsed. NULL url or method: never allowed. NULL policy: 22023; unknown policy: 42704.';

CREATE FUNCTION agentcore.url_allowed(policy text, url text, method text DEFAULT 'GET', tenant text DEFAULT '') RETURNS boolean
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_url_allowed_v1';
COMMENT ON FUNCTION agentcore.url_allowed(text, text, text, text) IS 'allowed of url_check(), without building the texts. Never NULL. NULL policy: 22023; unknown policy: 42704.';

CREATE FUNCTION agentcore.tool_check(policy text, tool text, tenant text DEFAULT '') RETURNS SETOF agentcore.tool_decision
  LANGUAGE C STABLE PARALLEL SAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_tool_check_v1';
COMMENT ON FUNCTION agentcore.tool_check(text, text, text) IS 'Whether a policy lets a tool be called. NULL tool: never allowed. NULL policy: 22023; unknown policy: 42704.';

CREATE FUNCTION agentcore.ip_check(policy text, ips inet[], port integer DEFAULT NULL, tenant text DEFAULT '') RETURNS SETOF agentcore.ip_decision
  LANGUAGE C STABLE PARALLEL SAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_ip_check_v1';
COMMENT ON FUNCTION agentcore.ip_check(text, inet[], integer, text) IS 'Whether a client may connect to the addresses that an allowed host name resolved to: every one must be outside the deny rules and special ranges, IPv4 hidden in IPv6 included. NULL or empty: not allowed. A rule with ports lifts a special range only if port is given; rules with methods or path_prefix never do here. port outside 1..65535: 22023.';

CREATE FUNCTION agentcore.url_parse(url text) RETURNS SETOF agentcore.url_parts
  LANGUAGE C STABLE PARALLEL SAFE ROWS 1
  AS 'MODULE_PATHNAME', 'agentcore_url_parse_v1';
COMMENT ON FUNCTION agentcore.url_parse(text) IS 'The one canonical reading of an absolute http, https, ws or wss URL, or the class of its refusal: null, empty, too_long, not_utf8, control_character, whitespace, backslash, scheme, missing_slashes, userinfo, empty_host, percent_in_host, host_character, idn, label_length, host_length, noncanonical_ipv4, invalid_ipv4, invalid_ipv6, zone_id, port, percent_encoding. Host names outside ASCII become xn-- names by UTS-46, which depends on the version of ICU; class idn where they cannot, and always in a build without ICU. Never an error.';

CREATE FUNCTION agentcore.policy_explain(policy text, url text, method text DEFAULT 'GET', tenant text DEFAULT '') RETURNS SETOF agentcore.policy_explanation
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_explain_v1';
COMMENT ON FUNCTION agentcore.policy_explain(text, text, text, text) IS 'Every rule of the policy and what it says to this request (why: matches, or the first thing that does not fit: host, port, not valid now, path, path is ambiguous, method), the special entries that match, and the decision last. NULL policy: 22023; unknown policy: 42704.';

CREATE FUNCTION agentcore.policy_simulate(policy text, urls text[], method text DEFAULT 'GET', tenant text DEFAULT '') RETURNS SETOF agentcore.policy_simulation
  LANGUAGE C STABLE PARALLEL SAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_simulate_v1';
COMMENT ON FUNCTION agentcore.policy_simulate(text, text[], text, text) IS 'What url_check() says to each URL, by one and the same version of the policy; a row an element, in their order, NULL elements included. Needs reader. NULL policy or urls: 22023; unknown policy: 42704.';

CREATE FUNCTION agentcore.policy_document(document jsonb) RETURNS jsonb
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  known text[] := '{name,mode,schemes,methods,allow,deny,allow_tools,deny_tools,drop}';
  given jsonb := document;
  network jsonb := document -> 'network';
  member record;
BEGIN
  IF jsonb_typeof(document) = 'array' THEN
    FOR member IN SELECT value, ordinality AS n FROM jsonb_array_elements(document) WITH ORDINALITY LOOP
      IF member.value ->> 'effect' IS NULL OR member.value ->> 'effect' NOT IN ('allow', 'deny') THEN
        RAISE EXCEPTION 'entry % of a list of rules has no effect', member.n
          USING ERRCODE = 'invalid_parameter_value', HINT = 'Write {"effect": "allow", "pattern": "..."}, or deny.';
      END IF;
    END LOOP;
    RETURN (SELECT jsonb_build_object(
              'allow', coalesce(jsonb_agg(value - 'effect' ORDER BY ordinality) FILTER (WHERE value ->> 'effect' = 'allow'), '[]'),
              'deny', coalesce(jsonb_agg(value - 'effect' ORDER BY ordinality) FILTER (WHERE value ->> 'effect' = 'deny'), '[]'))
              FROM jsonb_array_elements(document) WITH ORDINALITY);
  ELSIF jsonb_typeof(document) IS DISTINCT FROM 'object' THEN
    RAISE EXCEPTION 'a policy document must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
  END IF;

  IF document ?| '{network,budget,violations}' THEN
    known := '{network,budget,violations}';
    FOR member IN
      SELECT m.key, m.value, w.word FROM (VALUES ('network', '{allow,deny,methods}'::text[]), ('budget', '{maxRequests}')) w (word, keys),
             jsonb_each(CASE jsonb_typeof(document -> w.word) WHEN 'object' THEN document -> w.word ELSE '{}' END) m
       WHERE m.key <> ALL (w.keys)
    LOOP
      RAISE EXCEPTION 'unknown member "%" of "%"', member.key, member.word
        USING ERRCODE = 'invalid_parameter_value', HINT = 'Known are allow, deny and methods of network, and maxRequests of budget.';
    END LOOP;
    IF jsonb_typeof(network) IS DISTINCT FROM 'object' THEN
      RAISE EXCEPTION 'network must be an object'
        USING ERRCODE = 'invalid_parameter_value', DETAIL = 'Without it agentguard lets every host be reached.',
              HINT = 'Write {"network": {"allow": ["*"]}} if that is meant.';
    END IF;
    IF coalesce(jsonb_typeof(document -> 'budget'), 'null') NOT IN ('object', 'null')
       OR coalesce(jsonb_typeof(document #> '{budget,maxRequests}'), 'null') NOT IN ('number', 'null')
       OR (document #>> '{budget,maxRequests}')::numeric NOT BETWEEN 0 AND 9007199254740991
       OR (document #>> '{budget,maxRequests}')::numeric <> trunc((document #>> '{budget,maxRequests}')::numeric) THEN
      RAISE EXCEPTION 'budget.maxRequests must be a whole number between 0 and 2^53 - 1' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF document -> 'violations' NOT IN ('"throw"', '"block"', '"enforce"', '"audit"', 'null') THEN
      RAISE EXCEPTION 'unknown violations'
        USING ERRCODE = 'invalid_parameter_value', HINT = 'throw, block and enforce become mode enforce; audit becomes mode audit.';
    END IF;
    given := network || jsonb_build_object(
      'mode', CASE document ->> 'violations' WHEN 'audit' THEN 'audit' ELSE 'enforce' END, 'schemes', '["http", "https"]'::jsonb,
      'allow', coalesce(nullif(network -> 'allow', 'null'), '["*"]'), 'deny', coalesce(nullif(network -> 'deny', 'null'), '[]'));
    FOR member IN SELECT l.key FROM (VALUES ('allow'), ('deny')) l (key)
       WHERE jsonb_typeof(given -> l.key) <> 'array' OR jsonb_path_exists(given, format('strict $.%I[*] ? (@.type() != "string")', l.key)::jsonpath)
    LOOP
      RAISE EXCEPTION 'network.% must be an array of host patterns', member.key USING ERRCODE = 'invalid_parameter_value';
    END LOOP;
  END IF;

  FOR member IN SELECT key, value FROM jsonb_each(document) LOOP
    IF member.key <> ALL (known) THEN
      RAISE EXCEPTION 'unknown member "%" of a policy document', member.key
        USING ERRCODE = 'invalid_parameter_value', HINT = format('Known members: %s.', array_to_string(known, ', '));
    END IF;
  END LOOP;
  FOR member IN SELECT key, value FROM jsonb_each(given) LOOP
    IF jsonb_typeof(member.value) <> (CASE WHEN member.key IN ('name', 'mode') THEN 'string' ELSE 'array' END)
       AND (member.value <> 'null' OR member.key IN ('name', 'drop')) THEN
      RAISE EXCEPTION 'member "%" of a policy document must be %', member.key, CASE WHEN member.key IN ('name', 'mode') THEN 'a string' ELSE 'an array' END
        USING ERRCODE = 'invalid_parameter_value';
    ELSIF member.key IN ('schemes', 'methods') AND member.value <> 'null' AND jsonb_path_exists(member.value, 'strict $[*] ? (@.type() != "string")')
       OR member.key = 'drop' AND EXISTS (SELECT FROM jsonb_array_elements(member.value) d WHERE d::text !~ '^[0-9]{1,18}$') THEN
      RAISE EXCEPTION 'member "%" of a policy document has an entry of another type', member.key USING ERRCODE = 'invalid_parameter_value';
    END IF;
  END LOOP;
  RETURN given - 'name';
END
$$;
COMMENT ON FUNCTION agentcore.policy_document(jsonb) IS 'A policy as policy_export() writes it: {mode, schemes, methods, allow, deny, allow_tools, deny_tools}, made of that, of a list of rules [{effect, pattern, ...}], or of agentguard''s {network: {allow, deny, methods}, budget: {maxRequests}, violations}. agentguard''s: schemes become http and https and ports any, for it looks at neither; no allow list becomes [''*'']; violations throw and block become mode enforce, audit becomes audit; budget is judged and left to policy_import(). drop: ids of rules, for policy_diff(). Unknown members, members of another type, no network: 22023. NULL: 22023.';

CREATE FUNCTION agentcore.policy_named(document jsonb) RETURNS jsonb
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  SELECT agentcore.policy_document(document)
         - CASE WHEN NOT document ?| '{network,budget,violations}' THEN '{}'::text[]
                ELSE array_remove(ARRAY[CASE WHEN NOT document ? 'violations' THEN 'mode' END,
                                        CASE WHEN NOT document -> 'network' ? 'allow' THEN 'allow' END,
                                        CASE WHEN NOT document -> 'network' ? 'deny' THEN 'deny' END], NULL) END
$$;
COMMENT ON FUNCTION agentcore.policy_named(jsonb) IS 'Internal. policy_document() without what agentguard''s shape only implies: the members that the document names, to be laid over a policy that exists.';

CREATE FUNCTION agentcore.policy_proposal(document jsonb, OUT effect text, OUT pattern text, OUT methods text[], OUT ports integer[], OUT path_prefix text, OUT valid tstzrange, OUT force boolean) RETURNS SETOF record
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
#variable_conflict use_column
DECLARE
  known constant text[] := '{pattern,methods,ports,path_prefix,valid,force}';
  item record;
BEGIN
  FOR item IN
    SELECT e.effect, x.n, CASE jsonb_typeof(x.value) WHEN 'string' THEN jsonb_build_object('pattern', x.value) ELSE x.value END AS rule
      FROM unnest('{allow,deny}'::text[]) WITH ORDINALITY e (effect, place), jsonb_array_elements(nullif(document -> e.effect, 'null')) WITH ORDINALITY x (value, n)
     ORDER BY e.place, x.n
  LOOP
    IF jsonb_typeof(item.rule) <> 'object' OR item.rule - known <> '{}' THEN
      RAISE EXCEPTION 'entry % of "%" is not a rule', item.n, item.effect
        USING ERRCODE = 'invalid_parameter_value', HINT = format('Write a pattern, or an object with the members %s.', array_to_string(known, ', '));
    END IF;
    BEGIN
      RETURN QUERY SELECT item.effect, r.pattern, r.methods, r.ports, r.path_prefix, r.valid, coalesce(r.force, false)
        FROM jsonb_to_record(item.rule) AS r (pattern text, methods text[], ports integer[], path_prefix text, valid tstzrange, force boolean);
    EXCEPTION WHEN data_exception THEN
      RAISE EXCEPTION 'entry % of "%" has a member of another type', item.n, item.effect USING ERRCODE = 'invalid_parameter_value';
    END;
  END LOOP;
END
$$;
COMMENT ON FUNCTION agentcore.policy_proposal(jsonb) IS 'Internal. The rules for URLs of a policy document, a row each, not yet canonical. Unknown members and members of another type: 22023.';

CREATE FUNCTION agentcore.policy_diff(policy text, urls text[], rules jsonb, method text DEFAULT 'GET', replace boolean DEFAULT false, tenant text DEFAULT '') RETURNS SETOF agentcore.policy_change
  LANGUAGE C VOLATILE PARALLEL UNSAFE
  AS 'MODULE_PATHNAME', 'agentcore_policy_diff_v1';
COMMENT ON FUNCTION agentcore.policy_diff(text, text[], jsonb, text, boolean, text) IS 'What a change of a policy would make of these URLs: a row for each that url_check() would answer otherwise. rules: what policy_document() takes; allow and deny are added to the policy''s rules, those of drop (ids) are left out, mode, schemes and methods are as given or stay. replace: what policy_import() would make of it, allow and deny take the place of the policy''s own where they are given. Nothing is written or locked; it runs on a standby. Needs reader. A rule that its setter would refuse is refused alike (22023); unknown policy or rule to drop: 42704; NULL policy, urls or rules: 22023.';

INSERT INTO agentcore.access_source (relation, shared, hidden) VALUES
  ('policy', false, '{}'), ('policy_rule', false, '{}'), ('policy_revision', false, '{id}'), ('special_range', true, '{}'), ('special_name', true, '{}');

CREATE VIEW agentcore.policies WITH (security_barrier) AS
  SELECT p.tenant, p.name, p.mode, p.schemes, p.methods, coalesce(r.rules, 0) AS rules, p.revision
    FROM agentcore.visible_rows(NULL::agentcore.policy) p
    LEFT JOIN (SELECT r.tenant, r.policy, pg_catalog.count(*) AS rules
                 FROM agentcore.visible_rows(NULL::agentcore.policy_rule) r GROUP BY 1, 2) r
      ON r.tenant = p.tenant AND r.policy = p.name;
COMMENT ON VIEW agentcore.policies IS 'Policies of the tenants visible to the caller, with the number of their rules.';

CREATE VIEW agentcore.policy_rules WITH (security_barrier) AS
  SELECT r.tenant, r.policy, r.id AS rule, r.kind, r.effect, r.pattern, r.methods, r.ports, r.path_prefix, r.valid, r.forced, r.created_by, r.created_at
    FROM agentcore.visible_rows(NULL::agentcore.policy_rule) r;
COMMENT ON VIEW agentcore.policy_rules IS 'Rules of the policies of the tenants visible to the caller, in canonical form.';

CREATE VIEW agentcore.policy_history WITH (security_barrier) AS
  SELECT r.tenant, r.policy, r.revision, r.at, r.role, r.session_role, r.action, r.before, r.after
    FROM agentcore.visible_rows(NULL::agentcore.policy_revision) r;
COMMENT ON VIEW agentcore.policy_history IS 'Changes of policies, rules and special entries of the tenants visible to the caller; join a decision by tenant, policy and revision to what led to it. See policy_revision.';

CREATE VIEW agentcore.special_entries WITH (security_barrier) AS
  SELECT s.tenant, s.network::text COLLATE "C" AS pattern, s.name, s.source, s.as_of, s.shipped
    FROM agentcore.visible_rows(NULL::agentcore.special_range) s
  UNION ALL
  SELECT s.tenant, s.pattern, s.name, s.source, s.as_of, s.shipped
    FROM agentcore.visible_rows(NULL::agentcore.special_name) s;
COMMENT ON VIEW agentcore.special_entries IS 'Networks and names denied unless a rule lifts them: what the extension ships (tenant ''*'') and what the visible tenants added.';

INSERT INTO agentcore.access_function VALUES
  ('policy_set', 'admin'), ('policy_drop', 'admin'), ('policy_allow', 'admin'), ('policy_deny', 'admin'),
  ('policy_allow_tool', 'admin'), ('policy_deny_tool', 'admin'), ('policy_rule_drop', 'admin'),
  ('special_set', 'admin'), ('special_drop', 'admin'),
  ('url_check', 'agent'), ('url_allowed', 'agent'), ('tool_check', 'agent'), ('ip_check', 'agent'),
  ('policy_explain', 'reader'), ('policy_simulate', 'reader'), ('policy_diff', 'reader'), ('policy_document', 'public'), ('policy_proposal', 'admin'), ('policy_named', 'admin'), ('url_parse', 'public'), ('policy_touch_trigger', 'internal'),
  ('policy_history_trigger', 'internal'), ('policy_record', 'internal'), ('policy_record_special', 'internal'), ('policy_record_rule', 'internal'), ('policy_writer', 'internal'),
  ('policy_history_retain', 'admin'), ('policy_suffix_list', 'public');

SELECT pg_catalog.pg_extension_config_dump('agentcore.policy', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.policy_rule', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.policy_rule_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.policy_revision', '');
SELECT pg_catalog.pg_extension_config_dump('agentcore.special_range', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('agentcore.special_name', 'WHERE NOT shipped');
