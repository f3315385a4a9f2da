-- allow_whatif: what a policy says to many URLs, what a change of it would, policies as documents
SET client_min_messages = warning;
DROP EXTENSION agentcore CASCADE;
CREATE EXTENSION agentcore;
RESET client_min_messages;
\pset format unaligned
SET search_path = agentcore;

\i `echo ${PG_ABS_SRCDIR:-.}/sql/lib/refused.sql`

CREATE TEMP TABLE asked (n serial, url text);
INSERT INTO asked (url) VALUES
  ('https://api.example.com/v1/users?token=secret'), ('https://API.example.com.:443/v1/../v2'), ('https://www.example.com/'), ('https://example.com/'), ('https://notexample.com/'),
  ('https://user:secret@example.com/'), ('http://api.example.com/'), ('https://api.example.com:8443/'), ('https://10.1.2.3/'), ('https://[::ffff:10.1.2.3]/'), ('https://localhost/'),
  ('https://evil.example.com/'), ('https://other.org/a'), ('https://other.org/b%2fc'), ('https://8.8.8.8/'), (''), (NULL), ('https://xn--fa-hia.de/');
CREATE FUNCTION pg_temp.urls() RETURNS text[] LANGUAGE sql AS 'SELECT array_agg(url ORDER BY n) FROM asked';

-- Simulating ---------------------------------------------------------------

SELECT policy_set('web', schemes => '{https,http}'), policy_allow('web', '*.example.com', ports => '{443}') AS allow, policy_deny('web', 'evil.example.com') AS deny, policy_allow_tool('web', 'fetch') AS tool;
SELECT n, given, allowed, reason, detail, url, host, port, rule FROM policy_simulate('web', pg_temp.urls());
-- it is url_check() of each, by any method and in every mode
CREATE FUNCTION pg_temp.differ(p text, m text DEFAULT 'GET') RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FROM (SELECT n, given, allowed, reason, detail, url, host, port, rule, revision FROM agentcore.policy_simulate(p, pg_temp.urls(), m)) s
    FULL JOIN (SELECT a.n, a.url AS given, c.* FROM asked a, agentcore.url_check(p, a.url, m) c) c USING (n)
   WHERE (s.given, s.allowed, s.reason, s.detail, s.url, s.host, s.port, s.rule, s.revision) IS DISTINCT FROM (c.given, c.allowed, c.reason, c.detail, c.url, c.host, c.port, c.rule, c.revision) $$;
SELECT pg_temp.differ('web'), pg_temp.differ('web', 'post'), pg_temp.differ('web', NULL), pg_temp.differ('web', 'G T');
SELECT policy_set('web', 'audit', '{https,http}', '{GET}'), pg_temp.differ('web'), pg_temp.differ('web', 'POST');
SELECT policy_set('web', 'off', '{https,http}', reset => '{methods}'), pg_temp.differ('web');
SELECT policy_set('web', 'enforce', '{https,http}');
SELECT count(*) FROM policy_simulate('web', '{}');
SELECT n, given, allowed FROM policy_simulate('web', '{{https://a.example.com,https://b.org},{https://c.org,NULL}}');
SELECT policy_simulate(NULL, '{}');
SELECT policy_simulate('web', NULL);
SELECT policy_simulate('wab', '{}');

-- Changes ------------------------------------------------------------------

SELECT n, given, change, reason_before, reason_after, detail_after, rule_after, proposed FROM policy_diff('web', pg_temp.urls(), '[{"effect": "allow", "pattern": "*"}]');
SELECT * FROM policy_diff('web', pg_temp.urls(), '{"deny": ["*.EXAMPLE.com"]}');
SELECT * FROM policy_diff('web', pg_temp.urls(), '{}');
SELECT n, change, reason_before, reason_after, detail_after FROM policy_diff('web', pg_temp.urls(), '{"schemes": ["https"], "methods": ["POST"]}');
SELECT n, change, rule_before, reason_after FROM policy_diff('web', pg_temp.urls(), '{"drop": [1]}');
SELECT n, change, rule_before, rule_after FROM policy_diff('web', pg_temp.urls(), '{"drop": [2]}');
SELECT n, change, reason_before FROM policy_diff('web', pg_temp.urls(), '{"mode": "off"}');
-- a deny proposed together with an allow wins; the oldest rule is the one named
SELECT n, change, proposed FROM policy_diff('web', pg_temp.urls(), '{"deny": ["other.org", "*.other.org"], "allow": ["other.org", {"pattern": "8.8.8.0/24", "ports": [443, 80]}]}');
-- in mode audit only the reason changes
SELECT policy_set('web', 'audit', '{https,http}');
SELECT n, change, allowed_before, allowed_after, reason_before, reason_after FROM policy_diff('web', '{https://www.example.com/,https://b.org/}', '{"deny": ["www.example.com"]}');
SELECT n, change, reason_after FROM policy_diff('web', '{https://www.example.com/,https://b.org/}', '{"mode": "enforce"}');
SELECT policy_set('web', 'enforce', '{https,http}');

