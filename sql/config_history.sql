-- core: the history of the configuration, policies and tools aside
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\pset format unaligned
\set SHOW_CONTEXT never
SET search_path = agentcore;
SET TimeZone = 'America/New_York';
SET IntervalStyle = 'sql_standard';
SET DateStyle = 'SQL, DMY';

CREATE TEMP TABLE seen (id uuid);
-- what has come since the last look, and of each change what differs
CREATE FUNCTION pg_temp.news(OUT relation text, OUT key jsonb, OUT action text, OUT own boolean, OUT before text, OUT after text) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
  r record;
  hidden constant text[] := '{revision,limited_at,window_revision,given_at,valid_until,role,login,id}';
BEGIN
  FOR r IN SELECT * FROM agentcore.config_revision h WHERE h.id NOT IN (SELECT id FROM seen) ORDER BY h.at, h.revision, h.id LOOP
    relation := r.relation;
    key := CASE WHEN r.key ? 'id' THEN '{}' ELSE r.key END;
    action := r.action;
    own := r.role = session_user AND r.session_role = session_user;
    before := jsonb_strip_nulls(CASE WHEN r.before IS NOT NULL AND r.after IS NOT NULL
                THEN (SELECT jsonb_object_agg(m.key, m.value) FROM jsonb_each(r.before) m WHERE m.value <> r.after -> m.key) ELSE r.before END - hidden);
    after := jsonb_strip_nulls(CASE WHEN r.before IS NOT NULL AND r.after IS NOT NULL
                THEN (SELECT jsonb_object_agg(m.key, m.value) FROM jsonb_each(r.after) m WHERE m.value <> r.before -> m.key) ELSE r.after END - hidden);
    RETURN NEXT;
  END LOOP;
  TRUNCATE seen;
  INSERT INTO seen SELECT h.id FROM agentcore.config_revision h;
END $$;
SELECT count(*) AS at_first FROM config_revision;

-- Every table: added, changed, dropped ------------------------------------------
SELECT policy_set('p'), tool_set('t', 'true');
SELECT * FROM pg_temp.news();
SELECT agent_set('a', 'p'), agent_set('a', mode => 'audit'), agent_drop('a');
SELECT * FROM pg_temp.news();
SELECT budget_set('b', max_tokens => 5, period => '1 day 02:00'), budget_set('b', max_usd => 0.5), budget_limit_set('b', 'hour', max_calls => 3, period => '1 hour'),
       budget_limit_set('b', 'hour', max_calls => 4), budget_limit_drop('b', 'hour');
SELECT * FROM pg_temp.news();
SELECT budget_template_set('b/*', parent => 'b', max_calls => 3), budget_template_set('b/*', max_calls => 4), budget_template_drop('b/*'), budget_drop('b');
SELECT * FROM pg_temp.news();
SELECT model_price_set('m', 0.5, 0.25, valid_from => '2026-01-01 00:00+00'), model_price_set('m', usd_per_cached_token => 0.1, valid_from => '2026-01-01 00:00+00'),
       model_price_set('m', 0.125, 0.25, valid_from => '2026-01-01 00:00+00', service_tier => 'batch');
SELECT model_alias_set('m-*', 'm'), model_alias_drop('m-*'), model_price_drop('m');
SELECT * FROM pg_temp.news();
SELECT retry_policy_set('r', base => '1.5 s'), retry_policy_set('r', cap => '1 min'), model_set('m', retry_policy => 'r'), model_set('m', target => 'x'), model_drop('m'), retry_policy_drop('r');
SELECT * FROM pg_temp.news();
SELECT rate_set('x', rate => 5, period => '1 min'), rate_set('x', rate => 6), rate_drop('x'), breaker_set('x', failure_ratio => 0.1), breaker_set('x', forced => 'open'), breaker_drop('x');
SELECT * FROM pg_temp.news();
SELECT json_schema_set('https://a.example/', '{"maximum": 1}'), json_schema_set('https://a.example/', '{"maximum": 2}'), json_schema_drop('https://a.example/');
SELECT * FROM pg_temp.news();
SELECT tenant_set(false), tenant_set(true), tenant_share_set(50);
SELECT * FROM pg_temp.news();
CREATE ROLE regress_history;
SELECT access_grant('regress_history', 'reader'), access_grant('regress_history', 'admin'), access_revoke('regress_history');
SELECT * FROM pg_temp.news();

-- What is no change ---------------------------------------------------------------
SELECT agent_set('a', 'p'), agent_set('a', 'p'), agent_set('a', mode => 'enforce');
UPDATE agent SET name = name;
UPDATE agent SET revision = 0;
SELECT * FROM pg_temp.news();
-- budgets that a template makes; one that somebody makes his own is a new one
SELECT budget_set('root', max_calls => 1000), budget_template_set('root/*', parent => 'root', max_calls => 30), budget_acquire('root/1', 1) IS NOT NULL, budget_acquire('root/2', 1) IS NOT NULL;
SELECT count(*) FROM pg_temp.news() WHERE key <> '{"name": "root"}' AND relation = 'budget';
SELECT budget_template_set('root/*', max_calls => 40, existing => true), (SELECT max_calls FROM budget WHERE name = 'root/1');
SELECT relation, key, action, before, after FROM pg_temp.news();
SELECT budget_set('root/1', max_calls => 50);
SELECT relation, key, action, before IS NULL AS new, after::jsonb -> 'max_calls' AS max_calls FROM pg_temp.news();
-- a grant, and that it was used
SELECT policy_ask_tool('p', 't', name => 'ask') > 0, approval_grant('a', 't', '{"/args/n": {"const": 1}}', uses => 5) IS NOT NULL;
SELECT relation, action, after::jsonb -> 'tool' AS tool, after::jsonb -> 'when' AS "when" FROM pg_temp.news();
SELECT verdict FROM call_begin('a', 't', '{"n": 1}');
SELECT used FROM approval_granted;
SELECT * FROM pg_temp.news();
SELECT approval_grant_drop(id) FROM approval_granted;
SELECT relation, action, before, after::jsonb ? 'dropped_by' AS dropped FROM pg_temp.news();

