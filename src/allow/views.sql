-- Views, and who may call what.

INSERT INTO agentcore.access_source (relation, shared, hidden) VALUES
  ('policy', false, '{}'), ('policy_rule', false, '{}'), ('policy_revision', false, '{id}'), ('special_range', true, '{}'), ('special_name', true, '{}');

CREATE VIEW agentcore.policies WITH (security_barrier) AS
  SELECT p.tenant, p.name, p.mode, p.schemes, p.methods, p.strict_urls, coalesce(r.rules, 0) AS rules, p.revision, p.tz
    FROM agentcore.visible_rows(NULL::agentcore.policy) p
    LEFT JOIN (SELECT r.tenant, r.policy, pg_catalog.count(*) AS rules
                 FROM agentcore.visible_rows(NULL::agentcore.policy_rule) r GROUP BY 1, 2) r
      ON r.tenant = p.tenant AND r.policy = p.name;
COMMENT ON VIEW agentcore.policies IS
  'Policies of the tenants visible to the caller, with the number of their rules.';

CREATE VIEW agentcore.policy_rules WITH (security_barrier) AS
  SELECT r.tenant, r.policy, r.id AS rule, r.kind, r.effect, r.pattern, r.methods, r.ports, r.path_prefix, r.valid, r.forced, r.created_by, r.created_at,
         r.name, r."when", r.feedback, r.audit, r.approvers, r.votes, r.self, r.decide_within, r.bind
    FROM agentcore.visible_rows(NULL::agentcore.policy_rule) r;
COMMENT ON VIEW agentcore.policy_rules IS
  'Rules of the policies of the tenants visible to the caller, in canonical form.';

CREATE VIEW agentcore.policy_history WITH (security_barrier) AS
  SELECT r.tenant, r.policy, r.revision, r.at, r.role, r.session_role, r.action, r.before, r.after
    FROM agentcore.visible_rows(NULL::agentcore.policy_revision) r;
COMMENT ON VIEW agentcore.policy_history IS
  'Changes of policies, rules and special entries of the tenants visible to the caller. '
  'Join a decision by tenant, policy and revision to the change that led to it. '
  'See policy_revision.';

CREATE VIEW agentcore.special_entries WITH (security_barrier) AS
  SELECT s.tenant, s.network::text COLLATE "C" AS pattern, s.name, s.source, s.as_of, s.shipped, false AS embeds
    FROM agentcore.visible_rows(NULL::agentcore.special_range) s
  UNION ALL
  SELECT s.tenant, s.pattern, s.name, s.source, s.as_of, s.shipped, s.embeds
    FROM agentcore.visible_rows(NULL::agentcore.special_name) s;
COMMENT ON VIEW agentcore.special_entries IS
  'Networks and names that are denied unless a rule lifts them: those that the extension ships (tenant ''*'') and those that the visible tenants added. '
  'embeds: names below it spell an address, which is judged in place of the name.';

INSERT INTO agentcore.access_function VALUES
  ('policy_set', 'admin'), ('policy_drop', 'admin'), ('policy_allow', 'admin'), ('policy_deny', 'admin'),
  ('policy_allow_tool', 'admin'), ('policy_deny_tool', 'admin'), ('policy_ask_tool', 'admin'), ('policy_rule_drop', 'admin'),
  ('special_set', 'admin'), ('special_drop', 'admin'),
  ('url_check', 'agent'), ('url_allowed', 'agent'), ('tool_check', 'agent'), ('ip_check', 'agent'),
  ('policy_explain', 'reader'), ('policy_lint', 'reader'), ('policy_simulate', 'reader'), ('policy_diff', 'reader'), ('policy_document', 'public'), ('policy_proposal', 'admin'), ('policy_tool_proposal', 'admin'), ('policy_named', 'admin'), ('url_parse', 'public'), ('policy_touch_trigger', 'internal'),
  ('policy_history_trigger', 'internal'), ('policy_record', 'internal'), ('policy_record_special', 'internal'), ('policy_record_rule', 'internal'),
  ('policy_history_retain', 'admin'), ('policy_suffix_list', 'public');
