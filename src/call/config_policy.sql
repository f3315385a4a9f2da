-- call: a policy with all that belongs to it, as a document.

CREATE FUNCTION agentcore.config_knows_names(VARIADIC policies jsonb[]) RETURNS boolean
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
  SELECT EXISTS (SELECT FROM unnest(policies) p
                  WHERE p ?| '{tz,ask_tools,checks,facts,limits}' OR jsonb_path_exists(p, '$.*[*].name'))
$$;
COMMENT ON FUNCTION agentcore.config_knows_names(jsonb[]) IS
  'Internal. '
  'Whether one of the policies of a document speaks of what came with rules that have names: a document from before cannot mean to remove it.';

CREATE FUNCTION agentcore.config_rules(item jsonb, list text, OUT name jsonb, OUT rule jsonb) RETURNS SETOF record
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  seen jsonb[] := '{}';
BEGIN
  FOR rule IN SELECT value FROM jsonb_array_elements(item -> list) LOOP
    IF jsonb_typeof(rule) = 'string' AND list LIKE '%\_tools' THEN
      rule := jsonb_build_object('tool', rule);
    ELSIF jsonb_typeof(rule) <> 'object' THEN
      RAISE EXCEPTION 'every member of "%" must be an object', list USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- null is the default, and below "when" it is the schema's
    rule := (SELECT coalesce(jsonb_object_agg(m.key, m.value), '{}') FROM jsonb_each(rule) m WHERE m.value <> 'null');
    IF list = 'facts' AND rule -> 'clears' = 'false' THEN
      rule := rule - 'clears';
    ELSIF list = 'facts' AND jsonb_typeof(rule -> 'clears') <> 'boolean' THEN
      RAISE EXCEPTION 'member "clears" of a fact must be a boolean' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    name := CASE list WHEN 'facts' THEN jsonb_build_array(rule -> 'tool', rule -> 'fact', rule ? 'clears') ELSE rule -> 'name' END;
    IF name = ANY (seen) THEN
      RAISE EXCEPTION '% is twice in "%"', name, list USING ERRCODE = 'invalid_parameter_value';
    END IF;
    seen := seen || name;
    rule := rule || jsonb_build_object('policy', item -> 'name');
    RETURN NEXT;
  END LOOP;
END
$$;
COMMENT ON FUNCTION agentcore.config_rules(jsonb, text) IS
  'Internal. '
  'The entries of a list of a policy in the members of their setter, and what tells each from the others; two of one name: 22023.';

CREATE FUNCTION agentcore.config_set_tool_rules(policy_item jsonb, tenant text) RETURNS bigint[]
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  keep bigint[] := '{}';
  list record;
  twice text;
BEGIN
  SELECT r.rule ->> 'name' INTO twice
    FROM unnest('{allow_tools,deny_tools,ask_tools}'::text[]) l (list), agentcore.config_rules(policy_item, l.list) r
   WHERE r.rule ? 'name'
   GROUP BY 1 HAVING count(*) > 1 LIMIT 1;
  IF twice IS NOT NULL THEN
    RAISE EXCEPTION 'rule "%" is twice in policy "%"', twice, policy_item ->> 'name' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  FOR list IN
    SELECT l.setter, r.rule
      FROM (VALUES ('allow_tools', 'policy_allow_tool'), ('deny_tools', 'policy_deny_tool'), ('ask_tools', 'policy_ask_tool')) l (key, setter),
           agentcore.config_rules(policy_item, l.key) r
  LOOP
    keep := keep || agentcore.config_call(list.setter, list.rule, tenant)::bigint;
  END LOOP;
  RETURN keep;
END
$$;
COMMENT ON FUNCTION agentcore.config_set_tool_rules(jsonb, text) IS
  'Internal. '
  'The rules for tools of a policy of a document; returns their ids.';

CREATE FUNCTION agentcore.config_set_beside(policy_item jsonb, tenant text) RETURNS void
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  lists constant text[] := '{facts,checks,limits}';
  had jsonb;
  list text;
  rule jsonb;