-- nothing is written, not even a revision, and it runs where nothing can be
SELECT p.revision AS revision_before FROM policies p WHERE name = 'web' \gset
SELECT last_value AS id_before FROM policy_rule_id_seq \gset
BEGIN READ ONLY;
SELECT count(*) FROM policy_diff('web', pg_temp.urls(), '{"allow": ["*"], "drop": [1, 2], "mode": "audit"}');
SELECT count(*) FROM policy_simulate('web', pg_temp.urls());
SELECT pg_current_xact_id_if_assigned() IS NULL AS nothing_written;
COMMIT;
SELECT revision = :revision_before AS same_revision, rules, (SELECT last_value = :id_before FROM policy_rule_id_seq) AS same_ids FROM policies WHERE name = 'web';

-- what it foretells is what happens
CREATE FUNCTION pg_temp.foretold(p text, change jsonb, make text[], m text, replace boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE step text; wrong bigint; changed bigint;
BEGIN
  CREATE TEMP TABLE foretold ON COMMIT DROP AS SELECT * FROM agentcore.policy_diff(p, pg_temp.urls(), change, m, replace);
  CREATE TEMP TABLE before ON COMMIT DROP AS SELECT * FROM agentcore.policy_simulate(p, pg_temp.urls(), m);
  BEGIN
    FOREACH step IN ARRAY make LOOP
      EXECUTE step;
    END LOOP;
    SELECT count(*), count(*) FILTER (WHERE (f.allowed_before, f.reason_before, f.detail_before, f.rule_before, f.allowed_after, f.reason_after, f.detail_after, num_nulls(f.rule_after, f.proposed) = 2)
                IS DISTINCT FROM (x.allowed0, x.reason0, x.detail0, x.rule0, x.allowed1, x.reason1, x.detail1, x.rule1 IS NULL)
              OR f.change <> CASE WHEN x.allowed0 = x.allowed1 THEN 'reason' WHEN x.allowed1 THEN 'newly_allowed' ELSE 'newly_denied' END)
      INTO changed, wrong
      FROM foretold f FULL JOIN (
        SELECT n, b.allowed AS allowed0, b.reason AS reason0, b.detail AS detail0, b.rule AS rule0, a.allowed AS allowed1, a.reason AS reason1, a.detail AS detail1, a.rule AS rule1
          FROM before b JOIN agentcore.policy_simulate(p, pg_temp.urls(), m) a USING (n)
         WHERE (a.allowed, a.reason) IS DISTINCT FROM (b.allowed, b.reason)) x USING (n);
    RAISE EXCEPTION USING ERRCODE = 'TC000';
  EXCEPTION WHEN SQLSTATE 'TC000' THEN
  END;
  DROP TABLE foretold, before;
  RETURN format('%s changed, %s foretold wrongly', changed, wrong);
END $$;
SELECT v.change, v.method, pg_temp.foretold('web', v.change, v.make, v.method, v.whole) FROM (VALUES
  ('[{"effect": "allow", "pattern": "*"}]'::jsonb, ARRAY[$$SELECT agentcore.policy_allow('web', '*')$$], 'GET', false),
  ('{"deny": ["*.example.com"]}', ARRAY[$$SELECT agentcore.policy_deny('web', '*.example.com')$$], 'GET', false),
  ('{"allow": [{"pattern": "other.org", "path_prefix": "/a", "methods": ["post"], "valid": "[2000-01-01,2100-01-01)"}, "10.0.0.0/8"]}',
   ARRAY[$$SELECT agentcore.policy_allow('web', 'other.org', '{POST}', path_prefix => '/a', valid => '[2000-01-01,2100-01-01)')$$, $$SELECT agentcore.policy_allow('web', '10.0.0.0/8')$$], 'POST', false),
  ('{"allow": [{"pattern": "other.org", "path_prefix": "/a", "valid": "[2090-01-01,2100-01-01)"}, "localhost"]}',
   ARRAY[$$SELECT agentcore.policy_allow('web', 'other.org', path_prefix => '/a', valid => '[2090-01-01,2100-01-01)')$$, $$SELECT agentcore.policy_allow('web', 'localhost')$$], 'GET', false),
  ('{"drop": [1], "mode": "audit"}', ARRAY[$$SELECT agentcore.policy_rule_drop('web', 1)$$, $$SELECT agentcore.policy_set('web', 'audit', '{https,http}')$$], 'GET', false),
  ('{"methods": ["HEAD"], "schemes": ["http"]}', ARRAY[$$SELECT agentcore.policy_set('web', schemes => '{http}', methods => '{HEAD}')$$], 'HEAD', false),
  ('{"allow": ["other.org", "*.example.com"], "allow_tools": []}', ARRAY[$$SELECT agentcore.policy_import('web', '{"allow": ["other.org", "*.example.com"]}')$$], 'GET', true),
  ('{"network": {"deny": ["other.org"], "methods": ["get"]}}', ARRAY[$$SELECT agentcore.policy_import('web', '{"network": {"deny": ["other.org"], "methods": ["get"]}}')$$], 'GET', true),
  ('{"allow_tools": []}', ARRAY[$$SELECT agentcore.policy_import('web', '{"allow_tools": []}')$$], 'GET', true),
  ('{"deny": null, "schemes": null}', ARRAY[$$SELECT agentcore.policy_import('web', '{"deny": null, "schemes": null}')$$], 'GET', true)
) AS v(change, make, method, whole);

-- what a setter would refuse is refused, and so is what is misspelt
SELECT v.rules, pg_temp.refused(format('SELECT agentcore.policy_diff(%L, %L, %L)', 'web', '{https://a.com}', v.rules)) AS answer FROM (VALUES
  ('[{"effect": "permit", "pattern": "a.com"}]'), ('[{"pattern": "a.com"}]'), ('["a.com"]'), ('"a.com"'), ('null'), ('{"alow": ["a.com"]}'), ('{"allow": "a.com"}'), ('{"allow": [5]}'), ('{"allow": [null]}'),
  ('{"allow": [{"pattern": "a.com", "prots": [80]}]}'), ('{"allow": [{"ports": [80]}]}'), ('{"allow": [{"pattern": "a.com", "ports": ["http"]}]}'), ('{"allow": [{"pattern": "a.com", "ports": 80}]}'),
  ('{"allow": [{"pattern": "a.com", "valid": "soon"}]}'), ('{"allow": [{"pattern": "a.com", "valid": "[2020-01-01,2020-01-02)"}]}'), ('{"allow": [{"pattern": "a.com", "methods": []}]}'),
  ('{"allow": ["*.com"]}'), ('{"allow": ["ex*.com"]}'), ('{"allow": ["https://a.com"]}'), ('{"allow": [{"pattern": "a.com", "path_prefix": "/%2f"}]}'), ('{"allow": [{"pattern": "a.com", "methods": ["POST"]}], "methods": ["GET"]}'),
  ('{"deny": [{"pattern": "a.com", "methods": ["POST"]}], "methods": ["GET"]}'), ('{"mode": "lax"}'), ('{"mode": 1}'), ('{"schemes": ["ftp"]}'), ('{"schemes": []}'), ('{"schemes": null}'), ('{"methods": null}'), ('{"methods": [1]}'),
  ('{"drop": [99999]}'), ('{"drop": ["1"]}'), ('{"drop": [1.5]}'), ('{"drop": 1}'), ('{"allow": ["a.com"], "network": {}}')
) AS v(rules);
SELECT policy_diff('nope', '{}', '{}');
SELECT policy_diff('web', NULL, '{}');
SELECT policy_diff('web', '{}', NULL);
SELECT policy_diff(NULL, '{}', '{}');
SELECT policy_diff('web', '{}', '{}', replace => NULL);

-- Documents ----------------------------------------------------------------

SELECT jsonb_pretty(policy_export('web'));
SELECT policy_allow('web', '[2001:db8::]/32', '{get}', '{8443,443}', '/v1/', '[2000-01-01 00:00:00+00,2100-01-01 00:00:00+00)') AS narrow, policy_deny_tool('web', 'shell*') AS tool;
SELECT * FROM policy_import('copy', policy_export('web'));
SELECT policy_export('copy') = policy_export('web') AS same;
SELECT * FROM policy_import('copy', policy_export('web'));
SELECT * FROM policy_import('copy', '{"name": "whatever", "mode": "audit", "allow": ["a.com", "A.com."]}');
SELECT policy_export('copy');
-- the whole configuration takes the same documents
SELECT action FROM config_apply(jsonb_build_object('policies', jsonb_build_array(policy_export('web') || '{"name": "copy"}')));
SELECT policy_export('copy') = policy_export('web') AS same, (SELECT count(*) FROM config_apply(config_export()) WHERE action <> 'unchanged') AS changed;

-- a forced rule stays forced
SELECT n, change FROM policy_diff('copy', '{https://anything.com/}', '[{"effect": "deny", "pattern": "*.com", "force": true}]');
SELECT count(*) FROM policy_import('forced', '{"allow": [{"pattern": "*.com", "force": true}, "a.org"]}');
SELECT action FROM policy_import('forced', policy_export('forced'));
SELECT action FROM policy_import('forced', '{"allow": ["*.com", {"pattern": "*.org"}, "a.net"], "deny": ["*.io"]}', force => true);
SELECT pattern, forced FROM policy_rules WHERE policy = 'forced' AND kind <> 'tool' ORDER BY rule;
SELECT pg_temp.refused($$SELECT agentcore.policy_import('forced', '{"allow": ["*.com"]}')$$), pg_temp.refused($$SELECT agentcore.policy_import('forced', '{"allow": ["*.com"]}', force => NULL)$$),
       pg_temp.refused($$SELECT agentcore.policy_import('forced', '{"allow": [{"pattern": "*.com", "force": false}]}', force => true)$$), pg_temp.refused($$SELECT agentcore.policy_import('forced', '{"allow": [5]}', force => true)$$);
SELECT policy_export('forced') -> 'allow' AS allow, (SELECT count(*) FROM config_apply(config_export()) WHERE action <> 'unchanged') AS changed;

-- agentguard's
SELECT policy_document('{"network": {"allow": ["api.openai.com", "*.Example.com", "127.0.0.1", "::1"], "deny": ["evil.com"], "methods": ["get", "POST"]}, "budget": {"maxRequests": 50}, "violations": "throw"}');
SELECT * FROM policy_import('guard', '{"network": {"allow": ["api.openai.com", "*.Example.com", "127.0.0.1", "::1"], "deny": ["evil.example.com"], "methods": ["get", "POST"]}, "budget": {"maxRequests": 50}, "violations": "throw"}');
SELECT policy_export('guard', 'agentguard');
SELECT * FROM policy_import('guard', policy_export('guard', 'agentguard'));
SELECT budget, kind, max_calls, max_tokens FROM budget_limits;
SELECT v.url, v.method, c.allowed, c.reason, c.detail FROM (VALUES
  ('https://api.openai.com/v1', 'POST'), ('http://example.com:8080/', 'GET'), ('http://a.example.com/', 'GET'), ('http://evil.example.com/', 'GET'), ('http://evil.example.com./', 'GET'), ('http://127.0.0.1/', 'GET'), ('http://[::1]/', 'GET'),
  ('http://127.0.0.2/', 'GET'), ('https://api.openai.com/', 'PUT'), ('https://other.com/', 'GET'), ('ftp://api.openai.com/', 'GET')) v(url, method), url_check('guard', v.url, v.method) c;
-- tool rules stay; a policy's own document takes them away
SELECT policy_allow_tool('guard', 'fetch*') > 0 AS tool;
SELECT * FROM policy_import('guard', '{"network": {"allow": null, "deny": ["evil.com"], "methods": null}, "budget": null, "violations": "audit"}');
SELECT policy_export('guard'), policy_export('guard', 'agentguard');
SELECT kind, action FROM policy_import('guard', '{"network": {"allow": []}, "violations": "block"}');
SELECT policy_export('guard', 'agentguard'), url_allowed('guard', 'https://a.com');
SELECT kind, action FROM policy_import('guard', '{}');
SELECT policy_export('guard');
-- the Python sibling's spelling
SELECT v.document, pg_temp.refused(format('SELECT agentcore.policy_import(%L, %L)', 'snake', v.document)) AS answer FROM (VALUES
  ('{"network": {}, "budget": {"max_requests": 12}, "violations": "block"}'), ('{"network": {}, "budget": {"max_requests": 12, "maxRequests": null}}'), ('{"network": {}, "budget": {"max_requests": 13, "maxRequests": 13}}'),
  ('{"network": {}, "budget": {"max_requests": 1, "maxRequests": 2}}'), ('{"network": {}, "budget": {"max_requests": -1}}'), ('{"network": {}, "budget": {"max_requests": "5"}}'), ('{"network": {}, "budget": {"max_request": 5}}')) v(document);
SELECT budget, max_calls FROM budget_limits WHERE budget = 'snake';
-- a budget of another name, kept but for its calls
SELECT budget_set('team', max_tokens => 1000, max_calls => 7), budget_limit_set('team', 'daily', max_calls => 5, period => '1 day'), budget_set('daily', max_calls => 7, period => '1 day');
SELECT kind, name, action FROM policy_import('guard', '{"network": {}, "budget": {"maxRequests": 9}}', 'team');
SELECT budget, limit_name, max_calls, max_tokens FROM budget_limits WHERE budget = 'team' ORDER BY limit_name;
SELECT policy_export('guard', 'agentguard', 'team') -> 'budget' AS team, policy_export('guard', 'agentguard', 'daily') -> 'budget' AS daily, policy_export('guard', 'agentguard') -> 'budget' AS guard;
SELECT pg_temp.refused($$SELECT agentcore.policy_import('guard', '{"network": {}, "budget": {"maxRequests": 9}}', 'daily')$$);
SELECT pg_temp.refused($$SELECT agentcore.policy_export('guard', 'agentguard', 'nope')$$);
-- what does not fit is refused whole
SELECT v.document, pg_temp.refused(format('SELECT agentcore.policy_import(%L, %L)', 'new', v.document)) AS answer FROM (VALUES
  (NULL), ('[]'), ('[{"effect": "allow", "pattern": "*.com"}]'), ('"x"'), ('{"drop": [1]}'), ('{"allow": ["a.com"], "budget": {"maxRequests": 5}}'), ('{"budget": {"maxRequests": 5}}'), ('{"violations": "throw"}'), ('{"network": null}'), ('{"network": []}'),
  ('{"network": {"alow": []}}'), ('{"network": {"allow": "a.com"}}'), ('{"network": {"allow": ["a.com", 5]}}'), ('{"network": {"allow": ["https://a.com"]}}'), ('{"network": {"allow": ["*.com"]}}'), ('{"network": {"allow": ["127.1"]}}'), ('{"network": {"deny": {}}}'),
  ('{"network": {"methods": []}}'), ('{"network": {"methods": "GET"}}'), ('{"network": {"methods": ["G T"]}}'), ('{"network": {}, "violations": "warn"}'), ('{"network": {}, "violations": 5}'), ('{"network": {}, "budget": 5}'), ('{"network": {}, "budget": {"maxRequests": -1}}'),
  ('{"network": {}, "budget": {"maxRequests": 1.5}}'), ('{"network": {}, "budget": {"maxRequests": 1e30}}'), ('{"network": {}, "budget": {"maxRequests": "5"}}'), ('{"network": {}, "budget": {"maxUsd": 5}}'), ('{"network": {}, "extra": 5}'),
  ('{"allow": ["a.com"], "deny": [{"pattern": "b.com", "port": [80]}]}'), ('{"allow": ["a.com"], "deny_tools": ["a*b"]}')
) AS v(document);
SELECT pg_temp.refused($$SELECT agentcore.policy_import(NULL, '{}')$$), pg_temp.refused($$SELECT agentcore.policy_import('', '{}')$$);
SELECT count(*) AS new FROM policies WHERE name = 'new';
SELECT count(*) AS new FROM budget_limits WHERE budget = 'new';
SELECT pg_temp.refused(format('SELECT agentcore.policy_export(%L, %L)', v.policy, v.format)) FROM (VALUES ('web', 'agentguard'), ('copy', 'yaml'), ('nope', 'agentcore'), (NULL, 'agentcore'), ('web', NULL)) v(policy, format);
SELECT pg_temp.refused(format('SELECT agentcore.policy_import(''new'', %L), agentcore.policy_export(''new'', ''agentguard'')', v.document)) FROM (VALUES
  ('{"mode": "off", "schemes": ["http", "https"]}'), ('{"schemes": ["https"]}'), ('{"schemes": ["http", "https", "ws"]}'), ('{"schemes": ["http", "https"], "allow": ["10.0.0.0/8"]}'), ('{"schemes": ["http", "https"], "deny": [{"pattern": "a.com", "ports": [80]}]}'),
  ('{"schemes": ["http", "https"], "allow": ["a.com", "10.0.0.1"]}')) v(document);

-- Access -------------------------------------------------------------------

CREATE ROLE regress_whatif_reader;
CREATE ROLE regress_whatif_stranger;
SELECT access_grant('regress_whatif_reader', 'reader');
SET ROLE regress_whatif_reader;
SELECT count(*) FROM policy_simulate('web', '{https://a.com}');
SELECT count(*) FROM policy_diff('web', '{https://a.com}', '{"allow": ["a.com"]}');
SELECT policy_export('guard') ->> 'mode' AS mode;
SELECT policy_import('web', '{}');
SELECT policy_simulate('web', '{https://a.com}', tenant => 'other');
SELECT policy_diff('web', '{https://a.com}', '{}', tenant => 'other');
SELECT policy_export('web', tenant => 'other');
SELECT policy_proposal('{}');
SELECT policy_members('web', 'other');
SET ROLE regress_whatif_stranger;
SELECT policy_document('{"network": {}}') ->> 'mode' AS mode;
SELECT policy_simulate('web', '{https://a.com}');
SELECT policy_diff('web', '{https://a.com}', '{}');
SELECT policy_export('web');
RESET ROLE;
SELECT access_revoke('regress_whatif_reader');
DROP ROLE regress_whatif_reader, regress_whatif_stranger;

-- as many rules and drops as a policy may hold: each has its effect, none is taken for another
SELECT policy_set('many');
CREATE FUNCTION pg_temp.hosts(m int) RETURNS text[] LANGUAGE sql AS $$ SELECT array_agg(format('h%s.example.net', i) ORDER BY i) FROM generate_series(1, m) i $$;
CREATE FUNCTION pg_temp.host_urls(m int) RETURNS text[] LANGUAGE sql AS $$ SELECT array_agg('https://' || h || '/' ORDER BY n) FROM unnest(pg_temp.hosts(m)) WITH ORDINALITY u (h, n) $$;
SELECT m, (SELECT count(*) FILTER (WHERE change = 'newly_allowed' AND proposed = n) FROM policy_diff('many', pg_temp.host_urls(m), jsonb_build_object('allow', pg_temp.hosts(m)))) AS newly_allowed
  FROM unnest('{30,31,1000,5000}'::int[]) m;
INSERT INTO policy_rule (tenant, policy, kind, effect, pattern) SELECT '', 'many', 'url', 'allow', h FROM unnest(pg_temp.hosts(5000)) h;
SELECT m, (SELECT count(*) FILTER (WHERE change = 'newly_denied' AND n <= m) FROM policy_diff('many', pg_temp.host_urls(5000),
             jsonb_build_object('drop', (SELECT jsonb_agg(r.rule) FROM (SELECT r.rule FROM policy_rules r WHERE r.policy = 'many' ORDER BY r.rule LIMIT m) r)))) AS newly_denied
  FROM unnest('{30,31,1000,5000}'::int[]) m;
SELECT policy_diff('many', '{}', jsonb_build_object('drop', (SELECT jsonb_agg(999999) FROM generate_series(1, 700))));
SELECT policy_drop('many');