-- By hand --------------------------------------------------------------------------
INSERT INTO rate_limit (tenant, name, rate, period) VALUES ('', 'y', 1, '1 s'), ('other', 'y', 2, '1 s');
UPDATE rate_limit SET name = 'z' WHERE tenant = '';
UPDATE rate_limit SET tenant = 'third', rate = 3 WHERE tenant = 'other';
SELECT * FROM pg_temp.news();
SELECT tenant, action, before ->> 'rate' AS before, after ->> 'rate' AS after FROM config_revision WHERE relation = 'rate_limit' AND key ->> 'name' = 'y' ORDER BY at, id;
TRUNCATE rate_limit;
SELECT * FROM pg_temp.news();
INSERT INTO rate_limit (tenant, name, rate, period) VALUES ('', 'y', 1, '1 s');
SET session_replication_role = replica;
UPDATE rate_limit SET rate = 2;
RESET session_replication_role;
COPY rate_limit (tenant, name, rate, period) FROM stdin;
	copied	7	00:00:01
\.
DELETE FROM rate_limit;
SELECT key, action, before::jsonb -> 'rate' AS before, after::jsonb -> 'rate' AS after FROM pg_temp.news();
TRUNCATE budget CASCADE;
SELECT relation, key, action FROM pg_temp.news() ORDER BY 1, 2;
-- of a table's columns that were dropped nothing is read
ALTER TABLE breaker ADD COLUMN extra text DEFAULT 'x', DROP COLUMN probes;
INSERT INTO breaker (tenant, name, failure_ratio, min_calls, consecutive, open_for) VALUES ('', 'y', 0.3, 1, 1, '1 s');
UPDATE breaker SET extra = 'z';
SELECT * FROM pg_temp.news();

-- By whom --------------------------------------------------------------------------
CREATE FUNCTION pg_temp.who(OUT relation text, OUT key text, OUT role text, OUT session boolean) RETURNS SETOF record LANGUAGE sql AS $$
  SELECT h.relation, h.key ->> 'name', h.role, h.session_role = session_user FROM agentcore.config_history h WHERE h.role <> session_user ORDER BY h.at, h.revision $$;
SELECT access_grant('regress_history', 'admin');
GRANT SELECT, INSERT ON rate_limit TO regress_history;
GRANT USAGE ON SEQUENCE revision_seq TO regress_history;
SET ROLE regress_history;
SELECT agent_set('by setter', 'p');
INSERT INTO rate_limit (tenant, name, rate, period) VALUES ('', 'by hand', 1, '1 s');
SELECT count(*) FROM config_revision;
RESET ROLE;
SELECT * FROM pg_temp.who();
-- a setter that fails leaves its caller to nobody
SET ROLE regress_history;
SELECT agent_set('fails', 'nothing');
RESET ROLE;
UPDATE agent SET mode = 'audit' WHERE name = 'by setter';
SELECT own FROM pg_temp.news() WHERE action = 'change';
BEGIN;
SELECT agent_set('undone', 'p');
ROLLBACK;
SELECT count(*) FROM pg_temp.news();

-- Who reads what --------------------------------------------------------------------
SELECT access_revoke('regress_history'), access_grant('regress_history', 'reader'), rate_set('z', rate => 1, period => '1 s', tenant => 'other');
SET ROLE regress_history;
SELECT DISTINCT tenant, before IS NULL AND after IS NULL AS hidden FROM config_history;
SELECT count(*) FROM visible_rows(NULL::config_revision) WHERE id IS NOT NULL OR before IS NOT NULL OR after IS NOT NULL;
SELECT config_history_retain('1 day');
RESET ROLE;
SELECT access_grant('regress_history', 'approver');
SET ROLE regress_history;
SELECT count(*) > 0 AS seen FROM config_history WHERE after IS NOT NULL AND relation = 'agent';
RESET ROLE;

-- Retention ---------------------------------------------------------------------------
SELECT config_history_retain(NULL);
SELECT config_history_retain('23 hours');
SELECT config_history_retain('1 day') AS nothing;
SELECT set_config('agentcore.debug_clock_offset', (3 * 86400000)::text, false) IS NOT NULL AS later;
SELECT agent_set('a', mode => 'audit');
SELECT config_history_retain('1 day') > 0 AS cut;
SELECT tenant, relation, key ->> 'name' AS name, action FROM config_revision ORDER BY relation, tenant, at, 3;
SELECT after ->> 'rows' IS NOT NULL AS rows, (after ->> 'before')::timestamptz < clock_now() AS before FROM config_history WHERE action = 'history_retain';
SELECT config_history_retain('1 day') AS again;
RESET agentcore.debug_clock_offset;
SELECT config_history_trigger();

SELECT access_revoke('regress_history');
REVOKE ALL ON SEQUENCE revision_seq FROM regress_history;
REVOKE ALL ON rate_limit FROM regress_history;
DROP ROLE regress_history;
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