BEGIN
  IF policy_item ?| lists THEN
    had := agentcore.policy_export(policy_item ->> 'name', tenant => tenant) || jsonb_build_object('name', policy_item -> 'name');
  END IF;
  FOREACH list IN ARRAY lists LOOP
    CONTINUE WHEN NOT policy_item ? list;
    -- what the list does not name goes first: policy_fact_drop() takes both kinds of one fact
    FOR rule IN
      SELECT h.rule FROM agentcore.config_rules(had, list) h
       WHERE h.name NOT IN (SELECT r.name FROM agentcore.config_rules(policy_item, list) r)
    LOOP
      PERFORM CASE list
        WHEN 'facts' THEN agentcore.policy_fact_drop(rule ->> 'policy', rule ->> 'tool', rule ->> 'fact', tenant)
        WHEN 'checks' THEN agentcore.policy_check_drop(rule ->> 'policy', rule ->> 'name', tenant)
        ELSE agentcore.policy_limit_drop(rule ->> 'policy', rule ->> 'name', tenant) END;
    END LOOP;
    FOR rule IN SELECT r.rule FROM agentcore.config_rules(policy_item, list) r LOOP
      PERFORM CASE list
        WHEN 'facts' THEN agentcore.config_call(CASE WHEN rule ? 'clears' THEN 'policy_fact_clear' ELSE 'policy_fact' END, rule - 'clears', tenant)
        WHEN 'checks' THEN agentcore.config_call('policy_check_set', rule, tenant)
        ELSE agentcore.config_call('policy_limit_tool', rule, tenant) END;
    END LOOP;
  END LOOP;
END
$$;
COMMENT ON FUNCTION agentcore.config_set_beside(jsonb, text) IS
  'Internal. '
  'The checks, facts and limits of a policy of a document; a list that is there is complete.';

CREATE FUNCTION agentcore.config_set_policy(item jsonb, tenant text) RETURNS void
  LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  lists constant text[] := '{allow,deny,allow_tools,deny_tools,ask_tools,checks,facts,limits}';
  named constant boolean := agentcore.config_knows_names(item);
  keep bigint[] := '{}';
  rule record;
BEGIN
  PERFORM agentcore.config_call('policy_set', item - lists, tenant);
  IF NOT item ?| lists THEN
    RETURN;
  END IF;
  -- a list that is null is what a new policy has: no rule
  item := item || (SELECT coalesce(jsonb_object_agg(l, '[]'::jsonb), '{}') FROM unnest(lists) l WHERE item -> l = 'null');
  -- not by config_call(), whose subtransaction for each rule made 2000 of them 4.2 s instead of 0.5 s
  FOR rule IN SELECT * FROM agentcore.policy_proposal(item) LOOP
    keep := keep || CASE rule.effect
      WHEN 'allow' THEN agentcore.policy_allow(item ->> 'name', rule.pattern, rule.methods, rule.ports, rule.path_prefix, rule.valid, rule.force, tenant)
      ELSE agentcore.policy_deny(item ->> 'name', rule.pattern, rule.methods, rule.ports, rule.path_prefix, rule.valid, rule.force, tenant) END;
  END LOOP;
  keep := keep || agentcore.config_set_tool_rules(item, tenant);
  PERFORM agentcore.config_set_beside(item, tenant);
  -- each list that is there is complete: what it does not name goes, but not what it cannot name
  PERFORM agentcore.policy_rule_drop(item ->> 'name', r.rule, config_set_policy.tenant)
     FROM agentcore.policy_rules r
    WHERE r.tenant = config_set_policy.tenant AND r.policy = item ->> 'name' AND r.rule <> ALL (keep)
      AND item ? (CASE r.effect WHEN 'allow_when' THEN 'allow' ELSE r.effect END || CASE r.kind WHEN 'tool' THEN '_tools' ELSE '' END)
      AND (named OR r.name IS NULL);
END
$$;
COMMENT ON FUNCTION agentcore.config_set_policy(jsonb, text) IS
  'Internal. '
  'A policy of a configuration document with all that belongs to it: a list that is there is complete, what belongs to one that is not there stays as it is. '
  'A document from before rules had names leaves those that have one.';

CREATE FUNCTION agentcore.policy_members(name text, tenant text, rows jsonb DEFAULT NULL) RETURNS jsonb
  LANGUAGE sql STABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  SET intervalstyle = 'postgres'
  SET timezone = 'UTC'
  SET datestyle = 'ISO, YMD'
  AS $$
  SELECT jsonb_build_object('mode', p.mode, 'schemes', p.schemes, 'methods', p.methods, 'strict_urls', p.strict_urls, 'tz', p.tz) || r.lists || c.lists || f.lists || l.lists
    FROM (SELECT * FROM agentcore.policy x WHERE policy_members.rows IS NULL AND x.tenant = policy_members.tenant AND x.name = policy_members.name
             UNION ALL
            SELECT x.* FROM jsonb_array_elements(policy_members.rows #> '{relations,policy}') e, jsonb_populate_record(NULL::agentcore.policy, e.value) x
             WHERE e.value ->> 'name' = policy_members.name) p
   CROSS JOIN LATERAL (
     SELECT jsonb_build_object(
              'allow', coalesce(jsonb_agg(rule ORDER BY id) FILTER (WHERE kind = 'url' AND effect = 'allow'), '[]'),
              'deny', coalesce(jsonb_agg(rule ORDER BY id) FILTER (WHERE kind = 'url' AND effect = 'deny'), '[]'),
              'allow_tools', coalesce(jsonb_agg(rule ORDER BY id) FILTER (WHERE kind = 'tool' AND effect IN ('allow', 'allow_when')), '[]'),
              'deny_tools', coalesce(jsonb_agg(rule ORDER BY id) FILTER (WHERE kind = 'tool' AND effect = 'deny'), '[]'),
              'ask_tools', coalesce(jsonb_agg(rule ORDER BY id) FILTER (WHERE kind = 'tool' AND effect = 'ask'), '[]')) AS lists
       FROM (SELECT pr.id, pr.kind, pr.effect,
                    jsonb_build_object(CASE pr.kind WHEN 'tool' THEN 'tool' ELSE 'pattern' END, pr.pattern)
                    || jsonb_strip_nulls(jsonb_build_object('methods', pr.methods, 'ports', pr.ports, 'path_prefix', pr.path_prefix, 'valid', pr.valid, 'force', nullif(pr.forced, false),
                         'name', pr.name, 'feedback', pr.feedback, 'audit', nullif(pr.audit, false), 'approvers', pr.approvers, 'votes', pr.votes, 'self', nullif(pr.self, false),
                         'decide_within', pr.decide_within, 'bind', pr.bind))
                    || CASE WHEN pr."when" IS NULL THEN '{}' ELSE jsonb_build_object('when', pr."when") END AS rule
               FROM (SELECT * FROM agentcore.policy_rule x WHERE policy_members.rows IS NULL AND x.tenant = policy_members.tenant AND x.policy = policy_members.name
             UNION ALL
            SELECT x.* FROM jsonb_array_elements(policy_members.rows #> '{relations,policy_rule}') e, jsonb_populate_record(NULL::agentcore.policy_rule, e.value) x
             WHERE e.value ->> 'policy' = policy_members.name) pr) x) r
   CROSS JOIN LATERAL (
     SELECT jsonb_build_object('checks', coalesce(jsonb_agg(jsonb_build_object('tool', k.tool, 'name', k.name, 'check', k."check", 'audit', k.audit) ORDER BY k.name), '[]')) AS lists
       FROM (SELECT * FROM agentcore.policy_check x WHERE policy_members.rows IS NULL AND x.tenant = policy_members.tenant AND x.policy = policy_members.name
             UNION ALL
            SELECT x.* FROM jsonb_array_elements(policy_members.rows #> '{relations,policy_check}') e, jsonb_populate_record(NULL::agentcore.policy_check, e.value) x
             WHERE e.value ->> 'policy' = policy_members.name) k) c
   CROSS JOIN LATERAL (
     SELECT jsonb_build_object('facts', coalesce(jsonb_agg(
              jsonb_strip_nulls(jsonb_build_object('tool', k.tool, 'fact', k.fact, 'clears', nullif(k.clears, false), 'value', k.value, 'valid_for', k.valid_for))
              || CASE WHEN k."when" IS NULL THEN '{}' ELSE jsonb_build_object('when', k."when") END ORDER BY k.tool, k.fact, k.clears), '[]')) AS lists
       FROM (SELECT * FROM agentcore.policy_fact x WHERE policy_members.rows IS NULL AND x.tenant = policy_members.tenant AND x.policy = policy_members.name
             UNION ALL
            SELECT x.* FROM jsonb_array_elements(policy_members.rows #> '{relations,policy_fact}') e, jsonb_populate_record(NULL::agentcore.policy_fact, e.value) x
             WHERE e.value ->> 'policy' = policy_members.name) k) f
   CROSS JOIN LATERAL (
     SELECT jsonb_build_object('limits', coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
              'tool', k.tool, 'name', k.name, 'per', k.per, 'max_calls', k.max_calls, 'sum_of', k.sum_of, 'max_sum', k.max_sum, 'max_by', k.max_by, 'period', k.period, 'ask', k.ask)) ORDER BY k.name), '[]')) AS lists
       FROM (SELECT * FROM agentcore.policy_limit x WHERE policy_members.rows IS NULL AND x.tenant = policy_members.tenant AND x.policy = policy_members.name
             UNION ALL
            SELECT x.* FROM jsonb_array_elements(policy_members.rows #> '{relations,policy_limit}') e, jsonb_populate_record(NULL::agentcore.policy_limit, e.value) x
             WHERE e.value ->> 'policy' = policy_members.name) k) l
$$;
COMMENT ON FUNCTION agentcore.policy_members(text, text, jsonb) IS
  'Internal. '
  'A policy in the members that config_apply() and policy_import() take, without its name; NULL where there is none. '
  'rows: those of config_rows_of() in place of the tables'', NULL: the tables.';

CREATE FUNCTION agentcore.policy_agentguard(members jsonb, max_calls bigint) RETURNS jsonb
  LANGUAGE plpgsql STABLE PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
  AS $$
DECLARE
  rules constant jsonb := (members -> 'allow') || (members -> 'deny');
  problem constant text := CASE
    WHEN members ->> 'mode' = 'off' THEN 'Its mode is off.'
    WHEN (members ->> 'strict_urls')::boolean THEN 'It has strict_urls, and agentguard looks at no arguments.'
    WHEN NOT members -> 'schemes' <@ '["http", "https"]' OR NOT members -> 'schemes' @> '["http", "https"]'
      THEN 'Its schemes are not http and https, and agentguard looks at none.'
    WHEN jsonb_path_exists(rules, '$[*].keyvalue() ? (@.key != "pattern")')
      THEN 'A rule has more than a pattern, and agentguard looks at the host only.'
    WHEN jsonb_path_exists(rules, '$[*].pattern ? (@ like_regex "/")')
      THEN 'A pattern is a network.' END;
BEGIN
  IF members IS NULL THEN
    RETURN NULL;
  ELSIF problem IS NOT NULL THEN
    RAISE EXCEPTION 'the policy cannot be said in agentguard''s shape'
      USING ERRCODE = 'invalid_parameter_value', DETAIL = problem, HINT = 'Export it in the format agentcore.';
  END IF;
  RETURN jsonb_strip_nulls(jsonb_build_object(
    'network', jsonb_build_object(
      'allow', jsonb_path_query_array(members, '$.allow[*].pattern'), 'deny', jsonb_path_query_array(members, '$.deny[*].pattern'),
      'methods', members -> 'methods'),
    'budget', CASE WHEN max_calls IS NOT NULL THEN jsonb_build_object('maxRequests', max_calls) END,
    'violations', CASE members ->> 'mode' WHEN 'audit' THEN 'audit' ELSE 'throw' END));
END
$$;
COMMENT ON FUNCTION agentcore.policy_agentguard(jsonb, bigint) IS
  'Internal. '
  'The members of a policy in agentguard''s shape, or 22023 with what cannot be said in it. '
  'NULL members: NULL.';

INSERT INTO agentcore.access_function VALUES
  ('policy_members', 'internal'), ('policy_agentguard', 'internal'), ('config_set_policy', 'admin'), ('config_knows_names', 'admin'),
  ('config_rules', 'admin'), ('config_set_tool_rules', 'admin'), ('config_set_beside', 'admin');
